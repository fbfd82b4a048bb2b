//! Files that are either the old one or the new one, never half of one.
//!
//! Why: a run is killed at any moment (a closed laptop, a full disk, a cluster's time limit), and
//! what it leaves must be readable. So a file is written beside its place, brought to the disk,
//! and renamed; the folder is brought to the disk as well, or the name could be lost.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, Result};

/// How the name of a file in the making ends. A killed writer leaves such files behind.
pub const TEMPORARY_SUFFIX: &str = ".softreg-tmp";

/// Writes `bytes` as the whole file `path`, replacing what was there.
///
/// # Errors
/// [`Error::Io`]; the old file is then untouched and nothing is left beside it.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Writes `value` as indented JSON with a closing newline.
///
/// # Errors
/// As [`write()`], and [`Error::Json`] when the value has no JSON form.
pub fn write_json(path: impl AsRef<Path>, value: &impl serde::Serialize) -> Result<()> {
    let path = path.as_ref();
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::Json { path: path.to_path_buf(), reason: e.to_string() })?;
    text.push('\n');
    write(path, text.as_bytes())
}

/// Writes the file `path` piece by piece through a buffer, replacing what was there only when
/// `fill` has succeeded and everything is on the disk.
///
/// # Errors
/// [`Error::Io`]; the old file is then untouched and nothing is left beside it. One exception:
/// when the folder itself cannot be brought to the disk, the new file is already in place.
pub fn write_with(
    path: impl AsRef<Path>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let folder = folder_of(path);
    replace(path, &folder, fill).map_err(Error::io("write", path))?;
    sync_folder(&folder).map_err(Error::io("sync to disk the folder", &folder))
}

fn replace(
    path: &Path,
    folder: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(path.file_name().ok_or(ErrorKind::InvalidInput)?);
    // Whose it is: see `sweep`.
    prefix.push(format!(".{}.", std::process::id()));
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(TEMPORARY_SUFFIX);
    // Made by our own open call: as readable for others as any file of this user, and its errors
    // do not name a file that the user has never seen.
    let make = |path: &Path| File::options().write(true).create_new(true).open(path);
    // Dropping it removes the file, so each early return below cleans up.
    let temporary = builder.make_in(folder, make)?;
    let mut buffer = BufWriter::with_capacity(1 << 16, temporary.as_file());
    fill(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    temporary.as_file().sync_all()?;
    let (file, beside) = temporary.into_parts();
    drop(file);
    // Where there is nothing beside any more, nothing is removed.
    put_in_place(&beside, path)
}

/// Renames a file to a name that another may have. On Windows that is refused while somebody reads the other one, a page that
/// watches a run or a search for viruses, and reading takes a moment.
fn put_in_place(from: &Path, to: &Path) -> io::Result<()> {
    let mut attempts_left = if cfg!(windows) { 100 } else { 0 };
    // ERROR_SHARING_VIOLATION, which the library has no name for.
    let is_read =
        |e: &io::Error| e.kind() == ErrorKind::PermissionDenied || e.raw_os_error() == Some(32);
    loop {
        match fs::rename(from, to) {
            Err(error) if attempts_left > 0 && is_read(&error) => attempts_left -= 1,
            other => return other,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Brings a folder's entries to the disk. Some file systems cannot; they keep names safe in
/// their own way, so that is no error.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    match File::open(folder).and_then(|f| f.sync_all()) {
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

/// Whether a file is one that was being written.
pub(crate) fn is_temporary(path: &Path) -> bool {
    path.to_string_lossy().ends_with(TEMPORARY_SUFFIX)
}

/// Whether the process that a temporary file's name tells still lives: pictures may be written into a folder by another process
/// than the one that has the right to its other files. Known on Linux alone.
fn is_being_written(name: &str) -> bool {
    let process = name.strip_suffix(TEMPORARY_SUFFIX).and_then(|name| name.rsplit('.').nth(1));
    let process = process.and_then(|process| process.parse::<u32>().ok());
    process.is_some_and(|id| id != std::process::id() && lives(id))
}

/// Whether a process has not ended; one that was not fetched by its parent yet has.
fn lives(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Removes what killed writers have left in `folder` and says how many files it was. A folder
/// that is missing has nothing to sweep.
pub(crate) fn sweep(folder: &Path) -> Result<usize> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        other => other.map_err(Error::io("list", folder))?,
    };
    let mut swept = 0;
    for entry in entries {
        let entry = entry.map_err(Error::io("list", folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(TEMPORARY_SUFFIX) && !is_being_written(&name) {
            let path = entry.path();
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            swept += 1;
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_process_that_lives_is_writing_is_not_swept() {
        use std::process::{Command, Stdio};
        let dir = tempfile::tempdir().unwrap();
        let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let name = format!(".a.txt.{}.abcdef{TEMPORARY_SUFFIX}", other.id());
        write(dir.path().join(&name), b"half").unwrap();
        write(dir.path().join(format!(".b.{TEMPORARY_SUFFIX}")), b"").unwrap();
        assert_eq!(sweep(dir.path()).unwrap(), 1);
        assert_eq!(names(dir.path()), [name]);
        // Ended and not waited for; it takes the system a moment.
        other.kill().unwrap();
        for _ in 0..1000 {
            if !lives(other.id()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(sweep(dir.path()).unwrap(), 1);
        other.wait().unwrap();
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write(&path, b"old").unwrap();
        let failed = write_with(&path, |file| {
            file.write_all(&[7; 200_000])?;
            Err(ErrorKind::StorageFull.into())
        });
        assert!(failed.unwrap_err().to_string().contains("free space"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a.txt"]);
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["a.txt"]);
    }

    /// What another system than Windows allows anyway.
    #[test]
    fn a_file_is_replaced_while_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write(&path, b"old").unwrap();
        let reader = File::open(&path).unwrap();
        let reading = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(reader);
        });
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["a.txt"]);
        reading.join().unwrap();
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gone/a.txt");
        let text = write(&path, b"x").unwrap_err().to_string();
        assert!(text.contains("gone") && text.contains("check the path"), "{text}");
        assert!(!text.contains(TEMPORARY_SUFFIX), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_as_open_as_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        write(&ours, b"x").unwrap();
        File::create(&plain).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn a_killed_writer_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        File::create(dir.path().join(format!(".a.png.x7{TEMPORARY_SUFFIX}"))).unwrap();
        File::create(dir.path().join("notes.tmp")).unwrap();
        assert_eq!(sweep(dir.path()).unwrap(), 1);
        assert_eq!(names(dir.path()), ["notes.tmp"]);
        assert_eq!(sweep(&dir.path().join("gone")).unwrap(), 0);
    }
}
