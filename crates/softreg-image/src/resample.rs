//! Changes the number of pixels without inventing any.
//!
//! Shrinking averages exactly the area that each new pixel covers, in whole numbers: no ringing
//! beside the hard edges of drawings, and the same bytes on every machine. Growing repeats pixels
//! when the factor is whole on both axes, so that pixel art stays pixel art, and follows a
//! Catmull-Rom spline otherwise.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, Pixel, Rgb, Rgba};

use crate::picture::Raster;

/// A rectangle of whole pixels inside a raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// The pixels of `area`, brought to `width` x `height`.
pub(crate) fn resample(source: &Raster, area: Area, width: u32, height: u32) -> Raster {
    let shrunk = shrink(source, area, width.min(area.width), height.min(area.height));
    if (shrunk.width, shrunk.height) == (width, height) {
        return shrunk;
    }
    let whole = width.is_multiple_of(area.width) && height.is_multiple_of(area.height);
    let filter = if whole { FilterType::Nearest } else { FilterType::CatmullRom };
    match source.channels {
        1 => grow::<Luma<u8>>(shrunk, width, height, filter),
        3 => grow::<Rgb<u8>>(shrunk, width, height, filter),
        _ => grow::<Rgba<u8>>(shrunk, width, height, filter),
    }
}

fn grow<P: Pixel<Subpixel = u8> + 'static>(
    source: Raster,
    width: u32,
    height: u32,
    filter: FilterType,
) -> Raster {
    let Raster { width: from_width, height: from_height, channels, data } = source;
    // The lengths agree by construction; an empty buffer would show at once in the pixel count.
    let image = ImageBuffer::<P, Vec<u8>>::from_raw(from_width, from_height, data)
        .unwrap_or_else(|| ImageBuffer::new(from_width, from_height));
    let data = imageops::resize(&image, width, height, filter).into_raw();
    Raster { width, height, channels, data }
}

/// Area average; `width` and `height` are at most those of `area`.
///
/// One axis at a time in units of 1 / (target side) of a source pixel: source pixel j covers
/// `[j T, (j + 1) T)`, target pixel i covers `[i S, (i + 1) S)`, and the weights are the lengths
/// shared. They add up to S per axis, so a target value is a sum over S_x S_y, rounded to nearest.
fn shrink(source: &Raster, area: Area, width: u32, height: u32) -> Raster {
    let channels = source.channels;
    let stride = source.width as usize * channels;
    let row = |y: usize| {
        let start = (area.y as usize + y) * stride + area.x as usize * channels;
        &source.data[start..start + area.width as usize * channels]
    };
    if (width, height) == (area.width, area.height) {
        let data = (0..area.height as usize).flat_map(|y| row(y).iter().copied()).collect();
        return Raster { width, height, channels, data };
    }
    let (from_width, from_height) = (u64::from(area.width), u64::from(area.height));
    let spans_x = spans(area.width, width);
    let total = from_width * from_height;
    let mut data = Vec::with_capacity(width as usize * height as usize * channels);
    let mut sums = vec![0u64; width as usize * channels];
    for rows in spans(area.height, height) {
        sums.fill(0);
        for (y, weight_y) in rows.weights() {
            let row = row(y);
            for (span, sum) in spans_x.iter().zip(sums.chunks_exact_mut(channels)) {
                for (x, weight_x) in span.weights() {
                    let weight = weight_x * weight_y;
                    for (sum, value) in sum.iter_mut().zip(&row[x * channels..]) {
                        *sum += weight * u64::from(*value);
                    }
                }
            }
        }
        data.extend(sums.iter().map(|sum| ((sum + total / 2) / total) as u8));
    }
    Raster { width, height, channels, data }
}

/// The source pixels under one target pixel on one axis.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: usize,
    last: usize,
    first_weight: u64,
    inner_weight: u64,
    last_weight: u64,
}

