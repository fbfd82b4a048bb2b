//! Everything that can go wrong with a run folder, each as a sentence with the way out.
//!
//! Why one enum for the crate: a caller mostly passes these on to a person. The few that it tells
//! apart (a checkpoint that is torn, a folder that is in use) have variants of their own.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, where, and what to do.
///
/// The text of each variant is complete: [`Error::Io`] holds the words of its source too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}{}", path.display(), hint(source))]
    Io {
        /// What was tried, as a verb: "write", "read", "create the folder".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// A new run was asked for where something is already.
    #[error(
        "{} is not empty: a new run needs a new or empty folder; choose another name, or resume \
         the existing run with --resume", path.display()
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A run was to be opened where none is.
    #[error("{} is not a run folder: {reason}", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// A run name that cannot be a folder's name.
    #[error(
        "\"{stem}\" cannot name a run: start with a letter or digit, followed by letters, digits, \
         spaces and . - _"
    )]
    RunName {
        /// The name given.
        stem: String,
    },
    /// Another process holds the run's lock.
    #[error(
        "another process is writing to {}: wait until it has finished or stop it, then try again",
        path.display()
    )]
    Locked {
        /// The run folder.
        path: PathBuf,
    },
    /// A line of `metrics.jsonl` that is no row.
    #[error(
        "{}, line {line}: {reason}; correct or delete that line", path.display()
    )]
    Row {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A name that the file format uses for itself.
    #[error(
        "{kind} cannot be named \"{name}\", which the file format reserves: choose another name"
    )]
    ReservedName {
        /// "a metrics value", "a tensor", …
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A JSON file of the run that cannot be understood.
    #[error("cannot parse {}: {reason}; restore it from a copy", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's words.
        reason: String,
    },
    /// A checkpoint that ends too early.
    #[error(
        "the checkpoint {} is truncated ({reason}): use an earlier one, or copy it again",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A checkpoint whose bytes are not those that were written.
    #[error(
        "the checkpoint {} is damaged ({reason}): use an earlier one, or copy it again",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not agree.
        reason: String,
    },
    /// A file that this program has not written.
    #[error(
        "{} is not a softreg checkpoint ({reason}): give a step-….safetensors file from a run's \
         checkpoints folder", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How it can be told.
        reason: String,
    },
    /// A file of a later version of this program.
    #[error(
        "{} was written by a newer softreg (format \"{found}\", but this one reads \"{known}\"): \
         update softreg", path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The format it says it has.
        found: String,
        /// The newest format known here.
        known: &'static str,
    },
    /// A folder from which no run can go on.
    #[error("no usable checkpoint in {}: {}", path.display(), reasons(skipped))]
    NoCheckpoint {
        /// The checkpoint folder.
        path: PathBuf,
        /// The ones that were tried: step and reason.
        skipped: Vec<(u64, Error)>,
    },
    /// A checkpoint without an entry that its reader needs.
    #[error("the checkpoint has no {kind} named \"{name}\": it belongs to another kind of run")]
    MissingEntry {
        /// "metadata entry", "f32 tensor", …
        kind: &'static str,
        /// The name looked for.
        name: String,
    },
    /// Numbers that do not fill their shape.
    #[error("shape {shape:?} needs {expected} values, but {found} were given")]
    Shape {
        /// The shape.
        shape: Vec<usize>,
        /// Its product.
        expected: usize,
        /// The number of values.
        found: usize,
    },
    /// Pictures that cannot be drawn.
    #[error("cannot draw: {reason}")]
    Draw {
        /// Why not.
        reason: String,
    },
}

impl Error {
    /// Makes a closure for `map_err` that says what was tried and where.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// A drawing failure in the words of `reason`.
    pub(crate) fn draw(reason: impl ToString) -> Self {
        Self::Draw { reason: reason.to_string() }
    }
}

/// The way out of an operating system error, where one is known.
fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::StorageFull => "; the disk is full: free space, then resume",
        ErrorKind::QuotaExceeded => "; the disk quota is used up: free space, then resume",
        ErrorKind::ReadOnlyFilesystem => {
            "; the disk is read-only: choose a folder on a writable disk"
        }
        ErrorKind::PermissionDenied => {
            "; permission denied: change the permissions or choose another folder"
        }
        ErrorKind::NotFound => "; check the path",
        _ => "",
    }
}

fn reasons(skipped: &[(u64, Error)]) -> String {
    if skipped.is_empty() {
        return "there are none; start a new run".to_string();
    }
    let list: Vec<_> =
        skipped.iter().map(|(step, error)| format!("step {step}: {error}")).collect();
    list.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_io_error_says_the_way_out() {
        let full = Error::io("write", Path::new("a/b"))(ErrorKind::StorageFull.into());
        let text = full.to_string();
        assert!(text.starts_with("cannot write a/b: "), "{text}");
        assert!(text.ends_with("the disk is full: free space, then resume"), "{text}");
        let denied = Error::io("read", Path::new("c"))(ErrorKind::PermissionDenied.into());
        assert!(denied.to_string().contains("permissions"));
    }
}
