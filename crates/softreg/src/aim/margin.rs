use super::Aim;
use burn::tensor::Tensor;

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

impl Aim for Margin {
    fn name(&self) -> &'static str {
        "margin"
    }

    fn formula(&self) -> &'static str {
        "½·E[max(0, m − D(f(x), f(x')))²]"
    }

    fn needs_input_distance(&self) -> bool {
        false
    }

    fn value(&self, outputs: Tensor<1>, _inputs: Option<Tensor<1>>) -> Tensor<1> {
        let lacking = outputs.neg().add_scalar(self.margin).clamp_min(0.0);
        lacking.square().mean().mul_scalar(0.5)
    }
}
