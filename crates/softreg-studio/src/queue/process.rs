//! Processes that go on when the studio has ended, and how the next one knows of them: they are no children of its.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Command;
#[cfg(not(unix))]
use std::process::Stdio;

/// Has the process go on when a terminal's Ctrl-C, or its being closed, ends the studio.
pub(super) fn stand_alone(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    // CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW: a console that nobody closes.
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(command, 0x0800_0200);
    #[cfg(not(any(unix, windows)))]
    let _ = command;
}

/// The file in which a process writes what it has to say.
#[cfg(not(windows))]
pub(super) fn log_of(path: &Path) -> io::Result<File> {
    File::create(path)
}

/// The file in which a process writes what it has to say. While it is there nobody else can write that.
#[cfg(windows)]
pub(super) fn log_of(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    File::options().write(true).create(true).truncate(true).share_mode(FILE_SHARE_READ).open(path)
}

/// The command line of a process; nothing where this system does not tell.
#[cfg(unix)]
fn line_of(process: u32) -> Option<String> {
    let folder = Path::new("/proc").join(process.to_string());
    match std::fs::read(folder.join("cmdline")) {
        Ok(line) => Some(String::from_utf8_lossy(&line).into_owned()),
        // Where others are told of, this one is gone.
        Err(_) => Path::new("/proc/self/cmdline").exists().then(String::new),
    }
}

/// Whether a process is there, and has to do with `task` and `run`: its number may meanwhile be that of another program.
#[cfg(unix)]
pub(super) fn is_alive(process: u32, task: &str, run: &str, _: &Path) -> bool {
    use rustix::process::{Pid, test_kill_process};
    match line_of(process) {
        Some(line) => line.contains(task) && line.contains(run),
        None => {
            let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
            pid.is_some_and(|pid| test_kill_process(pid).is_ok())
        }
    }
}

/// Whether the process that writes this log is there.
#[cfg(not(unix))]
pub(super) fn is_alive(_: u32, _: &str, _: &str, log: &Path) -> bool {
    log.exists() && File::options().append(true).open(log).is_err()
}

/// Ends a process that this one did not start, at once.
#[cfg(unix)]
pub(super) fn kill(process: u32) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    match i32::try_from(process)
        .ok()
        .and_then(Pid::from_raw)
        .map(|pid| kill_process(pid, Signal::KILL))
    {
        // It was faster.
        None | Some(Ok(()) | Err(rustix::io::Errno::SRCH)) => Ok(()),
        Some(Err(error)) => Err(error.into()),
    }
}

/// Ends a process that this one did not start, at once.
#[cfg(not(unix))]
pub(super) fn kill(process: u32) -> io::Result<()> {
    let mut command = Command::new("taskkill");
    command.args(["/F", "/PID", &process.to_string()]);
    let output = command.stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
