//! Where each file of a run is, and who may write it.
//!
//! Why getters: the names are the interface between the commands and stand here once. A folder is
//! claimed by its creation, which the operating system grants to one process only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::claim::{self, Claim};
use crate::status::FORMAT;
use crate::{Error, Result, Status, atomic, checkpoint};

/// A run's folder on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    root: PathBuf,
}

/// The right to write into a run folder, given back when dropped (or when the process ends,
/// however it ends).
#[derive(Debug)]
pub struct RunLock {
    _claim: Claim,
    swept: usize,
}

impl RunLock {
    /// How many unfinished files of a killed writer were removed when the lock was taken.
    pub fn swept(&self) -> usize {
        self.swept
    }
}

impl RunFolder {
    /// Makes the folder of a new run, parents included; an empty folder that exists is taken.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] when something is in it, [`Error::Io`].
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        Self { root: claim::create(path)? }.furnish()
    }

    /// Makes the folder of a new run under the next free number: `parent/stem-001`,
    /// `parent/stem-002`, … Numbers go up from the highest one there; two processes never get
    /// the same.
    ///
    /// # Errors
    /// [`Error::RunName`] when `stem` cannot be part of a folder's name, [`Error::Io`].
    pub fn next_free(parent: impl AsRef<Path>, stem: &str) -> Result<Self> {
        Self { root: claim::next_free(parent, stem)? }.furnish()
    }

    /// Removes the files that this crate has put into the folder of a run that could not be
    /// started, and the folder where nothing else is in it. As far as that is possible: the error
    /// that led here is the one to report.
    pub fn discard(&self) {
        let files = [self.lock_path(), self.status_path(), self.config(), self.data()];
        for file in files {
            let _ = fs::remove_file(file);
        }
        for folder in [self.samples(), self.checkpoints(), self.root.clone()] {
            // Removes empty folders only.
            let _ = fs::remove_dir(folder);
        }
    }

    /// Removes the folder of a run whose start was killed before it had a configuration, with all that such a start writes. A
    /// folder in which anything else is stays as it is.
    pub fn discard_rest(path: &Path) {
        let folder = Self { root: path.to_path_buf() };
        let Ok(entries) = fs::read_dir(path) else { return };
        let empty =
            |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        let of_start = |path: PathBuf| {
            let files = [folder.lock_path(), folder.status_path(), folder.data()];
            let folders = [folder.samples(), folder.checkpoints()];
            files.contains(&path)
                || (folders.contains(&path) && empty(&path))
                || atomic::is_temporary(&path)
        };
        if entries.into_iter().all(|entry| entry.is_ok_and(|entry| of_start(entry.path()))) {
            // What cannot be removed is in the way, and said to be.
            let _ = atomic::sweep(path);
            folder.discard();
        }
    }

    /// Opens the folder of an existing run.
    ///
    /// # Errors
    /// [`Error::NotARun`] with the reason, [`Error::NewerVersion`], [`Error::Json`],
    /// [`Error::Io`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let root = path.into();
        let not_a_run = |reason: &str| Error::NotARun { path: root.clone(), reason: reason.into() };
        match fs::metadata(&root) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err(not_a_run("no such folder; check its spelling"));
            }
            Err(e) => return Err(Error::io("read", &root)(e)),
            Ok(found) if !found.is_dir() => {
                return Err(not_a_run("it is a file; give the folder that contains it"));
            }
            Ok(_) => {}
        }
        let folder = Self { root: root.clone() };
        if !folder.status_path().is_file() {
            return Err(not_a_run(
                "it contains no run.json; give a folder created by training, such as runs/…-001",
            ));
        }
        folder.read_status()?;
        Ok(folder)
    }

    /// Lays out a folder that this call alone owns. The lock file is made with `create_new`, so
    /// of two processes that found the same empty folder one is turned away.
    fn furnish(self) -> Result<Self> {
        let lock = self.lock_path();
        match OpenOptions::new().write(true).create_new(true).open(&lock) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::NotEmpty { path: self.root });
            }
            other => other.map_err(Error::io("create", &lock))?,
        };
        let fill = || {
            for folder in [self.samples(), self.checkpoints()] {
                fs::create_dir(&folder).map_err(Error::io("create the folder", &folder))?;
            }
            self.write_status(&Status::default())
        };
        match fill() {
            Ok(()) => Ok(self),
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    /// Takes the right to write into this folder and removes what a killed writer has left.
    /// Does not wait for another process, but for a moment's look by [`RunFolder::is_locked`].
    ///
    /// # Errors
    /// [`Error::Locked`] when another process (or another lock of this one) has it, [`Error::Io`].
    pub fn lock(&self) -> Result<RunLock> {
        let claim = claim::claim(&self.root)?;
        let mut swept = 0;
        for folder in [self.root.clone(), self.samples(), self.checkpoints()] {
            swept += atomic::sweep(&folder)?;
        }
        Ok(RunLock { _claim: claim, swept })
    }

    /// Whether a process is writing into this folder now.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_locked(&self) -> Result<bool> {
        let path = self.lock_path();
        let file = match File::open(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            other => other.map_err(Error::io("open", &path))?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", &path)(e)),
        }
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// [`Error::Json`], [`Error::NewerVersion`], [`Error::NotARun`] when it is some other
    /// program's, [`Error::Io`].
    pub fn read_status(&self) -> Result<Status> {
        let path = self.status_path();
        let text = fs::read(&path).map_err(Error::io("read", &path))?;
        let json = |e: serde_json::Error| Error::Json { path: path.clone(), reason: e.to_string() };
        // The format is looked at first: a later version may have other fields.
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(json)?;
        match value.get("format").and_then(|f| f.as_str()) {
            Some(FORMAT) => serde_json::from_value(value).map_err(json),
            Some(found) if found.starts_with("softreg-run/") => {
                Err(Error::NewerVersion { path, found: found.to_string(), known: FORMAT })
            }
            _ => Err(Error::NotARun {
                path: self.root.clone(),
                reason: "its run.json was not written by softreg".to_string(),
            }),
        }
    }

    /// Replaces `run.json`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_status(&self, status: &Status) -> Result<()> {
        atomic::write_json(self.status_path(), status)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The run's name: the last part of its path.
    pub fn name(&self) -> String {
        let full = dunce::canonicalize(&self.root).unwrap_or_else(|_| self.root.clone());
        full.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
    }

    /// The checked configuration: `config.toml`.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// What the data check found: `data.json`.
    pub fn data(&self) -> PathBuf {
        self.root.join("data.json")
    }

    /// How the run stands: `run.json`.
    pub fn status_path(&self) -> PathBuf {
        self.root.join("run.json")
    }

    /// The numbers of the run: `metrics.jsonl`.
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// The folder of the sheets from fixed latents: `samples/`.
    pub fn samples(&self) -> PathBuf {
        self.root.join("samples")
    }

    /// The sheet of one step: `samples/step-00001000.png`.
    pub fn sample(&self, step: u64) -> PathBuf {
        self.samples().join(format!("step-{step:08}.png"))
    }

    /// The folder of checkpoints: `checkpoints/`.
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// The checkpoint of one step: `checkpoints/step-00001000.safetensors`.
    pub fn checkpoint(&self, step: u64) -> PathBuf {
        self.checkpoints().join(checkpoint::file_name(step))
    }

    /// The final contact sheet: `sheet.png`.
    pub fn sheet(&self) -> PathBuf {
        self.root.join("sheet.png")
    }

    /// The loss chart: `losses.png`.
    pub fn losses(&self) -> PathBuf {
        self.root.join("losses.png")
    }

    /// The folder of TensorBoard's event files: the root, so that TensorBoard shows the run by
    /// its own name.
    pub fn events(&self) -> &Path {
        &self.root
    }

    fn lock_path(&self) -> PathBuf {
        claim::lock_path(&self.root)
    }
}
