use crate::architecture::Shape;
use crate::layer::{Conv, GAIN_LEAKY, Init, leaky_relu};
use burn::module::Module;
use burn::tensor::Tensor;
use rand::Rng;

/// One 4x4 convolution of stride 2 per halving, leaky ReLU behind each.
#[derive(Module, Debug)]
pub(super) struct Dcgan {
    halvings: Vec<Conv>,
}

impl Dcgan {
    pub(super) fn new<R: Rng>(shape: &Shape, init: &mut Init<'_, R>) -> Self {
        let channels = |level: usize| match level {
            0 => shape.channels,
            _ => shape.geometry.channels(shape.width, level),
        };
        let halvings = (1..=shape.geometry.doublings)
            .map(|level| Conv::halving(init, [channels(level - 1), channels(level)], GAIN_LEAKY))
            .collect();
        Self { halvings }
    }

    pub(super) fn forward(&self, pictures: Tensor<4>) -> Tensor<4> {
        self.halvings.iter().fold(pictures, |x, halving| leaky_relu(halving.forward(x)))
    }
}
