use super::Distance;
use crate::setting::Part;
use burn::tensor::Tensor;
use std::sync::Arc;

/// How far the sample's output lies above its partner's: `D(a, b) = (1/d)·Σₖ max(0, aₖ − bₖ)²`.
///
/// One-sided: below the partner both value and gradient are 0. LeCam's authors hold the scores of real
/// pictures against the average of those of generated ones in this way.
#[derive(Clone, Copy, Debug)]
pub struct Above;

pub(super) const PART: Part<dyn Distance> = Part {
    name: "above",
    formula: "mean max(0, a − b)²",
    settings: &[],
    build: |_| Arc::new(Above),
};

impl Distance for Above {
    fn name(&self) -> &'static str {
        "above"
    }

    fn symmetric(&self) -> bool {
        false
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        (a - b).clamp_min(0.0).square().mean_dim(1).squeeze_dim(1)
    }
}
