//! What is to be known about one picture, small enough to keep for all of them.

use crate::channels::Channels;
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
    /// As training will see it: what is hidden or cut off has no colour.
    pub(super) grey: bool,
    pub(super) animated: bool,
    /// Of a single colour, and of one transparency where it is kept, as training will see it.
    pub(super) flat: bool,
    /// How large its pixels were drawn; 0 where that cannot be seen.
    pub(super) enlargement: u32,
    /// Equal for equal visible pixels, whatever the file format.
    pub(super) digest: [u8; 32],
    /// 64 signs of horizontal differences.
    pub(super) hash: u64,
    /// The whole picture, 16 x 16: RGB over the background, or RGBA where transparency is kept.
    pub(super) thumbnail: Vec<u8>,
    /// Whether the thumbnail shows nothing, so that it is like all others of which this is so.
    pub(super) blank: bool,
}

impl Facts {
    pub(super) fn of(
        source: &dyn Source,
        index: usize,
        options: &LoadOptions,
        trained_at: Size,
    ) -> Result<Facts, String> {
        let (format, animated, pixels) = match source.record(index, options.size)? {
            Record::Pixels(format, pixels) => (format, false, pixels),
            Record::File(bytes) => {
                let pixels = picture::decode(&bytes)?;
                let head = picture::head(std::io::Cursor::new(&bytes))?;
                (head.format, picture::is_animated(&bytes), pixels)
            }
        };
        let thumbnail = thumbnail(&pixels, options)?;
        let first = &thumbnail.data[..thumbnail.channels];
        let blank = thumbnail.data.chunks_exact(thumbnail.channels).all(|pixel| pixel == first);
        let (grey, flat) = seen(&pixels, options, trained_at);
        Ok(Facts {
            format,
            width: pixels.width,
            height: pixels.height,
            transparent: pixels.is_transparent(),
            grey,
            animated,
            flat,
            enlargement: pixels.enlargement(),
            digest: digest(&pixels),
            hash: difference_hash(&thumbnail),
            thumbnail: thumbnail.data,
            blank,
        })
    }
}

/// Whether the picture is grey, and whether it is flat, as training will see it.
fn seen(pixels: &Raster, options: &LoadOptions, size: Size) -> (bool, bool) {
    let planes = |channels: Channels| {
        let LoadOptions { fit, background, .. } = *options;
        Transform { size, channels, fit, background }.apply(pixels)
    };
    let is_flat = |planes: &[u8]| {
        planes.chunks_exact(size.area()).all(|plane| plane.iter().all(|value| *value == plane[0]))
    };
    let kept = if options.channels == Channels::Rgba { Channels::Rgba } else { Channels::Auto };
    let all = planes(kept);
    let colours: Vec<&[u8]> = all.chunks_exact(size.area()).take(3).collect();
    let grey = colours.iter().all(|plane| *plane == colours[0]);
    // Colours of one brightness are the same grey.
    let flat = match options.channels {
        Channels::Grey if !grey => is_flat(&planes(Channels::Grey)),
        _ => is_flat(&all),
    };
    (grey, flat)
}

/// The picture with the transparency that is kept, stretched to a small square.
fn thumbnail(pixels: &Raster, options: &LoadOptions) -> Result<Raster, String> {
    let side = THUMBNAIL_SIDE;
    let size = Size::new(side, side).map_err(|error| error.to_string())?;
    let channels = if options.channels == Channels::Rgba { Channels::Rgba } else { Channels::Rgb };
    let background = options.background;
    let planes = Transform { size, channels, fit: Fit::Stretch, background }.apply(pixels);
    let channels = planes.len() / size.area();
    let data = (0..size.area())
        .flat_map(|at| (0..channels).map(move |channel| channel * size.area() + at))
        .map(|at| planes[at])
        .collect();
    Ok(Raster { width: side, height: side, channels, data })
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
    let brightness: Vec<u32> = small
        .data
        .chunks_exact(small.channels)
        .map(|pixel| pixel.iter().map(|&v| u32::from(v)).sum())
        .collect();
    brightness
        .chunks_exact(9)
        .flat_map(|row| row.windows(2))
        .fold(0, |hash, pair| hash << 1 | u64::from(pair[0] < pair[1]))
}
