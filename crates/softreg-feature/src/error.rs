//! What can be wrong with a definition or its weights.

use std::path::PathBuf;

/// Why there are no features.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a ready-made definition nor a file.
    #[error(
        "there are no features called `{name}`{nearest}: choose from {known}, or name a definition (.toml) or weights (.safetensors)"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// " (did you mean …?)" or nothing.
        nearest: String,
        /// The ready-made definitions.
        known: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A definition is wrong.
    #[error("{origin}: {reason}")]
    Definition {
        /// File and line.
        origin: String,
        /// What is wrong, and the way out.
        reason: String,
    },
    /// The network has weights, and none were named.
    #[error(
        "the features `{name}` need the network's weights: pass the file (.safetensors, .pth) as the features themselves, or as `weights` in a definition of your own"
    )]
    NoWeights {
        /// The definition.
        name: String,
    },
    /// A weight is missing or of another shape.
    #[error(
        "{} does not contain the weights of {network}: {what}; all of them are needed", path.display()
    )]
    Weights {
        /// The file.
        path: PathBuf,
        /// The network.
        network: String,
        /// Which weight is missing, or has which shape.
        what: String,
    },
    /// A weights file fits no network.
    #[error(
        "the weights in {} fit no known network ({known}): name the features as well, with --features NAME --weights FILE", path.display()
    )]
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// Known networks.
        known: String,
    },
    /// Pictures that the network cannot take.
    #[error(
        "{network} cannot process pictures of {height}x{width} with {channels} channels: it needs 1, 3 or 4 channels and at least {needed} pixels on each side"
    )]
    Pictures {
        /// Channels of a picture.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// The network.
        network: String,
        /// Its smallest side.
        needed: usize,
    },
    /// The network made no usable numbers.
    #[error(transparent)]
    Features(#[from] softreg_metric::Error),
}
