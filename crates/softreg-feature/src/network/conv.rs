//! A convolution with given weights.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

/// Cross-correlation `[n, inputs, h, w] → [n, outputs, …]` with zero padding on every side, and a bias.
pub(crate) struct Conv {
    pub(crate) weight: Tensor<4>,
    pub(crate) bias: Tensor<1>,
    pub(crate) stride: usize,
    pub(crate) padding: [usize; 2],
}

impl Conv {
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (s, p) = (self.stride, self.padding);
        let options = ConvOptions::new([s, s], p, [1, 1], 1);
        conv2d(x, self.weight.clone(), Some(self.bias.clone()), options)
    }
}
