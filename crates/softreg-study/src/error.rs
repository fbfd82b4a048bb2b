//! What can go wrong with a study, each as a sentence with the way out.

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with a study.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What is varied is not written as it must be.
    #[error(
        "`{text}` does not say what to vary: write KEY=LOW..HIGH (with :log, :linear or :whole) or KEY=A,B,C; {reason}"
    )]
    Grammar {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The same key twice.
    #[error("`{key}` is varied twice: name each key once")]
    Twice {
        /// The key.
        key: String,
    },
    /// A number of the method is out of range.
    #[error("{name} is {value}: {expected}")]
    Range {
        /// Which number.
        name: &'static str,
        /// What it is.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// A grid too large to be meant.
    #[error(
        "the grid has {count} points: at most {most} are possible; vary less, or search at random"
    )]
    Grid {
        /// Points of the grid.
        count: f64,
        /// The limit.
        most: usize,
    },
    /// The database refused.
    #[error("the study {place}: {reason}")]
    Database {
        /// Its file, or name and server.
        place: String,
        /// What the database said.
        reason: String,
    },
    /// Not a study.
    #[error(
        "{place} is not a study of this version (found {found}): use a new folder, or the version that wrote it"
    )]
    Foreign {
        /// Its file, or name and server.
        place: String,
        /// What was found.
        found: String,
    },
}
