use super::{Distance, Domain};
use crate::setting::Part;
use burn::tensor::{Tensor, activation::log_softmax};
use std::sync::Arc;

/// The Kullback-Leibler divergence, both ways: `D(a, b) = ½·KL(p‖q) + ½·KL(q‖p)` with
/// `p = softmax(a)`, `q = softmax(b)`, in nats.
///
/// Outputs are *logits*, one per class; the softmax is taken here. Computed as
/// `½·Σₖ(pₖ − qₖ)·(ln pₖ − ln qₖ)` from stable logarithms: every summand is at least 0, logits of any
/// size are finite, and equal logits give 0 with gradient 0. It has no bound:
/// confident and opposed outputs lie about their logits apart. Needs at least two classes.
///
/// Source: Kullback and Leibler 1951; R-Drop, arXiv 2106.14448.
#[derive(Clone, Copy, Debug)]
pub struct Kl;

pub(super) const PART: Part<dyn Distance> = Part {
    name: "kl",
    formula: "½·KL(p‖q) + ½·KL(q‖p), p = softmax(a), q = softmax(b)",
    settings: &[],
    build: |_| Arc::new(Kl),
};

impl Distance for Kl {
    fn name(&self) -> &'static str {
        "kl"
    }

    fn min_features(&self) -> usize {
        2
    }

    fn domain(&self) -> Domain {
        Domain::Logits
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        let (p, q) = (log_softmax(a, 1), log_softmax(b, 1));
        let summands = (p.clone().exp() - q.clone().exp()) * (p - q);
        summands.sum_dim(1).squeeze_dim(1).mul_scalar(0.5)
    }
}
