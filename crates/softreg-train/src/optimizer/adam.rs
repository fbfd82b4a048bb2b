//! Adam in one pass over the weights.

use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};
use softreg_kernel::{AdamStep, adam};

/// Adam (arXiv 1412.6980), with decoupled weight decay (arXiv 1711.05101) where `decay` is above 0. Its state is that of
/// Burn's Adam, and so are its numbers.
#[derive(Clone, Debug)]
pub(super) struct Adam {
    pub(super) beta_1: f32,
    pub(super) beta_2: f32,
    pub(super) decay: f64,
}

const EPSILON: f32 = 1e-8;

impl Optimizer for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weight: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamState<D>>,
    ) -> (Tensor<D>, Option<AdamState<D>>) {
        let (time, moments) = match state {
            Some(AdamState { momentum: m }) => (m.time + 1, [m.moment_1, m.moment_2]),
            None => (1, [weight.zeros_like(), weight.zeros_like()]),
        };
        let root = (1.0 - self.beta_2.powi(time as i32)).sqrt();
        let step = AdamStep {
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            correction: root / (1.0 - self.beta_1.powi(time as i32)),
            epsilon: EPSILON * root,
            rate: rate as f32,
            keep: (1.0 - rate * self.decay) as f32,
        };
        let (weight, [first, second]) = adam(weight, gradient, moments, step);
        (weight, Some(AdamState::new(AdaptiveMomentumState::new(time, first, second))))
    }

    fn to_device<const D: usize>(mut state: AdamState<D>, device: &Device) -> AdamState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::optim::{AdamConfig, AdamWConfig};
    use burn::tensor::{DType, TensorData};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Ten steps: the weights, and the state's second moment.
    fn walk<O: Optimizer>(
        rule: &O,
        dtype: DType,
        moment: impl Fn(&O::State<2>) -> Tensor<2>,
    ) -> [Vec<f32>; 2] {
        // Not the device's own generator, which every test of this process draws from.
        let (device, mut rng) = (Device::flex(), ChaCha8Rng::seed_from_u64(4));
        let mut draw = || {
            let values: Vec<f32> = (0..7 * 19).map(|_| rng.random_range(-1.0..1.0)).collect();
            Tensor::<2>::from_data(TensorData::new(values, [7, 19]), &device)
        };
        let (mut weight, mut state) = (draw().cast(dtype), None);
        for _ in 0..10 {
            (weight, state) = rule.step(0.01, weight, draw().cast(dtype), state);
        }
        let moment = moment(&state.expect("a state"));
        [weight, moment].map(|x| x.cast(DType::F32).into_data().try_to_vec().expect("f32"))
    }

    #[test]
    fn it_is_that_of_burn() {
        let second = |state: &AdamState<2>| state.momentum.moment_2.clone();
        let own = Adam { beta_1: 0.5, beta_2: 0.99, decay: 0.0 };
        let stock = AdamConfig::new().with_beta_1(0.5).with_beta_2(0.99).with_epsilon(EPSILON);
        let expected = walk(&stock.build(), DType::F32, second);
        assert_eq!(walk(&own, DType::F32, second), expected);
        // Another precision has no kernel, so that this is the way of every other device.
        for (own, expected) in walk(&own, DType::F64, second).iter().zip(&expected) {
            let worst = own.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{worst:e}");
        }
    }

    #[test]
    fn with_decay_it_is_adamw() {
        let own = Adam { beta_1: 0.5, beta_2: 0.99, decay: 0.1 };
        let stock = AdamWConfig::new().with_beta_1(0.5).with_beta_2(0.99).with_epsilon(EPSILON);
        let stock = stock.with_weight_decay(0.1).build();
        let expected = walk(&stock, DType::F32, |state| state.momentum.moment_2.clone());
        // With the kernel, and as on every other device.
        for dtype in [DType::F32, DType::F64] {
            let found = walk(&own, dtype, |state| state.momentum.moment_2.clone());
            for (own, expected) in found.iter().zip(&expected) {
                let apart = own.iter().zip(expected).map(|(a, b)| (a - b).abs());
                let worst = apart.fold(0.0, f32::max);
                assert!(worst < 1e-5, "{worst:e}");
            }
        }
    }
}
