//! Convolutions as products of matrices: a row per narrow position, a column per value under the window.
//!
//! With `U` the unfolded wide side `[n·h·w, c·k·k]` (of narrow `h`, `w`, wide `c`), `W` the weights `[narrow channels, c·k·k]` as they lie,
//! and narrow pictures `N` as pixels: `N = U·Wᵀ`, wide pictures are what `N·W` adds up to, and the gradient of `W` is `Nᵀ·U`.
//!
//! The factors of a product are of the type that is asked for, in which columns are written; all else is in single precision.

use super::activation::{Behind, activated, behind};
use super::matrix::{
    Lie, a_unit_each, factor, memory, pictures, pixels, room, room_for, turned, types,
};
use super::product::product;
use super::sums::total;
use crate::activation::Activation;
use crate::geometry::{Extent, Geometry};
use crate::window::Window;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::reshape;
use burn_cubecl::tensor::CubeTensor;

/// What stands behind a product.
pub(crate) struct Finish {
    pub(crate) scale: f32,
    pub(crate) bias: Option<CubeTensor>,
    pub(crate) activation: Activation,
}

/// From wide pictures to narrow ones.
pub(crate) fn to_narrow(
    geometry: &Geometry,
    wide: CubeTensor,
    weight: CubeTensor,
    factors: DType,
    finish: Finish,
) -> CubeTensor {
    let count = wide.meta.shape()[0];
    let (columns, scale) = unfold(geometry, wide, factors, finish.scale);
    let out = product(columns, turned(as_matrix(geometry, weight, factors)));
    finished(out, &geometry.narrow, count, Finish { scale, ..finish })
}

/// From narrow pictures to wide ones.
pub(crate) fn to_wide(
    geometry: &Geometry,
    narrow: CubeTensor,
    weight: CubeTensor,
    factors: DType,
    finish: Finish,
) -> CubeTensor {
    let count = narrow.meta.shape()[0];
    let narrow = factor(pixels(narrow), factors);
    let columns = product(narrow, as_matrix(geometry, weight, factors));
    match is_point(geometry.window) {
        true => finished(columns, &geometry.wide, count, finish),
        false => fold(geometry, columns, count, finish),
    }
}

/// The gradient of the weights, `[narrow, wide, k, k]`, times `scale`.
pub(crate) fn to_weights(
    geometry: &Geometry,
    wide: CubeTensor,
    narrow: CubeTensor,
    factors: DType,
    scale: f32,
) -> CubeTensor {
    let Geometry { wide: Extent { channels, .. }, narrow: to, window: Window { kernel, .. } } =
        *geometry;
    let count = wide.meta.shape()[0] * to.height * to.width;
    let columns = channels * kernel * kernel;
    // A sum over all pixels of all pictures for each of a few weights: shares of the pixels side by side.
    let shares = shares(count, to.channels, columns);
    let rows = count / shares;
    let narrow = reshape(factor(pixels(narrow), factors), Shape::new([shares, rows, to.channels]));
    let (wide, scale) = unfold(geometry, wide, factors, scale);
    let wide = reshape(wide, Shape::new([shares, rows, columns]));
    let parts = product(turned(narrow), wide);
    let sum = total(reshape(parts, Shape::new([shares, to.channels * columns])), scale);
    reshape(sum, Shape::new([to.channels, channels, kernel, kernel]))
}

/// Into how many equal shares `count` rows are split, whose products, of `[rows, columns]` weights, are then added: as many as
/// keep a large card busy, and no more, since each is written and read again.
fn shares(count: usize, rows: usize, columns: usize) -> usize {
    let tiles = rows.div_ceil(TILE) * columns.div_ceil(TILE);
    let most = TILES.div_ceil(tiles).min(count / LEAST).clamp(1, SHARES);
    (1..=most).rev().find(|shares| count.is_multiple_of(*shares)).unwrap_or(1)
}

/// Rows and columns that CubeCL's product computes at a time.
const TILE: usize = 64;

/// Tiles that keep all multiprocessors of a large card busy, twice as many as there are.
const TILES: usize = 256;

/// Rows below which a share is not worth what adding it costs.
const LEAST: usize = 256;

/// Most shares.
const SHARES: usize = 32;

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn a_product_is_split_as_far_as_it_pays() {
        // 24 maps of 3 channels, 8,192 pixels: one tile.
        assert_eq!(shares(32 * 16 * 16, 24, 48), 32);
        // 384 maps of 192 channels: 288 tiles.
        assert_eq!(shares(128 * 4 * 4, 384, 3072), 1);
        // A linear layer.
        assert_eq!(shares(128, 1536, 64), 1);
        // A prime number of pictures.
        assert_eq!(shares(43 * 16 * 16, 24, 48), 32);
        assert_eq!(shares(1, 1, 1), 1);
    }
}

/// A window of one pixel: columns are pixels.
fn is_point(window: Window) -> bool {
    window == Window { kernel: 1, stride: 1, padding: 0 }
}

fn as_matrix(geometry: &Geometry, weight: CubeTensor, factors: DType) -> CubeTensor {
    let Window { kernel, .. } = geometry.window;
    let columns = geometry.wide.channels * kernel * kernel;
    factor(reshape(weight, Shape::new([geometry.narrow.channels, columns])), factors)
}

