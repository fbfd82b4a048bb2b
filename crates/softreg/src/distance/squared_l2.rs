use super::Distance;
use crate::setting::Part;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Mean square difference, `D(a, b) = (1/d)·Σₖ(aₖ − bₖ)²`.
///
/// Deviation: papers write the sum `‖a − b‖²`; for scalar scores, where they use it, both agree.
#[derive(Clone, Copy, Debug)]
pub struct SquaredL2;

pub(super) const PART: Part<dyn Distance> = Part {
    name: "squared-l2",
    formula: "mean (a − b)²",
    settings: &[],
    build: |_| Arc::new(SquaredL2),
};

impl Distance for SquaredL2 {
    fn name(&self) -> &'static str {
        "squared-l2"
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        (a - b).square().mean_dim(1).squeeze_dim(1)
    }
}
