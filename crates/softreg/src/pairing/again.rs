use super::{Pairing, PairingError, PartnerInput, Partners, Samples};
use crate::perturbation::Perturbation;
use crate::setting::{Part, Setting};
use rand::Rng;
use std::sync::Arc;

/// The partner is the same input, seen by the network with another draw of its own randomness:
/// dropout (R-Drop, arXiv 2106.14448) or multiplicative noise on its features (NICE, NeurIPS 2023).
///
/// The randomness is the network's, and the pairing only says which it must have: with `None` the
/// network brings its own. A network without any gives the same output twice, and a penalty of 0. Needs
/// one extra pass.
#[derive(Clone, Copy, Debug)]
pub struct Again {
    /// What whoever runs the network has to do to its features.
    pub perturbation: Option<Perturbation>,
}

pub(super) const PART: Part<dyn Pairing> = Part {
    name: "again",
    formula: "the same input under another draw of the network's own randomness",
    settings: &[
        Setting::number(
            "dropout",
            "fraction of the features to drop; 0 for none",
            0.0,
            [0.0, 0.95],
        ),
        Setting::number(
            "modulation",
            "standard deviation of the multiplicative noise on features; 0 for none",
            0.0,
            [0.0, 4.0],
        ),
    ],
    build: |settings| {
        let (rate, sigma) = (settings.number("dropout"), settings.number("modulation"));
        let perturbation = match (rate > 0.0, sigma > 0.0) {
            (true, true) => Some(Perturbation::Both { rate, sigma }),
            (true, false) => Some(Perturbation::Dropout { rate }),
            (false, true) => Some(Perturbation::Modulation { sigma }),
            (false, false) => None,
        };
        Arc::new(Again { perturbation })
    },
};

impl Pairing for Again {
    fn name(&self) -> &'static str {
        "again"
    }

    fn extra_pass(&self) -> bool {
        true
    }

    fn partner_input(&self) -> PartnerInput {
        PartnerInput::Same
    }

    fn perturbation(&self) -> Option<Perturbation> {
        self.perturbation
    }

    fn draw(&self, samples: &Samples<'_>, _rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        Ok(Partners::Inputs(samples.rows.clone()))
    }
}
