//! A .zip archive of picture files, read in place.
//!
//! Nothing is ever written to disk, so a name inside the archive is only a label. The list comes
//! from the central directory. An archive that would unpack to absurd amounts is refused before
//! anything is unpacked; what an entry declares is not believed while it is being read either.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ::zip::ZipArchive;
use ::zip::read::ZipFile;
use ::zip::result::ZipError;

use super::folder::{TOO_LONG, read_limited};
use super::{Listing, Record, Request, Source, SourceEntry, extension, stamp_of};
use crate::collection::Skipped;
use crate::error::Error;
use crate::picture::{EXTENSIONS, MAX_FILE_BYTES};
use crate::size::Size;

/// The most entries an archive may list.
const MAX_ENTRIES: usize = 1_000_000;
/// The most bytes all entries together may declare: 256 GiB.
const MAX_TOTAL_BYTES: u64 = 256 << 30;
/// The most that an entry may declare per stored byte. Deflate cannot exceed 1,032.
const MAX_RATIO: u64 = 1_100;

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "zip",
    summary: "a .zip archive of picture files, read without unpacking; folders become classes",
    detect: |text| {
        let path = Path::new(text);
        path.is_file() && (extension(text) == "zip" || has_signature(path))
    },
    path: |text| Some(text),
    open: |request| Ok(Box::new(Zip::open(request)?)),
};

type Archive = ZipArchive<BufReader<File>>;

struct Zip {
    path: PathBuf,
    listing: Listing,
    /// Position in the central directory of each listed picture.
    entries: Vec<usize>,
    /// Idle readers: each thread takes one while it reads, so that threads do not wait.
    idle: Mutex<Vec<Archive>>,
}

fn has_signature(path: &Path) -> bool {
    let mut start = [0; 4];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok())
        && (start == *b"PK\x03\x04" || start == *b"PK\x05\x06")
}

fn open_archive(path: &Path) -> Result<Archive, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(path, &error))
}

fn damaged(path: &Path, error: &ZipError) -> Error {
    Error::Damaged {
        path: path.to_path_buf(),
        problem: format!("the list of files at its end cannot be read ({error})"),
        way_out: "Copy or download it again, or pack it again",
    }
}

impl Zip {
    fn open(request: &Request<'_>) -> Result<Zip, Error> {
        let path = request.path().to_path_buf();
        let mut archive = open_archive(&path)?;
        refuse_bombs(&path, &mut archive)?;
        let mut listing = Listing::default();
        let mut found = Vec::new();
        let mut encrypted = 0;
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(|error| damaged(&path, &error))?;
            if entry.is_dir() {
                continue;
            }
            // A name in a forgotten encoding is still a name; backslashes come from old Windows
            // programs.
            let name = match std::str::from_utf8(entry.name_raw()) {
                Ok(name) => name.to_owned(),
                // Of another encoding, byte by byte: what is different must stay so, or classes are one.
                Err(_) => match entry.name() {
                    Ok(name) => name.into_owned(),
                    Err(_) => String::from_utf8_lossy(entry.name_raw()).into_owned(),
                },
            };
            let name = name.replace('\\', "/");
            // Some programs write ./cats/1.png for cats/1.png: such a dot hides nothing, and is no class.
            let parts: Vec<&str> =
                name.split('/').filter(|part| !["", "."].contains(part)).collect();
            let hidden = parts.iter().any(|part| part.starts_with('.') || *part == "__MACOSX");
            let name = parts.join("/");
            if hidden {
                listing.hidden += 1;
            } else if !EXTENSIONS.contains(&extension(&name).as_str()) {
                *listing.ignored.entry(extension(&name)).or_default() += 1;
            } else if entry.encrypted() {
                encrypted += 1;
                let reason = "is encrypted".to_owned();
                listing.skipped.push(Skipped { name, reason });
            } else if entry.is_symlink() {
                let reason = "is a symbolic link; links are not followed".to_owned();
                listing.skipped.push(Skipped { name, reason });
            } else if entry.size() > MAX_FILE_BYTES {
                let reason = TOO_LONG.to_owned();
                listing.skipped.push(Skipped { name, reason });
            } else {
                found.push((name, index));
            }
        }
        if found.is_empty() && encrypted > 0 {
            return Err(Error::Encrypted { path, entries: encrypted });
        }
        if found.is_empty() {
            return Err(Error::Empty { path, detail: listing.instead_of_pictures() });
        }
        found.sort();
        listing.skipped.sort();
        let mut entries = Vec::with_capacity(found.len());
        for (name, index) in found {
            listing.names.push(name);
            entries.push(index);
        }
        listing.label_by_folder();
        listing.truncate(request.limit);
        Ok(Zip { path, listing, entries, idle: Mutex::new(vec![archive]) })
    }
}

impl Zip {
    /// What `read` makes of the entry of a listed picture.
    fn with_entry<T>(
        &self,
        index: usize,
        read: impl FnOnce(Result<ZipFile<'_, BufReader<File>>, ZipError>) -> T,
    ) -> Result<T, String> {
        let entry = *self.entries.get(index).ok_or("is not in the archive")?;
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut archive = match taken {
            Some(archive) => archive,
            None => open_archive(&self.path).map_err(|error| error.to_string())?,
        };
        let made = read(archive.by_index(entry));
        idle().push(archive);
        Ok(made)
    }
}

fn refuse_bombs(path: &Path, archive: &mut Archive) -> Result<(), Error> {
    let bomb = |problem: String| Error::Bomb { path: path.to_path_buf(), problem };
    if archive.len() > MAX_ENTRIES {
        return Err(bomb(format!("it lists {} files, more than {MAX_ENTRIES}", archive.len())));
    }
    let mut total = 0u64;
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(|error| damaged(path, &error))?;
        total = total.saturating_add(entry.size());
        if entry.size() / MAX_RATIO > entry.compressed_size() {
            let (size, packed) = (entry.size(), entry.compressed_size());
            return Err(bomb(format!(
                "one file declares {size} bytes unpacked from {packed} packed ones"
            )));
        }
    }
    if total > MAX_TOTAL_BYTES {
        return Err(bomb(format!("it declares {total} bytes unpacked, more than 256 GiB")));
    }
    if archive.has_overlapping_files().map_err(|error| damaged(path, &error))? {
        return Err(bomb("several of its files share the same packed bytes".to_owned()));
    }
    Ok(())
}

impl Source for Zip {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn stamp(&self) -> Option<String> {
        stamp_of(&self.path)
    }

    fn record(&self, index: usize, _: Option<Size>) -> Result<Record, String> {
        self.with_entry(index, |entry| {
            entry.map_err(|error| format!("cannot be unpacked: {error}")).and_then(read_limited)
        })?
        .map(Record::File)
    }

    fn is_out_of_reach(&self, index: usize) -> bool {
        let read = self.with_entry(index, |entry| -> Result<u64, ZipError> {
            Ok(std::io::copy(&mut entry?.take(MAX_FILE_BYTES + 1), &mut std::io::sink())?)
        });
        match read {
            // Only what the system says has a number; all else is in the archive.
            Ok(Err(ZipError::Io(error))) => error.raw_os_error().is_some(),
            read => read.is_err(),
        }
    }
}
