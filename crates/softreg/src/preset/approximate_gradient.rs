//! What the approximate gradient penalties share: the critic's scores of pictures and of noisy copies
//! of them, and the knob that sets both λ and σ ([`crate::knob`]).
//!
//! A critic has one score, for which the mean of squares is the square that the papers write.

use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::knob::slopes;
use crate::pairing::{Noise, SIGMA};
use crate::registry::{Ask, Weighted};
use crate::setting::Setting;
use crate::site::Site;
use crate::term::Body;

pub(super) const WEIGHT: f64 = 100.0;

pub(super) const GAMMA: Setting = Setting::number(
    "gamma",
    "sets the weight from the exact penalty's gamma, for 32x32 pictures in batches of 32; 0 disables it",
    0.0,
    [0.0, 1e6],
);

pub(super) const SETTINGS: &[Setting] = &[GAMMA, SIGMA];

pub(super) fn build(ask: &Ask<'_>, site: Site) -> Result<Vec<Weighted>, String> {
    let (gamma, sigma) = (ask.settings.number("gamma"), ask.settings.number("sigma"));
    let term = |weight: f64, sigma: f64| {
        let composition = Composition::new(Noise { sigma }, SquaredL2, Attract, site);
        vec![Weighted { weight, body: Body::Soft(composition) }]
    };
    if gamma == 0.0 {
        return Ok(term(ask.weight, sigma));
    }
    if ask.weight_given {
        return Err("gamma sets the weight: give one or the other, not both".to_owned());
    }
    if sigma != Noise::SIGMA {
        return Err(
            "gamma also sets sigma: leave sigma out, or give weight and sigma instead".to_owned()
        );
    }
    let slopes = slopes(gamma, ask.scale);
    Ok(term(slopes.lambda, slopes.sigma))
}
