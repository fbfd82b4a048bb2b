//! Folders that one process alone may write.
//!
//! Why the operating system decides: it grants the creation of a folder and a lock to one process only,
//! and takes a lock back from a process that was killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::atomic::{folder_of, sync_folder};
use crate::{Error, Result};

/// The right to write into a folder; given back when it is dropped.
#[derive(Debug)]
pub struct Claim {
    // The lock lives as long as the open file.
    _file: File,
}

/// Makes the folder `path`, which must be new or empty.
///
/// # Errors
/// [`Error::NotEmpty`] where something is in it, [`Error::Io`] where it cannot be made.
pub fn create(path: impl Into<PathBuf>) -> Result<PathBuf> {
    let root = path.into();
    fs::create_dir_all(&root).map_err(Error::io("create the folder", &root))?;
    let mut entries = fs::read_dir(&root).map_err(Error::io("list", &root))?;
    match entries.next() {
        Some(_) => Err(Error::NotEmpty { path: root }),
        None => {
            // A folder that may be entered and not read cannot; what is in this one is brought to the disk all the same.
            let _ = sync_folder(&folder_of(&root));
            Ok(root)
        }
    }
}

/// Refuses a folder that [`create`] would refuse, and makes nothing that stays: for a look before long work.
///
/// # Errors
/// Those of [`create`].
pub fn check(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let failed = Error::io("create the folder", path);
    match fs::read_dir(path) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(Error::NotEmpty { path: path.to_path_buf() });
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    // Only trying tells what the system permits.
    let there = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    tempfile::tempdir_in(there).map(drop).map_err(failed)
}

/// Most bytes of a stem: with a number behind it, every file system takes it, and every address.
const LONGEST_STEM: usize = 80;

/// A stem that [`next_free`] takes, as near to `wish` as possible; `run` where nothing of it can stay.
pub fn stem(wish: &str) -> String {
    let mut stem = String::new();
    for c in wish.chars() {
        let keep = c.is_alphanumeric() || (matches!(c, '-' | '_') && !stem.is_empty());
        // One dash for all in a row that cannot stay, and none in front.
        let c = if keep { c } else { '-' };
        if !keep && (stem.is_empty() || stem.ends_with('-')) {
            continue;
        }
        if stem.len() + c.len_utf8() > LONGEST_STEM {
            break;
        }
        stem.push(c);
    }
    let stem = stem.trim_end_matches('-');
    if stem.is_empty() { "run".to_owned() } else { stem.to_owned() }
}

/// Makes `parent/stem-001`, or the first free number after the highest there.
///
/// # Errors
/// [`Error::RunName`] where `stem` cannot name a folder, [`Error::Io`] where it cannot be made.
pub fn next_free(parent: impl AsRef<Path>, stem: &str) -> Result<PathBuf> {
    let parent = parent.as_ref();
    // Names that every file system and every shell takes as they are.
    let usual = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if !stem.starts_with(char::is_alphanumeric) || !stem.chars().all(usual) {
        return Err(Error::RunName { stem: stem.to_string() });
    }
    fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
    let mut number = highest(parent, stem)? + 1;
    loop {
        let root = parent.join(format!("{stem}-{number:03}"));
        match fs::create_dir(&root) {
            Ok(()) => {
                let _ = sync_folder(parent);
                return Ok(root);
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(Error::io("create the folder", &root)(e)),
        }
    }
}

/// Takes the right to write into a folder.
///
/// # Errors
/// [`Error::Locked`] while another process has it, [`Error::Io`] where the lock cannot be opened.
pub fn claim(folder: impl AsRef<Path>) -> Result<Claim> {
    let path = lock_path(folder.as_ref());
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Claim { _file: file }),
            // A look at whether it is locked holds the lock for a moment.
            Err(TryLockError::WouldBlock) if tries < 5 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { path: folder.as_ref().to_path_buf() });
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path)(e)),
        }
    }
}

pub(crate) fn lock_path(folder: &Path) -> PathBuf {
    folder.join("lock")
}

/// The highest number of a `stem-NNN` in `parent`, 0 when there is none.
fn highest(parent: &Path, stem: &str) -> Result<u64> {
    let mut highest = 0;
    for entry in fs::read_dir(parent).map_err(Error::io("list", parent))? {
        let name = entry.map_err(Error::io("list", parent))?.file_name();
        let number = name
            .to_string_lossy()
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_prefix('-'))
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u64>().ok());
        highest = highest.max(number.unwrap_or(0));
    }
    Ok(highest.min(u64::MAX - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_becomes_a_name() {
        let dir = tempfile::tempdir().unwrap();
        for (wish, expected) in [
            ("cats", "cats"),
            ("my art (1)", "my-art-1"),
            ("_owls", "owls"),
            ("a_b-c", "a_b-c"),
            ("v1.2", "v1-2"),
            ("../x", "x"),
            ("絵", "絵"),
            ("", "run"),
            ("(!)", "run"),
        ] {
            assert_eq!(stem(wish), expected);
            next_free(dir.path(), &stem(wish)).unwrap();
        }
        let long = stem(&"絵".repeat(99));
        assert_eq!((long.len(), long.chars().count()), (78, 26));
        assert_eq!(stem(&"x".repeat(99)).len(), 80);
    }

    #[test]
    fn a_look_refuses_what_cannot_be_made_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        File::create(at("file")).unwrap();
        fs::create_dir_all(at("full/sub")).unwrap();
        assert!(matches!(check(at("full")), Err(Error::NotEmpty { .. })));
        for name in ["file", "file/a/b"] {
            assert!(matches!(check(at(name)), Err(Error::Io { .. })), "{name}");
        }
        for name in ["full/sub", "a/b/c"] {
            check(at(name)).unwrap();
        }
        assert!(!at("a").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert_eq!(fs::read_dir(at("full/sub")).unwrap().count(), 0);
        // A place where nobody may make a folder.
        if cfg!(target_os = "linux") {
            assert!(matches!(check("/proc/a/b"), Err(Error::Io { .. })));
        }
    }

    #[test]
    fn a_folder_is_claimed_once() {
        let dir = tempfile::tempdir().unwrap();
        let folder = create(dir.path().join("a/b")).unwrap();
        let held = claim(&folder).unwrap();
        assert!(matches!(claim(&folder), Err(Error::Locked { .. })));
        drop(held);
        claim(&folder).unwrap();
        assert!(matches!(create(&folder), Err(Error::NotEmpty { .. })));
        let next = next_free(dir.path(), "x").unwrap();
        assert!(next.ends_with("x-001") && next_free(dir.path(), "x").unwrap().ends_with("x-002"));
    }
}
