use super::Init;
use crate::onnx::{Builder, Value};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use rand::Rng;

/// `y = c·x·W + b`, `[n, inputs] → [n, outputs]`, `c = gain/√inputs`.
#[derive(Module, Debug)]
pub struct Linear {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    scale: f64,
}

impl Linear {
    /// A new layer.
    pub fn new<R: Rng>(init: &mut Init<'_, R>, inputs: usize, outputs: usize, gain: f64) -> Self {
        Self {
            weight: init.normal([inputs, outputs]),
            bias: init.constant(0.0, outputs),
            scale: gain / (inputs as f64).sqrt(),
        }
    }

    /// Applies the layer.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        softreg_kernel::linear(x, self.weight.val(), self.scale, self.bias.val())
    }

    /// Writes the layer down.
    pub(crate) fn write(&self, graph: &mut Builder, x: &Value) -> Value {
        graph.linear(x, self.weight.val(), self.bias.val(), self.scale)
    }

    /// The gradient of an input row, where that of the only output is 1: `[1, inputs]`.
    pub(crate) fn pull_back(&self) -> Tensor<2> {
        self.weight.val().mul_scalar(self.scale).transpose()
    }

    /// The constant that the weight is multiplied with, by parameter.
    pub(crate) fn scale(&self) -> (u64, f64) {
        (self.weight.id.val(), self.scale)
    }
}
