use super::WeightPenalty;
use burn::tensor::Tensor;

/// Ridge, `R = Σw²`. With plain gradient descent λ equals half of the usual weight decay.
#[derive(Clone, Copy, Debug)]
pub struct L2;

impl WeightPenalty for L2 {
    fn of(&self, weights: Tensor<1>) -> Tensor<1> {
        weights.square().sum()
    }
}
