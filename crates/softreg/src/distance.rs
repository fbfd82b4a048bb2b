//! How far apart two outputs are: `D(a, b)`, one number per pair.
//!
//! No distance here grows with the number of features: most are a *mean* over them, not a sum, the
//! others compare directions or distributions. λ then means the same at 32x32 and at 256x256. For a
//! critic's score, a single feature, mean and sum agree.

use crate::setting::Part;
use burn::tensor::Tensor;
use softreg_kernel::select_rows;

mod above;
mod below;
mod bernoulli;
mod cosine;
mod feature_space;
mod huber;
mod jensen_shannon;
mod kl;
mod l1;
mod per_position;
mod squared_l2;

pub use above::Above;
pub use below::Below;
pub use bernoulli::Bernoulli;
pub use cosine::Cosine;
pub use feature_space::FeatureSpace;
pub use huber::Huber;
pub use jensen_shannon::JensenShannon;
pub use kl::Kl;
pub use l1::L1;
pub use per_position::PerPosition;
pub use squared_l2::SquaredL2;

/// What outputs have to be for a distance to mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Any numbers.
    Numbers,
    /// Vectors with a direction.
    Directions,
    /// The logits of a distribution over classes.
    Logits,
    /// Logarithms of odds, one per feature, such as the scores of a critic that is trained with the
    /// logistic loss.
    LogOdds,
}

/// A distance between outputs.
pub trait Distance: Send + Sync + std::fmt::Debug {
    /// Name in the registry and in specifications.
    fn name(&self) -> &'static str;
    /// The fewest features with which outputs can differ at all. A distance between directions or
    /// distributions needs 2: a lone score has neither, and its gradient would be 0 everywhere.
    fn min_features(&self) -> usize {
        1
    }
    /// What outputs have to be.
    fn domain(&self) -> Domain {
        Domain::Numbers
    }
    /// How many vectors an output is, one behind the other, each compared with the one in the same place.
    fn positions(&self) -> usize {
        1
    }
    /// Whether `D(a, b) = D(b, a)`; a distance that looks to one side only is not symmetric.
    fn symmetric(&self) -> bool {
        true
    }
    /// By what inputs are compared, where an aim divides by their distance and it is not by this: outputs may be something
    /// that inputs are not.
    fn of_inputs(&self) -> Option<&dyn Distance> {
        None
    }
    /// `D(aᵢ, bᵢ)` for every row: `[n, features] × [n, features] → [n]`, each at least 0.
    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1>;
    /// [`Distance::per_pair`] of rows of the same tensor, `D(y_l, y_r)` for every pair of rows `[l, r]`: `[m, features] →
    /// [pairs]`.
    fn within(&self, y: Tensor<2>, pairs: &[[usize; 2]]) -> Tensor<1> {
        let side = |side: usize| {
            let rows: Vec<usize> = pairs.iter().map(|pair| pair[side]).collect();
            select_rows(y.clone(), &rows)
        };
        self.per_pair(side(0), side(1))
    }
}

/// The distance of the inputs to a distance of the outputs: the one that it is made of; of what takes logits or log odds, the
/// squared one, since inputs are neither.
pub(crate) fn of_inputs(distance: &dyn Distance) -> &dyn Distance {
    match (distance.of_inputs(), distance.domain()) {
        (Some(inner), _) => of_inputs(inner),
        (None, Domain::Numbers | Domain::Directions) => distance,
        (None, Domain::Logits | Domain::LogOdds) => &SquaredL2,
    }
}

/// All distances, sorted by name. [`FeatureSpace`] and [`PerPosition`] are not among them: they are made
/// of another distance.
pub const DISTANCES: &[Part<dyn Distance>] = &[
    above::PART,
    below::PART,
    bernoulli::PART,
    cosine::PART,
    huber::PART,
    jensen_shannon::PART,
    kl::PART,
    l1::PART,
    squared_l2::PART,
];
