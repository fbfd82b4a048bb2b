use super::Distance;
use crate::setting::Part;
use burn::tensor::Tensor;
use softreg_kernel::{mean_absolute_difference, mean_absolute_difference_within};
use std::sync::Arc;

/// Mean absolute difference, `D(a, b) = (1/d)·Σₖ|aₖ − bₖ|`.
///
/// The subgradient where `aₖ = bₖ` is 0.
#[derive(Clone, Copy, Debug)]
pub struct L1;

pub(super) const PART: Part<dyn Distance> =
    Part { name: "l1", formula: "mean |a − b|", settings: &[], build: |_| Arc::new(L1) };

impl Distance for L1 {
    fn name(&self) -> &'static str {
        "l1"
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        mean_absolute_difference(a, b)
    }

    fn within(&self, y: Tensor<2>, pairs: &[[usize; 2]]) -> Tensor<1> {
        mean_absolute_difference_within(y, pairs)
    }
}
