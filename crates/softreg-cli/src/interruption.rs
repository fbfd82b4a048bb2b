//! Being asked to end: by Ctrl-C, by a terminal that is closed, by whoever ends processes, by a file.

use crate::failure::usage;
use anyhow::Context;
use std::path::PathBuf;
use std::time::Duration;

/// Calls `asked` on a thread of its own when this process is asked to end, and again at every Ctrl-C after that: a terminal that is
/// closed may say so twice, and wants no less to be saved. A signal that it was started to ignore, as `nohup` has it with that of
/// a closed terminal, stays ignored.
pub(crate) fn listen(asked: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    hear(asked).context("cannot listen for Ctrl-C")
}

/// Calls `asked` on a thread of its own when a file comes to be there: whoever did not start this process, on another host even,
/// and on systems without signals, can make one.
pub(crate) fn watch_for(
    file: PathBuf,
    asked: impl FnOnce() + Send + 'static,
) -> anyhow::Result<()> {
    if file.exists() {
        return Err(usage(format!(
            "{} already exists and would stop the run at once: remove it, or name another file",
            file.display()
        )));
    }
    let watch = move || {
        while !file.exists() {
            std::thread::sleep(LOOK_EVERY);
        }
        asked();
    };
    let begun = std::thread::Builder::new().name("stop-file".to_owned()).spawn(watch);
    begun.map(|_| ()).context("cannot watch for the stop file")
}

/// Time between two looks at a file.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Has a file that grows beyond what is allowed (`ulimit -f`) fail to be written, as on a full disk, in place of ending the
/// process without a word.
pub(crate) fn hear_of_long_files() {
    #[cfg(unix)]
    {
        let heard = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        // Without it the process ends as it would have.
        let _ = signal_hook::flag::register(rustix::process::Signal::XFSZ.as_raw(), heard);
    }
}

#[cfg(unix)]
fn hear(mut asked: impl FnMut() + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let ignored = std::fs::read_to_string("/proc/self/status").map_or(0, |text| ignored(&text));
    let heard =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = signal_hook::iterator::Signals::new(heard)?;
    let listen = move || {
        let mut once = false;
        for signal in signals.forever() {
            if !once || signal == SIGINT {
                asked();
            }
            once = true;
        }
    };
    std::thread::Builder::new().name("interruption".to_owned()).spawn(listen).map(|_| ())
}

#[cfg(not(unix))]
fn hear(asked: impl FnMut() + Send + 'static) -> std::io::Result<()> {
    ctrlc::set_handler(asked).map_err(std::io::Error::other)
}

/// The signals that a process ignores, by what Linux says of it: one bit each, the first for signal 1.
#[cfg(unix)]
fn ignored(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_off_the_status() {
        assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001004\nSigCgt:\t1\n"), 0x1004);
        assert_eq!(ignored("Name:\tx\n"), 0);
    }
}
