//! One panel of the chart: its curves over the steps, with a title and a key.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::BitMapBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::axis;
use super::curve::{Curve, Line, MEASURED, value_range};
use super::{FONT, OVERSAMPLING, WIDTH_PX};
use crate::metrics::Row;
use crate::{Error, Result};

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// A panel: the values whose names begin with `prefix` and end with `suffix`.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) prefix: &'static str,
    pub(super) suffix: &'static str,
    /// Whether the axis begins at zero, as it must where heights are compared.
    pub(super) from_zero: bool,
    /// Where in the colours this panel begins, so that no two panels share one in vain.
    pub(super) first_colour: usize,
    pub(super) height_px: u32,
}

/// Colours that people with any colour vision tell apart (Okabe & Ito), the pale yellow left out.
pub(crate) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];
const INK: RGBColor = RGBColor(30, 30, 34);
const PALE_INK: RGBColor = RGBColor(105, 105, 112);
const GRID: RGBColor = RGBColor(230, 230, 234);
const RULE: RGBColor = RGBColor(170, 170, 178);

/// From the left edge of the chart to the axis, and from its right edge to the plot.
const LEFT_PX: i32 = 100;
const MARGIN_PX: i32 = 28;
/// From the top of a panel to its title's middle, and to the plot.
const TITLE_PX: i32 = 16;
const TOP_PX: i32 = 36;
/// From the plot to the bottom of a panel, without and with the axis of steps.
const BOTTOM_PX: i32 = 16;
const AXIS_PX: i32 = 58;

/// Pixels of the finished chart in pixels of the drawing.
fn px(pixels: i32) -> i32 {
    pixels * OVERSAMPLING.cast_signed()
}

/// The right edge of everything.
fn right_px() -> i32 {
    px(WIDTH_PX.cast_signed() - MARGIN_PX)
}

/// Writes `text` beside `x`, the middle of its capitals at `y`.
fn write(
    area: &Area<'_>,
    text: &str,
    (x, y): (i32, i32),
    size_px: i32,
    colour: &RGBColor,
    side: HPos,
) -> Result<()> {
    // The drawing library centres a box that ends above the baseline: it sits too high by this.
    let y = y + px(size_px) / 5;
    area.draw(&Text::new(text.to_string(), (x, y), style(size_px, colour, side)))
        .map_err(Error::draw)
}

fn style(size_px: i32, colour: &RGBColor, side: HPos) -> TextStyle<'static> {
    (FONT, px(size_px)).into_font().color(colour).pos(Pos::new(side, VPos::Center))
}

fn segment(area: &Area<'_>, from: (i32, i32), to: (i32, i32), style: ShapeStyle) -> Result<()> {
    area.draw(&PathElement::new([from, to], style)).map_err(Error::draw)
}

/// The run's name, and how far it went.
pub(super) fn head(area: &Area<'_>, title: &str, rows: &[Row]) -> Result<()> {
    let y = px(28);
    write(area, title, (px(MARGIN_PX), y), 26, &INK, HPos::Left)?;
    let Some(last) = rows.last() else { return Ok(()) };
    let extent = format!(
        "{} steps · {} pictures · {}",
        axis::count(last.step as f64),
        axis::count(last.images as f64),
        axis::duration(last.seconds)
    );
    write(area, &extent, (right_px(), y), 16, &PALE_INK, HPos::Right)
}

/// Where steps and values lie in pixels of the drawing.
struct Frame {
    steps: (f64, f64),
    values: (f64, f64),
    x: (i32, i32),
    y: (i32, i32),
}

impl Frame {
    fn x(&self, step: f64) -> i32 {
        let share = (step - self.steps.0) / (self.steps.1 - self.steps.0);
        self.x.0 + (share * f64::from(self.x.1 - self.x.0)).round() as i32
    }

    /// Values off the scale lie on its edge.
    fn y(&self, value: f64) -> i32 {
        let (low, high) = self.values;
        let share = (value.clamp(low, high) - low) / (high - low);
        self.y.1 - (share * f64::from(self.y.1 - self.y.0)).round() as i32
    }

    fn at(&self, (step, value): (f64, f64)) -> (i32, i32) {
        (self.x(step), self.y(value))
    }

    /// Columns of the finished chart.
    fn columns(&self) -> usize {
        ((self.x.1 - self.x.0) / px(1)).unsigned_abs() as usize
    }
}

impl Panel {
    /// The panel's curves, named by what stands between prefix and suffix.
    pub(super) fn curves(&self, rows: &[Row]) -> Vec<Curve> {
        if self.prefix == "images_per_second" {
            return vec![Curve::speed(rows)];
        }
        let mut keys: Vec<&str> = rows.iter().flat_map(|r| r.values.keys()).map(|k| &**k).collect();
        keys.sort_unstable();
        keys.dedup();
        let name = |key: &&str| {
            key.strip_prefix(self.prefix)?.strip_suffix(self.suffix).map(str::to_owned)
        };
        // Not a measure: the step that those beside it are of.
        keys.retain(|key| *key != MEASURED);
        keys.iter().filter_map(|key| Some(Curve::new(&name(key)?, key, rows))).collect()
    }

