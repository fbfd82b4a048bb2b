use super::Schedule;
use crate::setting::Part;
use std::sync::Arc;

/// The same λ all the time.
#[derive(Clone, Copy, Debug)]
pub struct Constant;

pub(super) const PART: Part<dyn Schedule> =
    Part { name: "constant", formula: "λ", settings: &[], build: |_| Arc::new(Constant) };

impl Schedule for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn factor(&self, _step: u64, _control: f64) -> f64 {
        1.0
    }
}
