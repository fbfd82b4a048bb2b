//! What a person or a program sees: results on stdout, everything else on stderr.

pub(crate) mod number;
mod progress;
mod table;
mod transfer;

pub(crate) use progress::{Progress, duration};
pub(crate) use table::{Row, Table};
pub(crate) use transfer::Transfer;

use std::io::Write;
use std::path::Path;

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

/// A path as it is to be written on a command line.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain =
        |c: char| c.is_alphanumeric() || "_./-:@=+,".contains(c) || (cfg!(windows) && c == '\\');
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        // No name there has such a quote, and its older shell knows no other.
        false if cfg!(windows) => format!("\"{text}\""),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A number of things.
pub(crate) fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// One line on stderr. Where stderr is closed there is nobody to tell.
pub(crate) fn line_to_stderr(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One line on stdout.
pub(crate) fn line_to_stdout(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_can_be_pasted() {
        for (path, unix, windows) in [
            ("runs/motif-001", "runs/motif-001", "runs/motif-001"),
            ("out dir/r 1", "'out dir/r 1'", "\"out dir/r 1\""),
            ("it's", r"'it'\''s'", "\"it's\""),
            (r"runs\a", r"'runs\a'", r"runs\a"),
            ("ärger/ü", "ärger/ü", "ärger/ü"),
            ("", "''", "\"\""),
        ] {
            assert_eq!(quoted(Path::new(path)), if cfg!(windows) { windows } else { unix });
        }
        assert_eq!(
            (counted(1, "seed", "seeds"), counted(2, "seed", "seeds")),
            ("1 seed".into(), "2 seeds".into())
        );
    }
}
