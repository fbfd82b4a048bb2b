//! One picture as a file: large enough to print, or repeated to a pattern.

use crate::explore::{checked_label, checked_latent};
use crate::painter::Painter;
use crate::problem::{Answer, Problem};
use axum::body::Bytes;
use image::ImageBuffer;
use serde::Deserialize;
use softreg_run::{Colour, Picture, encode_png};
use utoipa::ToSchema;

/// Most pixels along a side of a print.
pub(crate) const LARGEST_SIDE: u32 = 8192;

/// A known picture, enlarged for printing or repeated as a pattern.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Print {
    /// Its latent.
    pub latent: Vec<f32>,
    /// Its label; the first if omitted.
    #[serde(default)]
    pub label: Option<u32>,
    /// Enlargement: each pixel becomes a square of this side.
    pub scale: u32,
    /// Number of repeats in each direction.
    #[serde(default = "one")]
    pub repeat: u32,
}

/// A picture as a PNG file of its own.
///
/// # Errors
/// 400 for numbers out of range.
pub fn print(painter: &dyn Painter, print: &Print) -> Answer<Bytes> {
    checked_latent(painter, &print.latent)?;
    let [channels, height, width] = painter.shape();
    let largest = print.scale.saturating_mul(print.repeat).saturating_mul(height.max(width) as u32);
    if print.scale == 0 || print.repeat == 0 || largest > LARGEST_SIDE {
        return Err(Problem::wrong(format!(
            "scale {} and repeat {} make {largest} pixels a side: it must be from 1 to {LARGEST_SIDE}",
            print.scale, print.repeat
        )));
    }
    let label = checked_label(painter, print.label.unwrap_or(0))?;
    let labels = (!painter.labels().is_empty()).then(|| vec![label]);
    let bytes = painter.paint(&print.latent, labels.as_deref());
    let picture = Picture::new(channels, height, width, &bytes)?;
    let png = match picture.has_alpha() {
        true => encode_png(&tiled(&picture.to_rgba(print.scale), print.repeat)),
        false if print.scale == 1 && print.repeat == 1 => picture.encode_png(),
        false => encode_png(&tiled(&picture.to_rgb(print.scale), print.repeat)),
    };
    Ok(png?.into())
}

/// A picture side by side with itself, in both directions.
fn tiled<P: Colour>(one: &ImageBuffer<P, Vec<u8>>, repeat: u32) -> ImageBuffer<P, Vec<u8>> {
    let (w, h) = one.dimensions();
    ImageBuffer::from_fn(w * repeat, h * repeat, |x, y| *one.get_pixel(x % w, y % h))
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::painter::plain::{Plain, corners};

    #[test]
    fn pixels_become_squares_and_pictures_patterns() {
        let ask = |scale, repeat| Print { latent: vec![9.0, 0.0], label: None, scale, repeat };
        let png = print(&Plain::GREY, &ask(4, 3)).unwrap();
        let read = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!((read.dimensions(), read.get_pixel(11, 0).0), ((12, 12), [9, 9, 9]));
        for (scale, repeat) in [(0, 1), (1, 0), (8193, 1), (u32::MAX, u32::MAX)] {
            assert!(print(&Plain::GREY, &ask(scale, repeat)).is_err());
        }
    }

    #[test]
    fn what_is_transparent_stays_so() {
        for (scale, repeat, size) in [(1, 1, (2, 1)), (16, 1, (32, 16)), (1, 3, (6, 3))] {
            let wanted = Print { latent: vec![20.0, 0.0], label: None, scale, repeat };
            assert_eq!(corners(&print(&Plain::CLEAR, &wanted).unwrap()), (size, [255, 0]));
        }
    }
}
