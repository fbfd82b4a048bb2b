use super::AdversarialLoss;
use burn::tensor::Tensor;

/// Wasserstein loss. Source: arXiv 1701.07875, Eq. 2 and 3.
///
/// It has no bound of its own: without a regularizer that limits the critic's slope, scores grow
/// without end.
#[derive(Clone, Copy, Debug)]
pub struct Wasserstein;

impl AdversarialLoss for Wasserstein {
    fn name(&self) -> &'static str {
        "wasserstein"
    }

    fn formula(&self) -> &'static str {
        "D: E[f] − E[r]; G: −E[f]"
    }

    fn source(&self) -> &'static str {
        "arXiv 1701.07875"
    }

    fn critic(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        fake.mean() - real.mean()
    }

    fn generator(&self, fake: Tensor<1>, _real: Option<Tensor<1>>) -> Tensor<1> {
        fake.mean().neg()
    }
}
