use super::{Pairing, PairingError, PartnerInput, Partners, Samples};
use crate::memory::Anchor;
use crate::setting::{Part, Setting};
use crate::site::Input;
use rand::Rng;
use std::sync::Arc;

/// The partner is the past: the moving average of the mean output of earlier batches,
/// `α ← d·α + (1 − d)·mean f(x)`, one for all samples.
///
/// `of` says whose outputs are averaged: LeCam (arXiv 2104.03310) holds the scores of real pictures
/// against the average of those of generated ones, and the other way round. The average is
/// [`crate::memory::Memory`], which the caller keeps and saves; until something was observed there is
/// no partner and no penalty. It is the average before the present step, so that all workers of a step
/// see the same one; the authors' program takes the present batch in first, which differs by a share
/// of `1 − d`. No extra pass.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// The average.
    pub anchor: Anchor,
}

pub(crate) const DECAY: Setting = Setting::number(
    "decay",
    "fraction of the running average that each step keeps",
    Anchor::DECAY,
    [0.0, 0.999_999],
);

pub(super) const PART: Part<dyn Pairing> = Part {
    name: "past",
    formula: "the moving average of the mean output over earlier steps",
    settings: &[
        DECAY,
        Setting::choice("of", "whose outputs are averaged", &["real", "fake", "own"]),
    ],
    build: |settings| {
        let of = match settings.word("of") {
            "real" => Input::Real,
            "fake" => Input::Fake,
            _ => Input::Own,
        };
        Arc::new(Past { anchor: Anchor { of, decay: settings.number("decay") } })
    },
};

impl Pairing for Past {
    fn name(&self) -> &'static str {
        "past"
    }

    fn extra_pass(&self) -> bool {
        false
    }

    fn partner_input(&self) -> PartnerInput {
        PartnerInput::None
    }

    fn anchor(&self) -> Option<Anchor> {
        Some(self.anchor)
    }

    fn draw(&self, _samples: &Samples<'_>, _rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        Ok(Partners::Remembered(self.anchor))
    }
}
