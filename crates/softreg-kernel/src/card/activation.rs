//! What stands behind a layer, and its gradient.

use super::matrix::{Lie, a_unit_each, lies_as_pixels, memory, pixels, room};
use crate::activation::Activation;
use burn::tensor::Shape;
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

/// [`Activation`], as a kernel is compiled for it, and what it is told when it runs.
pub(crate) struct Behind {
    pub(crate) kind: u32,
    pub(crate) slope: f32,
}

const NONE: u32 = 0;
const LEAKY: u32 = 1;
const TANH: u32 = 2;
const SOFTPLUS: u32 = 3;

impl From<Activation> for Behind {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::None => Self { kind: NONE, slope: 1.0 },
            Activation::LeakyRelu { slope } => Self { kind: LEAKY, slope },
            Activation::Softplus => Self { kind: SOFTPLUS, slope: 1.0 },
            Activation::Tanh => Self { kind: TANH, slope: 1.0 },
        }
    }
}

/// `activation(scale·x + b)`, in place of pixels `x` `[p, c]`, `b` `[c]`.
pub(crate) fn behind(
    x: CubeTensor,
    scale: f32,
    bias: Option<CubeTensor>,
    activation: Activation,
) -> CubeTensor {
    if scale == 1.0 && bias.is_none() && activation == Activation::None {
        return x;
    }
    let [rows, channels] = x.meta.shape().dims();
    let (biased, bias) = match bias {
        Some(bias) => (true, into_contiguous(bias)),
        None => (false, room(&x, [1])),
    };
    let (cubes, dim) = a_unit_each(&x, rows * channels);
    let Behind { kind, slope } = activation.into();
    behind_kernel::launch(
        &x.client,
        cubes,
        dim,
        x.clone().into_buffer_arg(),
        bias.into_buffer_arg(),
        channels,
        scale,
        slope,
        biased,
        kind,
    );
    x
}

/// The activation on its own, in whatever order the values lie.
pub(crate) fn alone(x: CubeTensor, activation: Activation) -> CubeTensor {
    let Behind { kind, slope } = activation.into();
    let x = match x.is_contiguous_buffer() && x.is_nonoverlapping() {
        true => x,
        false => into_contiguous(x),
    };
    let values = x.meta.num_elements();
    let mut out = room(&x, x.meta.shape().clone());
    out.meta = x.meta.clone();
    let (cubes, dim) = a_unit_each(&x, values);
    alone_kernel::launch(
        &out.client,
        cubes,
        dim,
        x.into_buffer_arg(),
        out.clone().into_buffer_arg(),
        slope,
        kind,
    );
    out
}

/// What comes through the activation of a gradient of its output `y`, as pixels `[n·h·w, c]`.
pub(crate) fn through(activation: Activation, y: CubeTensor, gradient: CubeTensor) -> CubeTensor {
    if activation == Activation::None {
        return pixels(gradient);
    }
    let [n, c, h, w] = y.meta.shape().dims();
    let y = match lies_as_pixels(&y) {
        true => y,
        false => super::matrix::pictures(pixels(y), [n, c, h, w]),
    };
    let out = room(&y, [n * h * w, c]);
    let (cubes, dim) = a_unit_each(&y, n * h * w * c);
    let lie = Lie::of(&gradient);
    let Behind { kind, slope } = activation.into();
    through_kernel::launch(
        &out.client,
        cubes,
        dim,
        y.into_buffer_arg(),
        memory(gradient),
        lie,
        out.clone().into_buffer_arg(),
        slope,
        kind,
    );
    out
}

/// The gradient of [`alone`]'s input, for any shape.
pub(crate) fn alone_gradient(
    y: CubeTensor,
    gradient: CubeTensor,
    activation: Activation,
) -> CubeTensor {
    let shape = y.meta.shape().clone();
    let flat = |x: CubeTensor| {
        let values = x.meta.num_elements();
        burn_cubecl::ops::reshape(into_contiguous(x), Shape::new([values, 1, 1, 1]))
    };
    burn_cubecl::ops::reshape(through(activation, flat(y), flat(gradient)), shape)
}

#[cube]
pub(crate) fn activated(value: f32, slope: f32, #[comptime] kind: u32) -> f32 {
    let mut out = value;
    if comptime!(kind == LEAKY) {
        // What is not a number is not above 0, and stays what it is.
        out = select(value > 0.0, value, value * slope);
    }
    if comptime!(kind == TANH) {
        out = f32::tanh(value);
    }
    if comptime!(kind == SOFTPLUS) {
        out = select(value > 0.0, value, 0.0f32) + f32::log1p(f32::exp(-f32::abs(value)));
    }
    out
}

#[cube(launch)]
fn behind_kernel(
    values: &mut [f32],
    bias: &[f32],
    channels: usize,
    scale: f32,
    slope: f32,
    #[comptime] biased: bool,
    #[comptime] kind: u32,
) {
    let at = ABSOLUTE_POS;
    if at >= values.len() {
        terminate!();
    }
    let mut value = values[at] * scale;
    if comptime!(biased) {
        value += bias[at % channels];
    }
    values[at] = activated(value, slope, kind);
}

#[cube(launch)]
fn alone_kernel(values: &[f32], out: &mut [f32], slope: f32, #[comptime] kind: u32) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    out[at] = activated(values[at], slope, kind);
}

/// `y` and `out` lie with channels innermost, the gradient anyhow.
#[cube(launch)]
fn through_kernel(
    y: &[f32],
    gradient: &[f32],
    lie: &Lie,
    out: &mut [f32],
    slope: f32,
    #[comptime] kind: u32,
) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let channel = at % lie.channels;
    let pixel = at / lie.channels;
    let row = pixel / lie.width;
    let value = gradient[lie.at(row / lie.height, channel, row % lie.height, pixel % lie.width)];
    let mut factor = 1.0f32;
    if comptime!(kind == LEAKY) {
        factor = select(y[at] > 0.0, 1.0f32, slope);
    }
    if comptime!(kind == TANH) {
        factor = 1.0 - y[at] * y[at];
    }
    if comptime!(kind == SOFTPLUS) {
        factor = -f32::exp_m1(-y[at]);
    }
    out[at] = value * factor;
}
