//! How the program fails: one sentence on stderr, and exit code 1 (failed) or 2 (wrong usage).

use softreg_train::config::ConfigError;
use std::sync::atomic::{AtomicBool, Ordering};

/// The user asked for something that cannot be: exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Another process of the group has said what went wrong.
#[derive(Debug)]
pub(crate) struct Told;

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("see process 0")
    }
}

impl std::error::Error for Told {}

/// A [`Usage`] error.
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// What went wrong, from the outermost cause to the innermost.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // Library errors repeat their cause's text, with a way out behind it: say it once.
        if !message.contains(&text) {
            if !message.is_empty() {
                message.push_str(": ");
            }
            message.push_str(&text);
        }
    }
    message
}

/// Says what went wrong, and gives the exit code.
pub(crate) fn report(error: &anyhow::Error) -> u8 {
    // A reader that closed the pipe has seen what it wanted.
    let closed_pipe = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe || is_not_connected(e))
    };
    if error.chain().any(closed_pipe) {
        return 0;
    }
    if error.is::<Told>() {
        return 1;
    }
    crate::terminal::line_to_stderr(&format!("error: {}", sentence(error)));
    let wrong_usage = |e: &(dyn std::error::Error + 'static)| {
        e.is::<Usage>()
            || e.is::<ConfigError>()
            || matches!(e.downcast_ref(), Some(softreg_train::Error::Config(_)))
    };
    if error.chain().any(wrong_usage) { 2 } else { 1 }
}

/// Windows has several errors for a pipe that nobody reads, and the library knows one of them: ERROR_PIPE_NOT_CONNECTED.
fn is_not_connected(error: &std::io::Error) -> bool {
    cfg!(windows) && error.raw_os_error() == Some(233)
}

/// Whether a panic says that a device's memory was used up: Burn's operations have no other way to tell it. The
/// phrases are those of cubecl's `IoError` and `LaunchError`, and of wgpu.
fn is_out_of_memory(panic: &str) -> bool {
    let panic = panic.to_ascii_lowercase();
    let phrases = [
        "out of device memory",
        "out-of-memory",
        "out of memory",
        "can't allocate buffer of size",
        "every page size",
        // ROCm's number for it.
        "hipmalloc failed with status 2",
    ];
    phrases.iter().any(|phrase| panic.contains(phrase))
}

/// A bug shows as one line, not as a backtrace (unless one is asked for), and a full device with the way out.
pub(crate) fn install_panic_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            return default(info);
        }
        let payload = info.payload_as_str().unwrap_or("unknown");
        if is_out_of_memory(payload) {
            // All workers of a step may come to it.
            static SAID: AtomicBool = AtomicBool::new(false);
            if SAID.swap(true, Ordering::Relaxed) {
                return;
            }
            crate::terminal::line_to_stderr(
                "error: out of device memory: halve --batch, use a smaller --size or --width, or train with --device cpu. A run keeps its last checkpoint: softreg train --resume RUN --device cpu",
            );
            return;
        }
        let what = payload.lines().next().unwrap_or_default();
        let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line()));
        crate::terminal::line_to_stderr(&format!(
            "error: this is a bug in softreg ({what}{}); please report it. A run keeps its last checkpoint: softreg train --resume RUN",
            place.unwrap_or_default()
        ));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_device_is_no_bug() {
        for full in [
            "Error while reading data: IO(out of device memory allocating 8589934592 bytes)",
            "An out-of-memory error happened during launch\nCaused by:\n  a kernel",
            "can't allocate buffer of size: 1099511627776",
            "IO(Can't allocate 8589934592 bytes: every page size was tried)",
            "wgpu error: Out of Memory",
            "IO(Unknown { description: \"hipMalloc failed with status 2\" })",
        ] {
            assert!(is_out_of_memory(full), "{full}");
        }
        assert!(!is_out_of_memory("index out of bounds: the len is 3 but the index is 3"));
    }
}
