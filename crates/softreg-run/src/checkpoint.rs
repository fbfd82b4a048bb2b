//! Checkpoints: everything from which a run goes on, or a generator is loaded.
//!
//! Why safetensors: any tool can read it and nothing in it is executed. Why a container over it:
//! it says neither whether its bytes are those that were written nor which program wrote them,
//! and its own writer orders metadata at random, so equal runs would give different files.
//!
//! The file is `N | header | data`: `N` the header's length as u64, little-endian; the header a
//! JSON object with `__metadata__` first, then the tensors by alignment (8 bytes, 4, 1) and name,
//! padded with spaces to a multiple of 8; the data without gaps. The metadata has, besides what
//! the caller gives: `format` = `softreg-checkpoint/1`, `crc32c` of the data, `header_crc32c` of
//! the header as it stands with zeros in that place; both as 8 hexadecimal digits.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::{Error, Result, atomic};

mod container;
mod tensor;

pub use tensor::{Data, Tensor};

/// The format of the files written here, as their metadata entry `format` says.
pub const FORMAT: &str = "softreg-checkpoint/1";

/// Named tensors and named texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Tensors by name, such as `generator/conv1.weight`.
    pub tensors: BTreeMap<String, Tensor>,
    /// Texts by name: step, seed, kind of network, versions. The names `format`, `crc32c` and
    /// `header_crc32c` are the file's own and cannot be given; they are left out when it is read.
    pub metadata: BTreeMap<String, String>,
}

impl Checkpoint {
    /// The metadata entry `name`.
    ///
    /// # Errors
    /// [`Error::MissingEntry`].
    pub fn text(&self, name: &str) -> Result<&str> {
        let missing = || Error::MissingEntry { kind: "metadata entry", name: name.to_string() };
        self.metadata.get(name).map(String::as_str).ok_or_else(missing)
    }

    /// Shape and numbers of the f32 tensor `name`.
    ///
    /// # Errors
    /// [`Error::MissingEntry`] when it is missing or of another type.
    pub fn f32(&self, name: &str) -> Result<(&[usize], &[f32])> {
        match self.tensors.get(name).map(|t| (t.shape(), t.data())) {
            Some((shape, Data::F32(values))) => Ok((shape, values)),
            _ => Err(Error::MissingEntry { kind: "f32 tensor", name: name.to_string() }),
        }
    }

    /// Shape and numbers of the u64 tensor `name`.
    ///
    /// # Errors
    /// [`Error::MissingEntry`] when it is missing or of another type.
    pub fn u64(&self, name: &str) -> Result<(&[usize], &[u64])> {
        match self.tensors.get(name).map(|t| (t.shape(), t.data())) {
            Some((shape, Data::U64(values))) => Ok((shape, values)),
            _ => Err(Error::MissingEntry { kind: "u64 tensor", name: name.to_string() }),
        }
    }

    /// Shape and numbers of the i64 tensor `name`.
    ///
    /// # Errors
    /// [`Error::MissingEntry`] when it is missing or of another type.
    pub fn i64(&self, name: &str) -> Result<(&[usize], &[i64])> {
        match self.tensors.get(name).map(|t| (t.shape(), t.data())) {
            Some((shape, Data::I64(values))) => Ok((shape, values)),
            _ => Err(Error::MissingEntry { kind: "i64 tensor", name: name.to_string() }),
        }
    }

    /// Shape and numbers of the u8 tensor `name`.
    ///
    /// # Errors
    /// [`Error::MissingEntry`] when it is missing or of another type.
    pub fn u8(&self, name: &str) -> Result<(&[usize], &[u8])> {
        match self.tensors.get(name).map(|t| (t.shape(), t.data())) {
            Some((shape, Data::U8(values))) => Ok((shape, values)),
            _ => Err(Error::MissingEntry { kind: "u8 tensor", name: name.to_string() }),
        }
    }
}

