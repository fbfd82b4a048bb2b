//! Processes by their numbers: those that an earlier studio has begun are no children of this one.

use std::process::Child;
#[cfg(unix)]
use std::{fs, path::Path};

/// The command line of a process; nothing where this system does not tell.
#[cfg(unix)]
fn line_of(process: u32) -> Option<String> {
    let folder = Path::new("/proc").join(process.to_string());
    match fs::read(folder.join("cmdline")) {
        Ok(line) => Some(String::from_utf8_lossy(&line).into_owned()),
        // Where others are told of, this one is gone.
        Err(_) => Path::new("/proc/self/cmdline").exists().then(String::new),
    }
}

/// Whether a process is there, and has to do with `task` and `run`: its number may meanwhile be that of another program.
#[cfg(unix)]
pub(super) fn is_alive(process: u32, task: &str, run: &str) -> bool {
    use rustix::process::{Pid, test_kill_process};
    match line_of(process) {
        Some(line) => line.contains(task) && line.contains(run),
        None => {
            let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
            pid.is_some_and(|pid| test_kill_process(pid).is_ok())
        }
    }
}

/// Not known here.
#[cfg(not(unix))]
pub(super) fn is_alive(_: u32, _: &str, _: &str) -> bool {
    false
}

/// Asks the training of `run` to save and end.
#[cfg(unix)]
pub(super) fn terminate(process: u32, run: &str, _: Option<&mut Child>) {
    use rustix::process::{Pid, Signal, kill_process};
    // The number may meanwhile be that of another program.
    if line_of(process).is_some_and(|line| !line.contains(run)) {
        return;
    }
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// Ends the training of a run, which goes on from its last checkpoint.
#[cfg(not(unix))]
pub(super) fn terminate(_: u32, _: &str, child: Option<&mut Child>) {
    // It may have ended by itself meanwhile.
    let _ = child.map(Child::kill);
}
