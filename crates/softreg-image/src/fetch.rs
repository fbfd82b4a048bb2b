//! Downloads of well-known picture collections.
//!
//! A download is only ever seen whole: it grows beside its place as `NAME.part`, goes on where it
//! was cut off, and takes its name once its checksum is right.

mod data_set;
mod download;
mod unpack;

use std::path::{Path, PathBuf};

use crate::error::suggestion;

pub use data_set::{Checksum, DATA_SETS, DataSet, Member, RemoteFile};

/// Why a collection could not be downloaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No data set of that name.
    #[error("there is no data set '{name}' to download.{hint} Available: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// " Did you mean …?" or nothing.
        hint: String,
        /// The names of all data sets.
        known: String,
    },
    /// The server cannot be reached, or the connection was lost too often.
    #[error(
        "cannot download {url}: {reason}. Check the network connection and try again: what has \
         arrived is kept, and the download resumes from there. You can also give another server \
         as the base URL with --from"
    )]
    Network {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The server answers, but not with the file.
    #[error(
        "the server has no file at {url} (HTTP status {status}). Give another server as the base \
         URL with --from, or download the file yourself into the folder"
    )]
    Status {
        /// The address.
        url: String,
        /// The HTTP status code.
        status: u16,
    },
    /// What arrived is not the file that was meant.
    #[error(
        "{url} returned a file with {found}, but {expected} was expected. It was removed; try \
         again, or give another server as the base URL with --from"
    )]
    Checksum {
        /// The address.
        url: String,
        /// The checksum of what arrived.
        found: String,
        /// The checksum it should have.
        expected: String,
    },
    /// The archive does not hold what it should.
    #[error("{path} cannot be unpacked: {problem}. Remove it and download it again")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}. Check the free space and your permissions there")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl FetchError {
    fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> FetchError {
        let path = path.into();
        move |source| FetchError::Io { action, path, source }
    }
}

/// How far the download of one file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The name of the file.
    pub file: &'a str,
    /// Bytes that have arrived, those of earlier attempts included.
    pub bytes: u64,
    /// Bytes in all, when the server says.
    pub total: Option<u64>,
}

/// The data set called `name`.
///
/// # Errors
/// [`FetchError::Unknown`], with the nearest name.
pub fn find(name: &str) -> Result<&'static DataSet, FetchError> {
    let names = || DATA_SETS.iter().map(|set| set.name);
    DATA_SETS.iter().find(|set| set.name == name).ok_or_else(|| FetchError::Unknown {
        name: name.to_owned(),
        hint: suggestion(name, names()),
        known: names().collect::<Vec<_>>().join(", "),
    })
}

/// Downloads what is missing of `set` into `folder`, which then opens as a collection.
///
/// Files that are there with the right checksum are left alone. `base` replaces the address that
/// the names of the files are appended to. `progress` is called often, from this thread.
///
/// # Errors
/// Any [`FetchError`]; what has arrived stays in `folder` for the next attempt.
pub fn fetch(
    set: &DataSet,
    folder: &Path,
    base: Option<&str>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FetchError> {
    std::fs::create_dir_all(folder).map_err(FetchError::io("create the folder", folder))?;
    for file in set.files {
        if !file.members.is_empty() && unpack::is_complete(file, folder) {
            continue;
        }
        let base = base.unwrap_or(set.base).trim_end_matches('/');
        let path = download::download(file, &format!("{base}/{}", file.name), folder, progress)?;
        if !file.members.is_empty() {
            unpack::unpack(file, &path, folder)?;
            std::fs::remove_file(&path).map_err(FetchError::io("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