impl Span {
    fn weights(self) -> impl Iterator<Item = (usize, u64)> {
        (self.first..=self.last).map(move |at| {
            let weight = if at == self.first {
                self.first_weight
            } else if at == self.last {
                self.last_weight
            } else {
                self.inner_weight
            };
            (at, weight)
        })
    }
}

fn spans(from: u32, to: u32) -> Vec<Span> {
    let (from, to) = (u64::from(from), u64::from(to));
    (0..to)
        .map(|i| {
            let (start, end) = (i * from, (i + 1) * from);
            let (first, last) = (start / to, (end - 1) / to);
            Span {
                first: first as usize,
                last: last as usize,
                first_weight: end.min((first + 1) * to) - start,
                inner_weight: to,
                last_weight: end - start.max(last * to),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raster(width: u32, height: u32, channels: usize, seed: u8) -> Raster {
        let len = width as usize * height as usize * channels;
        let data = (0..len).map(|i| (i as u8).wrapping_mul(37).wrapping_add(seed)).collect();
        Raster { width, height, channels, data }
    }

    fn whole(source: &Raster) -> Area {
        Area { x: 0, y: 0, width: source.width, height: source.height }
    }

    #[test]
    fn averages_exactly_the_area() {
        let source = Raster { width: 3, height: 1, channels: 1, data: vec![0, 90, 255] };
        // First half: all of pixel 0 and half of pixel 1; weights 2, 1 and 1, 2 of 3.
        assert_eq!(resample(&source, whole(&source), 2, 1).data, [30, 200]);
        let source = Raster { width: 2, height: 2, channels: 1, data: vec![0, 1, 1, 0] };
        assert_eq!(resample(&source, whole(&source), 1, 1).data, [1]);
    }

    #[test]
    fn repeats_pixels_when_the_factor_is_whole() {
        let source = Raster { width: 2, height: 1, channels: 1, data: vec![7, 200] };
        assert_eq!(resample(&source, whole(&source), 4, 2).data, [7, 7, 200, 200].repeat(2));
    }

    #[test]
    fn takes_only_the_area() {
        let mut source = raster(4, 4, 3, 0);
        source.data.fill(9);
        let area = Area { x: 1, y: 1, width: 2, height: 2 };
        for y in 1..3 {
            for x in 1..3 {
                source.data[(y * 4 + x) * 3..][..3].copy_from_slice(&[1, 2, 3]);
            }
        }
        for side in [1, 2, 3, 4] {
            let data = resample(&source, area, side, side).data;
            assert!(data.chunks(3).all(|pixel| pixel == [1, 2, 3]), "{side}: {data:?}");
        }
    }

    proptest! {
        #[test]
        fn a_flat_picture_stays_flat(
            from in (1u32..40, 1u32..40), to in (1u32..40, 1u32..40), value: u8,
            channels in prop::sample::select(vec![1usize, 3, 4]),
        ) {
            let mut source = raster(from.0, from.1, channels, 0);
            source.data.fill(value);
            let out = resample(&source, whole(&source), to.0, to.1);
            prop_assert_eq!(out.data.len(), to.0 as usize * to.1 as usize * channels);
            prop_assert!(out.data.iter().all(|&out| out == value));
        }

        #[test]
        fn shrinking_keeps_the_mean(
            width in 1u32..8, height in 1u32..8, factor in (1u32..5, 1u32..5), seed: u8,
        ) {
            let source = raster(width * factor.0, height * factor.1, 1, seed);
            let out = resample(&source, whole(&source), width, height);
            let mean = |data: &[u8]| {
                data.iter().map(|&v| f64::from(v)).sum::<f64>() / data.len() as f64
            };
            prop_assert!((mean(&source.data) - mean(&out.data)).abs() <= 0.5 + 1e-9);
        }

        #[test]
        fn equal_size_keeps_every_byte(width in 1u32..20, height in 1u32..20, seed: u8) {
            let source = raster(width, height, 4, seed);
            prop_assert_eq!(&resample(&source, whole(&source), width, height), &source);
        }
    }
}
