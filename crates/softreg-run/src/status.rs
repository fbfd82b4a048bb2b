//! How a run stands, for whoever looks at the folder from outside.
//!
//! Why a file and not the process: the process may be gone, on another machine, or killed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The format of `run.json` that is written here.
pub(crate) const FORMAT: &str = "softreg-run/1";

/// Where a run is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The folder is made; no step has been taken.
    Created,
    /// A process is at work, or was killed at work: [`crate::RunFolder::is_locked`] tells which.
    Running,
    /// All steps are done.
    Finished,
    /// Ended before its last step; the reason says why. It can be resumed.
    Stopped,
}

/// Summary of a run: the content of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Format name and version of this file.
    pub format: String,
    /// Where the run is in its life.
    pub state: State,
    /// Why it stopped, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Steps done.
    pub step: u64,
    /// Real pictures seen, repeats counted.
    pub images: u64,
    /// Training wall time in seconds, over all sessions.
    pub seconds: f64,
    /// Versions of what made it: "softreg", "burn", …
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
}

impl Default for Status {
    /// A run before its first step.
    fn default() -> Self {
        Self {
            format: FORMAT.to_string(),
            state: State::Created,
            reason: None,
            step: 0,
            images: 0,
            seconds: 0.0,
            versions: BTreeMap::new(),
        }
    }
}
