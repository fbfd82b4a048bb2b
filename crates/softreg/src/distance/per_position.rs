use super::{Distance, Domain};
use burn::tensor::Tensor;
use std::sync::Arc;

/// A distance position by position, averaged: for outputs such as `[n, time, classes]`, one
/// distribution per position, which arrive here as `[n, time·classes]`.
///
/// `D(a, b) = (1/p)·Σₜ D'(aₜ, bₜ)` over the `p` positions, each with as many features as the rest of the
/// output has. R-Drop on a language model is [`super::Kl`] per position.
#[derive(Clone, Debug)]
pub struct PerPosition {
    positions: usize,
    distance: Arc<dyn Distance>,
}

impl PerPosition {
    /// `distance` at each of `positions`, at least 1, whose number divides that of all features: outputs are refused
    /// otherwise ([`crate::pairing::PairingError::Positions`]).
    pub fn new(positions: usize, distance: impl Distance + 'static) -> Self {
        Self { positions: positions.max(1), distance: Arc::new(distance) }
    }
}

impl Distance for PerPosition {
    fn name(&self) -> &'static str {
        "per-position"
    }

    fn min_features(&self) -> usize {
        self.positions * self.distance.min_features()
    }

    fn domain(&self) -> Domain {
        self.distance.domain()
    }

    fn positions(&self) -> usize {
        self.positions * self.distance.positions()
    }

    fn symmetric(&self) -> bool {
        self.distance.symmetric()
    }

    fn of_inputs(&self) -> Option<&dyn Distance> {
        Some(&*self.distance)
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        let [n, features] = a.dims();
        let shape = [n * self.positions, features / self.positions];
        let of_each = self.distance.per_pair(a.reshape(shape), b.reshape(shape));
        of_each.reshape([n, self.positions]).mean_dim(1).squeeze_dim(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Kl;
    use burn::tensor::Device;

    #[test]
    fn every_position_has_its_own_distribution() {
        let device = Device::flex();
        let row = |values: [[f32; 2]; 2]| Tensor::<2>::from_floats(values, &device);
        let flat = |values: [[f32; 4]; 1]| Tensor::<2>::from_floats(values, &device);
        let of_each = Kl.per_pair(row([[1.0, 2.0], [0.0, 3.0]]), row([[2.0, 1.0], [0.0, -1.0]]));
        let expected: f32 = of_each.mean().into_scalar();
        let distance = PerPosition::new(2, Kl);
        let (a, b) = (flat([[1.0, 2.0, 0.0, 3.0]]), flat([[2.0, 1.0, 0.0, -1.0]]));
        let found: f32 = distance.per_pair(a, b).into_scalar();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}
