//! Moving averages of a network's weights: of the generator's, which draws steadier pictures than the
//! weights of any one step, and of the critic's, where a regularizer wants a teacher. Source: arXiv 1710.10196, appendix A.1; half-life and ramp-up as in StyleGAN2-ADA
//! (arXiv 2006.06676).

use crate::flat::{self, Row};
use burn::module::Module;
use softreg_kernel::{Crew, weighted_sums};

/// The decay of one step, `β = ½^(batch / half-life)`, where the half-life, in images, is not more
/// than 5 % of the images seen so far: the average follows quickly while pictures still change
/// quickly.
pub fn decay(batch: usize, half_life_images: f64, images_seen: u64) -> f64 {
    let half_life = half_life_images.min(0.05 * images_seen as f64).max(1e-8);
    0.5f64.powf(batch as f64 / half_life)
}

/// `average ← β·average + (1 − β)·current`, all weights at once, by the threads of `crew`.
pub fn update<M: Module>(average: M, current: &M, beta: f64, crew: &dyn Crew) -> M {
    flat::map(average, |average| {
        // Both networks are the same type with the same layers: there is one for each.
        let both = average.into_iter().zip(flat::rows(current));
        let terms = |(old, now): (Row, Row)| vec![(old.values, beta), (now.values, 1.0 - beta)];
        weighted_sums(both.map(terms).collect(), crew)
    })
}
