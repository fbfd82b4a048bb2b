//! The layers, on whatever device their tensors are.

use crate::activation::Activation;
#[cfg(feature = "flex")]
use crate::op::Layer;
use crate::window::Window;
use burn::tensor::{
    Int, Tensor, TensorData,
    activation::{relu, tanh},
    module,
    ops::{ConvOptions, ConvTransposeOptions},
};
use std::sync::Arc;

/// `activation(x ⋆ c·w + b)`: `x` `[n, inputs, h, w]`, `w` `[outputs, inputs, k, k]`, `b` `[outputs]`, result
/// `[n, outputs, (h + 2p − k)/s + 1, …]`. A convolution in the sense of neural networks: the window is not
/// mirrored. `c`, the `scale`, is that of equalised weights (arXiv 1710.10196, section 4.1), or 1.
///
/// # Panics
/// Where the window is none or larger than the padded picture, or weights or bias do not fit.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    scale: f64,
    bias: Option<Tensor<1>>,
    window: Window,
    activation: Activation,
) -> Tensor<4> {
    let ([_, inputs, h, w], [outputs, ..]) = (x.dims(), weight.dims());
    window.check(weight.dims(), [outputs, inputs]);
    window.check_wide([h, w]);
    check_bias(&bias, outputs);
    #[cfg(feature = "flex")]
    if kernels::are_there(&x) {
        let layer = Layer { window, transposed: false, scale: scale as f32, activation };
        return kernels::layer(x, weight, bias, layer);
    }
    let options = ConvOptions::new([window.stride; 2], [window.padding; 2], [1, 1], 1);
    stock(module::conv2d(x, weight.mul_scalar(scale), bias, options), activation)
}

/// `activation(x ⋆ᵀ c·w + b)`, the adjoint of [`conv2d`] in its input: `x` `[n, inputs, h, w]`, `w` `[inputs, outputs,
/// k, k]`, `b` `[outputs]`, result `[n, outputs, (h − 1)·s + k − 2p, …]`.
///
/// # Panics
/// As [`conv2d`].
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    scale: f64,
    bias: Option<Tensor<1>>,
    window: Window,
    activation: Activation,
) -> Tensor<4> {
    let ([_, inputs, h, w], [_, outputs, ..]) = (x.dims(), weight.dims());
    window.check(weight.dims(), [inputs, outputs]);
    window.check_narrow([h, w]);
    check_bias(&bias, outputs);
    #[cfg(feature = "flex")]
    if kernels::are_there(&x) {
        let layer = Layer { window, transposed: true, scale: scale as f32, activation };
        return kernels::layer(x, weight, bias, layer);
    }
    let (stride, padding) = ([window.stride; 2], [window.padding; 2]);
    let options = ConvTransposeOptions::new(stride, padding, [0, 0], [1, 1], 1);
    stock(module::conv_transpose2d(x, weight.mul_scalar(scale), bias, options), activation)
}

/// An activation on its own, for any shape.
pub fn activation<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if kernels::are_there(&x) {
        return kernels::activation(x, activation);
    }
    stock(x, activation)
}

/// Pixels from other places, `[n, c, h, w] → [n, c, h, w]`: pixel `p = y·w + x` of picture `i` is pixel
/// `sources[i·h·w + p]` of the same picture, or 0 where there is none of that number. All channels move alike.
///
/// # Panics
/// Where there is not a source for every pixel.
pub fn gather_pixels(x: Tensor<4>, sources: impl Into<Arc<[u32]>>) -> Tensor<4> {
    let (sources, [n, c, h, w]) = (sources.into(), x.dims());
    assert_eq!(sources.len(), n * h * w, "not a source for every pixel");
    #[cfg(feature = "flex")]
    if kernels::are_there(&x) {
        return kernels::gather_pixels(x, sources);
    }
    let (device, last) = (x.device(), (h * w - 1) as u32);
    let index: Vec<i64> = sources.iter().map(|source| i64::from(*source.min(&last))).collect();
    let index = Tensor::<3, Int>::from_data(TensorData::new(index, [n, 1, h * w]), &device);
    let moved = x.reshape([n, c, h * w]).gather(2, index.repeat_dim(1, c));
    let moved = match sources.iter().any(|source| *source > last) {
        false => moved,
        true => {
            let inside = sources.iter().map(|source| if *source > last { 0f32 } else { 1.0 });
            let inside = TensorData::new(inside.collect::<Vec<_>>(), [n, 1, h * w]);
            moved.clone() * Tensor::<3>::from_data(inside, &device).cast(moved.dtype())
        }
    };
    moved.reshape([n, c, h, w])
}

