//! From both sides to the weights: their gradient, for a convolution and a transposed one.

use super::{Numbers, SCRATCH, Scratch, lanes};
use crate::bfloat16::Pair;
use crate::factors::{Factor, Factors, Work};
use crate::fresh::{fresh, written, written_part};
use crate::geometry::{Extent, Geometry};
use crate::padded::Padded;
use crate::panels::{Panel, Tiled, for_each_panel};
use crate::share::{chunks, map_shares};
use crate::tile::{Places, outer, store};
use crate::turn::{Rows, Turn};
use crate::view::View;
use pulp::Simd;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Narrow pixels over which a tile of the weights' gradient is summed before it goes to memory: what is read of them
/// stays in the first-level cache.
const SUMMED: usize = 64;

/// The gradient of the weights `[narrow, wide, k, k]`, from the values or gradients of both sides, where the layer
/// takes `scale` times the weights.
pub(crate) fn to_weights(
    geometry: &Geometry,
    wide: &View<'_>,
    narrow: &View<'_>,
    count: usize,
    numbers: Numbers,
) -> Vec<f32> {
    // Neighbours in a row of pixels are summed together.
    let run = match numbers.in_pairs(geometry.narrow.width) {
        true => by_factors::<Pair>,
        false => by_factors::<f32>,
    };
    run(geometry, wide, narrow, count, numbers.scale)
}

/// The same by factors of one kind.
fn by_factors<V: Factor>(
    geometry: &Geometry,
    wide: &View<'_>,
    narrow: &View<'_>,
    count: usize,
    scale: f32,
) -> Vec<f32> {
    let lanes = lanes();
    let pitch = geometry.narrow.channels.div_ceil(lanes) * lanes;
    let (k, channels) = (geometry.window.kernel, geometry.wide.channels);
    let rows = k * k * channels;
    let job = |pictures: Range<usize>| {
        if pictures.is_empty() {
            return vec![0.0; rows * pitch];
        }
        let mut sums = fresh(rows * pitch);
        let out = &mut sums;
        V::dispatch(ToWeights { geometry, pitch, wide, narrow, pictures, out });
        // SAFETY: every row and column is in one tile, and the first chunk writes all tiles.
        #[allow(unsafe_code)]
        unsafe {
            written(sums)
        }
    };
    let mut parts = map_shares(count, job).into_iter();
    let mut total = parts.next().unwrap_or_else(|| vec![0.0; rows * pitch]);
    for part in parts {
        total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    in_order(&total, scale, [k * k, channels, geometry.narrow.channels], pitch)
}

/// From window row, window column, wide channel, narrow channel (`pitch` of them) to the order of the weights.
fn in_order(sums: &[f32], scale: f32, [taps, wide, narrow]: [usize; 3], pitch: usize) -> Vec<f32> {
    let mut weights = fresh(narrow * wide * taps);
    let turn = Turn::new();
    for i in 0..wide {
        turn.run(
            [taps, narrow],
            scale,
            Rows { values: &sums[i * pitch..], pitch: wide * pitch },
            Rows { values: &mut weights[i * taps..], pitch: wide * taps },
        );
    }
    // SAFETY: every wide channel's rows and columns were turned, which are all weights.
    #[allow(unsafe_code)]
    unsafe {
        written(weights)
    }
}

struct ToWeights<'a> {
    geometry: &'a Geometry,
    /// Values of a row of `out`.
    pitch: usize,
    wide: &'a View<'a>,
    narrow: &'a View<'a>,
    pictures: Range<usize>,
    /// Rows: window row, window column, wide channel; columns: narrow channels up to the pitch.
    out: &'a mut [MaybeUninit<f32>],
}

