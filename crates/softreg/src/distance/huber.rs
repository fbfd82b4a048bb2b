use super::Distance;
use crate::setting::{Part, Setting};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Squares of small differences, absolute values of large ones: the mean over features of
/// `½·d²` where `|d| ≤ δ` and `δ·(|d| − δ/2)` elsewhere, `d = aₖ − bₖ`.
///
/// The gradient of a feature is `d`, clipped to `−δ..=δ`: 0 where the two are equal, and no single
/// feature dominates. Source: Huber 1964.
#[derive(Clone, Copy, Debug)]
pub struct Huber {
    /// Difference at which the square ends, in units of the output; greater than 0.
    pub delta: f64,
}

impl Huber {
    /// The customary δ.
    pub const DELTA: f64 = 1.0;
}

pub(super) const PART: Part<dyn Distance> = Part {
    name: "huber",
    formula: "mean of ½(a − b)² where |a − b| ≤ δ, δ(|a − b| − δ/2) elsewhere",
    settings: &[Setting::number(
        "delta",
        "difference at which the penalty turns from quadratic to linear",
        Huber::DELTA,
        [1e-6, 1e6],
    )],
    build: |settings| Arc::new(Huber { delta: settings.number("delta") }),
};

impl Distance for Huber {
    fn name(&self) -> &'static str {
        "huber"
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        let difference = (a - b).abs();
        // Both branches in one: the clipped difference is |d| inside and δ outside.
        let clipped = difference.clone().clamp_max(self.delta);
        let value = clipped.clone() * (difference - clipped.mul_scalar(0.5));
        value.mean_dim(1).squeeze_dim(1)
    }
}
