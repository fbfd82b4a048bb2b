use super::Distance;
use burn::tensor::Tensor;

/// Mean square difference, `D(a, b) = (1/d)·Σₖ(aₖ − bₖ)²`.
///
/// Deviation: papers write the sum `‖a − b‖²`; for scalar scores, where they use it, both agree.
#[derive(Clone, Copy, Debug)]
pub struct SquaredL2;

impl Distance for SquaredL2 {
    fn name(&self) -> &'static str {
        "squared-l2"
    }

    fn formula(&self) -> &'static str {
        "mean (a − b)²"
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        (a - b).square().mean_dim(1).squeeze_dim(1)
    }
}
