use super::{Distance, Domain};
use burn::tensor::Tensor;
use std::sync::Arc;

/// A distance between what a network makes of two outputs: `D(h(a), h(b))`.
///
/// `h` maps rows to rows, `[n, features] → [n, other features]`; it may be any function of tensors, such
/// as the first layers of a classifier. Gradients pass through it to the outputs, and reach the weights
/// of `h` too unless those are frozen. For the critic's own features there are sites instead
/// ([`crate::site::Site::ImageFeatures`] and others), which cost no pass of their own.
#[derive(Clone)]
pub struct FeatureSpace {
    map: Arc<dyn Fn(Tensor<2>) -> Tensor<2> + Send + Sync>,
    distance: Arc<dyn Distance>,
}

impl FeatureSpace {
    /// `distance` between what `map` makes of outputs.
    pub fn new(
        map: impl Fn(Tensor<2>) -> Tensor<2> + Send + Sync + 'static,
        distance: impl Distance + 'static,
    ) -> Self {
        Self { map: Arc::new(map), distance: Arc::new(distance) }
    }
}

impl std::fmt::Debug for FeatureSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Two maps are the same where they are the same function in memory.
        let map = Arc::as_ptr(&self.map);
        f.debug_struct("FeatureSpace").field("map", &map).field("distance", &self.distance).finish()
    }
}

impl Distance for FeatureSpace {
    fn name(&self) -> &'static str {
        "feature-space"
    }

    fn domain(&self) -> Domain {
        // What the map puts out is the caller's to know.
        Domain::Numbers
    }

    fn symmetric(&self) -> bool {
        self.distance.symmetric()
    }

    fn of_inputs(&self) -> Option<&dyn Distance> {
        Some(&*self.distance)
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        self.distance.per_pair((self.map)(a), (self.map)(b))
    }

    /// Every row goes through the map once, of however many pairs it is.
    fn within(&self, y: Tensor<2>, pairs: &[[usize; 2]]) -> Tensor<1> {
        self.distance.within((self.map)(y), pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::SquaredL2;
    use burn::tensor::Device;

    #[test]
    fn what_the_map_ignores_is_no_distance() {
        let device = Device::flex().autodiff();
        let a = Tensor::<2>::from_floats([[1.0, 2.0, 3.0]], &device).require_grad();
        let b = Tensor::<2>::from_floats([[1.0, 4.0, 9.0]], &device);
        let distance = FeatureSpace::new(|x| x.narrow(1, 0, 2).mul_scalar(2.0), SquaredL2);
        let value = distance.per_pair(a.clone(), b);
        let gradient = a.grad(&value.clone().sum().backward()).unwrap();
        assert_eq!(value.into_data().try_to_vec::<f32>().unwrap(), [8.0]); // (0² + 4²)/2
        assert_eq!(gradient.into_data().try_to_vec::<f32>().unwrap(), [0.0, -8.0, 0.0]);
    }
}
