//! How far rows are from each other, as one operation.

#[cfg(feature = "flex")]
mod kernel;

#[cfg(feature = "flex")]
use crate::kernels;
use crate::selection::select_rows;
use burn::tensor::Tensor;

#[cfg(feature = "flex")]
pub(crate) use kernel::{Neighbour, pull_back, run};

/// `yᵢ = (1/d)·Σₖ |aᵢₖ − bᵢₖ|`: `[n, d] × [n, d] → [n]`. The derivative where `aᵢₖ = bᵢₖ` is 0.
///
/// # Panics
/// Where the shapes differ.
pub fn mean_absolute_difference(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    assert_eq!(a.dims(), b.dims(), "a difference of different shapes");
    #[cfg(feature = "flex")]
    if a.dims()[1] > 0 && [&a, &b].into_iter().all(kernels::of_processor_are_there) {
        return kernels::mean_absolute_difference(a, b);
    }
    (a - b).abs().mean_dim(1).squeeze_dim(1)
}

/// [`mean_absolute_difference`] of rows of the same tensor, of those of every pair `[l, r]`:
/// `yᵢ = (1/d)·Σₖ |x_{lᵢ,k} − x_{rᵢ,k}|`, `[n, d] → [pairs]`.
///
/// # Panics
/// Where a row is not there.
pub fn mean_absolute_difference_within(x: Tensor<2>, pairs: &[[usize; 2]]) -> Tensor<1> {
    let there = x.dims()[0];
    assert!(pairs.iter().flatten().all(|row| *row < there), "a row of {there} that is not there");
    #[cfg(feature = "flex")]
    if x.dims()[1] > 0 && kernels::of_processor_are_there(&x) {
        return kernels::mean_absolute_difference_within(x, pairs);
    }
    let [a, b] = [0, 1].map(|side| {
        let rows: Vec<usize> = pairs.iter().map(|pair| pair[side]).collect();
        select_rows(x.clone(), &rows)
    });
    mean_absolute_difference(a, b)
}
