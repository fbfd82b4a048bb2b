//! Batch normalisation without a gain and a shift of its own.

use super::matrix::{a_unit_each, pictures, pixels, room};
use super::sums::{Of, shares, total};
use burn::tensor::Shape;
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::reshape;
use burn_cubecl::tensor::CubeTensor;

/// `(x − μ)/√(σ² + ε)`, and what every channel was scaled by, `1/√(σ² + ε)`.
pub(crate) fn normalize(x: CubeTensor, epsilon: f32) -> (CubeTensor, CubeTensor) {
    let [n, channels, h, w] = x.meta.shape().dims();
    let x = pixels(x);
    let parts = shares(&x, &x, Of::Moments, 1.0 / (n * h * w) as f32);
    let (mean, scale) = (room(&x, [channels]), room(&x, [channels]));
    let (cubes, dim) = a_unit_each(&x, channels);
    moments_kernel::launch(
        &x.client,
        cubes,
        dim,
        parts.clone().into_buffer_arg(),
        x.clone().into_buffer_arg(),
        mean.clone().into_buffer_arg(),
        scale.clone().into_buffer_arg(),
        parts.meta.shape()[0],
        epsilon,
    );
    let out = room(&x, [n * h * w, channels]);
    let (cubes, dim) = a_unit_each(&x, n * h * w * channels);
    normalize_kernel::launch(
        &x.client,
        cubes,
        dim,
        x.clone().into_buffer_arg(),
        mean.into_buffer_arg(),
        scale.clone().into_buffer_arg(),
        out.clone().into_buffer_arg(),
    );
    (pictures(out, [n, channels, h, w]), scale)
}

/// The gradient of the input, `scale·(g − mean(g) − y·mean(g·y))`, from that of the output `g` and the output `y`.
pub(crate) fn pull_back(y: CubeTensor, scale: CubeTensor, gradient: CubeTensor) -> CubeTensor {
    let [n, channels, h, w] = y.meta.shape().dims();
    let (y, gradient) = (pixels(y), pixels(gradient));
    let parts = shares(&gradient, &y, Of::Products, 1.0 / (n * h * w) as f32);
    let rows = parts.meta.shape()[0];
    let means = total(reshape(parts, Shape::new([rows, 2 * channels])), 1.0);
    let out = room(&y, [n * h * w, channels]);
    let (cubes, dim) = a_unit_each(&y, n * h * w * channels);
    pull_back_kernel::launch(
        &out.client,
        cubes,
        dim,
        gradient.into_buffer_arg(),
        y.into_buffer_arg(),
        means.into_buffer_arg(),
        scale.into_buffer_arg(),
        out.clone().into_buffer_arg(),
    );
    pictures(out, [n, channels, h, w])
}

#[cube(launch)]
fn moments_kernel(
    parts: &[f32],
    x: &[f32],
    mean: &mut [f32],
    scale: &mut [f32],
    shares: usize,
    epsilon: f32,
) {
    let channel = ABSOLUTE_POS;
    let channels = mean.len();
    if channel >= channels {
        terminate!();
    }
    let mut shifted = 0.0f32;
    let mut squares = 0.0f32;
    for share in 0..shares {
        shifted += parts[2 * share * channels + channel];
        squares += parts[(2 * share + 1) * channels + channel];
    }
    let variance = f32::max(squares - shifted * shifted, 0.0);
    mean[channel] = x[channel] + shifted;
    scale[channel] = 1.0 / f32::sqrt(variance + epsilon);
}

#[cube(launch)]
fn normalize_kernel(x: &[f32], mean: &[f32], scale: &[f32], out: &mut [f32]) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let channel = at % mean.len();
    out[at] = (x[at] - mean[channel]) * scale[channel];
}

#[cube(launch)]
fn pull_back_kernel(gradient: &[f32], y: &[f32], means: &[f32], scale: &[f32], out: &mut [f32]) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let channels = scale.len();
    let channel = at % channels;
    let along = y[at] * means[channels + channel];
    out[at] = scale[channel] * (gradient[at] - means[channel] - along);
}
