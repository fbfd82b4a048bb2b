//! The kernels behind the tensors of Burn's interface.

use crate::activation::Activation;
use crate::op::{Kernels, Layer};
use crate::resampling::Resampling;
use crate::update::AdamStep;
#[cfg(feature = "flex")]
use crate::{
    op::{Pools, Rows, in_order},
    pool::Pool,
};
use burn::backend::{Dispatch, DispatchDevice};
#[cfg(feature = "flex")]
use burn::backend::{Flex, flex::FlexTensor};
use burn::tensor::{DType, Device, Tensor};
use std::sync::Arc;

/// This tensor is where there are kernels for what networks are trained with, in the precision that they have.
pub(crate) fn are_there<const D: usize>(x: &Tensor<D>) -> bool {
    let device = x.device();
    x.dtype() == DType::F32 && (are_on_processor(&device) || are_on_card(&device))
}

/// And for pooling, doubling and [`row`]s.
#[cfg(feature = "flex")]
pub(crate) fn of_processor_are_there<const D: usize>(x: &Tensor<D>) -> bool {
    are_on_processor(&x.device()) && x.dtype() == DType::F32
}

/// The values, one after the other from the start of their storage.
#[cfg(feature = "flex")]
pub(crate) fn row(x: Tensor<1>) -> FlexTensor {
    match x.without_autodiff().try_into_primitive::<Flex>() {
        Ok(x) => in_order(x),
        Err(error) => unreachable!("a kernel of the processor on {error:?}"),
    }
}

/// Back from [`row`].
#[cfg(feature = "flex")]
pub(crate) fn of_row(x: FlexTensor) -> Tensor<1> {
    Tensor::from_primitive::<Flex>(x)
}

pub(crate) fn are_on_processor(device: &Device) -> bool {
    match device.clone().inner().as_dispatch() {
        #[cfg(feature = "flex")]
        DispatchDevice::Flex(_) => true,
        #[allow(unreachable_patterns, reason = "with all features there may be no other device")]
        _ => false,
    }
}

pub(crate) fn are_on_card(device: &Device) -> bool {
    match device.clone().inner().as_dispatch() {
        #[cfg(feature = "cube")]
        DispatchDevice::Cube(_) => true,
        #[allow(unreachable_patterns, reason = "with all features there may be no other device")]
        _ => false,
    }
}

/// Whether those of a device can multiply in bfloat16.
pub(crate) fn multiply_in_bfloat16(device: &Device) -> bool {
    match device.clone().inner().as_dispatch() {
        #[cfg(feature = "flex")]
        DispatchDevice::Flex(_) => crate::bfloat16::processor_has_it(),
        #[cfg(feature = "cube")]
        DispatchDevice::Cube(device) => crate::card::product::bfloat16(&device.client()).is_some(),
        #[allow(unreachable_patterns, reason = "with all features there may be no other device")]
        _ => false,
    }
}

pub(crate) fn layer(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    layer: Layer,
) -> Tensor<4> {
    #[cfg(feature = "cube")]
    if let Some(pictures) = at_a_time(&x, &weight, &layer) {
        let parts = x.split(pictures, 0).into_iter();
        let part = |x| self::layer(x, weight.clone(), bias.clone(), layer);
        return Tensor::cat(parts.map(part).collect(), 0);
    }
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

/// How many pictures a layer takes at a time, where it does not take all: a card unfolds them into columns, which must
/// not be what its memory is too small for.
#[cfg(feature = "cube")]
fn at_a_time(x: &Tensor<4>, weight: &Tensor<4>, layer: &Layer) -> Option<usize> {
    /// Values, of 4 bytes: as long as a buffer of Vulkan may be anywhere.
    const MOST: usize = 1 << 25;
    if !are_on_card(&x.device()) {
        return None;
    }
    let ([count, _, h, w], [_, wide, k, _]) = (x.dims(), weight.dims());
    let stride = layer.window.stride;
    // Of a transposed layer the narrow side is the input. Padding may add a row or two, which does not matter here.
    let positions = if layer.transposed { h * w } else { h.div_ceil(stride) * w.div_ceil(stride) };
    let pictures = (MOST / (positions * wide * k * k)).max(1);
    (pictures < count).then_some(pictures)
}

#[cfg(feature = "flex")]
pub(crate) fn pool(x: Tensor<4>, pool: Pool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::pool(x.into_dispatch(), pool))
}

#[cfg(feature = "flex")]
pub(crate) fn double(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::double(x.into_dispatch()))
}

#[cfg(feature = "flex")]
pub(crate) fn select_rows(x: Tensor<2>, rows: Arc<[usize]>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::select_rows(x.into_dispatch(), rows))
}

#[cfg(feature = "flex")]
pub(crate) fn mean_absolute_difference(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::mean_absolute_difference(a.into_dispatch(), b.into_dispatch()))
}

#[cfg(feature = "flex")]
pub(crate) fn mean_absolute_difference_within(x: Tensor<2>, pairs: &[[usize; 2]]) -> Tensor<1> {
    let pairs = Arc::from(pairs);
    Tensor::from_dispatch(Dispatch::mean_absolute_difference_within(x.into_dispatch(), pairs))
}

pub(crate) fn activation<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::activation(x.into_dispatch(), activation))
}

pub(crate) fn gather_pixels(x: Tensor<4>, sources: Arc<[u32]>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::gather_pixels(x.into_dispatch(), sources))
}

pub(crate) fn taps(weight: Tensor<4>, resampling: Resampling) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::taps(weight.into_dispatch(), resampling))
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

pub(crate) fn modulate(x: Tensor<4>, style: Tensor<2>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::modulate(x.into_dispatch(), style.into_dispatch()))
}
