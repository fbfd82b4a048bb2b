//! Equalised layers: every weight starts as N(0, 1) and is multiplied by a constant at run time.
//!
//! The constant is He's `gain/√fan_in`, so that activations keep their variance, and because it
//! stays outside the weight, an optimiser with per-weight step sizes (Adam, RMSProp) moves every
//! layer at the same relative speed whatever its size. Source: arXiv 1710.10196, section 4.1.
//! Biases start at 0.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use softreg_kernel::Activation;

mod batch_norm;
mod conv;
mod conv_transpose;
mod linear;

pub use batch_norm::{BatchNorm, Statistics};
pub use conv::Conv;
pub use conv_transpose::ConvTranspose;
pub use linear::Linear;

/// Gain of a layer that a leaky ReLU of slope 0.2 follows: `√(2/(1 + 0.2²))`.
pub const GAIN_LEAKY: f64 = 1.386_750_490_563_073;
/// Gain of a layer that nothing follows.
pub const GAIN_LINEAR: f64 = 1.0;
/// Slope of the leaky ReLU below 0.
pub const SLOPE: f64 = 0.2;

/// Leaky ReLU with slope [`SLOPE`], to stand behind a layer.
pub const LEAKY: Activation = Activation::LeakyRelu { slope: SLOPE as f32 };

/// Leaky ReLU with slope [`SLOPE`].
pub fn leaky_relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    softreg_kernel::activation(x, LEAKY)
}

/// Makes the weights of a network, one after the other, from one random generator, with
/// identifiers 0, 1, 2, … that are the same in every process.
#[derive(Debug)]
pub struct Init<'a, R: Rng> {
    rng: &'a mut R,
    device: &'a Device,
    next: u64,
}

impl<'a, R: Rng> Init<'a, R> {
    /// Weights on `device`, drawn from `rng`.
    pub fn new(rng: &'a mut R, device: &'a Device) -> Self {
        Self { rng, device, next: 0 }
    }

    /// Standard normal weights.
    fn normal<const D: usize>(&mut self, shape: [usize; D]) -> Param<Tensor<D>> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| self.rng.sample(StandardNormal)).collect();
        self.param(values, shape)
    }

    /// `count` times the same value.
    fn constant(&mut self, value: f32, count: usize) -> Param<Tensor<1>> {
        self.param(vec![value; count], [count])
    }

    fn param<const D: usize>(&mut self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        let id = ParamId::from(self.next);
        self.next += 1;
        let value = Tensor::<D>::from_data(TensorData::new(values, shape), self.device);
        let value = if self.device.is_autodiff() { value.require_grad() } else { value };
        Param::initialized(id, value)
    }
}
