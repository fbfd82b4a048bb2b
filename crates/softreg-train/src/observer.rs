//! Who watches a run: a terminal, a page, a test. Training tells, and never asks.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Something that happened in a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step was taken.
    Step(Tick),
    /// A file that a person may look at was written.
    Picture {
        /// After which step.
        step: u64,
        /// Which file.
        path: PathBuf,
    },
    /// A checkpoint was written: the run can go on from here.
    Checkpoint {
        /// After which step.
        step: u64,
    },
    /// The validation measure of an earlier step is there.
    Validation {
        /// Of which step.
        step: u64,
        /// Its name.
        name: String,
        /// Its value; NaN where there is none.
        value: f64,
        /// Whether it is the best so far.
        best: bool,
        /// What is measured beside it, by name.
        beside: BTreeMap<String, f64>,
    },
    /// Something that a person should know, and that does not end the run.
    Notice(String),
}

/// A step that was taken.
#[derive(Clone, Debug)]
pub struct Tick {
    /// Steps done.
    pub step: u64,
    /// Real pictures seen.
    pub images: u64,
    /// Seconds of training, over all sessions.
    pub seconds: f64,
    /// Real pictures per second, lately.
    pub images_per_second: f64,
    /// Share of the run that is done, where that is known.
    pub done: Option<f64>,
    /// Seconds left, where that is known.
    pub seconds_left: Option<f64>,
    /// Every part of the objectives.
    pub values: BTreeMap<String, f64>,
}

/// Watches a run.
pub trait Observer {
    /// Takes notice of an event.
    fn notice(&mut self, event: Event);
}

/// Nobody watches.
impl Observer for () {
    fn notice(&mut self, _event: Event) {}
}
