use super::{Aim, ratio_of_each};
use crate::setting::{Part, Setting};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Outputs of a pair should lie apart, in proportion to their inputs, up to a bound:
/// `φ = −E[min(D(f(x), f(x')) / D(x, x'), τ)]`, the mean over pairs of their own clipped ratios.
///
/// A reward, so its value lies in `−τ..=0`. A pair beyond the bound has gradient 0; so has a pair
/// whose inputs coincide, which counts as ratio 0.
///
/// Source: DSGAN, arXiv 1901.09024, which maximises the mean of the clipped ratio. Unlike
/// [`super::Repel`] the push does not fade as pairs move apart, until the bound ends it, and does not
/// grow as they collapse.
///
/// Deviation: the authors' programs guard the division by `+ 1e-5` or not at all; here it is a
/// floor.
#[derive(Clone, Copy, Debug)]
pub struct Diversify {
    /// Ratio beyond which nothing more is gained; greater than 0.
    pub tau: f64,
}

impl Diversify {
    /// The bound in the authors' program, where none is the default: ordinary ratios are below it.
    pub const TAU: f64 = 10.0;
}

pub(crate) const TAU: Setting = Setting::number(
    "tau",
    "ratio above which there is no further gain",
    Diversify::TAU,
    [0.01, 1000.0],
);

pub(super) const PART: Part<dyn Aim> = Part {
    name: "diversify",
    formula: "−E[min(D(f(x), f(x')) / D(x, x'), τ)]",
    settings: &[TAU],
    build: |settings| Arc::new(Diversify { tau: settings.number("tau") }),
};

impl Aim for Diversify {
    fn name(&self) -> &'static str {
        "diversify"
    }

    fn needs_input_distance(&self) -> bool {
        true
    }

    fn value(&self, outputs: Tensor<1>, inputs: Option<Tensor<1>>) -> Tensor<1> {
        ratio_of_each(outputs, inputs).clamp_max(self.tau).mean().neg()
    }
}
