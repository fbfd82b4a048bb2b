use super::trace::{Trace, times};
use crate::architecture::Shape;
use crate::layer::{Conv, GAIN_LEAKY, GAIN_LINEAR, Init};
use burn::module::Module;
use burn::tensor::Tensor;
use rand::Rng;
use softreg_kernel::{Pool, Pooling, Window, elementwise, fork, pool2d, upsample_nearest2d};
use std::f64::consts::FRAC_1_SQRT_2;

/// A 3x3 convolution from the picture, then one residual block per halving, leaky ReLU at the end.
#[derive(Module, Debug)]
pub(super) struct Residual {
    picture: Conv,
    blocks: Vec<Block>,
}

/// `y = (s(x↓) + c₂(a(c₁(a(x))))↓) / √2`, `a` leaky ReLU, `↓` 2x2 mean, `s` a 1x1 and `c` 3x3
/// convolutions.
#[derive(Module, Debug)]
struct Block {
    first: Conv,
    second: Conv,
    shortcut: Conv,
}

impl Block {
    fn forward(&self, x: Tensor<4>, trace: &mut Trace) -> Tensor<4> {
        let [x, to_shortcut] = fork(x);
        let shortcut = self.shortcut.forward(halve(to_shortcut));
        let y = self.first.forward(trace.leaky_relu(x));
        let y = self.second.before_halving(trace.leaky_relu(y));
        elementwise([shortcut, y], |[shortcut, y]| (shortcut + y).mul_scalar(FRAC_1_SQRT_2))
    }

    /// The gradient of `x`, given that of `y`; `slopes` are those of the two activations.
    fn pull_back(&self, slopes: &[Tensor<4>], gradient: Tensor<4>) -> Tensor<4> {
        let [g, to_shortcut] = fork(elementwise([gradient], |[g]| g.mul_scalar(FRAC_1_SQRT_2)));
        let shortcut = unhalve(self.shortcut.pull_back(to_shortcut));
        let second = times(self.second.pull_back_halved(g), &slopes[1]);
        let first = times(self.first.pull_back(second), &slopes[0]);
        elementwise([shortcut, first], |[shortcut, first]| shortcut + first)
    }
}

fn halve(x: Tensor<4>) -> Tensor<4> {
    let window = Window { kernel: 2, stride: 2, padding: 0 };
    pool2d(x, Pool { window, takes: Pooling::Mean, over_the_edge: false })
}

/// The gradient of what was halved.
fn unhalve(g: Tensor<4>) -> Tensor<4> {
    upsample_nearest2d(elementwise([g], |[g]| g.mul_scalar(0.25)))
}

impl Residual {
    pub(super) fn new<R: Rng>(shape: &Shape, init: &mut Init<'_, R>) -> Self {
        let channels = |level: usize| shape.geometry.channels(shape.width, level);
        let picture = Conv::same(init, [shape.channels, channels(0)], GAIN_LINEAR);
        let blocks = (1..=shape.geometry.doublings)
            .map(|level| {
                let (from, to) = (channels(level - 1), channels(level));
                Block {
                    first: Conv::same(init, [from, from], GAIN_LEAKY),
                    second: Conv::same(init, [from, to], GAIN_LEAKY),
                    shortcut: Conv::pointwise(init, [from, to], GAIN_LINEAR),
                }
            })
            .collect();
        Self { picture, blocks }
    }

    pub(super) fn forward(&self, pictures: Tensor<4>, trace: &mut Trace) -> Tensor<4> {
        let x = self.picture.forward(pictures);
        let top = self.blocks.iter().fold(x, |x, block| block.forward(x, trace));
        trace.leaky_relu(top)
    }

    /// The gradient of the pictures, given that of the result.
    pub(super) fn pull_back(&self, slopes: &[Tensor<4>], gradient: Tensor<4>) -> Tensor<4> {
        let (of_blocks, last) = slopes.split_at(2 * self.blocks.len());
        let top = times(gradient, &last[0]);
        let blocks = self.blocks.iter().zip(of_blocks.chunks_exact(2)).rev();
        let x = blocks.fold(top, |g, (block, slopes)| block.pull_back(slopes, g));
        self.picture.pull_back(x)
    }

    pub(super) fn convs(&self) -> Vec<&Conv> {
        let of_blocks = self.blocks.iter().flat_map(|b| [&b.first, &b.second, &b.shortcut]);
        [&self.picture].into_iter().chain(of_blocks).collect()
    }
}

/// Multiplications for one picture.
pub(super) fn multiplications(shape: &Shape) -> u64 {
    let channels = |level: usize| shape.geometry.channels(shape.width, level) as u64;
    let area = |level: usize| {
        ((shape.geometry.height() >> level) * (shape.geometry.width() >> level)) as u64
    };
    let block = |level: usize| {
        let (from, to) = (channels(level - 1), channels(level));
        // Second convolution and halving are 16 taps for every pixel after the halving.
        9 * from * from * area(level - 1) + 17 * from * to * area(level)
    };
    let picture = 9 * shape.channels as u64 * channels(0) * area(0);
    picture + (1..=shape.geometry.doublings).map(block).sum::<u64>()
}
