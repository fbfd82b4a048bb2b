//! Collections that were decoded before.
//!
//! Thousands of photographs take minutes to decode, and every start, every resumed run and every trial of a study wants
//! the same ones at the same size. Kept is a [`Collection`] under a name made of everything that it depends on: the paths, lengths
//! and times of change of the files, and the options. What is read again must have the fingerprint that it says it has. A file that
//! is missing, broken or of another kind is no error: the pictures are decoded again.

use crate::collection::{Collection, LoadOptions, Skipped, fingerprint, open_with};
use crate::error::Error;
use crate::size::Size;
use crate::source::{Source, absolute};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Changes with what decoding and transforming makes of a file.
const FORMAT: &str = "softreg pictures 1";
/// What takes less is decoded again.
const WORTH_KEEPING: Duration = Duration::from_secs(1);
/// The most that is kept of one kind, in bytes; what was not wanted for longest goes first.
pub const ROOM: u64 = 4 << 30;
const ENDING: &str = "pictures";
/// Of a file in the making.
const BEGUN: &str = "part";
/// How old one is whose writer was killed.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A folder of collections.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    worth_keeping: Duration,
    room: u64,
}

/// What stands before the pixels, in one line.
#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    size: Size,
    channels: usize,
    labels: Option<Vec<u32>>,
    classes: Vec<String>,
    names: Vec<String>,
    skipped: Vec<Skipped>,
    fingerprint: String,
}

impl Cache {
    /// In this folder, which may be missing, or removed at any time. It keeps what took more than a second to decode, and 4 GiB at
    /// most.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), worth_keeping: WORTH_KEEPING, room: ROOM }
    }

    /// As [`open`](crate::open), from here where it can be.
    ///
    /// # Errors
    /// Those of [`open`](crate::open).
    pub fn open(&self, spec: &str, options: &LoadOptions) -> Result<Collection, Error> {
        open_with(spec, options, |source, size, decode| {
            let path = name(spec, source, &LoadOptions { size: Some(size), ..options.clone() })
                .map(|name| self.folder.join(format!("{name}.{ENDING}")));
            let Some(path) = path else { return decode() };
            if let Some(collection) = read(&path) {
                return Ok(collection);
            }
            let start = Instant::now();
            let collection = decode()?;
            let fits = collection.pixels.len() as u64 <= self.room;
            if start.elapsed() >= self.worth_keeping && fits && all_were_read(source, &collection) {
                // A cache that cannot be written saves nothing, and loses nothing.
                let _ = self.keep(&path, &collection);
            }
            Ok(collection)
        })
    }

    fn keep(&self, path: &Path, collection: &Collection) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let beside = path.with_extension(format!("{}.{BEGUN}", std::process::id()));
        write(&beside, collection)
            .and_then(|()| fs::rename(&beside, path))
            .inspect_err(|_| drop(fs::remove_file(&beside)))?;
        make_room(&self.folder, ENDING, BEGUN, self.room)
    }
}

/// Removes the files of this ending that were not wanted for longest, until the rest has room (in bytes), and those of the other ending
/// that killed writers left.
///
/// # Errors
/// Those of the file system, and what is beyond the room may then stay.
pub fn make_room(folder: &Path, ending: &str, begun: &str, room: u64) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let (path, about) = (entry.path(), entry.metadata()?);
        let ends = |with: &str| path.extension().is_some_and(|ending| ending == with);
        if ends(ending) {
            kept.push((about.modified()?, about.len(), path));
        } else if ends(begun) && about.modified()?.elapsed().is_ok_and(|age| age > ABANDONED) {
            fs::remove_file(path)?;
        }
    }
    kept.sort();
    let mut all: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in kept {
        if all <= room {
            break;
        }
        fs::remove_file(path)?;
        all -= bytes;
    }
    Ok(())
}

/// Whether what was left out is broken, as it will be until its stamp is another one, and not just out of reach for a moment.
fn all_were_read(source: &dyn Source, collection: &Collection) -> bool {
    let out: HashSet<&str> = collection.skipped.iter().map(|s| s.name.as_str()).collect();
    let names = source.listing().names.iter().enumerate();
    names
        .filter(|(_, name)| out.contains(name.as_str()))
        .all(|(index, _)| !source.is_out_of_reach(index))
}

/// A name for what `options` make of a source; none where that is not known without reading all, or not worth it.
fn name(spec: &str, source: &dyn Source, options: &LoadOptions) -> Option<String> {
    let stamp = source.stamp()?;
    let options = serde_json::to_string(options).ok()?;
    // Classes may come from files that are not among those that are read.
    let listing = source.listing();
    let parts = (&listing.skipped, &listing.labels, &listing.classes);
    let skipped = serde_json::to_string(&parts).ok()?;
    let path = absolute(spec);
    let mut hash = blake3::Hasher::new();
    for part in [FORMAT, env!("CARGO_PKG_VERSION"), &options, &path, &stamp, &skipped] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    Some(hash.finalize().to_hex().to_string())
}

fn write(path: &Path, collection: &Collection) -> io::Result<()> {
    let head = Head {
        format: FORMAT.to_owned(),
        size: collection.size,
        channels: collection.channels,
        labels: collection.labels.clone(),
        classes: collection.classes.clone(),
        names: collection.names.clone(),
        skipped: collection.skipped.clone(),
        fingerprint: collection.fingerprint.clone(),
    };
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut file, &head)?;
    file.write_all(b"\n")?;
    file.write_all(&collection.pixels)?;
    file.into_inner()?.sync_all()
}

fn read(path: &Path) -> Option<Collection> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let mut head = String::new();
    file.read_line(&mut head).ok()?;
    let head: Head =
        serde_json::from_str(&head).ok().filter(|head: &Head| head.format == FORMAT)?;
    let mut pixels = Vec::new();
    file.read_to_end(&mut pixels).ok()?;
    let Head { size, channels, labels, classes, names, skipped, fingerprint: told, .. } = head;
    let whole = pixels.len() == names.len() * channels * size.area()
        && labels.as_ref().is_none_or(|labels| labels.len() == names.len())
        && fingerprint(size, channels, &pixels, labels.as_deref()) == told;
    if !whole {
        return None;
    }
    // What is wanted stays.
    let _ = File::options().append(true).open(path).map(|f| f.set_modified(SystemTime::now()));
    Some(Collection { size, channels, pixels, labels, classes, names, skipped, fingerprint: told })
}

#[cfg(test)]
mod tests;
