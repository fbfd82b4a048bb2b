use super::AdversarialLoss;
use burn::tensor::Tensor;

/// Least squares towards 1 for real and 0 for generated. Source: arXiv 1611.04076, Eq. 9.
#[derive(Clone, Copy, Debug)]
pub struct LeastSquares;

impl AdversarialLoss for LeastSquares {
    fn name(&self) -> &'static str {
        "least-squares"
    }

    fn formula(&self) -> &'static str {
        "D: ½E[(r − 1)²] + ½E[f²]; G: ½E[(f − 1)²]"
    }

    fn source(&self) -> &'static str {
        "arXiv 1611.04076"
    }

    fn critic(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        (real.sub_scalar(1.0).square().mean() + fake.square().mean()).mul_scalar(0.5)
    }

    fn generator(&self, fake: Tensor<1>, _real: Option<Tensor<1>>) -> Tensor<1> {
        fake.sub_scalar(1.0).square().mean().mul_scalar(0.5)
    }
}
