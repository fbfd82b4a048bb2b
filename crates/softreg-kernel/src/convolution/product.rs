//! A matrix of pixels, which is never made, times a matrix of weights.

use super::Finish;
use crate::factors::Factors;
use crate::panels::{Packed, Panel, Tiled, for_each_panel};
use crate::tile::{Pieces, product, store};
use pulp::Simd;
use std::mem::MaybeUninit;

/// A matrix of pixels times a packed matrix, into some pixels of `out`.
pub(super) struct Product<'a, F, V> {
    pub(super) factors: F,
    pub(super) values: &'a [V],
    /// Factors of one picture, as everything below that is not of `out`.
    pub(super) picture: usize,
    /// Where the row of every pixel starts in the first picture.
    pub(super) starts: &'a [usize],
    pub(super) pieces: Pieces,
    pub(super) packed: &'a Packed<V>,
    pub(super) finish: Finish<'a>,
    pub(super) out: &'a mut [MaybeUninit<f32>],
    /// Values of one picture of `out`.
    pub(super) target: usize,
    /// Where every pixel's columns go in the first picture.
    pub(super) targets: &'a [usize],
}

impl<F, V> Product<'_, F, V> {
    #[inline(always)]
    pub(super) fn run<S: Simd>(&mut self, simd: S)
    where
        F: Factors<S, One = V>,
    {
        for_each_panel(simd, self.packed.columns, self);
    }
}

impl<S: Simd, F: Factors<S>> Tiled<S> for Product<'_, F, F::One> {
    #[inline(always)]
    fn panel<const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, panel: Panel) {
        let count = self.starts.len();
        let total = self.values.len() / self.picture * count;
        let rows = self.packed.rows;
        let weights = &self.packed.data[panel.first * rows..][..rows * VECTORS * S::F32_LANES];
        let weights = F::vectors(weights);
        let zero = simd.splat_f32s(0.0);
        let mut bias = [zero; VECTORS];
        if let Some(of_columns) = self.finish.bias {
            for (v, bias) in bias.iter_mut().enumerate() {
                let mut lanes = [0.0; 64];
                for (lane, to) in lanes[..S::F32_LANES].iter_mut().enumerate() {
                    let column = panel.first + v * S::F32_LANES + lane;
                    // Pixels of one phase share the bias.
                    *to = match column < self.packed.columns {
                        true => of_columns[column % of_columns.len()],
                        false => 0.0,
                    };
                }
                *bias = S::as_simd_f32s(&lanes).0[0];
            }
        }
        let slope = self.finish.activation.slope().map(|slope| simd.splat_f32s(slope));
        let (mut picture, mut pixel) = (0, 0);
        let mut done = 0;
        while done < total {
            let (mut starts, mut targets) = ([0; ROWS], [0; ROWS]);
            let valid = ROWS.min(total - done);
            for i in 0..ROWS {
                if i < valid {
                    starts[i] = picture * self.picture + self.starts[pixel];
                    targets[i] = picture * self.target + self.targets[pixel];
                    pixel += 1;
                    if pixel == count {
                        (picture, pixel) = (picture + 1, 0);
                    }
                } else {
                    starts[i] = starts[0];
                }
            }
            let (factors, pieces) = (self.factors, self.pieces);
            let sums = product::<S, F, ROWS, VECTORS>(
                simd,
                factors,
                self.values,
                &starts,
                pieces,
                weights,
            );
            for i in 0..valid {
                let mut row = sums[i];
                for (sum, bias) in row.iter_mut().zip(bias) {
                    *sum = simd.add_f32s(*sum, bias);
                    if let Some(slope) = slope {
                        let below = simd.less_than_f32s(*sum, zero);
                        *sum = simd.select_f32s(below, simd.mul_f32s(*sum, slope), *sum);
                    }
                }
                let to = &mut self.out[targets[i] + panel.first..][..panel.columns];
                store::<S, VECTORS>(to, &row);
            }
            done += valid;
        }
    }
}
