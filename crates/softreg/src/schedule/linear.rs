use super::{FROM, RAMP, START, Schedule, progress};
use crate::setting::Part;
use std::sync::Arc;

/// A straight ramp from a share (or a multiple) of λ to λ.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// Step at which the ramp begins.
    pub start: u64,
    /// Steps that it takes, at least 1.
    pub ramp: u64,
    /// Factor before it.
    pub from: f64,
}

pub(super) const PART: Part<dyn Schedule> = Part {
    name: "linear",
    formula: "λ·(from + (1 − from)·t), t = (step − start)/ramp within 0..1",
    settings: &[FROM, RAMP, START],
    build: |settings| {
        let (start, ramp) = (settings.whole("start"), settings.whole("ramp"));
        Arc::new(Linear { start, ramp, from: settings.number("from") })
    },
};

impl Schedule for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn factor(&self, step: u64, _control: f64) -> f64 {
        self.from + (1.0 - self.from) * progress(step, self.start, self.ramp)
    }
}
