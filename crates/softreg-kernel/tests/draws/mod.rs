//! Random tensors. Burn's own generator is one for all threads, so that tests beside each other would take each other's draws.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::cell::RefCell;

thread_local! {
    static DRAWS: RefCell<ChaCha8Rng> = RefCell::new(ChaCha8Rng::seed_from_u64(0));
}

/// What this thread draws from here on is that of `seed`.
pub(crate) fn seed(seed: u64) {
    DRAWS.set(ChaCha8Rng::seed_from_u64(seed));
}

/// Standard normal values.
pub(crate) fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let draw = |rng: &mut ChaCha8Rng| rng.sample::<f32, _>(StandardNormal);
    let count = shape.iter().product();
    let values = DRAWS.with_borrow_mut(|rng| (0..count).map(|_| draw(rng)).collect::<Vec<f32>>());
    Tensor::from_data(TensorData::new(values, shape), device)
}
