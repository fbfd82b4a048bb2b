use super::{inputs, modulated_by};
use crate::architecture::Shape;
use crate::layer::{
    BatchNorm, Conv, GAIN_LEAKY, GAIN_LINEAR, Init, LEAKY, Linear, Statistics, leaky_relu,
};
use crate::onnx::{Builder, Value};
use burn::module::Module;
use burn::tensor::Tensor;
use rand::Rng;
use softreg_kernel::{Activation, elementwise, fork, upsample_nearest2d};
use std::f64::consts::FRAC_1_SQRT_2;

/// Linear layer to the base grid, one residual block per doubling, then leaky ReLU, batch norm, a 3x3
/// convolution and tanh.
#[derive(Module, Debug)]
pub(super) struct Residual {
    base: Linear,
    blocks: Vec<Block>,
    norm: BatchNorm,
    picture: Conv,
    #[module(skip)]
    base_shape: [usize; 3],
}

/// `y = (s(x↑) + c₂(a(c₁(a(x)↑)))) / √2`, `a` leaky ReLU and batch norm, `↑` nearest-neighbour
/// doubling, `s` a 1x1 and `c` 3x3 convolutions.
#[derive(Module, Debug)]
struct Block {
    norms: [BatchNorm; 2],
    first: Conv,
    second: Conv,
    shortcut: Conv,
}

impl Block {
    fn forward(&self, x: Tensor<4>, z: &Tensor<2>, statistics: &mut Statistics<'_>) -> Tensor<4> {
        // The 1x1 convolution commutes with the doubling and is four times cheaper before it.
        let [x, to_shortcut] = fork(x);
        let shortcut = upsample_nearest2d(self.shortcut.forward(to_shortcut));
        let y = self.first.after_doubling(self.norms[0].forward(leaky_relu(x), z, statistics));
        let y = self.second.forward(self.norms[1].forward(leaky_relu(y), z, statistics));
        elementwise([shortcut, y], |[shortcut, y]| (shortcut + y).mul_scalar(FRAC_1_SQRT_2))
    }

    /// Writes [`Block::forward`] with standing statistics down.
    fn write(&self, graph: &mut Builder, x: &Value, z: &Value) -> Value {
        let shortcut = self.shortcut.write(graph, x, Activation::None);
        let shortcut = graph.doubled(&shortcut);
        let y = graph.activation(x, LEAKY);
        let y = self.norms[0].write(graph, &y, z);
        let y = graph.doubled(&y);
        let y = self.first.write(graph, &y, LEAKY);
        let y = self.norms[1].write(graph, &y, z);
        let y = self.second.write(graph, &y, Activation::None);
        let sum = graph.sum(&shortcut, &y);
        graph.scaled(&sum, FRAC_1_SQRT_2)
    }
}

impl Residual {
    pub(super) fn new<R: Rng>(shape: &Shape, init: &mut Init<'_, R>) -> Self {
        let geometry = shape.geometry;
        let channels = |level: usize| geometry.channels(shape.width, level);
        let top = geometry.doublings;
        let base_shape = [channels(top), geometry.base_height, geometry.base_width];
        let base = Linear::new(init, inputs(shape), base_shape.iter().product(), GAIN_LINEAR);
        let modulated_by = modulated_by(shape);
        let blocks = (1..=top)
            .rev()
            .map(|level| {
                let (from, to) = (channels(level), channels(level.saturating_sub(1)));
                Block {
                    norms: [from, to].map(|c| BatchNorm::new(init, c, modulated_by)),
                    first: Conv::same(init, [from, to], GAIN_LEAKY),
                    second: Conv::same(init, [to, to], GAIN_LEAKY),
                    shortcut: Conv::pointwise(init, [from, to], GAIN_LINEAR),
                }
            })
            .collect();
        let norm = BatchNorm::new(init, channels(0), modulated_by);
        let picture = Conv::same(init, [channels(0), shape.channels], GAIN_LINEAR);
        Self { base, blocks, norm, picture, base_shape }
    }

    pub(super) fn forward(&self, input: Tensor<2>, statistics: &mut Statistics<'_>) -> Tensor<4> {
        let n = input.dims()[0];
        let [c, h, w] = self.base_shape;
        let base = self.base.forward(input.clone()).reshape([n, c, h, w]);
        let top = self.blocks.iter().fold(base, |x, block| block.forward(x, &input, statistics));
        let top = self.norm.forward(leaky_relu(top), &input, statistics);
        self.picture.activated(top, Activation::Tanh)
    }

    /// Writes [`Residual::forward`] with standing statistics down.
    pub(super) fn write(&self, graph: &mut Builder, input: &Value) -> Value {
        let base = self.base.write(graph, input);
        let mut x = graph.grid(&base, self.base_shape);
        for block in &self.blocks {
            x = block.write(graph, &x, input);
        }
        let x = graph.activation(&x, LEAKY);
        let x = self.norm.write(graph, &x, input);
        self.picture.write(graph, &x, Activation::Tanh)
    }

    pub(super) fn norms(&mut self) -> Vec<&mut BatchNorm> {
        self.blocks.iter_mut().flat_map(|block| &mut block.norms).chain([&mut self.norm]).collect()
    }
}

/// Multiplications for one picture.
pub(super) fn multiplications(shape: &Shape) -> u64 {
    let geometry = shape.geometry;
    let channels = |level: usize| geometry.channels(shape.width, level) as u64;
    let area = |level: usize| ((geometry.height() >> level) * (geometry.width() >> level)) as u64;
    let block = |level: usize| {
        let (from, to) = (channels(level), channels(level.saturating_sub(1)));
        // Doubling and first convolution are 16 taps for every pixel before the doubling.
        17 * from * to * area(level) + 9 * to * to * area(level - 1)
    };
    let base = inputs(shape) as u64 * channels(geometry.doublings) * area(geometry.doublings);
    let picture = 9 * channels(0) * shape.channels as u64 * area(0);
    let of_block = |level: usize| channels(level) + channels(level.saturating_sub(1));
    let norms = (1..=geometry.doublings).map(of_block).sum::<u64>() + channels(0);
    let modulation = super::modulation(shape, norms);
    base + modulation + (1..=geometry.doublings).map(block).sum::<u64>() + picture
}
