use super::{Above, Distance};
use crate::setting::Part;
use burn::tensor::Tensor;
use std::sync::Arc;

/// How far the sample's output lies below its partner's: `D(a, b) = (1/d)·Σₖ max(0, bₖ − aₖ)²`, the
/// other side of [`Above`].
#[derive(Clone, Copy, Debug)]
pub struct Below;

pub(super) const PART: Part<dyn Distance> = Part {
    name: "below",
    formula: "mean max(0, b − a)²",
    settings: &[],
    build: |_| Arc::new(Below),
};

impl Distance for Below {
    fn name(&self) -> &'static str {
        "below"
    }

    fn symmetric(&self) -> bool {
        false
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        Above.per_pair(b, a)
    }
}
