//! A convolution with given weights.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use softreg_kernel::{Activation, Window};

/// Cross-correlation `[n, inputs, h, w] → [n, outputs, …]` with zero padding on every side, and a bias.
pub(crate) struct Conv {
    pub(crate) weight: Tensor<4>,
    pub(crate) bias: Tensor<1>,
    pub(crate) stride: usize,
    pub(crate) padding: [usize; 2],
}

impl Conv {
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.run(x, Activation::None)
    }

    /// `relu(forward(x))`.
    pub(crate) fn rectified(&self, x: Tensor<4>) -> Tensor<4> {
        self.run(x, Activation::RELU)
    }

    fn run(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let (weight, bias) = (self.weight.clone(), Some(self.bias.clone()));
        let ([_, _, rows, columns], stride) = (weight.dims(), self.stride);
        if rows == columns && self.padding[0] == self.padding[1] {
            let window = Window { kernel: rows, stride, padding: self.padding[0] };
            return softreg_kernel::conv2d(x, weight, 1.0, bias, window, activation);
        }
        // The kernels' windows are square.
        let options = ConvOptions::new([stride; 2], self.padding, [1, 1], 1);
        let y = conv2d(x, weight, bias, options);
        if activation == Activation::RELU { relu(y) } else { y }
    }
}
