//! How λ changes over a run: a factor on the weight of a term, step by step.

use crate::overfitting::Signs;
use crate::setting::{Part, Setting};

mod adaptive;
mod constant;
mod cosine;
mod linear;
mod sigmoid;
mod warm_up;

pub use adaptive::Adaptive;
pub use constant::Constant;
pub use cosine::Cosine;
pub use linear::Linear;
pub use sigmoid::Sigmoid;
pub use warm_up::WarmUp;

/// A course of λ.
pub trait Schedule: Send + Sync + std::fmt::Debug {
    /// Name in the registry and in specifications.
    fn name(&self) -> &'static str;
    /// The factor on λ at `step` (from 0); `control` is what [`Schedule::adjust`] last gave, or 1.
    fn factor(&self, step: u64, control: f64) -> f64;
    /// Whether it follows [`Signs`], which have to be measured then.
    fn follows_signs(&self) -> bool {
        false
    }
    /// The new control after `images` more pictures with these signs.
    fn adjust(&self, control: f64, _signs: &Signs, _images: u64) -> f64 {
        control
    }
}

/// All schedules, sorted by name; `constant` is the default.
pub const SCHEDULES: &[Part<dyn Schedule>] =
    &[adaptive::PART, constant::PART, cosine::PART, linear::PART, sigmoid::PART, warm_up::PART];

const START: Setting = Setting::whole("start", "step at which the ramp starts", 0, [0, 1 << 40]);
const RAMP: Setting =
    Setting::whole("ramp", "steps from the start to the full weight", 1000, [1, 1 << 40]);
const FROM: Setting =
    Setting::number("from", "factor on the weight before the ramp", 0.0, [0.0, 1e6]);

/// How far into its ramp a schedule is, 0..=1.
fn progress(step: u64, start: u64, ramp: u64) -> f64 {
    (step.saturating_sub(start) as f64 / ramp as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_begin_and_end_where_they_say() {
        let linear = Linear { start: 100, ramp: 50, from: 0.2 };
        let cosine = Cosine { start: 100, ramp: 50, from: 0.2 };
        for ramp in [&linear as &dyn Schedule, &cosine] {
            assert_eq!((ramp.factor(0, 1.0), ramp.factor(100, 1.0)), (0.2, 0.2));
            assert!((ramp.factor(125, 1.0) - 0.6).abs() < 1e-12, "{ramp:?}");
            assert!((ramp.factor(150, 1.0) - 1.0).abs() < 1e-12);
            assert_eq!(ramp.factor(1 << 50, 1.0), ramp.factor(150, 1.0));
        }
        assert!((linear.factor(110, 1.0) - 0.36).abs() < 1e-12);
        assert!((cosine.factor(110, 1.0) - (0.2 + 0.8 * 0.095_491_502_812_526_27)).abs() < 1e-12);
        // Downwards too.
        assert_eq!(Linear { start: 0, ramp: 10, from: 5.0 }.factor(5, 1.0), 3.0);
        // exp(−5(1 − t)²) at t = 0, ½, 1.
        let sigmoid = Sigmoid { start: 0, ramp: 10 };
        assert!((sigmoid.factor(0, 1.0) - (-5.0f64).exp()).abs() < 1e-12);
        assert!((sigmoid.factor(5, 1.0) - (-1.25f64).exp()).abs() < 1e-12);
        assert_eq!(sigmoid.factor(10, 1.0), 1.0);
        let warm = WarmUp { start: 3 };
        assert_eq!([2, 3, 4].map(|step| warm.factor(step, 1.0)), [0.0, 1.0, 1.0]);
        assert_eq!(Constant.factor(7, 0.5), 1.0);
    }

    #[test]
    fn adaptive_weights_follow_the_sign_within_their_bounds() {
        let adaptive = Adaptive { target: 0.5, speed: 1000, most: 4.0 };
        let signs = |r_v| Signs { r_t: 0.0, r_v };
        let up = adaptive.adjust(1.0, &signs(Some(0.9)), 100);
        assert!((up - 0.1f64.exp()).abs() < 1e-12);
        assert!((adaptive.adjust(up, &signs(Some(0.1)), 100) - 1.0).abs() < 1e-12);
        assert_eq!(adaptive.adjust(1.5, &signs(None), 100), 1.5);
        assert_eq!(adaptive.adjust(3.9, &signs(Some(1.0)), 100_000), 4.0);
        assert_eq!(adaptive.adjust(0.3, &signs(Some(0.0)), 100_000), 0.25);
        assert_eq!(adaptive.factor(9, 2.5), 2.5);
    }
}