/// Pixels as pictures, with what stands behind the product.
fn finished(product: CubeTensor, extent: &Extent, count: usize, finish: Finish) -> CubeTensor {
    let Finish { scale, bias, activation } = finish;
    let out = behind(product, scale, bias, activation);
    pictures(out, [count, extent.channels, extent.height, extent.width])
}

/// The columns of wide pictures, and what is left to scale them by.
fn unfold(geometry: &Geometry, wide: CubeTensor, factors: DType, scale: f32) -> (CubeTensor, f32) {
    let Geometry { wide: from, narrow: to, window } = *geometry;
    if is_point(window) {
        return (factor(pixels(wide), factors), scale);
    }
    let rows = wide.meta.shape()[0] * to.height * to.width;
    let columns = from.channels * window.kernel * window.kernel;
    let out = room_for(factors, &wide, [rows, columns]);
    let types = types([&wide, &out]);
    let (cubes, dim) = a_unit_each(&wide, rows * columns);
    let lie = Lie::of(&wide);
    unfold_kernel::launch(
        &out.client,
        cubes,
        dim,
        memory(wide),
        lie,
        out.clone().into_buffer_arg(),
        to.height,
        to.width,
        scale,
        Slide::new(window),
        types,
    );
    (out, 1.0)
}

/// What columns add up to, as wide pictures.
fn fold(geometry: &Geometry, columns: CubeTensor, count: usize, finish: Finish) -> CubeTensor {
    let Geometry { wide, narrow, window } = *geometry;
    let Finish { scale, bias, activation } = finish;
    let values = count * wide.len();
    let out = room(&columns, [values]);
    let (cubes, dim) = a_unit_each(&columns, values);
    let (biased, bias) = (bias.is_some(), bias.unwrap_or_else(|| columns.clone()));
    let Behind { kind, slope } = activation.into();
    fold_kernel::launch(
        &out.client,
        cubes,
        dim,
        columns.into_buffer_arg(),
        bias.into_buffer_arg(),
        out.clone().into_buffer_arg(),
        SidesLaunch::new(wide.height, wide.width, wide.channels, narrow.height, narrow.width),
        scale,
        slope,
        Slide::new(window),
        biased,
        kind,
    );
    pictures(out, [count, wide.channels, wide.height, wide.width])
}

/// [`Window`], as a kernel is compiled for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Slide {
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl Slide {
    fn new(Window { kernel, stride, padding }: Window) -> Self {
        Self { kernel, stride, padding }
    }
}

#[derive(CubeType, CubeLaunch)]
struct Sides {
    height: usize,
    width: usize,
    channels: usize,
    narrow_height: usize,
    narrow_width: usize,
}

#[cube(launch)]
fn unfold_kernel<W: Float, C: Float>(
    wide: &[W],
    lie: &Lie,
    columns: &mut [C],
    height: usize,
    width: usize,
    scale: f32,
    #[comptime] slide: Slide,
    #[define(W, C)] _types: [ElemType; 2],
) {
    let at = ABSOLUTE_POS;
    if at >= columns.len() {
        terminate!();
    }
    let area = comptime!(slide.kernel * slide.kernel);
    let span = lie.channels * area;
    let position = at / span;
    let column = at % span;
    let channel = column / area;
    let tap = column % area;
    let row = position / width;
    // In the picture with its padding.
    let x = (position % width) * slide.stride + tap % slide.kernel;
    let y = (row % height) * slide.stride + tap / slide.kernel;
    let inside = y >= slide.padding
        && x >= slide.padding
        && y < lie.height + slide.padding
        && x < lie.width + slide.padding;
    let mut value = 0.0f32;
    if inside {
        let from = lie.at(row / height, channel, y - slide.padding, x - slide.padding);
        value = f32::cast_from(wide[from]);
    }
    columns[at] = C::cast_from(value * scale);
}

#[cube(launch)]
fn fold_kernel(
    columns: &[f32],
    bias: &[f32],
    wide: &mut [f32],
    sides: &Sides,
    scale: f32,
    slope: f32,
    #[comptime] slide: Slide,
    #[comptime] biased: bool,
    #[comptime] kind: u32,
) {
    let at = ABSOLUTE_POS;
    if at >= wide.len() {
        terminate!();
    }
    let channel = at % sides.channels;
    let pixel = at / sides.channels;
    let x = pixel % sides.width + slide.padding;
    let row = pixel / sides.width;
    let y = row % sides.height + slide.padding;
    let first_row = (row / sides.height) * sides.narrow_height;
    let area = comptime!(slide.kernel * slide.kernel);
    let span = sides.channels * area;
    let mut sum = 0.0f32;
    #[unroll]
    for ky in 0..slide.kernel {
        if y >= ky
            && (y - ky).is_multiple_of(slide.stride)
            && (y - ky) / slide.stride < sides.narrow_height
        {
            let line = (first_row + (y - ky) / slide.stride) * sides.narrow_width;
            #[unroll]
            for kx in 0..slide.kernel {
                if x >= kx
                    && (x - kx).is_multiple_of(slide.stride)
                    && (x - kx) / slide.stride < sides.narrow_width
                {
                    let position = line + (x - kx) / slide.stride;
                    sum += columns[position * span + channel * area + ky * slide.kernel + kx];
                }
            }
        }
    }
    let mut value = sum * scale;
    if comptime!(biased) {
        value += bias[channel];
    }
    wide[at] = activated(value, slope, kind);
}
