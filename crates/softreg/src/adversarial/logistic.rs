use super::{AdversarialLoss, softplus};
use burn::tensor::Tensor;

/// Non-saturating logistic loss. Source: arXiv 1406.2661, section 3.
#[derive(Clone, Copy, Debug)]
pub struct Logistic;

impl AdversarialLoss for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn formula(&self) -> &'static str {
        "D: E[softplus(−r)] + E[softplus(f)]; G: E[softplus(−f)]"
    }

    fn source(&self) -> &'static str {
        "arXiv 1406.2661"
    }

    fn critic(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        softplus(-real).mean() + softplus(fake).mean()
    }

    fn generator(&self, fake: Tensor<1>, _real: Option<Tensor<1>>) -> Tensor<1> {
        softplus(-fake).mean()
    }
}
