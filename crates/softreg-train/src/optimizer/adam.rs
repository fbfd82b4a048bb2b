//! Adam in one pass over the weights.

use super::{Rule, Step};
use burn::optim::{AdamConfig, AdamState, AdaptiveMomentumState, DynOptimizer, DynState};
use burn::tensor::Tensor;
use softreg_kernel::{AdamStep, Crew, Moved, adam_all};

/// Adam (arXiv 1412.6980), with decoupled weight decay (arXiv 1711.05101) where `decay` is above 0. Its state is that of
/// Burn's Adam, and so are its numbers.
pub(super) struct Adam {
    beta_1: f32,
    beta_2: f32,
    decay: f64,
    of_burn: Box<dyn DynOptimizer>,
}

const EPSILON: f32 = 1e-8;

impl Adam {
    pub(super) fn new(beta_1: f32, beta_2: f32, decay: f64) -> Self {
        Self { beta_1, beta_2, decay, of_burn: Box::new(AdamConfig::new().build()) }
    }

    /// Step number `time`, from 1.
    fn numbers(&self, rate: f64, time: usize) -> AdamStep {
        let root = (1.0 - self.beta_2.powi(time as i32)).sqrt();
        AdamStep {
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            correction: root / (1.0 - self.beta_1.powi(time as i32)),
            epsilon: EPSILON * root,
            rate: rate as f32,
            keep: (1.0 - rate * self.decay) as f32,
        }
    }
}

impl Rule for Adam {
    fn step(
        &self,
        rate: f64,
        rows: Vec<Step>,
        crew: &dyn Crew,
    ) -> Vec<(Tensor<1>, Option<DynState>)> {
        let mut times = Vec::with_capacity(rows.len());
        let moved = rows.into_iter().map(|Step { weight, gradient, state }| {
            let state = state.map(|state| state.downcast::<AdamState<1>>().momentum);
            let (time, moments) = match state {
                Some(m) => (m.time + 1, [m.moment_1, m.moment_2]),
                None => (1, [weight.zeros_like(), weight.zeros_like()]),
            };
            times.push(time);
            Moved { weight, gradient, moments, step: self.numbers(rate, time) }
        });
        let moved = adam_all(moved.collect(), crew).into_iter().zip(times);
        let one = |((weight, moments), time): ((_, [Tensor<1>; 2]), usize)| {
            let [first, second] = moments;
            let state = AdamState::new(AdaptiveMomentumState::new(time, first, second));
            (weight, Some(DynState::create(state, 1)))
        };
        moved.map(one).collect()
    }

    fn of_burn(&self) -> &dyn DynOptimizer {
        &*self.of_burn
    }
}

#[cfg(test)]
mod tests {
    use super::super::OfBurn;
    use super::*;
    use burn::optim::{AdamWConfig, AdamWState};
    use burn::tensor::{DType, Device, TensorData};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use softreg_kernel::OneThread;
    use std::sync::Arc;

    /// Ten steps: the weights, and the state's second moment.
    fn walk(
        rule: &dyn Rule,
        dtype: DType,
        second: impl Fn(DynState) -> Tensor<1>,
    ) -> [Vec<f32>; 2] {
        // Not the device's own generator, which every test of this process draws from.
        let (device, mut rng) = (Device::flex(), ChaCha8Rng::seed_from_u64(4));
        let mut draw = || {
            let values: Vec<f32> = (0..7 * 19).map(|_| rng.random_range(-1.0..1.0)).collect();
            Tensor::<1>::from_data(TensorData::new(values, [7 * 19]), &device).cast(dtype)
        };
        let (mut weight, mut state) = (draw(), None);
        for _ in 0..10 {
            let rows = vec![Step { weight, gradient: draw(), state }];
            (weight, state) = rule.step(0.01, rows, &OneThread).remove(0);
        }
        [weight, second(state.expect("a state"))]
            .map(|x| x.cast(DType::F32).into_data().try_to_vec().expect("f32"))
    }

    fn second(state: DynState) -> Tensor<1> {
        state.downcast::<AdamState<1>>().momentum.moment_2
    }

    fn assert_close(found: &[Vec<f32>; 2], expected: &[Vec<f32>; 2]) {
        for (own, expected) in found.iter().zip(expected) {
            let worst = own.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{worst:e}");
        }
    }

    #[test]
    fn it_is_that_of_burn() {
        let own = Adam::new(0.5, 0.99, 0.0);
        let stock = AdamConfig::new().with_beta_1(0.5).with_beta_2(0.99).with_epsilon(EPSILON);
        let expected = walk(&OfBurn(Arc::new(stock.build())), DType::F32, second);
        assert_eq!(walk(&own, DType::F32, second), expected);
        // Another precision has no kernel, so that this is the way of every other device.
        assert_close(&walk(&own, DType::F64, second), &expected);
    }

    #[test]
    fn with_decay_it_is_adamw() {
        let own = Adam::new(0.5, 0.99, 0.1);
        let stock = AdamWConfig::new().with_beta_1(0.5).with_beta_2(0.99).with_epsilon(EPSILON);
        let stock = stock.with_weight_decay(0.1).build();
        let of_burn = |state: DynState| state.downcast::<AdamWState<1>>().momentum.moment_2;
        let expected = walk(&OfBurn(Arc::new(stock)), DType::F32, of_burn);
        // With the kernel, and as on every other device.
        for dtype in [DType::F32, DType::F64] {
            assert_close(&walk(&own, dtype, second), &expected);
        }
    }
}
