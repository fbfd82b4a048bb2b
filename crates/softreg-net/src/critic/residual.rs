use crate::architecture::Shape;
use crate::layer::{Conv, GAIN_LEAKY, GAIN_LINEAR, Init, leaky_relu};
use burn::module::Module;
use burn::tensor::{Tensor, module::avg_pool2d, ops::AvgPoolOptions};
use rand::Rng;

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
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = self.shortcut.forward(halve(x.clone()));
        let y = self.first.forward(leaky_relu(x));
        let y = halve(self.second.forward(leaky_relu(y)));
        (shortcut + y).mul_scalar(std::f64::consts::FRAC_1_SQRT_2)
    }
}

fn halve(x: Tensor<4>) -> Tensor<4> {
    avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]))
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

    pub(super) fn forward(&self, pictures: Tensor<4>) -> Tensor<4> {
        let x = self.picture.forward(pictures);
        leaky_relu(self.blocks.iter().fold(x, |x, block| block.forward(x)))
    }
}
