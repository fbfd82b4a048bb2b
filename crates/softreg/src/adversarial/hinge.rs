use super::AdversarialLoss;
use burn::tensor::{Tensor, activation::relu};

/// Hinge loss. Source: arXiv 1705.02894; arXiv 1802.05957, Eq. 16 and 17.
#[derive(Clone, Copy, Debug)]
pub struct Hinge;

impl AdversarialLoss for Hinge {
    fn name(&self) -> &'static str {
        "hinge"
    }

    fn formula(&self) -> &'static str {
        "D: E[relu(1 − r)] + E[relu(1 + f)]; G: −E[f]"
    }

    fn source(&self) -> &'static str {
        "arXiv 1705.02894"
    }

    fn critic(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        relu(real.neg().add_scalar(1.0)).mean() + relu(fake.add_scalar(1.0)).mean()
    }

    fn generator(&self, fake: Tensor<1>, _real: Option<Tensor<1>>) -> Tensor<1> {
        fake.mean().neg()
    }
}
