//! Plots of numbers against each other: response curves, and values over steps.
//!
//! Why beside [`crate::chart`]: that one is the fixed picture of a run; this draws any series, several
//! plots to a picture.

use image::{RgbImage, imageops};
use plotters::backend::BitMapBackend;
use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle, WHITE};

use crate::chart::{COLOURS, FONT, register};
use crate::{Error, Result};

/// One plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Above it.
    pub title: String,
    /// Along the bottom.
    pub x: Axis,
    /// Along the left side.
    pub y: Axis,
    /// What is drawn. A plot without points is left empty.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit.
    pub label: String,
    /// How values lie on it.
    pub scale: Scale,
}

/// How values lie on an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Equal differences.
    Linear,
    /// Equal ratios; values that are not above 0 are left out.
    Log,
    /// Names at 0, 1, 2, …
    Names(Vec<String>),
}

/// Points that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// In the key; empty is not shown there.
    pub name: String,
    /// The points; those that are not finite are left out.
    pub points: Vec<Point>,
    /// How they are drawn.
    pub mark: Mark,
}

/// A point, with half the interval of its value where that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Along the bottom.
    pub x: f64,
    /// Along the side.
    pub y: f64,
    /// Half of the interval of `y`.
    pub half: Option<f64>,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line through them.
    Line,
    /// A dot each.
    Dot,
    /// A ring each: what is singled out.
    Ring,
}

/// Size of a plot in pixels.
const WIDTH_PX: u32 = 600;
const HEIGHT_PX: u32 = 380;
/// Drawn this much larger and made smaller, which smooths lines and letters.
const OVERSAMPLING: u32 = 2;
const INK: RGBColor = RGBColor(30, 30, 34);
const GRID: RGBColor = RGBColor(230, 230, 234);

/// Draws plots side by side, `columns` in a row.
///
/// # Errors
/// [`Error::Draw`] without plots, or for zero columns.
pub fn draw(plots: &[Plot], columns: usize) -> Result<RgbImage> {
    if plots.is_empty() || columns == 0 {
        return Err(Error::draw("there is nothing to plot"));
    }
    register()?;
    let columns = columns.min(plots.len());
    let rows = plots.len().div_ceil(columns);
    let (width_px, height_px) = (columns as u32 * WIDTH_PX, rows as u32 * HEIGHT_PX);
    let (width, height) = (width_px * OVERSAMPLING, height_px * OVERSAMPLING);
    let mut pixels = vec![0; (width * height * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(Error::draw)?;
        for (plot, place) in plots.iter().zip(area.split_evenly((rows, columns))) {
            plot.draw(&place)?;
        }
        area.present().map_err(Error::draw)?;
    }
    let large = RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| Error::draw("a plot has the wrong size"))?;
    Ok(imageops::thumbnail(&large, width_px, height_px))
}

type Area<'a> = plotters::drawing::DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

