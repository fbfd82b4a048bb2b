//! This program, to be called again.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The file of this program, the very one that runs: on Linux also where it was replaced by another one or removed meanwhile,
/// as a new build does.
///
/// # Errors
/// Where it is not known.
pub(crate) fn running() -> std::io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    match cfg!(target_os = "linux") && link.exists() {
        true => Ok(link.to_owned()),
        false => std::env::current_exe(),
    }
}

/// A command of [`running`], by the name under which the program is known.
///
/// # Errors
/// Where it is not known.
pub(crate) fn again() -> std::io::Result<Command> {
    Ok(named(Command::new(running()?), std::env::current_exe()?))
}

/// What to do about several builds of one version.
pub(crate) const ADVICE: &str =
    "unless it is for another kind of processor, install the same build on every host";

/// A fingerprint of the file of this program; empty where it cannot be read.
pub(crate) fn fingerprint() -> String {
    let bytes = running().and_then(std::fs::read);
    bytes.map_or_else(|_| String::new(), |bytes| blake3::hash(&bytes).to_hex().to_string())
}

#[cfg(unix)]
fn named(mut command: Command, file: PathBuf) -> Command {
    std::os::unix::process::CommandExt::arg0(&mut command, name_of(file));
    command
}

/// Elsewhere a program is called by its file's name.
#[cfg(not(unix))]
fn named(command: Command, _: PathBuf) -> Command {
    command
}

/// Linux adds to the name of a file that is gone that it is.
#[cfg(unix)]
fn name_of(file: PathBuf) -> PathBuf {
    let name = file.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
    name.unwrap_or(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_has_its_name() {
        assert_eq!(name_of("/a/softreg (deleted)".into()), Path::new("/a/softreg"));
        assert_eq!(name_of("/a/softreg".into()), Path::new("/a/softreg"));
        assert!(again().is_ok());
    }
}
