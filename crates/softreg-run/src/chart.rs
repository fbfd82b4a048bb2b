//! The loss chart: one look that tells whether a run goes well.
//!
//! Why a picture and not only numbers: it lies in the run folder and can be seen without any
//! program, beside the sheets. Values are drawn faint as measured and strong as a mean over
//! neighbours (a fiftieth of the run; values off the scale count at its edge), because a single step's loss of an adversarial game says little.

use std::sync::OnceLock;

use image::{RgbImage, imageops};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::style::{FontStyle, WHITE, register_font};

use crate::metrics::Row;
use crate::{Error, Result};

mod axis;
mod curve;
mod panel;

pub(crate) use panel::COLOURS;
use panel::Panel;

/// The chart's width in pixels.
pub const WIDTH_PX: u32 = 1200;
/// Drawn this much larger and made smaller, which smooths lines and letters.
const OVERSAMPLING: u32 = 2;
/// The family name under which the embedded font is known to the drawing library.
pub(crate) const FONT: &str = "softreg";
/// Height of the head with the run's name.
const HEAD_PX: u32 = 56;

/// The panels from top to bottom. One without a series is left out.
const PANELS: &[Panel] = &[
    Panel {
        title: "Losses",
        prefix: "loss/",
        suffix: "",
        from_zero: false,
        first_colour: 0,
        height_px: 330,
    },
    Panel {
        title: "Regularizers: share of the total loss",
        prefix: "reg/",
        suffix: "/share",
        from_zero: true,
        first_colour: 2,
        height_px: 240,
    },
    Panel {
        title: "Held-out pictures",
        prefix: "validation/",
        suffix: "",
        from_zero: false,
        first_colour: 3,
        height_px: 240,
    },
    Panel {
        title: "Speed: pictures per second",
        prefix: "images_per_second",
        suffix: "",
        from_zero: true,
        first_colour: 6,
        height_px: 190,
    },
];

/// Draws the chart of a run over its steps: losses (`loss/*`), shares of the regularizers
/// (`reg/*/share`) and measures of held-out pictures (`validation/*`, over the steps that they are of), where there are any, and
/// pictures per second.
///
/// # Errors
/// [`Error::Draw`] without rows.
pub fn draw(title: &str, rows: &[Row]) -> Result<RgbImage> {
    if rows.is_empty() {
        return Err(Error::draw("the run has no metrics yet, so there is nothing to chart"));
    }
    register()?;
    let panels: Vec<_> =
        PANELS.iter().map(|p| (p, p.curves(rows))).filter(|(_, c)| !c.is_empty()).collect();
    // One for all, so that what is below each other is of one step.
    let all = panels.iter().flat_map(|(_, curves)| curves).flat_map(|curve| &curve.points);
    let steps = axis::step_range(all.map(|point| point.0));
    let height_px = HEAD_PX + panels.iter().map(|(p, _)| p.height_px).sum::<u32>();
    let (width, height) = (WIDTH_PX * OVERSAMPLING, height_px * OVERSAMPLING);
    let mut pixels = vec![0; (width * height * 3) as usize];
    {
        let mut rest = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        rest.fill(&WHITE).map_err(Error::draw)?;
        let (head, body) = rest.split_vertically(HEAD_PX * OVERSAMPLING);
        panel::head(&head, title, rows)?;
        rest = body;
        for (index, (panel, curves)) in panels.iter().enumerate() {
            let (area, below) = rest.split_vertically(panel.height_px * OVERSAMPLING);
            panel.draw(&area, curves, steps, index + 1 == panels.len())?;
            rest = below;
        }
        rest.present().map_err(Error::draw)?;
    }
    let large = RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| Error::draw("the chart has the wrong size"))?;
    Ok(imageops::thumbnail(&large, WIDTH_PX, height_px))
}