/// `(x − μ)/√(σ² + ε)` with mean and (biased) variance of every channel over the batch, `[n, c, h, w] → [n, c, h, w]`.
/// Source: arXiv 1502.03167, algorithm 1, without `γ` and `β`.
pub fn batch_norm(x: Tensor<4>, epsilon: f32) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if kernels::are_there(&x) {
        return kernels::normalize(x, epsilon);
    }
    let [_, channels, ..] = x.dims();
    let device = x.device();
    let (gain, shift) = (Tensor::ones([channels], &device), Tensor::zeros([channels], &device));
    module::batch_norm_train(x, gain, shift, f64::from(epsilon)).output
}

fn check_bias(bias: &Option<Tensor<1>>, outputs: usize) {
    let length = bias.as_ref().map_or(outputs, |bias| bias.dims()[0]);
    assert_eq!(length, outputs, "a bias for another number of channels");
}

/// The activation made of Burn's operations.
fn stock<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::None => x,
        // The backend's own leaky ReLU has a derivative that chooses element by element.
        Activation::LeakyRelu { slope } => {
            let slope = f64::from(slope);
            x.clone().mul_scalar(slope) + relu(x).mul_scalar(1.0 - slope)
        }
        Activation::Tanh => tanh(x),
    }
}

/// The kernels behind the tensors of Burn's interface.
#[cfg(feature = "flex")]
pub(crate) mod kernels {
    use super::Activation;
    use crate::op::{Kernels, Layer};
    use crate::update::AdamStep;
    use burn::backend::{Dispatch, DispatchDevice};
    use burn::tensor::{DType, Tensor};
    use std::sync::Arc;

    /// This tensor is where the kernels are, in the precision that they have.
    pub(crate) fn are_there<const D: usize>(x: &Tensor<D>) -> bool {
        let device = x.device().inner();
        matches!(device.as_dispatch(), DispatchDevice::Flex(_)) && x.dtype() == DType::F32
    }

    pub(crate) fn layer(
        x: Tensor<4>,
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        layer: Layer,
    ) -> Tensor<4> {
        let [outputs, inputs, ..] = weight.dims();
        let outputs = if layer.transposed { inputs } else { outputs };
        let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &x.device()));
        Tensor::from_dispatch(Dispatch::layer(
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
            layer,
        ))
    }

    pub(crate) fn activation<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
        Tensor::from_dispatch(Dispatch::activation(x.into_dispatch(), activation))
    }

    pub(crate) fn gather_pixels(x: Tensor<4>, sources: Arc<[u32]>) -> Tensor<4> {
        Tensor::from_dispatch(Dispatch::gather_pixels(x.into_dispatch(), sources))
    }

    pub(crate) fn adam<const D: usize>(
        weight: Tensor<D>,
        gradient: Tensor<D>,
        moments: [Tensor<D>; 2],
        step: AdamStep,
    ) -> (Tensor<D>, [Tensor<D>; 2]) {
        let [first, second] = moments.map(Tensor::into_dispatch);
        let (weight, gradient) = (weight.into_dispatch(), gradient.into_dispatch());
        let (weight, first, second) = Dispatch::adam(weight, gradient, first, second, step);
        (Tensor::from_dispatch(weight), [first, second].map(Tensor::from_dispatch))
    }

    pub(crate) fn weighted_sum<const D: usize>(
        left: Tensor<D>,
        right: Tensor<D>,
        factors: [f64; 2],
    ) -> Tensor<D> {
        let (left, right) = (left.into_dispatch(), right.into_dispatch());
        Tensor::from_dispatch(Dispatch::weighted_sum(left, right, factors))
    }

    pub(crate) fn normalize(x: Tensor<4>, epsilon: f32) -> Tensor<4> {
        let (y, _) = Dispatch::normalize(x.into_dispatch(), epsilon);
        Tensor::from_dispatch(y)
    }
}
