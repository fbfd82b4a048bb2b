use super::WeightPenalty;
use burn::tensor::Tensor;

/// Lasso, `R = Σ|w|`; the subgradient at 0 is 0.
#[derive(Clone, Copy, Debug)]
pub struct L1;

impl WeightPenalty for L1 {
    fn of(&self, weights: Tensor<1>) -> Tensor<1> {
        weights.abs().sum()
    }
}
