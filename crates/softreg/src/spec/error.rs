//! What is wrong with a regularizer's specification.

use crate::composition::CompositionError;

/// What is wrong with a regularizer's specification.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum SpecError {
    /// Not in the registry.
    #[error(
        "there is no regularizer `{name}`{nearest}: choose from {all}, or compose one: `noise(0.05) l2 slope real weight=0.1`"
    )]
    UnknownName {
        /// What was asked for.
        name: String,
        /// ` (did you mean …?)` or nothing.
        nearest: String,
        /// All names.
        all: String,
    },
    /// The regularizer has no such setting.
    #[error("regularizer `{name}` has no setting `{setting}`{nearest}: it takes {all}")]
    UnknownSetting {
        /// The regularizer.
        name: String,
        /// What was asked for.
        setting: String,
        /// ` (did you mean …?)` or nothing.
        nearest: String,
        /// All settings.
        all: String,
    },
    /// λ must be a finite number that is at least 0.
    #[error(
        "the weight of regularizer `{name}` is {weight}: it must be a finite number, 0 or greater"
    )]
    Weight {
        /// The regularizer.
        name: String,
        /// What was asked for.
        weight: f64,
    },
    /// A setting has a value that it cannot take.
    #[error("setting `{setting}` of regularizer `{name}` is `{value}`: it must be {expected}")]
    Setting {
        /// The regularizer.
        name: String,
        /// The setting.
        setting: String,
        /// What was asked for.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// Settings that contradict each other or the regularizer.
    #[error("regularizer `{name}`: {reason}")]
    Refused {
        /// The regularizer.
        name: String,
        /// Why, and the way out.
        reason: String,
    },
    /// Text that does not follow `name=weight,setting=value`.
    #[error(
        "`{text}` is not a regularizer: write NAME, NAME=WEIGHT or NAME=WEIGHT,SETTING=VALUE, for example consistency=10,shift=0.2"
    )]
    Grammar {
        /// The text.
        text: String,
    },
    /// A word of a composition that names nothing.
    #[error("`{text}`: `{word}` is not a known {kind}{nearest}: choose from {all}")]
    Word {
        /// The whole text.
        text: String,
        /// The word.
        word: String,
        /// What it should be.
        kind: &'static str,
        /// ` (did you mean …?)` or nothing.
        nearest: String,
        /// What there is.
        all: String,
    },
    /// A composition that lacks one of its four choices, or has two of one.
    #[error(
        "`{text}` {what}: a composition needs a pairing, a distance, an aim and a site, for example `noise(0.05) l2 slope real weight=0.1`"
    )]
    Incomplete {
        /// The whole text.
        text: String,
        /// What is wrong.
        what: String,
    },
    /// Four choices that do not go together.
    #[error("regularizer `{name}`: {source}")]
    Composition {
        /// The regularizer.
        name: String,
        /// Why not.
        source: CompositionError,
    },
}
