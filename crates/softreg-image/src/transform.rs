//! Brings every picture to the same size and channels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::channels::{Background, Channels, from_name};
use crate::error::Error;
use crate::picture::Raster;
use crate::resample::{Area, resample};
use crate::size::Size;

/// What to do with a picture whose shape is not that of the training size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Cut off what is too long, evenly on both sides. The default: no distortion, no borders to
    /// learn.
    #[default]
    Crop,
    /// Show all of it and fill the rest with the background (transparent when alpha is kept).
    Pad,
    /// Show all of it, distorted.
    Stretch,
}

/// Every way to fit, by name.
pub const FITS: &[(&str, Fit)] =
    &[("crop", Fit::Crop), ("pad", Fit::Pad), ("stretch", Fit::Stretch)];

impl fmt::Display for Fit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(FITS.iter().find(|(_, value)| value == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for Fit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Fit, Error> {
        from_name("ways to fit a picture", FITS, text)
    }
}

/// A complete description of how a raster becomes a training picture.
#[derive(Debug, Clone, Copy)]
pub struct Transform {
    /// The size to reach.
    pub size: Size,
    /// The channels to keep.
    pub channels: Channels,
    /// What to do with other shapes.
    pub fit: Fit,
    /// What shows through transparent pixels.
    pub background: Background,
}

impl Transform {
    /// The picture as planes of `size.area()` bytes, one after the other.
    ///
    /// With [`Channels::Auto`] there is one plane when the result is grey and three when it is
    /// not. A picture that already has the size keeps its exact values.
    pub fn apply(&self, source: &Raster) -> Vec<u8> {
        let source = self.with_alpha_settled(source);
        let (width, height) = (self.size.width(), self.size.height());
        let fitted = match self.fit {
            Fit::Stretch => {
                let area = Area { x: 0, y: 0, width: source.width, height: source.height };
                resample(&source, area, width, height)
            }
            Fit::Crop => {
                let inner = scaled((width, height), (source.width, source.height));
                let area = Area {
                    x: (source.width - inner.0) / 2,
                    y: (source.height - inner.1) / 2,
                    width: inner.0,
                    height: inner.1,
                };
                resample(&source, area, width, height)
            }
            Fit::Pad => {
                let inner = scaled((source.width, source.height), (width, height));
                let area = Area { x: 0, y: 0, width: source.width, height: source.height };
                self.padded(&resample(&source, area, inner.0, inner.1))
            }
        };
        self.planes(&fitted)
    }

    /// Alpha blended over the background, or multiplied in when it is kept.
    ///
    /// Before any resampling: the colour of an invisible pixel must not bleed into its neighbours.
    fn with_alpha_settled<'a>(&self, source: &'a Raster) -> std::borrow::Cow<'a, Raster> {
        use std::borrow::Cow;
        if source.channels != 4 {
            return Cow::Borrowed(source);
        }
        let (width, height) = (source.width, source.height);
        let pixels = source.data.chunks_exact(4);
        if self.channels == Channels::Rgba {
            let data = pixels
                .flat_map(|pixel| {
                    let [r, g, b, a] = [pixel[0], pixel[1], pixel[2], pixel[3]];
                    [blend(r, 0, a), blend(g, 0, a), blend(b, 0, a), a]
                })
                .collect();
            return Cow::Owned(Raster { width, height, channels: 4, data });
        }
        let [red, green, blue] = self.background.0;
        let data = pixels
            .flat_map(|pixel| {
                let a = pixel[3];
                [blend(pixel[0], red, a), blend(pixel[1], green, a), blend(pixel[2], blue, a)]
            })
            .collect();
        Cow::Owned(Raster { width, height, channels: 3, data })
    }

    fn padded(&self, inner: &Raster) -> Raster {
        let (width, height) = (self.size.width(), self.size.height());
        let [red, green, blue] = self.background.0;
        let keeps_alpha = self.channels == Channels::Rgba;
        let filler = if keeps_alpha { vec![0; 4] } else { vec![red, green, blue] };
        let channels = filler.len();
        let mut data = filler.repeat(self.size.area());
        let (x, y) = ((width - inner.width) / 2, (height - inner.height) / 2);
        for (index, pixel) in inner.data.chunks_exact(inner.channels).enumerate() {
            let (column, row) = (index as u32 % inner.width, index as u32 / inner.width);
            let at = ((y + row) * width + x + column) as usize * channels;
            for channel in 0..channels {
                // One grey value serves all three colours; alpha is opaque where there is none.
                data[at + channel] = match (inner.channels, channel) {
                    (1 | 3, 3) => 255,
                    (1, _) => pixel[0],
                    _ => pixel[channel],
                };
            }
        }
        Raster { width, height, channels, data }
    }

    fn planes(&self, raster: &Raster) -> Vec<u8> {
        let plane = |value: fn(&[u8]) -> u8| -> Vec<u8> {
            raster.data.chunks_exact(raster.channels).map(value).collect()
        };
        let colours: [fn(&[u8]) -> u8; 3] = if raster.channels == 1 {
            [|pixel| pixel[0]; 3]
        } else {
            [|pixel| pixel[0], |pixel| pixel[1], |pixel| pixel[2]]
        };
        let luma: fn(&[u8]) -> u8 = if raster.channels == 1 { |pixel| pixel[0] } else { luma };
        match self.channels {
            Channels::Grey => plane(luma),
            Channels::Auto if raster.is_grey() => plane(luma),
            Channels::Auto | Channels::Rgb => colours.into_iter().flat_map(plane).collect(),
            Channels::Rgba if raster.channels == 4 => {
                // A spline overshoots; a colour brighter than its alpha does not exist.
                let colours: [fn(&[u8]) -> u8; 4] = [
                    |pixel| pixel[0].min(pixel[3]),
                    |pixel| pixel[1].min(pixel[3]),
                    |pixel| pixel[2].min(pixel[3]),
                    |pixel| pixel[3],
                ];
                colours.into_iter().flat_map(plane).collect()
            }
            Channels::Rgba => {
                let opaque: fn(&[u8]) -> u8 = |_| 255;
                colours.into_iter().chain([opaque]).flat_map(plane).collect()
            }
        }
    }
}

/// `over` at opacity `alpha / 255` above `under`, rounded to nearest.
fn blend(over: u8, under: u8, alpha: u8) -> u8 {
    let (over, under, alpha) = (u32::from(over), u32::from(under), u32::from(alpha));
    ((over * alpha + under * (255 - alpha) + 127) / 255) as u8
}

/// Rec. 709 luma of gamma-encoded values, rounded to nearest; a grey pixel keeps its value.
fn luma(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((2126 * red + 7152 * green + 722 * blue + 5000) / 10_000) as u8
}

/// The largest sides in the proportion of `shape` that fit into `frame`, at least 1 each.
fn scaled(shape: (u32, u32), frame: (u32, u32)) -> (u32, u32) {
    let [shape_w, shape_h] = [shape.0, shape.1].map(u64::from);
    let [frame_w, frame_h] = [frame.0, frame.1].map(u64::from);
    let nearest = |product: u64, divisor: u64| ((product + divisor / 2) / divisor).max(1) as u32;
    if frame_w * shape_h > frame_h * shape_w {
        (nearest(frame_h * shape_w, shape_h).min(frame.0), frame.1)
    } else {
        (frame.0, nearest(frame_w * shape_h, shape_w).min(frame.1))
    }
}

#[cfg(test)]
mod tests;
