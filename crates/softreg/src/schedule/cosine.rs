use super::{FROM, RAMP, START, Schedule, progress};
use crate::setting::Part;
use std::f64::consts::PI;
use std::sync::Arc;

/// A ramp from a share (or a multiple) of λ to λ along half a cosine: slow at both ends.
#[derive(Clone, Copy, Debug)]
pub struct Cosine {
    /// Step at which the ramp begins.
    pub start: u64,
    /// Steps that it takes, at least 1.
    pub ramp: u64,
    /// Factor before it.
    pub from: f64,
}

pub(super) const PART: Part<dyn Schedule> = Part {
    name: "cosine",
    formula: "λ·(from + (1 − from)·(1 − cos πt)/2), t = (step − start)/ramp within 0..1",
    settings: &[FROM, RAMP, START],
    build: |settings| {
        let (start, ramp) = (settings.whole("start"), settings.whole("ramp"));
        Arc::new(Cosine { start, ramp, from: settings.number("from") })
    },
};

impl Schedule for Cosine {
    fn name(&self) -> &'static str {
        "cosine"
    }

    fn factor(&self, step: u64, _control: f64) -> f64 {
        let risen = 0.5 - 0.5 * (PI * progress(step, self.start, self.ramp)).cos();
        self.from + (1.0 - self.from) * risen
    }
}