impl<V: Factor> Work<V> for ToWeights<'_> {
    #[inline(always)]
    fn run<S: Simd, F: Factors<S, One = V>>(self, simd: S, factors: F) {
        let Self { geometry, pitch, pictures, out, .. } = self;
        let wide = Padded::wide(geometry);
        let narrow = Padded::pixels(geometry.narrow, pitch);
        let Extent { height, width, channels } = geometry.narrow;
        let step = (SUMMED / (height * width)).max(1);
        // Where nothing has to be filled up, the narrow side is read where it lies.
        let dense = self.narrow.dense(&geometry.narrow, pictures.end).filter(|_| channels == pitch);
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch {
                wide: left, narrow: filled, pairs, pairs_beside, columns, places, ..
            } = &mut scratch;
            let (row, column) =
                (geometry.window.stride * wide.row(), geometry.window.stride * wide.pitch);
            let mut known = 0;
            let mut first = true;
            for chunk in chunks(pictures, step) {
                let left = wide.fill(self.wide, chunk.clone(), left);
                let left = factors.apart(left, column, pairs);
                let right = match dense {
                    Some(all) => &all[chunk.start * narrow.picture()..chunk.end * narrow.picture()],
                    None => narrow.fill(self.narrow, chunk.clone(), filled),
                };
                let right = factors.apart(right, pitch, pairs_beside);
                if known != chunk.len() {
                    known = chunk.len();
                    let of_picture = |n| {
                        let rows = (0..height).map(move |y| n * wide.picture() + y * row);
                        let pixels = (0..width).step_by(V::NUMBERS);
                        rows.flat_map(move |row| pixels.clone().map(move |x| row + x * column))
                    };
                    places.set((0..known).flat_map(of_picture));
                }
                let mut outer = Outer {
                    factors,
                    geometry,
                    wide,
                    pitch,
                    left,
                    places,
                    right,
                    columns,
                    first,
                    out,
                };
                for_each_panel(simd, pitch, &mut outer);
                first = false;
            }
        }
        SCRATCH.set(scratch);
    }
}

struct Outer<'a, F, V> {
    factors: F,
    geometry: &'a Geometry,
    wide: Padded,
    pitch: usize,
    left: &'a [V],
    /// Where the window's first pixel is on the left.
    places: &'a Places,
    right: &'a [V],
    /// Of one panel, pixel after pixel: factors, whichever they are.
    columns: &'a mut Vec<Pair>,
    /// Nothing is summed so far.
    first: bool,
    out: &'a mut [MaybeUninit<f32>],
}

impl<S: Simd, F: Factors<S>> Tiled<S> for Outer<'_, F, F::One> {
    #[inline(always)]
    fn panel<const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, panel: Panel) {
        let length = self.geometry.window.kernel * self.geometry.wide.channels;
        let width = VECTORS * S::F32_LANES;
        self.columns.clear();
        for pixel in self.right.chunks_exact(self.pitch * F::One::NUMBERS) {
            self.columns.extend_from_slice(bytemuck::cast_slice(&pixel[panel.first..][..width]));
        }
        for ky in 0..self.geometry.window.kernel {
            let mut row = 0;
            while row + ROWS <= length {
                self.tile::<S, ROWS, VECTORS>(simd, panel, [ky, row]);
                row += ROWS;
            }
            while row + 3 <= length {
                self.tile::<S, 3, VECTORS>(simd, panel, [ky, row]);
                row += 3;
            }
            while row < length {
                self.tile::<S, 1, VECTORS>(simd, panel, [ky, row]);
                row += 1;
            }
        }
    }
}

impl<F, V: Factor> Outer<'_, F, V> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        panel: Panel,
        [ky, row]: [usize; 2],
    ) where
        F: Factors<S, One = V>,
    {
        let Self { geometry, wide, pitch, places, .. } = *self;
        let length = geometry.window.kernel * geometry.wide.channels;
        let left = &self.left[ky * wide.row() + row..];
        let right = bytemuck::cast_slice(self.columns);
        let sums = outer::<S, F, ROWS, VECTORS>(simd, self.factors, left, places, right);
        for (i, sums) in sums.iter().enumerate() {
            let to = (ky * length + row + i) * pitch + panel.first;
            let to = &mut self.out[to..][..VECTORS * S::F32_LANES];
            if self.first {
                store::<S, VECTORS>(to, sums);
                continue;
            }
            // SAFETY: the first chunk has written it.
            #[allow(unsafe_code)]
            let (to, _) = S::as_mut_simd_f32s(unsafe { written_part(to) });
            for (to, sum) in to.iter_mut().zip(sums) {
                *to = simd.add_f32s(*to, *sum);
            }
        }
    }
}
