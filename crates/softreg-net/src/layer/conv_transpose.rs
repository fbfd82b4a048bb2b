use super::Init;
use crate::onnx::{Builder, Value};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use rand::Rng;
use softreg_kernel::{Activation, Window, conv_transpose2d};

/// Transposed 4x4 convolution of stride 2 with equalised weights, doubling the size:
/// `[n, inputs, h, w] → [n, outputs, 2h, 2w]`.
///
/// Every output pixel sees 2x2 of the 4x4 taps, so `c = gain/√(4·inputs)`.
#[derive(Module, Debug)]
pub struct ConvTranspose {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    scale: f64,
}

const WINDOW: Window = Window { kernel: 4, stride: 2, padding: 1 };

impl ConvTranspose {
    /// A new layer.
    pub fn doubling<R: Rng>(
        init: &mut Init<'_, R>,
        [inputs, outputs]: [usize; 2],
        gain: f64,
    ) -> Self {
        Self {
            weight: init.normal([inputs, outputs, 4, 4]),
            bias: init.constant(0.0, outputs),
            scale: gain / ((4 * inputs) as f64).sqrt(),
        }
    }

    /// Applies the layer and what stands behind it.
    pub fn activated(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), Some(self.bias.val()));
        conv_transpose2d(x, weight, self.scale, bias, WINDOW, activation)
    }

    /// Writes the layer and what stands behind it down.
    pub(crate) fn write(&self, graph: &mut Builder, x: &Value, activation: Activation) -> Value {
        let weight = self.weight.val().mul_scalar(self.scale);
        graph.convolution(x, true, weight, self.bias.val(), WINDOW, activation)
    }
}
