//! What can go wrong while training.

use crate::config::ConfigError;
use softreg::plan::PlanError;
use softreg::site::Player;
use softreg_net::parameters::LoadError;
use std::path::PathBuf;

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pictures cannot be read.
    #[error(transparent)]
    Pictures(#[from] softreg_image::Error),
    /// The run folder cannot be read or written.
    #[error(transparent)]
    Folder(#[from] softreg_run::Error),
    /// A regularizer found no partner.
    #[error(transparent)]
    Regularizer(#[from] PlanError),
    /// Training left the numbers.
    #[error(
        "{quantity} of the {player} became {value} at step {step}: training diverged. {last}Lower optimizer.{player}-rate, or try another loss or more regularization"
    )]
    Diverged {
        /// Whose.
        player: Player,
        /// What.
        quantity: String,
        /// Not a number, or infinite.
        value: f64,
        /// In which step.
        step: u64,
        /// What is kept, as a sentence, or nothing.
        last: String,
        /// Every process of a group came to it; else rank 0 alone, which looks at weights when it saves them.
        everywhere: bool,
    },
    /// The weights in a checkpoint are not this network's.
    #[error("{path}: {player}: {source}; the checkpoint belongs to another configuration")]
    Weights {
        /// The checkpoint.
        path: PathBuf,
        /// Whose.
        player: &'static str,
        /// Why.
        source: LoadError,
    },
    /// The optimiser's state in a checkpoint is not this optimiser's.
    #[error(
        "the checkpoint's optimiser state `{name}` does not fit: it belongs to another configuration"
    )]
    ForeignState {
        /// Which.
        name: String,
    },
    /// An entry of the checkpoint is no number.
    #[error("{path}: entry `{entry}` is `{value}`, not a number: the checkpoint is damaged")]
    Entry {
        /// The checkpoint.
        path: PathBuf,
        /// Which.
        entry: &'static str,
        /// What is there.
        value: String,
    },
    /// What regularizers remember is not in the checkpoint.
    #[error("the checkpoint's `{name}` does not fit: it belongs to another configuration")]
    Memory {
        /// What is missing or of another form.
        name: String,
    },
    /// The pictures are not those that the run began with.
    #[error(
        "the pictures of {source_name} have changed since the run began, so it cannot be resumed with the same results: restore them, or start a new run"
    )]
    OtherPictures {
        /// Where they come from.
        source_name: String,
    },
    /// The seed is another one.
    #[error(
        "the run was started with seed {began} but its configuration now says {found}, so it cannot be resumed with the same results: restore the seed, or start a new run"
    )]
    OtherSeed {
        /// That of the checkpoint.
        began: String,
        /// That of the configuration.
        found: u64,
    },
    /// Other pictures are held out than were before.
    #[error(
        "the run was trained with {key} = {began}, and its configuration now says {found}, so that pictures it was trained on would count as held out: restore the value, or start a new run"
    )]
    OtherSplit {
        /// What was changed.
        key: &'static str,
        /// As it was when the checkpoint was written.
        began: String,
        /// As the configuration has it.
        found: String,
    },
    /// The batch cannot be split over so many processes.
    #[error(
        "a batch of {batch} cannot be split over {processes} processes: set training.batch to at least {least}, or start fewer processes"
    )]
    TooManyProcesses {
        /// How many there are.
        processes: usize,
        /// Pictures per step.
        batch: usize,
        /// Pictures per step that so many processes need.
        least: usize,
    },
    /// There are more devices than parts of the batch.
    #[error(
        "a batch of {batch} on {threads} threads is split into {workers} parts, fewer than the {devices} devices: name at most {workers} of them, or start a run with training.threads of {devices} or more and training.batch of {least} or more"
    )]
    IdleDevices {
        /// How many were named.
        devices: usize,
        /// Parts of the batch that are computed at once.
        workers: usize,
        /// Pictures per step.
        batch: usize,
        /// As configured; 1 or more.
        threads: usize,
        /// Pictures per step that so many devices need.
        least: usize,
    },
    /// Worker threads could not be started.
    #[error("could not start {threads} worker threads: {reason}; lower training.threads")]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        reason: String,
    },
}
