use super::{Pairing, PairingError, Partners, Samples};
use crate::setting::Part;
use rand::Rng;
use std::sync::Arc;

/// The partner is a new draw from where the samples come from, independent of the batch.
///
/// What [`super::Shuffle`] approximates at no cost; other than there, a batch of one has partners, and
/// partners are independent of each other. Whoever has the samples makes the draw
/// ([`Samples::fresh`]). Needs one extra pass.
#[derive(Clone, Copy, Debug)]
pub struct Fresh;

pub(super) const PART: Part<dyn Pairing> = Part {
    name: "fresh",
    formula: "a new sample, drawn in addition to the batch",
    settings: &[],
    build: |_| Arc::new(Fresh),
};

impl Pairing for Fresh {
    fn name(&self) -> &'static str {
        "fresh"
    }

    fn extra_pass(&self) -> bool {
        true
    }

    fn needs_fresh(&self) -> bool {
        true
    }

    fn draw(&self, samples: &Samples<'_>, _rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        let fresh = samples.fresh.clone().ok_or(PairingError::NoFresh { pairing: self.name() })?;
        Ok(Partners::Inputs(fresh))
    }
}
