//! Some rows out of many, and the gradient of that.

#[cfg(feature = "flex")]
use crate::kernels;
use burn::tensor::{Int, Tensor, TensorData};
#[cfg(feature = "flex")]
use pulp::Arch;
#[cfg(feature = "flex")]
use std::sync::Arc;

/// `yᵢ = x_{rows[i]}`: `[n, d] → [rows.len(), d]`. A row may be there several times, or not at all.
///
/// # Panics
/// Where a row is not there.
pub fn select_rows(x: Tensor<2>, rows: &[usize]) -> Tensor<2> {
    let there = x.dims()[0];
    assert!(rows.iter().all(|row| *row < there), "a row of {there} that is not there");
    if rows.iter().copied().eq(0..there) {
        return x;
    }
    #[cfg(feature = "flex")]
    if kernels::of_processor_are_there(&x) {
        return kernels::select_rows(x, Arc::from(rows));
    }
    let index: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
    let index = TensorData::new(index, [rows.len()]);
    let index = Tensor::<1, Int>::from_data(index, &x.device());
    x.select(0, index)
}

/// The values of the rows.
#[cfg(feature = "flex")]
pub(crate) fn run(x: &[f32], length: usize, rows: &[usize]) -> Vec<f32> {
    let mut out = Vec::with_capacity(length * rows.len());
    for row in rows {
        out.extend_from_slice(&x[row * length..][..length]);
    }
    out
}

/// The gradient of all `there` rows from that of those that were taken: Burn's takes value by value.
#[cfg(feature = "flex")]
pub(crate) fn pull_back(gradient: &[f32], length: usize, rows: &[usize], there: usize) -> Vec<f32> {
    let mut first = vec![None; there];
    rows.iter().enumerate().rev().for_each(|(i, row)| first[*row] = Some(i));
    let of = |i: usize| &gradient[i * length..][..length];
    let mut out = Vec::with_capacity(there * length);
    for taken in &first {
        match taken {
            Some(i) => out.extend_from_slice(of(*i)),
            None => out.resize(out.len() + length, 0.0),
        }
    }
    for (i, row) in rows.iter().enumerate().filter(|(i, row)| first[**row] != Some(*i)) {
        Arch::new().dispatch(|| {
            for (to, from) in out[row * length..][..length].iter_mut().zip(of(i)) {
                *to += from;
            }
        });
    }
    out
}
