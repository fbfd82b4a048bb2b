use super::trace::{Trace, times};
use crate::architecture::Shape;
use crate::layer::{Conv, GAIN_LEAKY, Init, LEAKY};
use burn::module::Module;
use burn::tensor::Tensor;
use rand::Rng;

/// One 4x4 convolution of stride 2 per halving, leaky ReLU behind each.
#[derive(Module, Debug)]
pub(super) struct Dcgan {
    halvings: Vec<Conv>,
}

/// Feature maps after `level` halvings.
fn channels(shape: &Shape, level: usize) -> usize {
    match level {
        0 => shape.channels,
        _ => shape.geometry.channels(shape.width, level),
    }
}

impl Dcgan {
    pub(super) fn new<R: Rng>(shape: &Shape, init: &mut Init<'_, R>) -> Self {
        let halvings = (1..=shape.geometry.doublings)
            .map(|level| {
                let between = [channels(shape, level - 1), channels(shape, level)];
                Conv::halving(init, between, GAIN_LEAKY)
            })
            .collect();
        Self { halvings }
    }

    pub(super) fn forward(&self, pictures: Tensor<4>, trace: &mut Trace) -> Tensor<4> {
        self.halvings.iter().fold(pictures, |x, halving| trace.note(halving.activated(x, LEAKY)))
    }

    /// The gradient of the pictures, given that of the result.
    pub(super) fn pull_back(&self, slopes: &[Tensor<4>], gradient: Tensor<4>) -> Tensor<4> {
        let layers = self.halvings.iter().zip(slopes).rev();
        layers.fold(gradient, |g, (halving, slope)| halving.pull_back(times(g, slope)))
    }

    pub(super) fn convs(&self) -> Vec<&Conv> {
        self.halvings.iter().collect()
    }
}

/// Multiplications for one picture.
pub(super) fn multiplications(shape: &Shape) -> u64 {
    let area =
        |level: usize| (shape.geometry.height() >> level) * (shape.geometry.width() >> level);
    let of = |level| 16 * channels(shape, level - 1) * channels(shape, level) * area(level);
    (1..=shape.geometry.doublings).map(|level| of(level) as u64).sum()
}
