//! Absolute differences in vectors. Burn's derivative of `|x|` chooses value by value, which is mispredicted every other time,
//! and each of its operations on the way is a pass over memory.

use crate::fresh::{fresh, written};
use pulp::{Arch, Simd, WithSimd};
use std::mem::MaybeUninit;

/// The mean absolute difference of each of these pairs of rows.
pub(crate) fn run<'a>(pairs: impl Iterator<Item = [&'a [f32]; 2]>) -> Vec<f32> {
    let arch = Arch::new();
    pairs.map(|[a, b]| arch.dispatch(Mean { a, b })).collect()
}

/// A row that another one is compared with, and the gradient of their mean absolute difference, over the number of values.
pub(crate) struct Neighbour<'a> {
    pub(crate) row: &'a [f32],
    pub(crate) gradient: f32,
}

/// The gradient of every row of `length` values: for each of its neighbours `g` above it, `−g` below it, and 0 where both
/// are equal.
pub(crate) fn pull_back(
    rows: &[f32],
    length: usize,
    neighbours: &[Vec<Neighbour<'_>>],
) -> Vec<f32> {
    assert_eq!(rows.len(), length * neighbours.len(), "rows without neighbours");
    let (arch, mut out) = (Arch::new(), fresh(rows.len()));
    let all = out.chunks_exact_mut(length).zip(rows.chunks_exact(length)).zip(neighbours);
    for ((out, row), neighbours) in all {
        arch.dispatch(Signs { row, neighbours, out });
    }
    // SAFETY: rows are all that there is, and each was written to its end.
    #[allow(unsafe_code)]
    unsafe {
        written(out)
    }
}

struct Mean<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Mean<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        /// Sums side by side, so that none waits for the one before.
        const SUMS: usize = 4;
        let Self { a, b } = self;
        let ((whole_a, rest_a), (whole_b, rest_b)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
        let mut sums = [simd.splat_f32s(0.0); SUMS];
        let ((fours_a, last_a), (fours_b, last_b)) =
            (whole_a.as_chunks::<SUMS>(), whole_b.as_chunks::<SUMS>());
        for (a, b) in fours_a.iter().zip(fours_b) {
            for i in 0..SUMS {
                sums[i] = simd.add_f32s(sums[i], simd.abs_f32s(simd.sub_f32s(a[i], b[i])));
            }
        }
        for (a, b) in last_a.iter().zip(last_b) {
            sums[0] = simd.add_f32s(sums[0], simd.abs_f32s(simd.sub_f32s(*a, *b)));
        }
        let [first, second, third, fourth] = sums;
        let sum = simd.add_f32s(simd.add_f32s(first, second), simd.add_f32s(third, fourth));
        let rest = rest_a.iter().zip(rest_b).map(|(a, b)| (a - b).abs());
        (simd.reduce_sum_f32s(sum) + rest.sum::<f32>()) / a.len() as f32
    }
}

struct Signs<'a> {
    row: &'a [f32],
    neighbours: &'a [Neighbour<'a>],
    /// As long as the row; all of it is written.
    out: &'a mut [MaybeUninit<f32>],
}

impl WithSimd for Signs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { row, neighbours, out } = self;
        let (whole, rest) = S::as_simd_f32s(row);
        let (out, out_rest) = S::as_uninit_mut_simd_f32s(out);
        let zero = simd.splat_f32s(0.0);
        for (i, (out, x)) in out.iter_mut().zip(whole).enumerate() {
            let mut sum = zero;
            for Neighbour { row, gradient } in neighbours {
                let other = S::as_simd_f32s(row).0[i];
                let (above, below) = (simd.splat_f32s(*gradient), simd.splat_f32s(-gradient));
                let or_below = simd.select_f32s(simd.less_than_f32s(*x, other), below, zero);
                let one = simd.select_f32s(simd.greater_than_f32s(*x, other), above, or_below);
                sum = simd.add_f32s(sum, one);
            }
            out.write(sum);
        }
        for (i, (out, x)) in out_rest.iter_mut().zip(rest).enumerate() {
            let one = |of: &Neighbour<'_>| {
                let other = of.row[row.len() - rest.len() + i];
                let or_below = if *x < other { -of.gradient } else { 0.0 };
                if *x > other { of.gradient } else { or_below }
            };
            out.write(neighbours.iter().map(one).sum());
        }
    }
}
