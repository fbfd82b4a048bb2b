use super::Schedule;
use crate::overfitting::Signs;
use crate::setting::{Part, Setting};
use std::sync::Arc;

/// λ follows overfitting as it is measured on held-out pictures: `λ·c`, where `c` begins at 1 and is
/// multiplied by `exp(±images/speed)` at every adjustment, up where `r_v` lies above the target and
/// down where below, within `1/most..=most`.
///
/// Source: ADA, arXiv 2006.06676, section 3.1, which moves a probability by equal steps in the same way.
/// Deviation: a weight has no upper end, so that steps are equal in its logarithm. `r_v` is
/// [`crate::overfitting`]'s; where the critic cannot tell real from generated pictures it says nothing,
/// and `c` stays.
#[derive(Clone, Copy, Debug)]
pub struct Adaptive {
    /// The `r_v` to be held.
    pub target: f64,
    /// Real pictures in which `c` grows or shrinks by a factor of e.
    pub speed: u64,
    /// Greatest `c`; the smallest is its reciprocal. At least 1.
    pub most: f64,
}

pub(super) const PART: Part<dyn Schedule> = Part {
    name: "adaptive",
    formula: "λ·c; c ← c·exp(±images/speed), up while r_v is above the target, down while below",
    settings: &[
        Setting::number("most", "largest factor on the weight, and 1/smallest", 10.0, [1.0, 1e6]),
        Setting::whole(
            "speed",
            "pictures over which the weight changes by a factor of e",
            20_000,
            [1, 1 << 40],
        ),
        Setting::number("target", "overfitting on held-out pictures to aim for", 0.5, [-1.0, 1.0]),
    ],
    build: |settings| {
        let (target, most) = (settings.number("target"), settings.number("most"));
        Arc::new(Adaptive { target, speed: settings.whole("speed"), most })
    },
};

impl Schedule for Adaptive {
    fn name(&self) -> &'static str {
        "adaptive"
    }

    fn factor(&self, _step: u64, control: f64) -> f64 {
        control
    }

    fn follows_signs(&self) -> bool {
        true
    }

    fn adjust(&self, control: f64, signs: &Signs, images: u64) -> f64 {
        let Some(r_v) = signs.r_v else { return control };
        let way = if r_v > self.target { 1.0 } else { -1.0 };
        let factor = (way * images as f64 / self.speed as f64).exp();
        (control * factor).clamp(1.0 / self.most, self.most)
    }
}
