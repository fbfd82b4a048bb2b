//! The layers, on whatever device their tensors are.

use crate::activation::Activation;
use crate::pool::{Pool, Pooling};
#[cfg(feature = "cube")]
use crate::precision::{Precision, in_precision};
use crate::window::Window;
#[cfg(any(feature = "flex", feature = "cube"))]
use crate::{kernels, op::Layer, precision::precision};
use burn::tensor::{
    Device, Tensor,
    activation::{relu, softplus, tanh},
    module,
    ops::{AvgPoolOptions, ConvOptions, ConvTransposeOptions, MaxPoolOptions},
};

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
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&x) {
        let layer = Layer {
            window,
            transposed: false,
            scale: scale as f32,
            precision: precision(),
            activation,
        };
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
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&x) {
        let layer = Layer {
            window,
            transposed: true,
            scale: scale as f32,
            precision: precision(),
            activation,
        };
        return kernels::layer(x, weight, bias, layer);
    }
    let (stride, padding) = ([window.stride; 2], [window.padding; 2]);
    let options = ConvTransposeOptions::new(stride, padding, [0, 0], [1, 1], 1);
    stock(module::conv_transpose2d(x, weight.mul_scalar(scale), bias, options), activation)
}

/// `c·x·w + b`: `x` `[n, inputs]`, `w` `[inputs, outputs]`, `b` `[outputs]`, result `[n, outputs]`; `c`, the `scale`, as in
/// [`conv2d`].
///
/// # Panics
/// Where weights or bias do not fit.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, scale: f64, bias: Tensor<1>) -> Tensor<2> {
    #[cfg(feature = "cube")]
    if kernels::are_there(&x) && kernels::are_on_card(&x.device()) {
        // A picture of one pixel: scale and bias cost no kernel of their own.
        let ([n, inputs], [_, outputs]) = (x.dims(), weight.dims());
        let (x, weight) = (x.reshape([n, inputs, 1, 1]), weight.reshape([inputs, outputs, 1, 1]));
        let window = Window { kernel: 1, stride: 1, padding: 0 };
        let layer = || conv_transpose2d(x, weight, scale, Some(bias), window, Activation::None);
        // Less is for convolutions.
        let y = in_precision(Precision::Single, layer);
        return y.reshape([n, outputs]);
    }
    // Scaling the input costs less than scaling the weight where the batch is the smaller.
    x.mul_scalar(scale).matmul(weight) + bias.unsqueeze()
}

/// Maxima or means under a window that slides over `[n, c, h, w]`: `[n, c, (h + 2p − k)/s + 1, …]`.
///
/// # Panics
/// Where the window is none or larger than the padded picture, or its padding more than half of it.
pub fn pool2d(x: Tensor<4>, pool: Pool) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    pool.check([h, w]);
    #[cfg(feature = "flex")]
    if kernels::of_processor_are_there(&x) {
        return kernels::pool(x, pool);
    }
    let Pool { window: Window { kernel, stride, padding }, takes, over_the_edge } = pool;
    let (kernel_size, stride, padding) = ([kernel; 2], [stride; 2], [(padding, padding); 2]);
    match takes {
        Pooling::Max => {
            let (dilation, ceil_mode) = ([1, 1], over_the_edge);
            let options = MaxPoolOptions { kernel_size, stride, padding, dilation, ceil_mode };
            module::max_pool2d(x, options)
        }
        Pooling::Mean => {
            let (count_include_pad, ceil_mode) = (false, over_the_edge);
            let options =
                AvgPoolOptions { kernel_size, stride, padding, count_include_pad, ceil_mode };
            module::avg_pool2d(x, options)
        }
    }
}

/// The channels of all `parts` `[n, cᵢ, h, w]`, one part's after the other's: `[n, Σ cᵢ, h, w]`. Where the kernels are,
/// they are joined as they lie, channels innermost.
///
/// # Panics
/// Where there is no part, or they differ in more than their channels.
pub fn join_channels(parts: Vec<Tensor<4>>) -> Tensor<4> {
    if parts.first().is_none_or(|part| !kernels_are_on(&part.device())) {
        return Tensor::cat(parts, 1);
    }
    Tensor::cat(parts.into_iter().map(pixels).collect(), 3).permute([0, 3, 1, 2])
}

