//! Pictures as networks give them: planes of bytes, one plane a channel.
//!
//! Why not an image type of a library: the channels lie plane after plane, the alpha is
//! premultiplied, and both must be undone in one place before anyone looks at a picture.

use image::{ExtendedColorType, ImageBuffer, ImageEncoder, Pixel, Rgb, RgbImage, Rgba, RgbaImage};

use crate::{Error, Result};

/// A picture: C×H×W bytes, C = 1 (grey), 3 (RGB) or 4 (RGB multiplied by alpha, then alpha),
/// each 0..=255 in sRGB.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    channels: usize,
    height: u32,
    width: u32,
    planes: &'a [u8],
}

/// A pixel of drawings that can be written to files: RGB, or RGB and alpha.
pub trait Colour: Pixel<Subpixel = u8> + sealed::Sealed {
    /// Its name where files are written.
    #[doc(hidden)]
    const TYPE: ExtendedColorType;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for image::Rgb<u8> {}
    impl Sealed for image::Rgba<u8> {}
}

impl Colour for Rgb<u8> {
    const TYPE: ExtendedColorType = ExtendedColorType::Rgb8;
}

impl Colour for Rgba<u8> {
    const TYPE: ExtendedColorType = ExtendedColorType::Rgba8;
}

/// The two shades behind transparent pictures.
const CHECKER: [u8; 2] = [255, 232];
/// The side of a checker field in pixels of the drawing.
const CHECKER_PX: u32 = 8;

impl<'a> Picture<'a> {
    /// Takes the planes of one picture.
    ///
    /// # Errors
    /// [`Error::Shape`] when the planes are not C·H·W bytes, [`Error::Draw`] for a number of
    /// channels other than 1, 3, 4 or a side of zero.
    pub fn new(channels: usize, height: usize, width: usize, planes: &'a [u8]) -> Result<Self> {
        if !matches!(channels, 1 | 3 | 4) {
            return Err(Error::draw(format!(
                "a picture has 1, 3 or 4 channels (grey, RGB, RGBA), not {channels}"
            )));
        }
        let side = |side: usize| u32::try_from(side).ok().filter(|s| (1..=1 << 16).contains(s));
        let (Some(height_px), Some(width_px)) = (side(height), side(width)) else {
            return Err(Error::draw(format!("a picture cannot be {width} by {height} pixels")));
        };
        let expected = channels * height * width;
        if planes.len() != expected {
            let shape = vec![channels, height, width];
            return Err(Error::Shape { shape, expected, found: planes.len() });
        }
        Ok(Self { channels, height: height_px, width: width_px, planes })
    }

    /// Takes a batch N×C×H×W apart.
    ///
    /// # Errors
    /// As [`Picture::new`].
    pub fn batch(
        channels: usize,
        height: usize,
        width: usize,
        batch: &'a [u8],
    ) -> Result<Vec<Self>> {
        let size = channels.saturating_mul(height).saturating_mul(width).max(1);
        batch.chunks(size).map(|planes| Self::new(channels, height, width, planes)).collect()
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    fn value(&self, channel: usize, x: u32, y: u32) -> u8 {
        let (height, width) = (self.height as usize, self.width as usize);
        self.planes[(channel * height + y as usize) * width + x as usize]
    }

    /// Whether parts of it may be transparent.
    pub fn has_alpha(&self) -> bool {
        self.channels == 4
    }

    /// Draws it `scale` times as large, each pixel a square; transparent parts show a light
    /// checker board. For looking at: what is kept or printed is drawn by [`Picture::to_rgba`] or
    /// [`Picture::to_rgb_on`].
    pub fn to_rgb(&self, scale: u32) -> RgbImage {
        self.drawn(scale, |px, py| CHECKER[((px / CHECKER_PX + py / CHECKER_PX) % 2) as usize])
    }

    /// As [`Picture::to_rgb`], on a ground of one grey.
    pub fn to_rgb_on(&self, scale: u32, grey: u8) -> RgbImage {
        self.drawn(scale, |_, _| grey)
    }

    fn drawn(&self, scale: u32, ground: impl Fn(u32, u32) -> u8) -> RgbImage {
        let scale = scale.max(1);
        RgbImage::from_fn(self.width * scale, self.height * scale, |px, py| {
            let (x, y) = (px / scale, py / scale);
            match self.channels {
                1 => Rgb([self.value(0, x, y); 3]),
                3 => Rgb([0, 1, 2].map(|c| self.value(c, x, y))),
                _ => {
                    let alpha = u16::from(self.value(3, x, y));
                    let behind = (u16::from(ground(px, py)) * (255 - alpha) + 127) / 255;
                    Rgb([0, 1, 2].map(|c| (u16::from(self.value(c, x, y)) + behind).min(255) as u8))
                }
            }
        })
    }

    /// Draws it `scale` times as large, each pixel a square, with the alpha no longer multiplied
    /// in; opaque where it has none.
    pub fn to_rgba(&self, scale: u32) -> RgbaImage {
        let scale = scale.max(1);
        RgbaImage::from_fn(self.width * scale, self.height * scale, |px, py| {
            let (x, y) = (px / scale, py / scale);
            match self.channels {
                4 => Rgba(self.straight(x, y)),
                channels => {
                    let [r, g, b] = [0, 1, 2].map(|c| self.value(c.min(channels - 1), x, y));
                    Rgba([r, g, b, 255])
                }
            }
        })
    }

    /// A pixel of four channels with the alpha no longer multiplied in.
    fn straight(&self, x: u32, y: u32) -> [u8; 4] {
        let alpha = self.value(3, x, y);
        let colour = |c: usize| match u16::from(alpha) {
            0 => 0,
            alpha => ((u16::from(self.value(c, x, y)) * 255 + alpha / 2) / alpha).min(255) as u8,
        };
        [colour(0), colour(1), colour(2), alpha]
    }

    /// PNG at its own size: grey, RGB, or RGBA with the alpha no longer multiplied in.
    ///
    /// # Errors
    /// [`Error::Draw`] when the encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        let colour = match self.channels {
            1 => ExtendedColorType::L8,
            3 => ExtendedColorType::Rgb8,
            _ => ExtendedColorType::Rgba8,
        };
        let mut pixels = Vec::with_capacity(self.planes.len());
        for y in 0..self.height {
            for x in 0..self.width {
                match self.channels {
                    4 => pixels.extend(self.straight(x, y)),
                    channels => pixels.extend((0..channels).map(|c| self.value(c, x, y))),
                }
            }
        }
        encode(&pixels, self.width, self.height, colour)
    }
}

