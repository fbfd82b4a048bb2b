use super::{START, Schedule};
use crate::setting::Part;
use std::sync::Arc;

/// Nothing at first, then λ at once: until the step `start` the term is not even evaluated.
#[derive(Clone, Copy, Debug)]
pub struct WarmUp {
    /// The first step with λ.
    pub start: u64,
}

pub(super) const PART: Part<dyn Schedule> = Part {
    name: "warm-up",
    formula: "0 until the step `start`, λ from then on",
    settings: &[START],
    build: |settings| Arc::new(WarmUp { start: settings.whole("start") }),
};

impl Schedule for WarmUp {
    fn name(&self) -> &'static str {
        "warm-up"
    }

    fn factor(&self, step: u64, _control: f64) -> f64 {
        f64::from(u8::from(step >= self.start))
    }
}
