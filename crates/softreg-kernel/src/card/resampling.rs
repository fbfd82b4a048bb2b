//! The taps of a convolution of stride 2 by the weights of one of stride 1, and the gradient of that.

use super::matrix::{Lie, a_unit_each, memory, room};
use crate::resampling::Resampling;
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::tensor::CubeTensor;

/// `[outputs, inputs, 3, 3]` to taps.
pub(crate) fn spread(weight: CubeTensor, resampling: Resampling) -> CubeTensor {
    windows(weight, resampling, 4)
}

/// The gradient of the weights, by that of the taps.
pub(crate) fn pull_back(gradient: CubeTensor, resampling: Resampling) -> CubeTensor {
    windows(gradient, resampling, 3)
}

/// To windows of so many rows.
fn windows(x: CubeTensor, resampling: Resampling, side: usize) -> CubeTensor {
    let [first, second, ..] = x.meta.shape().dims::<4>();
    let [first, second] = resampling.channels([first, second]);
    let out = room(&x, [first, second, side, side]);
    let (cubes, dim) = a_unit_each(&x, out.meta.num_elements());
    let lie = Lie::of(&x);
    windows_kernel::launch(
        &out.client,
        cubes,
        dim,
        memory(x),
        lie,
        out.clone().into_buffer_arg(),
        resampling.factor(),
        side,
        resampling.turns(),
    );
    out
}

/// Every value of a window is the sum of up to 2x2 of the other: of a wider one those at its place and after it, of a
/// narrower one those at its place and before it.
#[cube(launch)]
fn windows_kernel(
    x: &[f32],
    lie: &Lie,
    out: &mut [f32],
    factor: f32,
    #[comptime] side: usize,
    #[comptime] turns: bool,
) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let window = at / (side * side);
    let mut place = at % (side * side);
    let mut first = window / lie.channels;
    let mut second = window % lie.channels;
    if comptime!(turns) {
        // Sums of a mirrored window are those of the window, mirrored. Inputs and outputs change places.
        place = side * side - 1 - place;
        let outputs = out.len() / (lie.channels * side * side);
        first = window % outputs;
        second = window / outputs;
    }
    let (row, column) = (place / side, place % side);
    let mut sum = 0.0f32;
    #[unroll]
    for u in 0..2usize {
        #[unroll]
        for v in 0..2usize {
            if comptime!(side == 4) {
                if row >= u && row - u < lie.height && column >= v && column - v < lie.width {
                    sum += x[lie.at(first, second, row - u, column - v)];
                }
            } else {
                sum += x[lie.at(first, second, row + u, column + v)];
            }
        }
    }
    out[at] = sum * factor;
}