    /// Draws the panel; only the last one has numbers under its axis.
    pub(super) fn draw(
        &self,
        area: &Area<'_>,
        curves: &[Curve],
        steps: (f64, f64),
        last: bool,
    ) -> Result<()> {
        write(area, self.title, (px(MARGIN_PX), px(TITLE_PX)), 17, &INK, HPos::Left)?;
        self.key(area, curves)?;
        let Some(values) = value_range(curves, self.from_zero) else {
            let middle = (px(WIDTH_PX.cast_signed() / 2), px(self.height_px.cast_signed() / 2));
            let text = "no finite values";
            return write(area, text, middle, 16, &PALE_INK, HPos::Center);
        };
        let bottom = if last { AXIS_PX } else { BOTTOM_PX };
        let frame = Frame {
            steps,
            values,
            x: (px(LEFT_PX), right_px()),
            y: (px(TOP_PX), px(self.height_px.cast_signed() - bottom)),
        };
        self.axes(area, &frame, last)?;
        // All faint ones lie below all strong ones.
        for (curve, colour) in self.coloured(curves) {
            faint(area, &frame, curve, colour)?;
        }
        for (curve, colour) in self.coloured(curves) {
            for line in curve.smoothed(frame.columns(), values) {
                strong(area, &frame, &line, colour)?;
            }
        }
        Ok(())
    }

    fn coloured<'a>(
        &self,
        curves: &'a [Curve],
    ) -> impl Iterator<Item = (&'a Curve, &'static RGBColor)> + use<'a> {
        curves.iter().zip(COLOURS.iter().cycle().skip(self.first_colour))
    }

    /// Lines across at round values, and the axis of steps under the last panel.
    fn axes(&self, area: &Area<'_>, frame: &Frame, last: bool) -> Result<()> {
        let hair = GRID.stroke_width(OVERSAMPLING);
        let marks = axis::marks(frame.values, if self.height_px < 200 { 4.0 } else { 6.0 });
        for mark in &marks.places {
            let y = frame.y(*mark);
            segment(area, (frame.x.0, y), (frame.x.1, y), hair)?;
            let label = axis::value(*mark, marks.step);
            write(area, &label, (frame.x.0 - px(10), y), 15, &PALE_INK, HPos::Right)?;
        }
        if !last {
            return Ok(());
        }
        let y = frame.y.1;
        segment(area, (frame.x.0, y), (frame.x.1, y), RULE.stroke_width(OVERSAMPLING))?;
        let whole = |step: &&f64| step.fract() == 0.0;
        for step in axis::marks(frame.steps, 8.0).places.iter().filter(whole) {
            let x = frame.x(*step);
            segment(area, (x, y), (x, y + px(5)), RULE.stroke_width(OVERSAMPLING))?;
            write(area, &axis::count(*step), (x, y + px(18)), 15, &PALE_INK, HPos::Center)?;
        }
        let middle = ((frame.x.0 + frame.x.1) / 2, y + px(40));
        write(area, "step", middle, 15, &PALE_INK, HPos::Center)
    }

    /// Names and colours of the curves, right-aligned beside the title.
    fn key(&self, area: &Area<'_>, curves: &[Curve]) -> Result<()> {
        let (mut x, y) = (right_px(), px(TITLE_PX));
        let coloured: Vec<_> = self.coloured(curves).collect();
        for (curve, colour) in coloured.into_iter().rev() {
            let mut name = curve.name.clone();
            if curve.lost() > 0 {
                let lost = axis::count(curve.lost() as f64);
                name = format!("{name} ({lost} not finite)").trim_start().to_string();
            }
            if name.is_empty() {
                continue;
            }
            write(area, &name, (x, y), 15, &PALE_INK, HPos::Right)?;
            let (width, _) = area
                .estimate_text_size(&name, &style(15, &PALE_INK, HPos::Right))
                .map_err(Error::draw)?;
            x -= width.cast_signed() + px(8);
            let swatch = [(x - px(18), y - px(1)), (x, y + px(2))];
            area.draw(&Rectangle::new(swatch, colour.filled())).map_err(Error::draw)?;
            x -= px(18 + 22);
        }
        Ok(())
    }
}

/// The values as measured: lines, or, where they are too dense for that, a band.
fn faint(area: &Area<'_>, frame: &Frame, curve: &Curve, colour: &RGBColor) -> Result<()> {
    if curve.window() == 1 {
        return Ok(());
    }
    if curve.points.len() > 2 * frame.columns() {
        let band = colour.mix(0.2).filled();
        let columns = curve.envelope(frame.columns());
        // Each reaches to the next one, so that rounding leaves neither seams nor overlaps.
        let ends = columns.iter().skip(1).map(|c| frame.x(c.0)).chain([frame.x.1]);
        for ((step, low, high), end) in columns.iter().zip(ends) {
            let x = frame.x(*step);
            let corners = [(x, frame.y(*high)), (end, frame.y(*low) + 1)];
            area.draw(&Rectangle::new(corners, band)).map_err(Error::draw)?;
        }
        return Ok(());
    }
    for line in curve.measured() {
        for pair in line.windows(2) {
            let style = colour.mix(0.4).stroke_width(1);
            segment(area, frame.at(pair[0]), frame.at(pair[1]), style)?;
        }
    }
    Ok(())
}

/// The means. Stretch by stretch with a dot at each joint: as one path the drawing library gives
/// sharp turns long spikes.
fn strong(area: &Area<'_>, frame: &Frame, line: &Line, colour: &RGBColor) -> Result<()> {
    let dot = |point, radius| {
        area.draw(&Circle::new(frame.at(point), radius, colour.filled())).map_err(Error::draw)
    };
    if let [point] = &line[..] {
        return dot(*point, px(4));
    }
    for pair in line.windows(2) {
        let style = colour.stroke_width(px(2).unsigned_abs());
        segment(area, frame.at(pair[0]), frame.at(pair[1]), style)?;
        dot(pair[1], px(1) - 1)?;
    }
    Ok(())
}
