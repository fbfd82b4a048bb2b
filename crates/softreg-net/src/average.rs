//! Moving averages of a network's weights: of the generator's, which draws steadier pictures than the
//! weights of any one step, and of the critic's, where a regularizer wants a teacher. Source: arXiv 1710.10196, section 5; half-life and ramp-up as in StyleGAN2-ADA
//! (arXiv 2006.06676).

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, kind::BridgeTensor};
use softreg_kernel::weighted_sum;
use std::collections::VecDeque;

/// The decay of one step, `β = ½^(batch / half-life)`, where the half-life, in images, is not more
/// than 5 % of the images seen so far: the average follows quickly while pictures still change
/// quickly.
pub fn decay(batch: usize, half_life_images: f64, images_seen: u64) -> f64 {
    let half_life = half_life_images.min(0.05 * images_seen as f64).max(1e-8);
    0.5f64.powf(batch as f64 / half_life)
}

/// `average ← β·average + (1 − β)·current`, weight by weight.
pub fn update<M: Module>(average: M, current: &M, beta: f64) -> M {
    #[derive(Default)]
    struct Current(VecDeque<BridgeTensor>);
    impl ModuleVisitor for Current {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push_back(param.val().without_autodiff().into_bridge());
        }
    }
    struct Lerp {
        current: VecDeque<BridgeTensor>,
        beta: f64,
    }
    impl ModuleMapper for Lerp {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            // Both networks are the same type with the same layers: there is one for each.
            let Some(current) = self.current.pop_front() else { return param };
            let current = Tensor::<D>::from_bridge(current);
            let shares = [self.beta, 1.0 - self.beta];
            param.map(|old| weighted_sum(old, current, shares))
        }
    }
    let mut collected = Current::default();
    current.visit(&mut collected);
    average.map(&mut Lerp { current: collected.0, beta })
}
