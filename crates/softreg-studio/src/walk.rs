//! Animations: a walk through the latents of key pictures and back to the first.

use crate::explore::{checked_label, checked_latent};
use crate::painter::Painter;
use crate::problem::{Answer, Problem};
use axum::body::Bytes;
use image::ImageBuffer;
use serde::Deserialize;
use softreg_run::{Colour, Picture, animation};
use utoipa::ToSchema;

/// Most frames of an animation.
const MOST_FRAMES: usize = 600;
/// Most pixels of all frames together, which are in memory at once: half a gigabyte.
const MOST_PIXELS: usize = 1 << 27;
/// How long a frame stands, in milliseconds.
const FRAME_MS: u32 = 50;

/// A walk through key pictures and back to the first.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// Latents of the key pictures.
    pub keys: Vec<Vec<f32>>,
    /// Label of all of them; the first if omitted.
    #[serde(default)]
    pub label: Option<u32>,
    /// Frames from one key picture to the next.
    pub frames: usize,
    /// Enlargement: each pixel becomes a square of this side.
    #[serde(default = "one")]
    pub scale: u32,
    /// `gif` (256 colours), `webp` or `apng` (all colours).
    pub format: Format,
}

fn one() -> u32 {
    1
}

/// Animation format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 256 colours.
    Gif,
    /// All colours, small files.
    Webp,
    /// All colours.
    Apng,
}

/// The animation of a walk.
///
/// # Errors
/// 400 for numbers out of range.
pub fn walk(painter: &dyn Painter, walk: &Walk) -> Answer<Bytes> {
    walk.keys.iter().try_for_each(|key| checked_latent(painter, key))?;
    let (keys, frames) = (walk.keys.len(), walk.frames);
    if keys < 2 || frames < 1 || keys.saturating_mul(frames) > MOST_FRAMES {
        return Err(Problem::wrong(format!(
            "{keys} keys with {frames} frames each: use at least 2 keys and at most {MOST_FRAMES} frames in all"
        )));
    }
    if !(1..=16).contains(&walk.scale) {
        return Err(Problem::wrong(format!("scale is {}: it must be from 1 to 16", walk.scale)));
    }
    let [channels, height, width] = painter.shape();
    let pixels = keys * frames * height * width * (walk.scale * walk.scale) as usize;
    if pixels > MOST_PIXELS {
        return Err(Problem::wrong(format!(
            "scale {} makes {} megapixels of {} frames: at most {} are possible, so use a smaller scale or fewer frames",
            walk.scale,
            pixels >> 20,
            keys * frames,
            MOST_PIXELS >> 20
        )));
    }
    let label = checked_label(painter, walk.label.unwrap_or(0))?;
    let latents: Vec<f32> = (0..keys * frames)
        .flat_map(|i| {
            let (a, b) = (&walk.keys[i / frames], &walk.keys[(i / frames + 1) % keys]);
            painter.between(a, b, (i % frames) as f32 / frames as f32)
        })
        .collect();
    let labels = (!painter.labels().is_empty()).then(|| vec![label; keys * frames]);
    let bytes = painter.paint(&latents, labels.as_deref());
    let pictures = Picture::batch(channels, height, width, &bytes)?;
    let file = match pictures.iter().any(Picture::has_alpha) {
        true => moving(pictures.iter().map(|picture| picture.to_rgba(walk.scale)), walk.format),
        false => moving(pictures.iter().map(|picture| picture.to_rgb(walk.scale)), walk.format),
    };
    Ok(file?.into())
}

fn moving<P: Colour>(
    frames: impl Iterator<Item = ImageBuffer<P, Vec<u8>>>,
    format: Format,
) -> softreg_run::Result<Vec<u8>> {
    let frames: Vec<_> = frames.collect();
    match format {
        Format::Gif => animation::gif(&frames, FRAME_MS),
        Format::Webp => animation::webp(&frames, FRAME_MS),
        Format::Apng => animation::apng(&frames, FRAME_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::painter::plain::{Plain, corners};

    #[test]
    fn walks_that_have_no_way_are_refused() {
        let ask = |keys: usize, frames, scale| Walk {
            keys: vec![vec![1.0, 2.0]; keys],
            label: None,
            frames,
            scale,
            format: Format::Gif,
        };
        assert_eq!(&walk(&Plain::GREY, &ask(2, 3, 1)).unwrap()[..6], b"GIF89a");
        for (keys, frames, scale) in [(1, 3, 1), (2, 0, 1), (2, 301, 1), (2, 3, 0), (2, 3, 17)] {
            assert!(walk(&Plain::GREY, &ask(keys, frames, scale)).is_err());
        }
        // One pixel is never too many; a picture of 64x64 is, 600 times in squares of 16.
        assert!(walk(&Plain::GREY, &ask(2, 300, 16)).is_ok());
        assert!(walk(&Plain::of_side(64), &ask(2, 300, 16)).is_err());
    }

    #[test]
    fn what_is_transparent_stays_so_in_every_frame() {
        for format in [Format::Gif, Format::Webp, Format::Apng] {
            let keys = vec![vec![20.0, 0.0]; 2];
            let wanted = Walk { keys, label: None, frames: 2, scale: 16, format };
            assert_eq!(corners(&walk(&Plain::CLEAR, &wanted).unwrap()), ((32, 16), [255, 0]));
        }
    }
}
