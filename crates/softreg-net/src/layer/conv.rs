use super::Init;
use crate::onnx::{Builder, Value};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use rand::Rng;
use softreg_kernel::{
    Activation, Window, conv_transpose2d, conv2d, conv2d_downsample, conv2d_downsample_adjoint,
    upsample_conv2d,
};

/// Convolution with equalised weights, zero padding:
/// `[n, inputs, h, w] → [n, outputs, h/stride, w/stride]`, `c = gain/√(inputs·k²)`.
#[derive(Module, Debug)]
pub struct Conv {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    scale: f64,
    stride: usize,
    padding: usize,
}

impl Conv {
    /// A `kernel` × `kernel` convolution; `padding` on every side.
    pub fn new<R: Rng>(
        init: &mut Init<'_, R>,
        [inputs, outputs]: [usize; 2],
        (kernel, stride, padding): (usize, usize, usize),
        gain: f64,
    ) -> Self {
        Self {
            weight: init.normal([outputs, inputs, kernel, kernel]),
            bias: init.constant(0.0, outputs),
            scale: gain / ((inputs * kernel * kernel) as f64).sqrt(),
            stride,
            padding,
        }
    }

    /// Keeps the size: 3x3, stride 1.
    pub fn same<R: Rng>(init: &mut Init<'_, R>, channels: [usize; 2], gain: f64) -> Self {
        Self::new(init, channels, (3, 1, 1), gain)
    }

    /// Halves the size: 4x4, stride 2.
    pub fn halving<R: Rng>(init: &mut Init<'_, R>, channels: [usize; 2], gain: f64) -> Self {
        Self::new(init, channels, (4, 2, 1), gain)
    }

    /// Mixes channels only: 1x1.
    pub fn pointwise<R: Rng>(init: &mut Init<'_, R>, channels: [usize; 2], gain: f64) -> Self {
        Self::new(init, channels, (1, 1, 0), gain)
    }

    /// Applies the layer.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.activated(x, Activation::None)
    }

    /// Applies the layer and what stands behind it.
    pub fn activated(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), Some(self.bias.val()));
        conv2d(x, weight, self.scale, bias, self.window(), activation)
    }

    /// Applies the layer to a picture of twice the rows and columns, each pixel four times:
    /// `[n, inputs, h, w] → [n, outputs, 2h, 2w]`.
    ///
    /// # Panics
    /// Where the layer is not 3x3.
    pub fn after_doubling(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), Some(self.bias.val()));
        upsample_conv2d(x, weight, self.scale, bias, Activation::None)
    }

    /// Applies the layer and takes the mean of every 2x2 pixels: `[n, inputs, h, w] → [n, outputs, h/2, w/2]`.
    ///
    /// # Panics
    /// Where the layer is not 3x3.
    pub fn before_halving(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), Some(self.bias.val()));
        conv2d_downsample(x, weight, self.scale, bias, Activation::None)
    }

    /// Writes the layer and what stands behind it down.
    pub(crate) fn write(&self, graph: &mut Builder, x: &Value, activation: Activation) -> Value {
        let weight = self.weight.val().mul_scalar(self.scale);
        graph.convolution(x, false, weight, self.bias.val(), self.window(), activation)
    }

    /// The gradient of the layer's input, given that of its output:
    /// `[n, outputs, h/stride, w/stride] → [n, inputs, h, w]`, where `stride` divides both sides.
    pub(crate) fn pull_back(&self, gradient: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        conv_transpose2d(gradient, weight, self.scale, None, self.window(), Activation::None)
    }

    /// [`Conv::pull_back`] of [`Conv::before_halving`]: `[n, outputs, h/2, w/2] → [n, inputs, h, w]`.
    pub(crate) fn pull_back_halved(&self, gradient: Tensor<4>) -> Tensor<4> {
        conv2d_downsample_adjoint(gradient, self.weight.val(), self.scale)
    }

    fn window(&self) -> Window {
        let [_, _, kernel, _] = self.weight.dims();
        Window { kernel, stride: self.stride, padding: self.padding }
    }

    /// The constant that the weight is multiplied with, by parameter.
    pub(crate) fn scale(&self) -> (u64, f64) {
        (self.weight.id.val(), self.scale)
    }
}
