//! Sums over all pixels, in an order that depends on their number alone.

use super::matrix::{a_unit_each, room};
use burn::tensor::Shape;
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::reshape;
use burn_cubecl::tensor::CubeTensor;

/// What is summed for every channel of pixels `x` and `y`, both `[p, c]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    /// `Σ x`.
    Values,
    /// `Σ (x − s)` and `Σ (x − s)²` for the first pixel `s`, which keeps small variances of large values from rounding away.
    Moments,
    /// `Σ x` and `Σ x·y`.
    Products,
}

/// Channels and pixels that a cube looks at together.
pub(super) const LANES: u32 = 32;
pub(super) const ROWS: u32 = 8;
/// Shares of the pixels that are summed side by side, at most.
const SHARES: usize = 64;
/// Pixels that are not worth another kernel, which would add shares up.
const SHARE: usize = 2048;

/// Sums of shares of the pixels, `[shares, 1 or 2, c]`, times `factor`.
pub(crate) fn shares(x: &CubeTensor, y: &CubeTensor, of: Of, factor: f32) -> CubeTensor {
    let [pixels, channels] = x.meta.shape().dims();
    let per_share = pixels.div_ceil(SHARES).max(SHARE);
    let shares = pixels.div_ceil(per_share);
    let sums = if of == Of::Values { 1 } else { 2 };
    let out = room(x, [shares, sums, channels]);
    shares_kernel::launch(
        &x.client,
        CubeCount::Static(channels.div_ceil(LANES as usize) as u32, shares as u32, 1),
        CubeDim::new_2d(LANES, ROWS),
        x.clone().into_buffer_arg(),
        y.clone().into_buffer_arg(),
        out.clone().into_buffer_arg(),
        pixels,
        channels,
        per_share,
        factor,
        of,
    );
    out
}

/// The sum of the rows of `parts` `[s, l]`, times `factor`: `[l]`.
pub(crate) fn total(parts: CubeTensor, factor: f32) -> CubeTensor {
    let [rows, length] = parts.meta.shape().dims();
    if rows == 1 && factor == 1.0 {
        return reshape(parts, Shape::new([length]));
    }
    let out = room(&parts, [length]);
    let (cubes, dim) = a_unit_each(&parts, length);
    total_kernel::launch(
        &out.client,
        cubes,
        dim,
        parts.into_buffer_arg(),
        out.clone().into_buffer_arg(),
        rows,
        factor,
    );
    out
}

/// The sum of all pixels `[p, c]` of every channel: `[c]`.
pub(crate) fn of_channels(pixels: &CubeTensor) -> CubeTensor {
    let parts = shares(pixels, pixels, Of::Values, 1.0);
    let [shares, _, channels] = parts.meta.shape().dims();
    total(reshape(parts, Shape::new([shares, channels])), 1.0)
}

#[cube(launch)]
fn shares_kernel(
    x: &[f32],
    y: &[f32],
    out: &mut [f32],
    pixels: usize,
    channels: usize,
    per_share: usize,
    factor: f32,
    #[comptime] of: Of,
) {
    let size = comptime!((LANES * ROWS) as usize);
    let mut first = Shared::<[f32]>::new_slice(size);
    let mut second = Shared::<[f32]>::new_slice(size);
    let channel = (CUBE_POS_X * LANES + UNIT_POS_X) as usize;
    let start = CUBE_POS_Y as usize * per_share;
    let end = clamp_max(start + per_share, pixels);
    let mut a = 0.0f32;
    let mut b = 0.0f32;
    if channel < channels {
        let mut pixel = start + UNIT_POS_Y as usize;
        while pixel < end {
            let at = pixel * channels + channel;
            if comptime!(of == Of::Moments) {
                let value = x[at] - x[channel];
                a += value;
                b += value * value;
            } else {
                a += x[at];
                if comptime!(of == Of::Products) {
                    b += x[at] * y[at];
                }
            }
            pixel += comptime!(ROWS as usize);
        }
    }
    let place = (UNIT_POS_Y * LANES + UNIT_POS_X) as usize;
    first[place] = a;
    second[place] = b;
    sync_cube();
    if UNIT_POS_Y == 0 && channel < channels {
        let a = over_rows(&first);
        let b = over_rows(&second);
        let share = CUBE_POS_Y as usize;
        if comptime!(of == Of::Values) {
            out[share * channels + channel] = a * factor;
        } else {
            out[2 * share * channels + channel] = a * factor;
            out[(2 * share + 1) * channels + channel] = b * factor;
        }
    }
}

/// What the rows of a cube have summed up for the channel of this unit.
#[cube]
pub(super) fn over_rows(parts: &[f32]) -> f32 {
    let mut sum = 0.0f32;
    #[unroll]
    for row in 0..ROWS {
        sum += parts[(row * LANES + UNIT_POS_X) as usize];
    }
    sum
}

#[cube(launch)]
fn total_kernel(parts: &[f32], out: &mut [f32], rows: usize, factor: f32) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let mut sum = 0.0f32;
    for row in 0..rows {
        sum += parts[row * out.len() + at];
    }
    out[at] = sum * factor;
}
