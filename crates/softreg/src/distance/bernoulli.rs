use super::{Distance, Domain};
use crate::setting::Part;
use burn::tensor::{Tensor, activation::sigmoid};
use std::sync::Arc;

/// The Kullback-Leibler divergence of yes-or-no distributions, both ways, per feature:
/// `D(a, b) = (1/d)·Σₖ ½·KL(pₖ‖qₖ) + ½·KL(qₖ‖pₖ)` with `p = σ(a)`, `q = σ(b)`, in nats, which is
/// `½·(p − q)·(a − b)`.
///
/// Outputs are *log odds*: the score of a critic that is trained with the logistic loss is one, and
/// then this is [`super::Kl`] of the two classes "real" and "generated" (the logits `[a, 0]`). Other
/// losses give scores without such a meaning. At least 0, finite at any score, and 0 with gradient 0
/// where both are equal.
///
/// Source: the symmetric divergence of R-Drop, arXiv 2106.14448, for a classifier of two classes.
#[derive(Clone, Copy, Debug)]
pub struct Bernoulli;

pub(super) const PART: Part<dyn Distance> = Part {
    name: "bernoulli",
    formula: "mean ½·KL(p‖q) + ½·KL(q‖p), p = σ(a), q = σ(b)",
    settings: &[],
    build: |_| Arc::new(Bernoulli),
};

impl Distance for Bernoulli {
    fn name(&self) -> &'static str {
        "bernoulli"
    }

    fn domain(&self) -> Domain {
        Domain::LogOdds
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        let chances = sigmoid(a.clone()) - sigmoid(b.clone());
        (chances * (a - b)).mean_dim(1).squeeze_dim(1).mul_scalar(0.5)
    }
}
