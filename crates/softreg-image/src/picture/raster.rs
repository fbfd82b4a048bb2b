//! Decoded pixels, the one form that all formats and containers are brought to.

use image::DynamicImage;

/// Interleaved eight-bit pixels, row by row from the top left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// Bytes per pixel: 1 grey, 3 RGB, 4 RGBA (alpha not multiplied in).
    pub channels: usize,
    /// `width * height * channels` bytes.
    pub data: Vec<u8>,
}

impl Raster {
    /// Whether any pixel is not fully opaque.
    pub fn is_transparent(&self) -> bool {
        self.channels == 4 && self.data.chunks_exact(4).any(|pixel| pixel[3] != 255)
    }

    /// Whether red, green and blue agree in every pixel.
    pub fn is_grey(&self) -> bool {
        self.channels == 1
            || self
                .data
                .chunks_exact(self.channels)
                .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
    }
}

impl From<DynamicImage> for Raster {
    fn from(image: DynamicImage) -> Raster {
        let (width, height) = (image.width(), image.height());
        let (channels, data) = match image.color() {
            color if color.has_alpha() => (4, image.into_rgba8().into_raw()),
            color if color.has_color() => (3, image.into_rgb8().into_raw()),
            _ => (1, image.into_luma8().into_raw()),
        };
        Raster { width, height, channels, data }
    }
}
