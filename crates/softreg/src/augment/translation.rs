use super::Augmentation;
use crate::warp::{Edge, warp};
use burn::tensor::Tensor;
use rand::{Rng, RngExt};

/// Moves each picture by whole pixels, uniformly within `reach` of the side on both axes; what
/// enters at the border is 0 (mid-grey).
#[derive(Clone, Copy, Debug)]
pub struct Translation {
    /// Largest move as a share of the side, in 0..0.5.
    pub reach: f64,
}

impl Translation {
    /// The paper's reach.
    pub const REACH: f64 = 0.125;

    /// Applies given moves `(down, right)` in pixels; [`Augmentation::apply`] makes them up.
    pub fn with_moves(pictures: Tensor<4>, moves: &[(i64, i64)]) -> Tensor<4> {
        warp(pictures, Edge::Zero, |i, y, x| (y - moves[i].0, x - moves[i].1))
    }
}

impl Augmentation for Translation {
    fn name(&self) -> &'static str {
        "translation"
    }

    fn summary(&self) -> &'static str {
        "shifts by up to an eighth of the side"
    }

    fn apply(&self, pictures: Tensor<4>, rng: &mut dyn Rng) -> Tensor<4> {
        let [n, _, height, width] = pictures.dims();
        // To both sides alike, so that a sign says nothing.
        let reach = |side: usize| (self.reach.abs() * side as f64).round() as i64;
        let (down, right) = (reach(height), reach(width));
        let moves: Vec<(i64, i64)> = (0..n)
            .map(|_| (rng.random_range(-down..=down), rng.random_range(-right..=right)))
            .collect();
        Self::with_moves(pictures, &moves)
    }
}