/// `f`, made of Burn's operations on values alone (sums, products), of pictures `[n, c, h, w]` that layers made. Where the
/// kernels are, it meets them as they lie, with channels innermost, and so does what comes back of its gradients: such an
/// operation would put them in another order, for the next layer to put them back.
pub fn elementwise<const N: usize>(
    pictures: [Tensor<4>; N],
    f: impl FnOnce([Tensor<4>; N]) -> Tensor<4>,
) -> Tensor<4> {
    if pictures.first().is_none_or(|x| !kernels_are_on(&x.device())) {
        return f(pictures);
    }
    f(pictures.map(pixels)).permute([0, 3, 1, 2])
}

/// Pictures `[n, c, h, w]` for two layers, whose gradients are added as they lie: see [`elementwise`].
pub fn fork(x: Tensor<4>) -> [Tensor<4>; 2] {
    if !kernels_are_on(&x.device()) {
        return [x.clone(), x];
    }
    let pixels = pixels(x);
    [pixels.clone().permute([0, 3, 1, 2]), pixels.permute([0, 3, 1, 2])]
}

/// `[n, c, h, w]` as `[n, h, w, c]`, without a copy.
fn pixels(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

/// Whether the kernels are what computes on `device`, for tensors of single precision: then the rest of what is done there
/// uses one thread at a time, as Burn's flex backend does without its feature `rayon`.
pub fn kernels_are_on(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return kernels::are_on_processor(device);
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

/// An activation on its own, for any shape.
pub fn activation<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&x) {
        return kernels::activation(x, activation);
    }
    stock(x, activation)
}

/// `(x − μ)/√(σ² + ε)` with mean and (biased) variance of every channel over the batch, `[n, c, h, w] → [n, c, h, w]`.
/// Source: arXiv 1502.03167, algorithm 1, without `γ` and `β`.
pub fn batch_norm(x: Tensor<4>, epsilon: f32) -> Tensor<4> {
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&x) {
        return kernels::normalize(x, epsilon);
    }
    let [_, channels, ..] = x.dims();
    let device = x.device();
    let (gain, shift) = (Tensor::ones([channels], &device), Tensor::zeros([channels], &device));
    module::batch_norm_train(x, gain, shift, f64::from(epsilon)).output
}

/// `x·(1 + γ) + β`, picture by picture and channel by channel, `[n, c, h, w] → [n, c, h, w]`: a row of `style` `[n, 2c]`
/// holds γ and then β of one picture. Behind [`batch_norm`], a style made of the latent is self-modulation (arXiv
/// 1810.01365), and one made of a label conditional batch normalisation (arXiv 1707.00683).
///
/// # Panics
/// Where `style` is for other pictures.
pub fn modulate(x: Tensor<4>, style: Tensor<2>) -> Tensor<4> {
    let [n, channels, ..] = x.dims();
    assert_eq!(style.dims(), [n, 2 * channels], "a style for other pictures");
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&x) {
        return kernels::modulate(x, style);
    }
    let part = |from| style.clone().narrow(1, from, channels).reshape([n, channels, 1, 1]);
    x * part(0).add_scalar(1.0) + part(channels)
}

fn check_bias(bias: &Option<Tensor<1>>, outputs: usize) {
    let length = bias.as_ref().map_or(outputs, |bias| bias.dims()[0]);
    assert_eq!(length, outputs, "a bias for another number of channels");
}

/// The activation made of Burn's operations.
fn stock<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::None => x,
        Activation::RELU => relu(x),
        // The backend's own leaky ReLU has a derivative that chooses element by element.
        Activation::LeakyRelu { slope } => {
            let slope = f64::from(slope);
            x.clone().mul_scalar(slope) + relu(x).mul_scalar(1.0 - slope)
        }
        Activation::Softplus => softplus(x, 1.0),
        Activation::Tanh => tanh(x),
    }
}
