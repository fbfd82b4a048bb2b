//! The kernels as operations of Burn, with their gradients.

use crate::activation::Activation;
use crate::geometry::{Extent, Geometry};
#[cfg(feature = "flex")]
use crate::pool::Pool;
use crate::precision::Precision;
use crate::resampling::Resampling;
use crate::update::AdamStep;
use crate::window::Window;
use burn::backend::{Backend, backend_extension, tensor::FloatTensor};
use burn::tensor::Shape;
use std::sync::Arc;

mod autodiff;
#[cfg(feature = "cube")]
pub(crate) mod cube;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod pools;
#[cfg(feature = "flex")]
mod rows;

#[cfg(feature = "flex")]
pub(crate) use flex::in_order;

/// A convolution or its adjoint, with what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layer {
    pub(crate) window: Window,
    pub(crate) transposed: bool,
    /// What the weights are multiplied with.
    pub(crate) scale: f32,
    /// Of the factors, forward and back.
    pub(crate) precision: Precision,
    pub(crate) activation: Activation,
}

impl Layer {
    /// Between pictures of the extent `input`, by weights `[narrow, wide, k, k]`.
    fn geometry(&self, input: Extent, weights: &Shape) -> Geometry {
        match self.transposed {
            false => Geometry::convolution(input, weights[0], self.window),
            true => Geometry::transposed(input, weights[1], self.window),
        }
    }
}

/// Which gradients are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) input: bool,
    pub(crate) weight: bool,
    pub(crate) bias: bool,
}

/// Where there are kernels for what networks are trained with. Gradients that are not wanted come back with one element.
#[backend_extension(Flex: cfg(feature = "flex"), Cube: cfg(feature = "cube"), Autodiff)]
pub(crate) trait Kernels: Backend {
    /// `activation(convolution(x, scale·w) + b)`.
    fn layer(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        b: FloatTensor<Self>,
        layer: Layer,
    ) -> FloatTensor<Self>;

    /// The gradients of input, weight and bias, from output and gradient of the output.
    fn layer_gradients(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        layer: Layer,
        wanted: Wanted,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// An activation on its own.
    fn activation(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;

    /// The gradient of its input.
    fn activation_gradient(
        y: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// Pixels from other places.
    fn gather_pixels(x: FloatTensor<Self>, sources: Arc<[u32]>) -> FloatTensor<Self>;

    /// The gradient of its input.
    fn gather_pixels_gradient(
        gradient: FloatTensor<Self>,
        sources: Arc<[u32]>,
    ) -> FloatTensor<Self>;

    /// The taps of a convolution of stride 2 that does what one of stride 1 and a change of size do.
    fn taps(w: FloatTensor<Self>, resampling: Resampling) -> FloatTensor<Self>;

    /// The gradient of its weights.
    fn taps_gradient(gradient: FloatTensor<Self>, resampling: Resampling) -> FloatTensor<Self>;

    /// A step of Adam: weight and both moments.
    fn adam(
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// A sum with factors.
    fn weighted_sum(
        left: FloatTensor<Self>,
        right: FloatTensor<Self>,
        factors: [f64; 2],
    ) -> FloatTensor<Self>;

    /// Batch normalisation: the output, and what every channel was scaled by.
    fn normalize(x: FloatTensor<Self>, epsilon: f32) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradient of its input.
    fn normalize_gradient(
        y: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Pictures scaled and shifted, each by its row of the style.
    fn modulate(x: FloatTensor<Self>, style: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradients of pictures and style.
    fn modulate_gradients(
        x: FloatTensor<Self>,
        style: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// Where there are kernels for pooling and doubling: on processors.
#[cfg(feature = "flex")]
#[backend_extension(Flex, Autodiff)]
pub(crate) trait Pools: Backend {
    /// Maxima or means under a window.
    fn pool(x: FloatTensor<Self>, pool: Pool) -> FloatTensor<Self>;

    /// The gradient of its input.
    fn pool_gradient(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        pool: Pool,
    ) -> FloatTensor<Self>;

    /// Twice the rows and columns, each pixel four times.
    fn double(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient of its input.
    fn double_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Where there are kernels for rows of samples: on processors.
#[cfg(feature = "flex")]
#[backend_extension(Flex, Autodiff)]
pub(crate) trait Rows: Backend {
    /// Some of the rows.
    fn select_rows(x: FloatTensor<Self>, rows: Arc<[usize]>) -> FloatTensor<Self>;

    /// The gradient of all rows, of which so many are there.
    fn select_rows_gradient(
        gradient: FloatTensor<Self>,
        rows: Arc<[usize]>,
        there: usize,
    ) -> FloatTensor<Self>;

    /// The mean absolute difference of every two rows.
    fn mean_absolute_difference(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient of `a`; that of `b` is the one with both exchanged.
    fn mean_absolute_difference_gradient(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// The mean absolute difference of the two rows of every pair.
    fn mean_absolute_difference_within(
        x: FloatTensor<Self>,
        pairs: Arc<[[usize; 2]]>,
    ) -> FloatTensor<Self>;

    /// The gradient of all rows.
    fn mean_absolute_difference_within_gradient(
        x: FloatTensor<Self>,
        pairs: Arc<[[usize; 2]]>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// Gradients are asked for inside a backward pass only, which runs below automatic differentiation.
fn second_order() -> ! {
    unreachable!("a gradient of a gradient: runtime devices have no second derivative")
}
