//! The program, called by itself.

use crate::interruption;
use crate::program;
use crate::together::LAUNCHERS;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How often the user asked for an end, by Ctrl-C or a request to terminate.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Processes that were called and have not ended.
static CALLED: AtomicUsize = AtomicUsize::new(0);

/// How long a process that was asked to end may take to save.
const GRACE: Duration = Duration::from_secs(20);

/// Whether an end was asked for: nothing new is begun.
pub(crate) fn interrupted() -> bool {
    ASKED.load(Ordering::Relaxed) > 0
}

/// Why a trial came to no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The whole experiment was interrupted; it can go on.
    Interrupted,
    /// Its process could not begin, or was ended from outside: the trial is not to blame, and can go on.
    Lost(String),
    /// What stands in its place is not its own, or it would learn from other pictures.
    InTheWay(String),
    /// The trial itself failed, with what its process said.
    Failed(String),
}

impl Failure {
    /// Why there is no result, where it was not asked for.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Interrupted => None,
            Self::Lost(reason) | Self::InTheWay(reason) | Self::Failed(reason) => Some(reason),
        }
    }

    /// Of any error.
    pub(crate) fn of(error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(crate::failure::sentence(&error.into()))
    }
}

/// Ctrl-C ends an experiment in order: the first after the running trials have saved, the second at
/// once, each trial left at its last checkpoint.
pub(crate) fn listen_for_interruption() -> anyhow::Result<()> {
    interruption::listen(|| {
        let before = ASKED.fetch_add(1, Ordering::Relaxed);
        // Those that it has called are ended by whoever waits for them; without any nobody else would look.
        if before > 0 && CALLED.load(Ordering::Relaxed) == 0 {
            std::process::exit(1);
        }
    })
}

/// Runs this program with arguments, on so many threads, and hands on each line of its output.
pub(super) fn call(
    arguments: impl IntoIterator<Item = String>,
    threads: usize,
    line: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    if interrupted() {
        return Err(Failure::Interrupted);
    }
    let lost =
        |error: std::io::Error| Failure::Lost(format!("its process could not be started: {error}"));
    let mut command = program::again().map_err(lost)?;
    // A trial is no part of what a launcher may have started this process as.
    for name in LAUNCHERS {
        command.env_remove(name);
    }
    // A terminal's Ctrl-C goes to a whole group of processes; here it is this one that decides.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command
        .args(arguments)
        // Trials side by side must not each take every core.
        .env("RAYON_NUM_THREADS", threads.max(1).to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(lost)?;
    let _called = Called::new();
    let (Some(out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Failure::Failed("its process has no output".to_owned()));
    };
    let said = std::thread::spawn(move || {
        let mut said = String::new();
        err.read_to_string(&mut said).map(|_| said)
    });
    let (sender, lines) = sync_channel(64);
    std::thread::spawn(move || {
        BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    let mut asked = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(text) => line(&text),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if interrupted() {
            end(&mut child, &mut asked);
        }
    }
    let status = child.wait().map_err(Failure::of)?;
    let said = said.join().ok().and_then(Result::ok).unwrap_or_default();
    match status.success() {
        true => Ok(()),
        false if interrupted() => Err(Failure::Interrupted),
        false if ended_from_outside(status) => {
            Err(Failure::Lost(format!("its process was killed from outside ({status})")))
        }
        false => Err(Failure::Failed(reason(&said, &status.to_string()))),
    }
}

/// Counts a process for as long as it is waited for.
struct Called;

impl Called {
    fn new() -> Self {
        CALLED.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        CALLED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks a process to end, which lets its run save; kills it where it takes too long or the user asked
/// again, and then its run goes on from its last checkpoint.
fn end(child: &mut Child, asked: &mut Option<Instant>) {
    let since = match asked {
        Some(since) => *since,
        None => {
            terminate(child);
            *asked.insert(Instant::now())
        }
    };
    if since.elapsed() > GRACE || ASKED.load(Ordering::Relaxed) > 1 {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
    }
}

/// Whether somebody ended a process: a person, or the system where memory is full. What a process does to itself (a fault, memory
/// that it cannot have) is its own.
#[cfg(unix)]
fn ended_from_outside(status: ExitStatus) -> bool {
    use rustix::process::Signal;
    let outside = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP];
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    outside.iter().any(|one| signal == Some(one.as_raw()))
}

#[cfg(not(unix))]
fn ended_from_outside(_: ExitStatus) -> bool {
    false
}

#[cfg(unix)]
fn terminate(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn terminate(_: &Child) {}

/// The error among what a process said.
fn reason(said: &str, status: &str) -> String {
    let error = said.lines().rev().find_map(|line| line.strip_prefix("error: "));
    error.map_or_else(
        || format!("its process exited without an error message ({status})"),
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn the_error_is_found_among_notes() {
        assert_eq!(reason("note: a\nerror: it broke\nbye", "exit 1"), "it broke");
        assert_eq!(
            reason("", "signal 9"),
            "its process exited without an error message (signal 9)"
        );
    }
}
