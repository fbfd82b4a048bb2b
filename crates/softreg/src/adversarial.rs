//! The loss `L` of adversarial training: what the critic and the generator play for.
//!
//! Scores are `[n]`, higher for pictures that look real. Every loss is a mean over the batch.

use burn::tensor::Tensor;
use softreg_kernel::{Activation, activation};

mod hinge;
mod least_squares;
mod logistic;
mod relativistic;
mod wasserstein;

pub use hinge::Hinge;
pub use least_squares::LeastSquares;
pub use logistic::Logistic;
pub use relativistic::Relativistic;
pub use wasserstein::Wasserstein;

/// A pair of losses, one for each player; both are minimised.
pub trait AdversarialLoss: Send + Sync + std::fmt::Debug {
    /// Name in configurations.
    fn name(&self) -> &'static str;
    /// The formulas, as plain text; `r`, `f` are the scores of real and generated pictures.
    fn formula(&self) -> &'static str;
    /// Where it comes from.
    fn source(&self) -> &'static str;
    /// The critic's loss, `[1]`.
    fn critic(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1>;
    /// The generator's loss, `[1]`. `real` holds scores where [`AdversarialLoss::pairs_players`].
    fn generator(&self, fake: Tensor<1>, real: Option<Tensor<1>>) -> Tensor<1>;
    /// Whether the generator's loss reads the scores of real pictures too.
    fn pairs_players(&self) -> bool {
        false
    }
}

/// All losses, sorted by name.
pub const LOSSES: &[&dyn AdversarialLoss] =
    &[&Hinge, &LeastSquares, &Logistic, &Relativistic, &Wasserstein];

/// The loss called `name`.
pub fn named(name: &str) -> Option<&'static dyn AdversarialLoss> {
    LOSSES.iter().copied().find(|loss| loss.name() == name)
}

/// `ln(1 + eˣ)` of every score.
fn softplus(x: Tensor<1>) -> Tensor<1> {
    activation(x, Activation::Softplus)
}
