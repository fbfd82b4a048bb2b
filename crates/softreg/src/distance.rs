//! How far apart two outputs are: `D(a, b)`, one number per pair.
//!
//! No distance here grows with the number of features: most are a *mean* over them, not a sum, the
//! others compare directions or distributions. λ then means the same at 32x32 and at 256x256. For a
//! critic's score, a single feature, mean and sum agree.

use burn::tensor::Tensor;

mod cosine;
mod huber;
mod jensen_shannon;
mod kl;
mod l1;
mod squared_l2;

pub use cosine::Cosine;
pub use huber::Huber;
pub use jensen_shannon::JensenShannon;
pub use kl::Kl;
pub use l1::L1;
pub use squared_l2::SquaredL2;

/// A distance between outputs.
pub trait Distance: Send + Sync + std::fmt::Debug {
    /// Name in the registry and in specifications.
    fn name(&self) -> &'static str;
    /// The formula, as plain text.
    fn formula(&self) -> &'static str;
    /// The fewest features with which outputs can differ at all. A distance between directions or
    /// distributions needs 2: a lone score has neither, and its gradient would be 0 everywhere.
    fn min_features(&self) -> usize {
        1
    }
    /// `D(aᵢ, bᵢ)` for every row: `[n, features] × [n, features] → [n]`, each at least 0.
    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1>;
}

/// All distances with their default settings, sorted by name.
pub const DISTANCES: &[&dyn Distance] =
    &[&Cosine, &Huber { delta: Huber::DELTA }, &JensenShannon, &Kl, &L1, &SquaredL2];
