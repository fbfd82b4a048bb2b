//! From the wide side to the narrow: a convolution, and the gradient of a transposed one's input.

use super::product::Product;
use super::{Finish, Numbers, SCRATCH, Scratch, lanes};
use crate::factors::{Factor, Factors, Work};
use crate::fresh::{fresh, written, written_part};
use crate::geometry::Geometry;
use crate::padded::Padded;
use crate::panels::Packed;
use crate::share::{chunks, fit, for_each_share};
use crate::tile::Pieces;
use crate::view::View;
use pulp::Simd;
use std::mem::MaybeUninit;
use std::ops::Range;

/// `[n, wide] → [n, narrow]`, channels innermost: what a convolution does.
pub(crate) fn to_narrow(
    geometry: &Geometry,
    source: &View<'_>,
    count: usize,
    weights: &[f32],
    numbers: Numbers,
    finish: Finish<'_>,
) -> Vec<f32> {
    let packed = Packed::to_narrow(weights, numbers.scale, lanes(), geometry);
    // A window's row is read in pairs of channels.
    match numbers.in_pairs(geometry.wide.channels) {
        true => of_packed(geometry, source, count, &packed.pairs(lanes()), finish),
        false => of_packed(geometry, source, count, &packed, finish),
    }
}

/// The same by weights in order.
fn of_packed<V: Factor>(
    geometry: &Geometry,
    source: &View<'_>,
    count: usize,
    packed: &Packed<V>,
    finish: Finish<'_>,
) -> Vec<f32> {
    let mut out = fresh(count * geometry.narrow.len());
    for_each_share(&mut out, count, geometry.narrow.len(), |pictures, out| {
        V::dispatch(ToNarrow { geometry, source, pictures, packed, finish, out });
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

struct ToNarrow<'a, V> {
    geometry: &'a Geometry,
    source: &'a View<'a>,
    pictures: Range<usize>,
    packed: &'a Packed<V>,
    finish: Finish<'a>,
    out: &'a mut [MaybeUninit<f32>],
}

impl<V: Factor> Work<V> for ToNarrow<'_, V> {
    #[inline(always)]
    fn run<S: Simd, F: Factors<S, One = V>>(self, simd: S, factors: F) {
        let Geometry { narrow, window, .. } = *self.geometry;
        let padded = Padded::wide(self.geometry);
        let (k, s, p) = (window.kernel, window.stride, window.padding as isize);
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch { wide, pairs, starts, targets, .. } = &mut scratch;
            starts.clear();
            targets.clear();
            for y in 0..narrow.height {
                for x in 0..narrow.width {
                    let start = padded.pixel((y * s) as isize - p, (x * s) as isize - p);
                    starts.push(start / V::NUMBERS);
                    targets.push((y * narrow.width + x) * narrow.channels);
                }
            }
            let (distance, length) = (padded.row() / V::NUMBERS, k * padded.pitch / V::NUMBERS);
            let pieces = Pieces { pieces: k, distance, length };
            for chunk in chunks(self.pictures.clone(), fit(padded.picture())) {
                let values = padded.fill(self.source, chunk.clone(), wide);
                let from = (chunk.start - self.pictures.start) * narrow.len();
                let mut product = Product {
                    factors,
                    values: factors.side_by_side(values, pairs),
                    picture: padded.picture() / V::NUMBERS,
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
