//! From the narrow side to the wide: a transposed convolution, and the gradient of a convolution's input.

use super::folded::Folded;
use super::product::Product;
use super::{Finish, Numbers, SCRATCH, Scratch, lanes};
use crate::bfloat16::Pair;
use crate::factors::{Factor, Factors, Work};
use crate::fresh::{fresh, written, written_part};
use crate::geometry::Geometry;
use crate::padded::Padded;
use crate::panels::{Packed, Phase, folds};
use crate::share::{chunks, fit, for_each_share};
use crate::tile::Pieces;
use crate::view::View;
use pulp::Simd;
use std::mem::MaybeUninit;
use std::ops::Range;

/// `[n, narrow] → [n, wide]`, channels innermost: what a transposed convolution does.
pub(crate) fn to_wide(
    geometry: &Geometry,
    source: &View<'_>,
    count: usize,
    weights: &[f32],
    numbers: Numbers,
    finish: Finish<'_>,
) -> Vec<f32> {
    let way = match folds(geometry, lanes()) {
        true => Way::Folded(Packed::folded(weights, numbers.scale, lanes(), geometry)),
        false => Way::Phases(Packed::to_wide(weights, numbers.scale, lanes(), geometry)),
    };
    // What a wide pixel meets is read in pairs of narrow channels.
    match numbers.in_pairs(geometry.narrow.channels) {
        true => by_way(geometry, source, count, &way.pairs(), finish),
        false => by_way(geometry, source, count, &way, finish),
    }
}

/// The same by weights in order.
fn by_way<V: Factor>(
    geometry: &Geometry,
    source: &View<'_>,
    count: usize,
    way: &Way<V>,
    finish: Finish<'_>,
) -> Vec<f32> {
    let padded = Padded::narrow(geometry);
    let mut out = fresh(count * geometry.wide.len());
    for_each_share(&mut out, count, geometry.wide.len(), |pictures, out| {
        match way {
            Way::Folded(packed) => {
                V::dispatch(Folded { geometry, source, pictures, packed, finish, out });
            }
            Way::Phases(phases) => {
                V::dispatch(ToWide { geometry, padded, source, pictures, phases, finish, out });
            }
        }
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

/// The weights for one of two ways.
enum Way<V> {
    Folded(Packed<V>),
    Phases(Vec<(Phase, Packed<V>)>),
}

impl Way<f32> {
    /// The same weights in pairs.
    fn pairs(&self) -> Way<Pair> {
        match self {
            Self::Folded(packed) => Way::Folded(packed.pairs(lanes())),
            Self::Phases(all) => {
                let pairs = |(phase, packed): &(Phase, Packed)| (*phase, packed.pairs(lanes()));
                Way::Phases(all.iter().map(pairs).collect())
            }
        }
    }
}

struct ToWide<'a, V> {
    geometry: &'a Geometry,
    padded: Padded,
    source: &'a View<'a>,
    pictures: Range<usize>,
    phases: &'a [(Phase, Packed<V>)],
    finish: Finish<'a>,
    out: &'a mut [MaybeUninit<f32>],
}

impl<V: Factor> Work<V> for ToWide<'_, V> {
    #[inline(always)]
    fn run<S: Simd, F: Factors<S, One = V>>(self, simd: S, factors: F) {
        let Geometry { wide, window, .. } = *self.geometry;
        let padded = self.padded;
        let s = window.stride;
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch { narrow, pairs, starts, targets, .. } = &mut scratch;
            for chunk in chunks(self.pictures.clone(), fit(padded.picture().max(wide.len()))) {
                let values = padded.fill(self.source, chunk.clone(), narrow);
                let values = factors.side_by_side(values, pairs);
                let from = (chunk.start - self.pictures.start) * wide.len();
                for (phase, packed) in self.phases {
                    starts.clear();
                    targets.clear();
                    for (qy, y) in (phase.row..wide.height).step_by(s).enumerate() {
                        for (qx, x) in (phase.column..wide.width).step_by(s).enumerate() {
                            let (dy, dx) = (phase.rows.0, phase.columns.0);
                            let start = padded.pixel(qy as isize + dy, qx as isize + dx);
                            starts.push(start / V::NUMBERS);
                            targets.push((y * wide.width + x) * wide.channels);
                        }
                    }
                    let span = |(a, b): (isize, isize)| (b - a + 1) as usize;
                    let mut product = Product {
                        factors,
                        values,
                        picture: padded.picture() / V::NUMBERS,
                        starts,
                        pieces: Pieces {
                            pieces: span(phase.rows),
                            distance: padded.row() / V::NUMBERS,
                            length: span(phase.columns) * padded.pitch / V::NUMBERS,
                        },
                        packed,
                        finish: self.finish,
                        out: &mut self.out[from..][..chunk.len() * wide.len()],
                        target: wide.len(),
                        targets,
                    };
                    product.run(simd);
                }
            }
        }
        SCRATCH.set(scratch);
    }
}
