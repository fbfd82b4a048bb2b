use super::{Aim, SMALLEST_INPUT};
use crate::setting::{Part, Setting};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Outputs of a pair should lie apart, in proportion to their inputs:
/// `φ = 1 / (E[D(f(x), f(x'))] / E[D(x, x')] + ε)`.
///
/// Source: mode-seeking GAN, arXiv 1903.05628, maximises the ratio; the authors' program
/// minimises this reciprocal with the means of numerator and denominator taken over the batch,
/// and so do we. `ε` bounds the value by `1/ε` when all outputs are equal; there the
/// gradient of a distance is 0, so outputs that are equal to the last bit stay so.
#[derive(Clone, Copy, Debug)]
pub struct Repel {
    /// Bounds the value from above by its reciprocal; greater than 0.
    pub epsilon: f64,
}

impl Repel {
    /// The authors' ε.
    pub const EPSILON: f64 = 1e-5;
}

pub(crate) const EPSILON: Setting = Setting::number(
    "epsilon",
    "caps the penalty at 1/epsilon when all outputs are equal",
    Repel::EPSILON,
    [1e-8, 1.0],
);

pub(super) const PART: Part<dyn Aim> = Part {
    name: "repel",
    formula: "1 / (E[D(f(x), f(x'))] / E[D(x, x')] + ε)",
    settings: &[EPSILON],
    build: |settings| Arc::new(Repel { epsilon: settings.number("epsilon") }),
};

impl Aim for Repel {
    fn name(&self) -> &'static str {
        "repel"
    }

    fn needs_input_distance(&self) -> bool {
        true
    }

    fn value(&self, outputs: Tensor<1>, inputs: Option<Tensor<1>>) -> Tensor<1> {
        let ratio = match inputs {
            Some(inputs) => outputs.mean() / inputs.mean().clamp_min(SMALLEST_INPUT),
            None => outputs.mean(),
        };
        ratio.add_scalar(self.epsilon).recip()
    }
}
