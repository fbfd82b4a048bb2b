//! What is to be known about one picture, small enough to keep for all of them.

use crate::channels::{Background, Channels};
use crate::collection::LoadOptions;
use crate::picture::{self, Raster};
use crate::resample::{Area, resample};
use crate::size::Size;
use crate::source::{Record, Source};
use crate::transform::{Fit, Transform};

/// Width and height of a thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 16;

/// The facts about one picture.
pub(super) struct Facts {
    pub(super) format: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) transparent: bool,
    pub(super) grey: bool,
    pub(super) animated: bool,
    /// Of a single colour over the background.
    pub(super) flat: bool,
    /// How large its pixels were drawn; 0 where that cannot be seen.
    pub(super) enlargement: u32,
    /// Equal for equal visible pixels, whatever the file format.
    pub(super) digest: [u8; 32],
    /// 64 signs of horizontal differences.
    pub(super) hash: u64,
    /// The whole picture over the background, 16 x 16 RGB.
    pub(super) thumbnail: Vec<u8>,
}

impl Facts {
    pub(super) fn of(
        source: &dyn Source,
        index: usize,
        options: &LoadOptions,
    ) -> Result<Facts, String> {
        let (format, animated, pixels) = match source.record(index, options.size)? {
            Record::Pixels(format, pixels) => (format, false, pixels),
            Record::File(bytes) => {
                let pixels = picture::decode(&bytes)?;
                let head = picture::head(std::io::Cursor::new(&bytes))?;
                (head.format, picture::is_animated(&bytes), pixels)
            }
        };
        let thumbnail = thumbnail(&pixels, options.background)?;
        Ok(Facts {
            format,
            width: pixels.width,
            height: pixels.height,
            transparent: pixels.is_transparent(),
            grey: pixels.is_grey(),
            animated,
            flat: thumbnail.data.chunks_exact(3).all(|pixel| *pixel == thumbnail.data[..3]),
            enlargement: pixels.enlargement(),
            digest: digest(&pixels),
            hash: difference_hash(&thumbnail),
            thumbnail: thumbnail.data,
        })
    }
}

/// The picture over the background, stretched to a small square.
fn thumbnail(pixels: &Raster, background: Background) -> Result<Raster, String> {
    let side = THUMBNAIL_SIDE;
    let size = Size::new(side, side).map_err(|error| error.to_string())?;
    let transform = Transform { size, channels: Channels::Rgb, fit: Fit::Stretch, background };
    let planes = transform.apply(pixels);
    let data = (0..size.area())
        .flat_map(|at| [planes[at], planes[size.area() + at], planes[2 * size.area() + at]])
        .collect();
    Ok(Raster { width: side, height: side, channels: 3, data })
}

fn digest(pixels: &Raster) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(&pixels.width.to_le_bytes());
    hash.update(&pixels.height.to_le_bytes());
    let visible = |pixel: &[u8]| match *pixel {
        [grey] => [grey, grey, grey, 255],
        [red, green, blue] => [red, green, blue, 255],
        [_, _, _, 0] => [0; 4],
        [red, green, blue, alpha] => [red, green, blue, alpha],
        _ => [0; 4],
    };
    // Row by row: all of it at once may be as much again as the picture.
    let mut row = Vec::new();
    for pixels_of_row in pixels.data.chunks(pixels.width as usize * pixels.channels) {
        row.clear();
        row.extend(pixels_of_row.chunks_exact(pixels.channels).flat_map(visible));
        hash.update(&row);
    }
    *hash.finalize().as_bytes()
}

/// dHash: one bit for each of 8 x 8 pairs of horizontal neighbours in a 9 x 8 reduction.
fn difference_hash(thumbnail: &Raster) -> u64 {
    let area = Area { x: 0, y: 0, width: thumbnail.width, height: thumbnail.height };
    let small = resample(thumbnail, area, 9, 8);
    let brightness: Vec<u32> =
        small.data.chunks_exact(3).map(|pixel| pixel.iter().map(|&v| u32::from(v)).sum()).collect();
    brightness
        .chunks_exact(9)
        .flat_map(|row| row.windows(2))
        .fold(0, |hash, pair| hash << 1 | u64::from(pair[0] < pair[1]))
}
