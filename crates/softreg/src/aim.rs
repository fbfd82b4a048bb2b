//! What is asked of a pair's outputs: `φ`, from the distances of a batch to one number.

use crate::setting::Part;
use burn::tensor::Tensor;

mod attract;
mod diversify;
mod margin;
mod repel;
mod slope;
mod spread;

pub use attract::Attract;
pub use diversify::Diversify;
pub use margin::Margin;
pub use repel::Repel;
pub use slope::Slope;
pub use spread::Spread;

pub(crate) use diversify::TAU;
pub(crate) use repel::EPSILON;

/// What a regularizer asks of the pairs.
pub trait Aim: Send + Sync + std::fmt::Debug {
    /// Name in the registry and in specifications.
    fn name(&self) -> &'static str;
    /// Whether [`Aim::value`] reads the distances of the inputs.
    fn needs_input_distance(&self) -> bool;
    /// `φ` over a batch of pairs: `outputs` `[n]` holds `D(f(x), f(x'))`, `inputs` `[n]` holds
    /// `D(x, x')` where [`Aim::needs_input_distance`]. One number, `[1]`, to be minimised; an aim
    /// that rewards instead of punishing is negative. Without `inputs`, all of them count as 1.
    fn value(&self, outputs: Tensor<1>, inputs: Option<Tensor<1>>) -> Tensor<1>;
}

/// All aims, sorted by name.
pub const AIMS: &[Part<dyn Aim>] =
    &[attract::PART, diversify::PART, margin::PART, repel::PART, slope::PART, spread::PART];

/// Equal inputs would give 0/0. A floor this far below any real distance keeps a ratio finite, and
/// is large enough that the gradient, which has its square, stays so in single precision.
const SMALLEST_INPUT: f64 = 1e-12;

/// `D(f(x), f(x')) / D(x, x')` of every pair, `[n]`. A pair whose inputs coincide says nothing about
/// how outputs follow inputs: its ratio is 0, and so is its gradient.
fn ratio_of_each(outputs: Tensor<1>, inputs: Option<Tensor<1>>) -> Tensor<1> {
    let Some(inputs) = inputs else { return outputs };
    let coincide = inputs.clone().lower_elem(SMALLEST_INPUT);
    (outputs / inputs.clamp_min(SMALLEST_INPUT)).mask_fill(coincide, 0.0)
}