impl Plot {
    fn draw(&self, area: &Area<'_>) -> Result<()> {
        let size = |pixels: u32| (pixels * OVERSAMPLING).cast_signed();
        let placed: Vec<Vec<Placed>> = self.series.iter().map(|s| self.placed(s)).collect();
        let all = || placed.iter().flatten();
        let x = self.x.range(all().map(|p| (p.x, p.x)));
        let y = self.y.range(all().map(|p| (p.low, p.high)));
        // Beside the plot, where it covers nothing.
        let names = self.series.iter().map(|series| series.name.as_str()).enumerate();
        let named: Vec<(usize, &str)> = names.filter(|(_, name)| !name.is_empty()).collect();
        let longest = named.iter().map(|(_, name)| name.chars().count()).max().unwrap_or(0);
        let key_px = if named.is_empty() { 0 } else { 40 + 7 * longest as u32 };
        let width = area.dim_in_pixel().0;
        let (plot, key) =
            area.split_horizontally(width.saturating_sub(key_px * OVERSAMPLING).max(width / 2));
        for (row, (i, name)) in named.iter().enumerate() {
            let y = size(52 + 20 * row as u32);
            let colour = COLOURS[i % COLOURS.len()];
            let dot = Circle::new((size(10), y), size(5), colour.filled());
            key.draw(&dot).map_err(Error::draw)?;
            let style: TextStyle<'_> = (FONT, size(13)).into_font().color(&INK);
            let style = style.pos(Pos::new(HPos::Left, VPos::Center));
            key.draw(&Text::new((*name).to_owned(), (size(22), y), style)).map_err(Error::draw)?;
        }
        let mut chart = ChartBuilder::on(&plot)
            .caption(&self.title, (FONT, size(17)).into_font().color(&INK))
            .margin(size(10))
            .x_label_area_size(size(40))
            .y_label_area_size(size(66))
            .build_cartesian_2d(x.0..x.1, y.0..y.1)
            .map_err(Error::draw)?;
        let letters = || (FONT, size(13)).into_font().color(&INK);
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(letters())
            .axis_desc_style((FONT, size(14)).into_font().color(&INK))
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .x_labels(self.x.marks(x))
            .y_labels(self.y.marks(y))
            .x_label_formatter(&|v| self.x.written(*v))
            .y_label_formatter(&|v| self.y.written(*v))
            .draw()
            .map_err(Error::draw)?;
        for (i, (series, points)) in self.series.iter().zip(&placed).enumerate() {
            let colour = COLOURS[i % COLOURS.len()];
            let thin = ShapeStyle::from(&colour).stroke_width(OVERSAMPLING);
            let whiskers = points.iter().filter(|p| p.low < p.high);
            let whisker = |p: &Placed| PathElement::new([(p.x, p.low), (p.x, p.high)], thin);
            chart.draw_series(whiskers.map(whisker)).map_err(Error::draw)?;
            let drawn = match series.mark {
                Mark::Line => {
                    let line: Vec<(f64, f64)> = points.iter().map(|p| (p.x, p.y)).collect();
                    let style = ShapeStyle::from(&colour).stroke_width(2 * OVERSAMPLING);
                    chart.draw_series([PathElement::new(line, style)])
                }
                Mark::Dot => {
                    let dot = |p: &Placed| Circle::new((p.x, p.y), size(4), colour.filled());
                    chart.draw_series(points.iter().map(dot))
                }
                Mark::Ring => {
                    let style = ShapeStyle::from(&colour).stroke_width(2 * OVERSAMPLING);
                    let ring = |p: &Placed| Circle::new((p.x, p.y), size(8), style);
                    chart.draw_series(points.iter().map(ring))
                }
            };
            drawn.map_err(Error::draw)?;
        }
        Ok(())
    }

    fn placed(&self, series: &Series) -> Vec<Placed> {
        let one = |point: &Point| {
            let half = point.half.unwrap_or(0.0);
            let (x, y) = (self.x.place(point.x)?, self.y.place(point.y)?);
            // The end of an interval may lie off a scale of ratios.
            let low = self.y.place(point.y - half).unwrap_or(y);
            Some(Placed { x, y, low, high: self.y.place(point.y + half).unwrap_or(y) })
        };
        series.points.iter().filter_map(one).collect()
    }
}

/// A point on the scales of both axes.
struct Placed {
    x: f64,
    y: f64,
    low: f64,
    high: f64,
}

