//! What the approximate gradient penalties share: the critic's scores of pictures and of noisy copies
//! of them.
//!
//! `λ·E[(D(x) − D(x + σn))²] = λσ²·E[‖∇D(x)‖²] + O(λσ⁴)`, so it stands in for the exact penalty
//! `γ/2·E[‖∇D(x)‖²]` with `γ = 2λσ²`, without a second derivative: 0.02 for the default 100 and 0.01.
//! A critic has one score, for which the mean of squares is the square that the papers write.

use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::pairing::Noise;
use crate::registry::{Setting, SettingKind, Settings, number};
use crate::site::Site;
use crate::spec::Body;

pub(super) const WEIGHT: f64 = 100.0;

pub(super) const SETTINGS: &[Setting] = &[Setting {
    name: "sigma",
    summary: "standard deviation of the noise on a copy; pictures span -1 to 1",
    kind: SettingKind::Number { default: Noise::SIGMA, min: 1e-4, max: 1.0 },
}];

pub(super) fn body(settings: &Settings, site: Site) -> Body {
    let noise = Noise { sigma: number(settings, "sigma") };
    Body::Soft(Composition::new(noise, SquaredL2, Attract, site))
}
