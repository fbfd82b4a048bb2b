use super::Aim;
use crate::setting::Part;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Outputs of a pair should lie apart, the farther the better: `φ = −E[D(f(x), f(x'))]`.
///
/// A reward without end, so its value is at most 0; what holds outputs together has to come from the
/// loss. Unlike [`super::Diversify`] it does not look at the inputs, which suits partners that all lie
/// equally near, such as those of [`crate::pairing::Noise`].
///
/// Source: the generator's half of zCR, arXiv 2002.04724.
#[derive(Clone, Copy, Debug)]
pub struct Spread;

pub(super) const PART: Part<dyn Aim> = Part {
    name: "spread",
    formula: "−E[D(f(x), f(x'))]",
    settings: &[],
    build: |_| Arc::new(Spread),
};

impl Aim for Spread {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn needs_input_distance(&self) -> bool {
        false
    }

    fn value(&self, outputs: Tensor<1>, _inputs: Option<Tensor<1>>) -> Tensor<1> {
        outputs.mean().neg()
    }
}
