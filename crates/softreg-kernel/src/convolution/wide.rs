//! From the narrow side to the wide: a transposed convolution, and the gradient of a convolution's input.

use super::folded::Folded;
use super::product::Product;
use super::{Finish, SCRATCH, Scratch, lanes};
use crate::fresh::{fresh, written, written_part};
use crate::geometry::Geometry;
use crate::padded::Padded;
use crate::panels::{Packed, Phase, folds};
use crate::share::{chunks, fit, for_each_share};
use crate::tile::Pieces;
use crate::view::View;
use pulp::{Arch, Simd, WithSimd};
use std::mem::MaybeUninit;
use std::ops::Range;

/// `[n, narrow] → [n, wide]`, channels innermost: what a transposed convolution does.
pub(crate) fn to_wide(
    geometry: &Geometry,
    source: &View<'_>,
    count: usize,
    weights: &[f32],
    scale: f32,
    finish: Finish<'_>,
) -> Vec<f32> {
    let way = match folds(geometry, lanes()) {
        true => Way::Folded(Packed::folded(weights, scale, lanes(), geometry)),
        false => Way::Phases(Packed::to_wide(weights, scale, lanes(), geometry)),
    };
    let padded = Padded::narrow(geometry);
    let mut out = fresh(count * geometry.wide.len());
    for_each_share(&mut out, count, geometry.wide.len(), |pictures, out| {
        match &way {
            Way::Folded(packed) => {
                let job = Folded { geometry, source, pictures, packed, finish, out };
                Arch::new().dispatch(job);
            }
            Way::Phases(phases) => {
                let job = ToWide { geometry, padded, source, pictures, phases, finish, out };
                Arch::new().dispatch(job);
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
enum Way {
    Folded(Packed),
    Phases(Vec<(Phase, Packed)>),
}

struct ToWide<'a> {
    geometry: &'a Geometry,
    padded: Padded,
    source: &'a View<'a>,
    pictures: Range<usize>,
    phases: &'a [(Phase, Packed)],
    finish: Finish<'a>,
    out: &'a mut [MaybeUninit<f32>],
}

impl WithSimd for ToWide<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Geometry { wide, window, .. } = *self.geometry;
        let padded = self.padded;
        let s = window.stride;
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch { narrow, starts, targets, .. } = &mut scratch;
            for chunk in chunks(self.pictures.clone(), fit(padded.picture().max(wide.len()))) {
                let values = padded.fill(self.source, chunk.clone(), narrow);
                let from = (chunk.start - self.pictures.start) * wide.len();
                for (phase, packed) in self.phases {
                    starts.clear();
                    targets.clear();
                    for (qy, y) in (phase.row..wide.height).step_by(s).enumerate() {
                        for (qx, x) in (phase.column..wide.width).step_by(s).enumerate() {
                            let (dy, dx) = (phase.rows.0, phase.columns.0);
                            starts.push(padded.pixel(qy as isize + dy, qx as isize + dx));
                            targets.push((y * wide.width + x) * wide.channels);
                        }
                    }
                    let span = |(a, b): (isize, isize)| (b - a + 1) as usize;
                    let mut product = Product {
                        values,
                        picture: padded.picture(),
                        starts,
                        pieces: Pieces {
                            pieces: span(phase.rows),
                            distance: padded.row(),
                            length: span(phase.columns) * padded.pitch,
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
