//! What the exact gradient penalties with target 0 share.

use super::approximate_gradient::GAMMA;
use crate::hard::{GradientPenalty, Point, Target};
use crate::knob::slopes;
use crate::registry::{Ask, Weighted};
use crate::setting::Setting;
use crate::term::Body;

/// γ/2 at the heuristic's γ of 0.0064, times about 8: see the documentation of `r1`.
pub(super) const WEIGHT: f64 = 0.025;

pub(super) const SETTINGS: &[Setting] = &[GAMMA];

pub(super) fn build(ask: &Ask<'_>, point: Point) -> Result<Vec<Weighted>, String> {
    let weight = match ask.settings.number("gamma") {
        0.0 => ask.weight,
        _ if ask.weight_given => {
            return Err("gamma sets the weight: give one or the other, not both".to_owned());
        }
        gamma => slopes(gamma, ask.scale).gamma / 2.0,
    };
    let penalty = GradientPenalty { point, target: Target::Zero };
    Ok(vec![Weighted { weight, body: Body::Gradient(penalty) }])
}
