//! Pictures scaled and shifted channel by channel, each picture by factors of its own.

use super::matrix::{a_unit_each, pictures, pixels, room};
use super::sums::{LANES, ROWS, over_rows};
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

/// `x·(1 + γ) + β`; a row of `style` holds γ and then β of every channel of one picture.
pub(crate) fn modulate(x: CubeTensor, style: CubeTensor) -> CubeTensor {
    let shape = x.meta.shape().dims();
    let [n, channels, h, w] = shape;
    let (x, style) = (pixels(x), into_contiguous(style));
    let out = room(&x, [n * h * w, channels]);
    let (cubes, dim) = a_unit_each(&x, n * h * w * channels);
    modulate_kernel::launch(
        &out.client,
        cubes,
        dim,
        x.into_buffer_arg(),
        style.into_buffer_arg(),
        out.clone().into_buffer_arg(),
        channels,
        h * w,
    );
    pictures(out, shape)
}

/// The gradients of the input, `g·(1 + γ)`, and of the style, `Σ g·x` and `Σ g` over the pixels of each picture.
pub(crate) fn pull_back(
    x: CubeTensor,
    style: CubeTensor,
    gradient: CubeTensor,
) -> (CubeTensor, CubeTensor) {
    let shape = x.meta.shape().dims();
    let [n, channels, h, w] = shape;
    let [x, gradient] = [x, gradient].map(pixels);
    let style = into_contiguous(style);
    let (of_input, of_style) = (room(&x, [n * h * w, channels]), room(&x, [n, 2 * channels]));
    let (cubes, dim) = a_unit_each(&x, n * h * w * channels);
    of_input_kernel::launch(
        &x.client,
        cubes,
        dim,
        gradient.clone().into_buffer_arg(),
        style.into_buffer_arg(),
        of_input.clone().into_buffer_arg(),
        channels,
        h * w,
    );
    of_style_kernel::launch(
        &x.client,
        CubeCount::Static(n as u32, channels.div_ceil(LANES as usize) as u32, 1),
        CubeDim::new_2d(LANES, ROWS),
        gradient.into_buffer_arg(),
        x.clone().into_buffer_arg(),
        of_style.clone().into_buffer_arg(),
        channels,
        h * w,
    );
    (pictures(of_input, shape), of_style)
}

#[cube(launch)]
fn modulate_kernel(x: &[f32], style: &[f32], out: &mut [f32], channels: usize, pixels: usize) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let gain = at / (pixels * channels) * 2 * channels + at % channels;
    out[at] = x[at] * (1.0 + style[gain]) + style[gain + channels];
}

#[cube(launch)]
fn of_input_kernel(
    gradient: &[f32],
    style: &[f32],
    out: &mut [f32],
    channels: usize,
    pixels: usize,
) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let gain = at / (pixels * channels) * 2 * channels + at % channels;
    out[at] = gradient[at] * (1.0 + style[gain]);
}

/// A cube for some channels of a picture; its rows take turns at the pixels.
#[cube(launch)]
fn of_style_kernel(gradient: &[f32], x: &[f32], out: &mut [f32], channels: usize, pixels: usize) {
    let size = comptime!((LANES * ROWS) as usize);
    let mut gains = Shared::<[f32]>::new_slice(size);
    let mut shifts = Shared::<[f32]>::new_slice(size);
    let picture = CUBE_POS_X as usize;
    let channel = (CUBE_POS_Y * LANES + UNIT_POS_X) as usize;
    let mut of_gain = 0.0f32;
    let mut of_shift = 0.0f32;
    if channel < channels {
        let mut pixel = UNIT_POS_Y as usize;
        while pixel < pixels {
            let at = (picture * pixels + pixel) * channels + channel;
            of_gain += gradient[at] * x[at];
            of_shift += gradient[at];
            pixel += comptime!(ROWS as usize);
        }
    }
    let place = (UNIT_POS_Y * LANES + UNIT_POS_X) as usize;
    gains[place] = of_gain;
    shifts[place] = of_shift;
    sync_cube();
    if UNIT_POS_Y == 0 && channel < channels {
        let to = 2 * picture * channels + channel;
        out[to] = over_rows(&gains);
        out[to + channels] = over_rows(&shifts);
    }
}