/// PNG of a drawing such as a contact sheet or a chart.
///
/// # Errors
/// [`Error::Draw`] when the encoder fails.
pub fn encode_png<P: Colour>(drawing: &ImageBuffer<P, Vec<u8>>) -> Result<Vec<u8>> {
    encode(drawing.as_raw(), drawing.width(), drawing.height(), P::TYPE)
}

fn encode(pixels: &[u8], width: u32, height: u32, colour: ExtendedColorType) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut png)
        .write_image(pixels, width, height, colour)
        .map_err(Error::draw)?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_is_drawn_on_a_checker_board_and_taken_out_of_a_png() {
        // One half-covered red pixel, one empty, one full green.
        let planes = [128, 0, 0, /**/ 0, 0, 255, /**/ 0, 0, 0, /**/ 128, 0, 255];
        let picture = Picture::new(4, 1, 3, &planes).unwrap();
        let drawn = picture.to_rgb(1);
        assert_eq!(drawn.get_pixel(0, 0).0, [255, 127, 127]);
        assert_eq!(drawn.get_pixel(1, 0).0, [255; 3]);
        assert_eq!(drawn.get_pixel(2, 0).0, [0, 255, 0]);
        assert_eq!(picture.to_rgb(8).get_pixel(8, 0).0, [232; 3]);
        let png = image::load_from_memory(&picture.encode_png().unwrap()).unwrap().to_rgba8();
        assert_eq!(png.as_raw(), &[255, 0, 0, 128, 0, 0, 0, 0, 0, 255, 0, 255]);
        assert_eq!(picture.to_rgba(1), png);
        let large = picture.to_rgba(2);
        assert_eq!((large.dimensions(), large.get_pixel(1, 1).0), ((6, 2), [255, 0, 0, 128]));
        // On one ground there are no checkers, however large.
        assert!((0..8).all(|x| picture.to_rgb_on(8, 255).get_pixel(8 + x, x).0 == [255; 3]));
    }

    #[test]
    fn planes_become_pixels() {
        let planes = [1, 2, 3, 4, 5, 6];
        let rgb = Picture::new(3, 1, 2, &planes).unwrap();
        let png = image::load_from_memory(&rgb.encode_png().unwrap()).unwrap();
        assert_eq!(png.color(), image::ColorType::Rgb8);
        assert_eq!(png.as_bytes(), &[1, 3, 5, 2, 4, 6]);
        let grey = Picture::new(1, 2, 3, &planes).unwrap();
        let png = image::load_from_memory(&grey.encode_png().unwrap()).unwrap();
        assert_eq!((png.color(), png.as_bytes()), (image::ColorType::L8, &planes[..]));
        assert_eq!(grey.to_rgb(2).get_pixel(5, 3).0, [6; 3]);
        assert_eq!(grey.to_rgba(2).get_pixel(5, 3).0, [6, 6, 6, 255]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(matches!(Picture::new(2, 1, 1, &[0, 0]), Err(Error::Draw { .. })));
        assert!(matches!(Picture::new(3, 0, 1, &[]), Err(Error::Draw { .. })));
        assert!(matches!(Picture::new(3, 1, 1, &[0, 0]), Err(Error::Shape { .. })));
        assert_eq!(Picture::batch(1, 2, 2, &[0; 12]).unwrap().len(), 3);
        assert!(Picture::batch(1, 2, 2, &[0; 11]).is_err());
    }
}
