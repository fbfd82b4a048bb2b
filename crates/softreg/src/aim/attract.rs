use super::Aim;
use crate::setting::Part;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Outputs of a pair should be alike: `φ = E[D(f(x), f(x'))]`.
#[derive(Clone, Copy, Debug)]
pub struct Attract;

pub(super) const PART: Part<dyn Aim> = Part {
    name: "attract",
    formula: "E[D(f(x), f(x'))]",
    settings: &[],
    build: |_| Arc::new(Attract),
};

impl Aim for Attract {
    fn name(&self) -> &'static str {
        "attract"
    }

    fn needs_input_distance(&self) -> bool {
        false
    }

    fn value(&self, outputs: Tensor<1>, _inputs: Option<Tensor<1>>) -> Tensor<1> {
        outputs.mean()
    }
}
