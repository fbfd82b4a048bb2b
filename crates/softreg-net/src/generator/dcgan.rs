use super::{inputs, modulated_by};
use crate::architecture::Shape;
use crate::layer::{
    BatchNorm, ConvTranspose, GAIN_LEAKY, GAIN_LINEAR, Init, LEAKY, Linear, Statistics, leaky_relu,
};
use crate::onnx::{Builder, Value};
use burn::module::Module;
use burn::tensor::Tensor;
use rand::Rng;
use softreg_kernel::Activation;

/// Linear layer to the base grid, then one transposed convolution per doubling; leaky ReLU and
/// batch norm between them, tanh at the end.
#[derive(Module, Debug)]
pub(super) struct Dcgan {
    base: Linear,
    doublings: Vec<ConvTranspose>,
    norms: Vec<BatchNorm>,
    #[module(skip)]
    base_shape: [usize; 3],
}

impl Dcgan {
    pub(super) fn new<R: Rng>(shape: &Shape, init: &mut Init<'_, R>) -> Self {
        let geometry = shape.geometry;
        let channels = |level: usize| geometry.channels(shape.width, level);
        let top = geometry.doublings;
        let base_shape = [channels(top), geometry.base_height, geometry.base_width];
        let base = Linear::new(init, inputs(shape), base_shape.iter().product(), GAIN_LEAKY);
        let doublings = (1..=top)
            .rev()
            .map(|level| match level {
                1 => ConvTranspose::doubling(init, [channels(1), shape.channels], GAIN_LINEAR),
                _ => ConvTranspose::doubling(
                    init,
                    [channels(level), channels(level - 1)],
                    GAIN_LEAKY,
                ),
            })
            .collect();
        let modulated_by = modulated_by(shape);
        let norm = |level| BatchNorm::new(init, channels(level), modulated_by);
        let norms = (1..=top).rev().map(norm).collect();
        Self { base, doublings, norms, base_shape }
    }

    pub(super) fn forward(&self, input: Tensor<2>, statistics: &mut Statistics<'_>) -> Tensor<4> {
        let n = input.dims()[0];
        let [c, h, w] = self.base_shape;
        let base = leaky_relu(self.base.forward(input.clone()).reshape([n, c, h, w]));
        let last = self.doublings.len() - 1;
        self.doublings.iter().zip(&self.norms).enumerate().fold(base, |x, (i, (doubling, norm))| {
            let activation = if i == last { Activation::Tanh } else { LEAKY };
            doubling.activated(norm.forward(x, &input, statistics), activation)
        })
    }

    /// Writes [`Dcgan::forward`] with standing statistics down.
    pub(super) fn write(&self, graph: &mut Builder, input: &Value) -> Value {
        let base = self.base.write(graph, input);
        let base = graph.grid(&base, self.base_shape);
        let mut x = graph.activation(&base, LEAKY);
        let last = self.doublings.len() - 1;
        for (i, (doubling, norm)) in self.doublings.iter().zip(&self.norms).enumerate() {
            let activation = if i == last { Activation::Tanh } else { LEAKY };
            x = norm.write(graph, &x, input);
            x = doubling.write(graph, &x, activation);
        }
        x
    }

    pub(super) fn norms(&mut self) -> Vec<&mut BatchNorm> {
        self.norms.iter_mut().collect()
    }
}

/// Multiplications for one picture.
pub(super) fn multiplications(shape: &Shape) -> u64 {
    let geometry = shape.geometry;
    let channels = |level: usize| match level {
        0 => shape.channels as u64,
        _ => geometry.channels(shape.width, level) as u64,
    };
    let area = |level: usize| ((geometry.height() >> level) * (geometry.width() >> level)) as u64;
    let doubling = |level: usize| 16 * channels(level) * channels(level - 1) * area(level);
    let base = inputs(shape) as u64 * channels(geometry.doublings) * area(geometry.doublings);
    let modulation = super::modulation(shape, (1..=geometry.doublings).map(channels).sum());
    base + modulation + (1..=geometry.doublings).map(doubling).sum::<u64>()
}
