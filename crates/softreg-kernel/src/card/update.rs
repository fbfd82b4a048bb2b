//! What a step does to weights, in one pass over them.

use super::matrix::{a_unit_each, room};
use crate::update::AdamStep;
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

/// [`AdamStep`]: weight and both moments.
pub(crate) fn adam(
    [weight, gradient, first, second]: [CubeTensor; 4],
    step: AdamStep,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let gradient = into_contiguous(gradient);
    let [weight, first, second] = [weight, first, second].map(own);
    let (cubes, dim) = a_unit_each(&weight, weight.meta.num_elements());
    let AdamStep { beta_1, beta_2, correction, epsilon, rate, keep } = step;
    adam_kernel::launch(
        &weight.client,
        cubes,
        dim,
        weight.clone().into_buffer_arg(),
        gradient.into_buffer_arg(),
        first.clone().into_buffer_arg(),
        second.clone().into_buffer_arg(),
        beta_1,
        beta_2,
        correction,
        epsilon,
        rate,
        keep,
    );
    (weight, first, second)
}

/// `a·left + b·right`.
pub(crate) fn weighted_sum(left: CubeTensor, right: CubeTensor, [a, b]: [f32; 2]) -> CubeTensor {
    let (left, right) = (own(left), into_contiguous(right));
    let (cubes, dim) = a_unit_each(&left, left.meta.num_elements());
    weighted_sum_kernel::launch(
        &left.client,
        cubes,
        dim,
        left.clone().into_buffer_arg(),
        right.into_buffer_arg(),
        a,
        b,
    );
    left
}

/// The tensor, in order, in memory that nothing else looks at.
fn own(x: CubeTensor) -> CubeTensor {
    let x = into_contiguous(x);
    if x.can_mut() {
        return x;
    }
    // Burn's own copy may leave gaps between rows.
    let copy = room(&x, x.meta.shape().clone());
    let (cubes, dim) = a_unit_each(&copy, copy.meta.num_elements());
    copy_kernel::launch(
        &copy.client.clone(),
        cubes,
        dim,
        x.into_buffer_arg(),
        copy.clone().into_buffer_arg(),
    );
    copy
}

#[cube(launch)]
fn copy_kernel(from: &[f32], to: &mut [f32]) {
    let at = ABSOLUTE_POS;
    if at >= to.len() {
        terminate!();
    }
    to[at] = from[at];
}

#[cube(launch)]
fn adam_kernel(
    weight: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    beta_1: f32,
    beta_2: f32,
    correction: f32,
    epsilon: f32,
    rate: f32,
    keep: f32,
) {
    let at = ABSOLUTE_POS;
    if at >= gradient.len() {
        terminate!();
    }
    let g = gradient[at];
    let m = first[at] * beta_1 + g * (1.0 - beta_1);
    let v = second[at] * beta_2 + g * g * (1.0 - beta_2);
    first[at] = m;
    second[at] = v;
    weight[at] = weight[at] * keep - m * correction / (f32::sqrt(v) + epsilon) * rate;
}

#[cube(launch)]
fn weighted_sum_kernel(left: &mut [f32], right: &[f32], a: f32, b: f32) {
    let at = ABSOLUTE_POS;
    if at >= left.len() {
        terminate!();
    }
    left[at] = left[at] * a + right[at] * b;
}
