//! The folder of runs: what is in it, and nothing outside it.

use crate::problem::{Answer, Problem};
use serde::Serialize;
use softreg_run::{RunFolder, State, metrics};
use std::fs;
use std::path::{Path, PathBuf};
use utoipa::ToSchema;

/// The folder whose runs are shown.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
}

/// A run in the list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// Its name: that of its folder.
    pub name: String,
    /// `running`, `stopped` or `finished`.
    pub state: String,
    /// Why it is not running.
    pub reason: Option<String>,
    /// Steps taken so far.
    pub step: u64,
    /// Pictures seen, counting repeats.
    pub images: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Time of the last change, in seconds since 1970.
    pub changed: u64,
}

/// A name that can be a folder of ours: one part, nothing hidden.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '\0', ':'])
        && !name.chars().any(char::is_control)
        // What else Windows has in no name.
        && !(cfg!(windows) && (name.contains(['?', '*', '"', '<', '>', '|']) || name.ends_with(['.', ' '])))
}

impl Shelf {
    /// The runs in `root`, which is made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn new(root: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: dunce::canonicalize(root)? })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder for what is no run: queue, uploads, logs.
    pub fn own(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.root.join(".studio").join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// The run called `name`.
    ///
    /// # Errors
    /// 404 where there is none, or where a link leads out of the folder.
    pub fn run(&self, name: &str) -> Answer<RunFolder> {
        let missing = || Problem::missing(format!("there is no run `{name}`"));
        if !is_plain(name) {
            return Err(missing());
        }
        let path = dunce::canonicalize(self.root.join(name)).map_err(|_| missing())?;
        if path.parent() != Some(&self.root) {
            return Err(missing());
        }
        RunFolder::open(path).map_err(Problem::from)
    }

    /// The file at `path`, which is one of the run's own: no link, and of no unusual size.
    ///
    /// # Errors
    /// 404 where it is missing or a link.
    pub fn file(&self, path: &Path) -> Answer<Vec<u8>> {
        let missing = || Problem::missing("the run has no such file");
        let about = fs::symlink_metadata(path).map_err(|_| missing())?;
        let inside = dunce::canonicalize(path).is_ok_and(|real| real.starts_with(&self.root));
        if !about.is_file() || !inside || about.len() > MOST_BYTES {
            return Err(missing());
        }
        fs::read(path).map_err(|_| missing())
    }

    /// All runs, the newest first.
    ///
    /// # Errors
    /// 500 when the folder cannot be read.
    pub fn list(&self) -> Answer<Vec<Summary>> {
        let entries = fs::read_dir(&self.root).map_err(Problem::failed)?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut runs: Vec<Summary> =
            names.filter_map(|name| Some(summary(&self.run(&name).ok()?))).collect();
        runs.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| b.name.cmp(&a.name)));
        Ok(runs)
    }
}

/// Most bytes of a file that is shown.
const MOST_BYTES: u64 = 64 << 20;

/// How a run stands.
pub fn summary(run: &RunFolder) -> Summary {
    let status = run.read_status().unwrap_or_default();
    let locked = run.is_locked().unwrap_or(false);
    let (state, reason) = match (locked, status.state) {
        (true, _) => ("running", None),
        // Killed: it says that it runs, and nobody holds it.
        (false, State::Running) => {
            ("stopped", Some("its process exited without an error message".to_owned()))
        }
        (false, State::Finished) => ("finished", status.reason),
        (false, State::Created | State::Stopped) => ("stopped", status.reason),
    };
    let modified = fs::metadata(run.status_path()).and_then(|about| about.modified());
    let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    // The status is written at checkpoints; the last row of metrics knows better.
    let last = last_row(run);
    let (step, images, seconds) = match &last {
        Some(row) if row.step > status.step => (row.step, row.images, row.seconds),
        _ => (status.step, status.images, status.seconds),
    };
    Summary {
        name: run.name(),
        state: state.to_owned(),
        reason,
        step,
        images,
        seconds,
        changed: modified.ok().and_then(since).map_or(0, |d| d.as_secs()),
    }
}

/// The last row of metrics, from the end of the file.
fn last_row(run: &RunFolder) -> Option<metrics::Row> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = fs::File::open(run.metrics()).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(16 << 10))).ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    let text = String::from_utf8_lossy(&tail);
    // The last piece is a line that is being written, or nothing.
    text.rsplit('\n').skip(1).find_map(|line| metrics::Row::from_line(line.as_bytes()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_no_names() {
        for bad in ["", ".", "..", "../x", "a/b", "a\\b", ".studio", "a\0", "C:x", "a\nb"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
        for good in ["motif-001", "ü", "a b", "x.y"] {
            assert!(is_plain(good), "{good:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn links_out_of_the_folder_are_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let outside = RunFolder::create(place.path().join("outside")).unwrap();
        let shelf = Shelf::new(&place.path().join("runs")).unwrap();
        let inside = RunFolder::create(shelf.root().join("inside")).unwrap();
        std::os::unix::fs::symlink(outside.root(), shelf.root().join("link")).unwrap();
        assert!(shelf.run("inside").is_ok());
        assert!(shelf.run("link").is_err());
        assert_eq!(shelf.list().unwrap().len(), 1);
        std::os::unix::fs::symlink("/etc/hostname", inside.root().join("sheet.png")).unwrap();
        assert!(shelf.file(&inside.sheet()).is_err());
        assert!(shelf.file(&inside.status_path()).is_ok());
    }
}
