//! The operations on Burn's backend for graphics cards.

use super::{Kernels, Layer, Wanted};
use crate::activation::Activation;
use crate::card::activation::{alone, alone_gradient, through};
use crate::card::columns::{Finish, to_narrow, to_weights, to_wide};
use crate::card::matrix::{pictures, room};
use crate::card::{normalization, pixels, resampling, sums, update};
use crate::geometry::Extent;
use crate::resampling::Resampling;
use crate::update::AdamStep;
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use std::sync::Arc;

impl Kernels for CubeBackend {
    fn layer(x: CubeTensor, w: CubeTensor, b: CubeTensor, layer: Layer) -> CubeTensor {
        let geometry = layer.geometry(extent(&x), w.meta.shape());
        let run = if layer.transposed { to_wide } else { to_narrow };
        let bias = Some(into_contiguous(b));
        run(&geometry, x, w, Finish { scale: layer.scale, bias, activation: layer.activation })
    }

    fn layer_gradients(
        x: CubeTensor,
        w: CubeTensor,
        y: CubeTensor,
        gradient: CubeTensor,
        layer: Layer,
        wanted: Wanted,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let geometry = layer.geometry(extent(&x), w.meta.shape());
        let shape = y.meta.shape().dims();
        let nothing = room(&x, [1]);
        let front = through(layer.activation, y, gradient);
        let of_bias = match wanted.bias {
            true => sums::of_channels(&front),
            false => nothing.clone(),
        };
        let gradient = pictures(front, shape);
        let of_input = match wanted.input {
            true => {
                let run = if layer.transposed { to_narrow } else { to_wide };
                let activation = Activation::None;
                let finish = Finish { scale: layer.scale, bias: None, activation };
                run(&geometry, gradient.clone(), w, finish)
            }
            false => nothing.clone(),
        };
        let of_weight = match (wanted.weight, layer.transposed) {
            (false, _) => nothing,
            (_, false) => to_weights(&geometry, x, gradient, layer.scale),
            (_, true) => to_weights(&geometry, gradient, x, layer.scale),
        };
        (of_input, of_weight, of_bias)
    }

    fn activation(x: CubeTensor, activation: Activation) -> CubeTensor {
        alone(x, activation)
    }

    fn activation_gradient(
        y: CubeTensor,
        gradient: CubeTensor,
        activation: Activation,
    ) -> CubeTensor {
        alone_gradient(y, gradient, activation)
    }

    fn gather_pixels(x: CubeTensor, sources: Arc<[u32]>) -> CubeTensor {
        pixels::gather(x, &sources)
    }

    fn gather_pixels_gradient(gradient: CubeTensor, sources: Arc<[u32]>) -> CubeTensor {
        pixels::scatter(gradient, &sources)
    }

    fn taps(w: CubeTensor, resampling: Resampling) -> CubeTensor {
        resampling::spread(w, resampling)
    }

    fn taps_gradient(gradient: CubeTensor, resampling: Resampling) -> CubeTensor {
        resampling::pull_back(gradient, resampling)
    }

    fn adam(
        weight: CubeTensor,
        gradient: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        step: AdamStep,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        update::adam([weight, gradient, first, second], step)
    }

    fn weighted_sum(left: CubeTensor, right: CubeTensor, factors: [f64; 2]) -> CubeTensor {
        update::weighted_sum(left, right, factors.map(|factor| factor as f32))
    }

    fn normalize(x: CubeTensor, epsilon: f32) -> (CubeTensor, CubeTensor) {
        normalization::normalize(x, epsilon)
    }

    fn normalize_gradient(y: CubeTensor, scale: CubeTensor, gradient: CubeTensor) -> CubeTensor {
        normalization::pull_back(y, scale, gradient)
    }
}

fn extent(x: &CubeTensor) -> Extent {
    let [_, channels, height, width] = x.meta.shape().dims();
    Extent { height, width, channels }
}
