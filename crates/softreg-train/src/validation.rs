//! The validation measure of a run, taken beside the training on a thread of its own.

use crate::error::Error;
use crate::sample::PictureSet;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A measure of how good the generator is, taken on pictures that it was not trained on.
pub trait Validation: Send + Sync {
    /// Its name, with the protocol.
    fn name(&self) -> String;
    /// The value for generated pictures, or why there is none.
    ///
    /// # Errors
    /// A reason, as a sentence.
    fn measure(&self, generated: &PictureSet) -> Result<Measured, String>;
    /// How many generated pictures it wants.
    fn pictures(&self) -> usize;
    /// Whether a higher value is better.
    fn higher_is_better(&self) -> bool {
        false
    }
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The value that decides which checkpoint is the best.
    pub value: f64,
    /// Values by name that are shown beside it, or why there is none.
    pub beside: Vec<(String, Result<f64, String>)>,
}

/// A value that is on its way.
pub(crate) struct Measuring {
    step: u64,
    value: JoinHandle<Result<Measured, String>>,
}

impl Measuring {
    /// Begins to measure the pictures that `make` makes, of the generator after `step`.
    pub(crate) fn begin(
        step: u64,
        validation: Arc<dyn Validation>,
        make: impl FnOnce() -> Result<PictureSet, Error> + Send + 'static,
    ) -> Self {
        let value = std::thread::spawn(move || {
            let generated = make().map_err(|error| error.to_string())?;
            validation.measure(&generated)
        });
        Self { step, value }
    }

    /// Of which step.
    pub(crate) fn step(&self) -> u64 {
        self.step
    }

    /// Waits for the value.
    pub(crate) fn value(self) -> Result<Measured, String> {
        self.value.join().unwrap_or_else(|_| Err("the measurement failed".to_owned()))
    }
}