/// Writes a checkpoint whole or not at all. Equal checkpoints give equal bytes.
///
/// # Errors
/// [`Error::ReservedName`] for an entry named as one of the file's own, [`Error::Io`].
pub fn write(path: impl AsRef<Path>, checkpoint: &Checkpoint) -> Result<()> {
    let path = path.as_ref();
    container::check_names(checkpoint)?;
    let header = container::header(checkpoint)
        .map_err(|reason| Error::Json { path: path.to_path_buf(), reason })?;
    atomic::write_with(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for (_, tensor) in container::in_file_order(checkpoint) {
            tensor.data().for_each_chunk(|bytes| file.write_all(bytes))?;
        }
        Ok(())
    })
}

/// Reads a checkpoint and checks every byte of it.
///
/// # Errors
/// [`Error::Truncated`], [`Error::Corrupt`], [`Error::Foreign`], [`Error::NewerVersion`],
/// [`Error::Io`].
pub fn read(path: impl AsRef<Path>) -> Result<Checkpoint> {
    let path = path.as_ref();
    parse(path, &fs::read(path).map_err(Error::io("read", path))?)
}

/// As [`read`], from the bytes of the file; `path` is said in errors.
///
/// # Errors
/// As [`read`], without [`Error::Io`].
pub fn parse(path: impl AsRef<Path>, bytes: &[u8]) -> Result<Checkpoint> {
    container::parse(bytes).map_err(|flaw| flaw.at(path.as_ref()))
}

/// The file name of a step's checkpoint: `step-00001000.safetensors`.
pub fn file_name(step: u64) -> String {
    format!("step-{step:08}.safetensors")
}

/// The step whose checkpoint a file of this name is; `None` for other files.
pub fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()?;
    (name == file_name(step)).then_some(step)
}

/// The steps that have a checkpoint in `folder`, rising. Other files are passed over; a missing
/// folder has none.
///
/// # Errors
/// [`Error::Io`].
pub fn list(folder: impl AsRef<Path>) -> Result<Vec<u64>> {
    let folder = folder.as_ref();
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(Error::io("list", folder))?,
    };
    let mut steps = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::io("list", folder))?.file_name();
        steps.extend(step_of(&name.to_string_lossy()));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// The newest checkpoint that can be used.
#[derive(Debug)]
pub struct Latest {
    /// Its step.
    pub step: u64,
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub checkpoint: Checkpoint,
    /// Newer ones that cannot be used, newest first: step and reason. To be told to the user.
    pub skipped: Vec<(u64, Error)>,
}

/// Reads the newest checkpoint in `folder`, or the one before when that is damaged, and so on.
///
/// # Errors
/// [`Error::NoCheckpoint`] when none can be used, [`Error::Io`] when the folder cannot be listed.
pub fn latest_valid(folder: impl AsRef<Path>) -> Result<Latest> {
    let folder = folder.as_ref();
    let mut skipped = Vec::new();
    for step in list(folder)?.into_iter().rev() {
        let path = folder.join(file_name(step));
        match read(&path) {
            Ok(checkpoint) => return Ok(Latest { step, path, checkpoint, skipped }),
            Err(error) => skipped.push((step, error)),
        }
    }
    Err(Error::NoCheckpoint { path: folder.to_path_buf(), skipped })
}

/// Deletes all but the `keep` newest checkpoints (at least one stays) and those of the steps
/// `also_keep`. Returns the deleted steps, rising.
///
/// # Errors
/// [`Error::Io`].
pub fn prune(folder: impl AsRef<Path>, keep: usize, also_keep: &[u64]) -> Result<Vec<u64>> {
    let folder = folder.as_ref();
    let steps = list(folder)?;
    let old = steps.len().saturating_sub(keep.max(1));
    let mut deleted = Vec::new();
    for step in steps.into_iter().take(old).filter(|step| !also_keep.contains(step)) {
        let path = folder.join(file_name(step));
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        deleted.push(step);
    }
    Ok(deleted)
}