impl Axis {
    /// An axis of equal differences.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear }
    }

    fn place(&self, value: f64) -> Option<f64> {
        let value = match self.scale {
            Scale::Log => value.log10(),
            Scale::Linear | Scale::Names(_) => value,
        };
        // Beyond this no axis can be drawn.
        (value.is_finite() && value.abs() < 1e300).then_some(value)
    }

    /// From the smallest to the largest, with some room.
    fn range(&self, values: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
        if let Scale::Names(names) = &self.scale {
            return (-0.5, names.len().max(1) as f64 - 0.5);
        }
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (c, d)| (a.min(c), b.max(d)));
        if low > high {
            return (0.0, 1.0);
        }
        let room = match 0.06 * (high - low) {
            // One value, or values that a float hardly tells apart.
            room if room <= 1e-9 * high.abs() => 0.1 * high.abs().max(1.0),
            room => room,
        };
        (low - room, high + room)
    }

    fn marks(&self, range: (f64, f64)) -> usize {
        match &self.scale {
            Scale::Names(names) => names.len().max(1),
            Scale::Log if range.1 - range.0 > 2.0 => (range.1 - range.0).ceil() as usize + 1,
            _ => 6,
        }
    }

    fn written(&self, place: f64) -> String {
        match &self.scale {
            Scale::Names(names) => {
                let near = (place - place.round()).abs() < 0.01;
                let name =
                    (place.round() >= 0.0 && near).then(|| names.get(place.round() as usize));
                name.flatten().cloned().unwrap_or_default()
            }
            Scale::Log => short(10f64.powf(place)),
            Scale::Linear => short(place),
        }
    }
}

/// Three digits.
fn short(value: f64) -> String {
    let size = value.abs().log10().floor();
    if value == 0.0 || value.abs() < 1e-12 {
        return "0".to_owned();
    }
    if !(-4.0..5.0).contains(&size) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.*}", (2.0 - size).max(0.0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[(f64, f64)], scale: Scale, mark: Mark) -> Plot {
        let points = points.iter().map(|&(x, y)| Point { x, y, half: Some(0.1) }).collect();
        Plot {
            title: "coverage".to_owned(),
            x: Axis { label: "λ".to_owned(), scale },
            y: Axis::linear("value"),
            series: vec![Series { name: "all".to_owned(), points, mark }],
        }
    }

    fn blue(picture: &RgbImage) -> usize {
        let near = |p: &&image::Rgb<u8>| p.0[0] < 60 && p.0[2] > 130;
        picture.pixels().filter(near).count()
    }

    #[test]
    fn every_scale_and_mark_is_drawn() {
        let points = [(0.1, 1.0), (1.0, 3.0), (10.0, 2.0)];
        let names = Scale::Names(["a", "b", "c"].map(str::to_owned).into());
        for scale in [Scale::Linear, Scale::Log, names] {
            for mark in [Mark::Line, Mark::Dot, Mark::Ring] {
                let picture = draw(&[plot(&points, scale.clone(), mark)], 1).unwrap();
                assert_eq!(picture.dimensions(), (WIDTH_PX, HEIGHT_PX));
                assert!(blue(&picture) > 60, "{scale:?} {mark:?} {}", blue(&picture));
            }
        }
    }

    #[test]
    fn odd_values_are_drawn_too() {
        let odd = [
            &[][..],
            &[(1.0, f64::NAN), (f64::INFINITY, 1.0)],
            &[(1.0, 1.0)],
            &[(0.0, f64::MAX), (-1.0, f64::MIN)],
            &[(1.0, 5.0), (1.0, 5.0)],
        ];
        for points in odd {
            for scale in [Scale::Linear, Scale::Log] {
                draw(&[plot(points, scale, Mark::Dot)], 3).unwrap();
            }
        }
        assert!(draw(&[], 1).is_err());
        let three = vec![plot(&[(1.0, 1.0)], Scale::Linear, Mark::Dot); 3];
        assert_eq!(draw(&three, 2).unwrap().dimensions(), (2 * WIDTH_PX, 2 * HEIGHT_PX));
    }

    #[test]
    fn marks_are_written_shortly() {
        let written = [0.0, 0.5, 1234.0, 0.00012, 3e7, -2.0, 0.316_23].map(short);
        assert_eq!(written, ["0", "0.5", "1234", "0.00012", "3.0e7", "-2", "0.316"]);
    }
}
