//! What a person or a program sees: results on stdout, everything else on stderr.

pub(crate) mod number;
mod progress;
mod table;
mod transfer;

pub(crate) use progress::{Progress, duration};
pub(crate) use table::{Row, Table};
pub(crate) use transfer::Transfer;

use std::io::Write;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A progress line and sentences.
    Human,
    /// Only the result, and errors.
    Quiet,
    /// One JSON object a line on stdout.
    Json,
}

/// One line on stderr. Where stderr is closed there is nobody to tell.
pub(crate) fn line_to_stderr(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One line on stdout.
pub(crate) fn line_to_stdout(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}
