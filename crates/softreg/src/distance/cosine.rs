use super::{Distance, Domain};
use crate::setting::Part;
use burn::tensor::Tensor;
use std::sync::Arc;

/// How far two outputs point into different directions, whatever their lengths:
/// `D(a, b) = 1 − cos(a, b)`, in 0..=2.
///
/// Computed as `½·‖a/‖a‖ − b/‖b‖‖²`, which is the same and, other than the difference from 1, exact
/// for directions that are nearly equal: never below 0, and 0 with gradient 0 where they agree.
///
/// An output of length 0 (below 1e-8) has no direction. It counts as the zero vector, with gradient
/// 0: its distance is ½ to any other, 0 to its like. Needs at least two features.
#[derive(Clone, Copy, Debug)]
pub struct Cosine;

/// The square of the smallest length that has a direction.
const SMALLEST_SQUARE: f64 = 1e-16;

pub(super) const PART: Part<dyn Distance> = Part {
    name: "cosine",
    formula: "1 − a·b / (‖a‖·‖b‖)",
    settings: &[],
    build: |_| Arc::new(Cosine),
};

impl Distance for Cosine {
    fn name(&self) -> &'static str {
        "cosine"
    }

    fn min_features(&self) -> usize {
        2
    }

    fn domain(&self) -> Domain {
        Domain::Directions
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        let difference = direction(a) - direction(b);
        difference.square().sum_dim(1).squeeze_dim(1).mul_scalar(0.5)
    }
}

/// Every row at length 1, or 0 where it has no direction.
fn direction(x: Tensor<2>) -> Tensor<2> {
    let features = x.dims()[1];
    let square = x.clone().square().sum_dim(1);
    let undefined = square.clone().lower_elem(SMALLEST_SQUARE).repeat_dim(1, features);
    // The floor comes before the root, whose gradient at 0 is infinite and would outlive the mask.
    (x / square.clamp_min(SMALLEST_SQUARE).sqrt()).mask_fill(undefined, 0.0)
}
