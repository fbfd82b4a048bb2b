//! From both sides to the weights: their gradient, for a convolution and a transposed one.

use super::share::{chunks, map_shares};
use super::{SCRATCH, Scratch, lanes};
use crate::geometry::Geometry;
use crate::padded::Padded;
use crate::panels::{Panel, Tiled, for_each_panel};
use crate::tile::{Pixels, outer};
use crate::view::View;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Narrow pixels over which a tile of the weights' gradient is summed before it goes to memory: what is read of them
/// stays in the first-level cache.
const SUMMED: usize = 128;

/// The gradient of the weights `[narrow, wide, k, k]`, from the values or gradients of both sides.
pub(crate) fn to_weights(
    geometry: &Geometry,
    wide: &View<'_>,
    narrow: &View<'_>,
    count: usize,
) -> Vec<f32> {
    let padded = Padded::narrow(geometry, lanes());
    let k = geometry.window.kernel;
    let rows = k * k * geometry.wide.channels;
    let job = |pictures: Range<usize>| {
        let mut sums = vec![0.0; rows * padded.pitch];
        let out = &mut sums;
        Arch::new().dispatch(ToWeights { geometry, padded, wide, narrow, pictures, out });
        sums
    };
    let mut parts = map_shares(count, job).into_iter();
    let mut total = parts.next().unwrap_or_else(|| vec![0.0; rows * padded.pitch]);
    for part in parts {
        total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    // From window row, window column, wide channel, narrow channel to the order of the weights.
    let (wide, narrow) = (geometry.wide.channels, geometry.narrow.channels);
    let mut weights = vec![0.0; narrow * wide * k * k];
    for (row, sums) in total.chunks_exact(padded.pitch).enumerate() {
        let (tap, i) = (row / wide, row % wide);
        let to = weights[i * k * k + tap..].iter_mut().step_by(wide * k * k);
        to.zip(sums).for_each(|(to, sum)| *to = *sum);
    }
    weights
}

struct ToWeights<'a> {
    geometry: &'a Geometry,
    padded: Padded,
    wide: &'a View<'a>,
    narrow: &'a View<'a>,
    pictures: Range<usize>,
    /// Rows: window row, window column, wide channel; columns: narrow channels up to the pitch.
    out: &'a mut [f32],
}

impl WithSimd for ToWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { geometry, padded: narrow, pictures, out, .. } = self;
        let wide = Padded::wide(geometry);
        let pixels = narrow.extent.height * narrow.extent.width;
        let step = (SUMMED / pixels).max(1);
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch { wide: left, narrow: right, .. } = &mut scratch;
            for chunk in chunks(pictures, step) {
                wide.fill(self.wide, chunk.clone(), left);
                narrow.fill(self.narrow, chunk.clone(), right);
                let mut outer = Outer { geometry, wide, narrow, left, right, out };
                for_each_panel(simd, narrow.pitch, &mut outer);
            }
        }
        SCRATCH.set(scratch);
    }
}

struct Outer<'a> {
    geometry: &'a Geometry,
    wide: Padded,
    narrow: Padded,
    left: &'a [f32],
    right: &'a [f32],
    out: &'a mut [f32],
}

impl Tiled for Outer<'_> {
    #[inline(always)]
    fn panel<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, panel: Panel) {
        let length = self.geometry.window.kernel * self.geometry.wide.channels;
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

impl Outer<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        panel: Panel,
        [ky, row]: [usize; 2],
    ) {
        let Self { geometry, wide, narrow, .. } = *self;
        let (s, p) = (geometry.window.stride, geometry.window.padding as isize);
        let length = geometry.window.kernel * geometry.wide.channels;
        let pictures = self.left.len() / wide.picture();
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        let pixels = Pixels {
            rows: narrow.extent.height,
            columns: narrow.extent.width,
            row_step: [s * wide.row(), narrow.row()],
            column_step: [s * wide.pitch, narrow.pitch],
        };
        for n in 0..pictures {
            let left = n * wide.picture() + wide.pixel(ky as isize - p, -p) + row;
            let right = n * narrow.picture() + narrow.pixel(0, 0) + panel.first;
            let (left, right) = (&self.left[left..], &self.right[right..]);
            outer::<S, ROWS, VECTORS>(simd, &mut sums, left, right, pixels);
        }
        for (i, sums) in sums.iter().enumerate() {
            let to = (ky * length + row + i) * narrow.pitch + panel.first;
            let (to, _) = S::as_mut_simd_f32s(&mut self.out[to..][..VECTORS * S::F32_LANES]);
            for (to, sum) in to.iter_mut().zip(sums) {
                *to = simd.add_f32s(*to, *sum);
            }
        }
    }
}
