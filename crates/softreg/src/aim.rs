//! What is asked of a pair's outputs: `φ`, from the distances of a batch to one number.

use burn::tensor::Tensor;

mod attract;
mod repel;

pub use attract::Attract;
pub use repel::Repel;

/// What a regularizer asks of the pairs.
pub trait Aim: Send + Sync + std::fmt::Debug {
    /// Name in the registry and in specifications.
    fn name(&self) -> &'static str;
    /// The formula, as plain text.
    fn formula(&self) -> &'static str;
    /// Whether [`Aim::value`] reads the distances of the inputs.
    fn needs_input_distance(&self) -> bool;
    /// `φ` over a batch of pairs: `outputs` `[n]` holds `D(f(x), f(x'))`, `inputs` `[n]` holds
    /// `D(x, x')` where [`Aim::needs_input_distance`]. One number, `[1]`, to be minimised.
    fn value(&self, outputs: Tensor<1>, inputs: Option<Tensor<1>>) -> Tensor<1>;
}

/// All aims with their default settings, sorted by name.
pub const AIMS: &[&dyn Aim] = &[&Attract, &Repel { epsilon: Repel::EPSILON }];
