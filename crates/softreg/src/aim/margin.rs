use super::Aim;
use crate::setting::{Part, Setting};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Outputs of a pair should lie at least a margin apart: `φ = ½·E[max(0, m − D(f(x), f(x')))²]`.
///
/// Pairs beyond the margin have gradient 0. So have outputs that are equal, if the distance has
/// none there: what is equal to the last bit stays so.
///
/// Source: the loss of unlike pairs in Hadsell, Chopra and LeCun 2006 (contrastive loss).
/// Deviation: there the distance is Euclidean; here it is whichever the composition has.
#[derive(Clone, Copy, Debug)]
pub struct Margin {
    /// The distance that suffices, in units of the distance; greater than 0.
    pub margin: f64,
}

impl Margin {
    /// The customary margin.
    pub const MARGIN: f64 = 1.0;
}

const MARGIN: Setting = Setting::number(
    "margin",
    "distance beyond which a pair costs nothing",
    Margin::MARGIN,
    [1e-6, 1e6],
);

pub(super) const PART: Part<dyn Aim> = Part {
    name: "margin",
    formula: "½·E[max(0, m − D(f(x), f(x')))²]",
    settings: &[MARGIN],
    build: |settings| Arc::new(Margin { margin: settings.number("margin") }),
};

impl Aim for Margin {
    fn name(&self) -> &'static str {
        "margin"
    }

    fn needs_input_distance(&self) -> bool {
        false
    }

    fn value(&self, outputs: Tensor<1>, _inputs: Option<Tensor<1>>) -> Tensor<1> {
        let lacking = outputs.neg().add_scalar(self.margin).clamp_min(0.0);
        lacking.square().mean().mul_scalar(0.5)
    }
}