/// Makes the embedded font known, once for the process.
pub(crate) fn register() -> Result<()> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let known = *KNOWN.get_or_init(|| {
        register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok()
    });
    if known { Ok(()) } else { Err(Error::draw("the embedded font cannot be read")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64, values: &[(&str, f64)]) -> Row {
        Row {
            step,
            images: 64 * step,
            seconds: step as f64,
            images_per_second: 64.0,
            values: values.iter().map(|(k, v)| (k.to_string(), *v)).collect(),
        }
    }

    /// How many pixels of the chart have nearly this colour.
    fn pixels(chart: &RgbImage, colour: [u8; 3]) -> usize {
        let near = |p: &&image::Rgb<u8>| p.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 40);
        chart.pixels().filter(near).count()
    }

    const CRITIC: [u8; 3] = [0, 114, 178];
    const GENERATOR: [u8; 3] = [213, 94, 0];
    const REGULARIZER: [u8; 3] = [0, 158, 115];

    #[test]
    fn each_curve_is_drawn_across_the_chart() {
        let both = |s| row(s, &[("loss/critic", 1.0), ("loss/generator", s as f64 / 100.0)]);
        let rows: Vec<_> = (1..=100).map(both).collect();
        let chart = draw("motif-001", &rows).unwrap();
        assert_eq!(chart.dimensions(), (WIDTH_PX, HEAD_PX + 330 + 190));
        assert!(pixels(&chart, CRITIC) > 1000 && pixels(&chart, GENERATOR) > 500);
        assert_eq!(pixels(&chart, REGULARIZER), 0);

        let shared = row(100, &[("reg/lecam/share", 0.1), ("reg/lecam/raw", 3.0)]);
        let chart = draw("motif-001", &[row(1, &[("reg/lecam/share", 0.2)]), shared]).unwrap();
        assert_eq!(chart.height(), HEAD_PX + 240 + 190);
        assert!(pixels(&chart, REGULARIZER) > 500);
        assert_eq!(pixels(&chart, CRITIC), 0);

        // A measure is of an earlier step; the row of the last one, after the run, has no speed.
        let measured = |s: u64| {
            let of = [("validation/step", (s - 10) as f64), ("validation/swd", 1.0 / s as f64)];
            Row { images_per_second: if s == 40 { f64::NAN } else { 64.0 }, ..row(s, &of) }
        };
        let rows = [20, 30, 40].map(measured);
        let chart = draw("motif-001", &rows).unwrap();
        assert_eq!(chart.height(), HEAD_PX + 240 + 190);
        assert!(pixels(&chart, [204, 121, 167]) > 500);
        let speed = PANELS.last().unwrap().curves(&rows).remove(0);
        assert_eq!((speed.points.len(), speed.lost()), (2, 0));
        let curves = PANELS[2].curves(&rows);
        assert_eq!((curves.len(), curves[0].points[0].0), (1, 10.0));
    }

    #[test]
    fn odd_runs_are_drawn_too() {
        assert!(draw("none", &[]).is_err());
        let dot = draw("one row", &[row(7, &[("loss/critic", 0.3)])]).unwrap();
        assert!(pixels(&dot, CRITIC) > 30);
        let lost: Vec<_> = (1..9).map(|s| row(s, &[("loss/critic", f64::NAN)])).collect();
        draw("all lost", &lost).unwrap();
        let huge = |s| row(s, &[("loss/critic", if s % 2 == 0 { f64::MAX } else { f64::MIN })]);
        draw("huge", &(1..200).map(huge).collect::<Vec<_>>()).unwrap();
        let tiny = |s| row(s, &[("loss/critic", 1.0 + s as f64 * f64::EPSILON)]);
        draw("tiny differences", &(1..200).map(tiny).collect::<Vec<_>>()).unwrap();
        let back = [row(9, &[("loss/critic", 1.0)]), row(3, &[("loss/critic", 2.0)])];
        draw("not in order", &back).unwrap();
        draw("far", &[row(u64::MAX - 1, &[("loss/a", 1.0)]), row(u64::MAX, &[])]).unwrap();
        draw("\u{1f600} many", &[row(1, &[("loss/a", 1.0); 1]), row(2, &[("loss/b", 1.0)])])
            .unwrap();
    }

    #[test]
    fn long_runs_are_drawn_with_few_points() {
        let wave = |s: u64| row(s, &[("loss/critic", (s as f64 / 5000.0).sin())]);
        let rows: Vec<_> = (1..=100_000).map(wave).collect();
        let chart = draw("long", &rows).unwrap();
        assert!(pixels(&chart, CRITIC) > 1000);
    }
}
