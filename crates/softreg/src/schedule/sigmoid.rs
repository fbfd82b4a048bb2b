use super::{RAMP, START, Schedule, progress};
use crate::setting::Part;
use std::sync::Arc;

/// The ramp of teacher-student training, `exp(−5·(1 − t)²)`. Source: arXiv 1610.02242, section 2.1;
/// arXiv 1903.03825 takes it over.
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid {
    /// Step at which the ramp begins.
    pub start: u64,
    /// Steps that it takes, at least 1.
    pub ramp: u64,
}

pub(super) const PART: Part<dyn Schedule> = Part {
    name: "sigmoid",
    formula: "λ·exp(−5(1 − t)²), t = (step − start)/ramp within 0..1",
    settings: &[RAMP, START],
    build: |settings| {
        Arc::new(Sigmoid { start: settings.whole("start"), ramp: settings.whole("ramp") })
    },
};

impl Schedule for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn factor(&self, step: u64, _control: f64) -> f64 {
        let left = 1.0 - progress(step, self.start, self.ramp);
        (-5.0 * left * left).exp()
    }
}
