//! Hard regularization: limits on the weights themselves, or on the exact gradient of the network. The
//! baselines to compare with.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

mod gradient;
mod l1;
mod l2;
mod spectral;

pub use gradient::{GradientPenalty, Point, Target};
pub use l1::L1;
pub use l2::L2;
pub use spectral::SpectralNorm;

/// A penalty on the weights of a network.
pub trait WeightPenalty: Send + Sync + std::fmt::Debug {
    /// The penalty of one weight tensor, flattened: `[k] → [1]`.
    fn of(&self, weights: Tensor<1>) -> Tensor<1>;
}

/// The raw penalty of every weight of `module`, one number `[1]`, not yet multiplied by λ.
///
/// Weights are the trainable tensors with two or more axes; biases and gains, which have one, are
/// left alone, as is the custom for weight decay. The matrices with which a self-modulated generator makes gains and shifts out
/// of its latent are weights like any other. `None` where the module has no weights.
pub fn penalty<M: Module>(module: &M, penalty: &dyn WeightPenalty) -> Option<Tensor<1>> {
    struct Sum<'a> {
        penalty: &'a dyn WeightPenalty,
        total: Option<Tensor<1>>,
    }
    impl ModuleVisitor for Sum<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if D < 2 || !param.is_require_grad() {
                return;
            }
            let weights = param.val();
            let count = weights.shape().num_elements();
            let value = self.penalty.of(weights.reshape([count]));
            self.total = Some(match self.total.take() {
                Some(total) => total + value,
                None => value,
            });
        }
    }
    let mut sum = Sum { penalty, total: None };
    module.visit(&mut sum);
    sum.total
}
