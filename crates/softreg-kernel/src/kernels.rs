//! The kernels behind the tensors of Burn's interface.

use crate::activation::Activation;
use crate::op::{Kernels, Layer};
use crate::pool::Pool;
use crate::update::AdamStep;
use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::{DType, Device, Tensor};
use std::sync::Arc;

/// This tensor is where the kernels are, in the precision that they have.
pub(crate) fn are_there<const D: usize>(x: &Tensor<D>) -> bool {
    are_on(&x.device()) && x.dtype() == DType::F32
}

pub(crate) fn are_on(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
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

pub(crate) fn pool(x: Tensor<4>, pool: Pool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::pool(x.into_dispatch(), pool))
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
