//! From the wide side to the narrow: a convolution, and the gradient of a transposed one's input.

use super::product::Product;
use super::{Finish, SCRATCH, Scratch, lanes};
use crate::fresh::{fresh, written, written_part};
use crate::geometry::Geometry;
use crate::padded::Padded;
use crate::panels::Packed;
use crate::share::{chunks, fit, for_each_share};
use crate::tile::Pieces;
use crate::view::View;
use pulp::{Arch, Simd, WithSimd};
use std::mem::MaybeUninit;
use std::ops::Range;

/// `[n, wide] → [n, narrow]`, channels innermost: what a convolution does.
pub(crate) fn to_narrow(
    geometry: &Geometry,
    source: &View<'_>,
    count: usize,
    weights: &[f32],
    scale: f32,
    finish: Finish<'_>,
) -> Vec<f32> {
    let packed = Packed::to_narrow(weights, scale, lanes(), geometry);
    let mut out = fresh(count * geometry.narrow.len());
    for_each_share(&mut out, count, geometry.narrow.len(), |pictures, out| {
        let job = ToNarrow { geometry, source, pictures, packed: &packed, finish, out };
        Arch::new().dispatch(job);
        // SAFETY: every pixel is the target of one row, and every column is in one panel.
        #[allow(unsafe_code)]
        finish.complete(unsafe { written_part(out) });
    });
    // SAFETY: every picture is in one share.
    #[allow(unsafe_code)]
    unsafe {
        written(out)
    }
}

struct ToNarrow<'a> {
    geometry: &'a Geometry,
    source: &'a View<'a>,
    pictures: Range<usize>,
    packed: &'a Packed,
    finish: Finish<'a>,
    out: &'a mut [MaybeUninit<f32>],
}

impl WithSimd for ToNarrow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Geometry { narrow, window, .. } = *self.geometry;
        let padded = Padded::wide(self.geometry);
        let (k, s, p) = (window.kernel, window.stride, window.padding as isize);
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch { wide, starts, targets, .. } = &mut scratch;
            starts.clear();
            targets.clear();
            for y in 0..narrow.height {
                for x in 0..narrow.width {
                    starts.push(padded.pixel((y * s) as isize - p, (x * s) as isize - p));
                    targets.push((y * narrow.width + x) * narrow.channels);
                }
            }
            let (pieces, length) = (k, k * padded.pitch);
            let pieces = Pieces { pieces, distance: padded.row(), length };
            for chunk in chunks(self.pictures.clone(), fit(padded.picture())) {
                let values = padded.fill(self.source, chunk.clone(), wide);
                let from = (chunk.start - self.pictures.start) * narrow.len();
                let mut product = Product {
                    values,
                    picture: padded.picture(),
                    starts,
                    pieces,
                    packed: self.packed,
                    finish: self.finish,
                    out: &mut self.out[from..][..chunk.len() * narrow.len()],
                    target: narrow.len(),
                    targets,
                };
                product.run(simd);
            }
        }
        SCRATCH.set(scratch);
    }
}
