//! How far apart two outputs are: `D(a, b)`, one number per pair.
//!
//! Every distance here is a *mean over the features* of an output, not a sum: λ then means the
//! same at 32x32 and at 256x256. For a critic's score, a single feature, the two agree.

use burn::tensor::Tensor;

mod l1;
mod squared_l2;

pub use l1::L1;
pub use squared_l2::SquaredL2;

/// A distance between outputs.
pub trait Distance: Send + Sync + std::fmt::Debug {
    /// Name in the registry and in specifications.
    fn name(&self) -> &'static str;
    /// The formula, as plain text.
    fn formula(&self) -> &'static str;
    /// `D(aᵢ, bᵢ)` for every row: `[n, features] × [n, features] → [n]`, each at least 0.
    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1>;
}

/// All distances, sorted by name.
pub const DISTANCES: &[&dyn Distance] = &[&L1, &SquaredL2];
