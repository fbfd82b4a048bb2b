//! A folder of picture files, with everything below it.
//!
//! Symbolic links are not followed (the folder itself may be one): a link can lead out of the
//! folder or back into it. Linked pictures are listed as skipped. Files are taken by their ending
//! and read by their content, so a PNG named .jpg is fine.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Listing, Record, Request, Source, SourceEntry, extension, stamp_of};
use crate::collection::Skipped;
use crate::error::Error;
use crate::picture::{EXTENSIONS, Head, MAX_FILE_BYTES, head};
use crate::size::Size;

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "folder",
    summary: "a folder of PNG, JPEG, WebP, GIF or BMP files; subfolders become classes",
    detect: |text| Path::new(text).is_dir(),
    path: |text| Some(text),
    open: |request| Ok(Box::new(Folder::open(request)?)),
};

struct Folder {
    root: PathBuf,
    listing: Listing,
}

impl Folder {
    fn open(request: &Request<'_>) -> Result<Folder, Error> {
        let root = request.path().to_path_buf();
        // walkdir reports an unreadable root like any other folder; here it is fatal.
        std::fs::read_dir(&root).map_err(Error::io("read the folder", &root))?;
        let mut listing = Listing::default();
        let (mut hidden, mut own) = (0, Vec::new());
        let walk = WalkDir::new(&root).follow_links(false).into_iter().filter_entry(|entry| {
            let visible =
                entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
            hidden += usize::from(!visible);
            let written = visible
                && entry.depth() > 0
                && entry.file_type().is_dir()
                && is_written(entry.path());
            if written {
                let name = name_below(&root, entry.path());
                let reason = "was written by softreg; generated pictures are not used for training"
                    .to_owned();
                own.push(Skipped { name, reason });
            }
            visible && !written
        });
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let name = name_below(&root, entry.path());
                    let ending = extension(&name);
                    let link = entry.file_type().is_symlink();
                    let folder_link = link && entry.path().is_dir();
                    if entry.path().to_str().is_none() {
                        let reason = "has a name that is not valid Unicode: rename it".to_owned();
                        listing.skipped.push(Skipped { name, reason });
                    } else if folder_link || link && EXTENSIONS.contains(&ending.as_str()) {
                        let reason = "is a symbolic link; links are not followed".to_owned();
                        listing.skipped.push(Skipped { name, reason });
                    } else if !link && !entry.file_type().is_file() {
                        let reason = "is not a file but a pipe, socket or device".to_owned();
                        listing.skipped.push(Skipped { name, reason });
                    } else if EXTENSIONS.contains(&ending.as_str()) {
                        listing.names.push(name);
                    } else {
                        *listing.ignored.entry(ending).or_default() += 1;
                    }
                }
                Err(error) => {
                    let name = error.path().map_or_else(String::new, |at| name_below(&root, at));
                    let reason = match error.into_io_error() {
                        Some(error) => format!("cannot be read: {error}"),
                        None => "cannot be read".to_owned(),
                    };
                    listing.skipped.push(Skipped { name, reason });
                }
            }
        }
        listing.hidden = hidden;
        listing.written = own;
        listing.names.sort();
        listing.skipped.sort();
        if listing.names.is_empty() {
            return Err(Error::Empty { path: root, detail: listing.instead_of_pictures() });
        }
        listing.label_by_folder();
        listing.truncate(request.limit);
        Ok(Folder { root, listing })
    }

    fn file(&self, index: usize) -> Result<File, String> {
        let name = self.listing.names.get(index).ok_or("is not in the folder")?;
        File::open(self.root.join(name)).map_err(|error| format!("cannot be read: {error}"))
    }
}

/// Whether a file with this path below the root is listed, once it is there.
pub(super) fn takes_in(root: &Path, below: &Path) -> bool {
    let mut at = root.to_path_buf();
    let passed_over = below.iter().any(|part| {
        at.push(part);
        part.as_encoded_bytes().starts_with(b".") || is_written(&at)
    });
    !passed_over && EXTENSIONS.contains(&extension(&below.to_string_lossy()).as_str())
}

/// Whether a folder is that of a run, a comparison or a study.
fn is_written(folder: &Path) -> bool {
    let with = |file: &str, sub: &str| folder.join(file).is_file() && folder.join(sub).is_dir();
    with("run.json", "checkpoints")
        || with("comparison.json", "trials")
        || with("report.json", "trials")
        || folder.join("study.sqlite").is_file()
}

/// The path below the root with `/` between its parts, on every system.
fn name_below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

impl Source for Folder {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn record(&self, index: usize, _: Option<Size>) -> Result<Record, String> {
        read_limited(self.file(index)?).map(Record::File)
    }

    fn is_out_of_reach(&self, index: usize) -> bool {
        let Ok(file) = self.file(index) else { return true };
        std::io::copy(&mut file.take(MAX_FILE_BYTES + 1), &mut std::io::sink()).is_err()
    }

    fn stamp(&self) -> Option<String> {
        let of = |name: &String| Some(format!("{name} {}\n", stamp_of(&self.root.join(name))?));
        self.listing.names.iter().map(of).collect()
    }

    fn head(&self, index: usize) -> Result<Head, String> {
        let file = self.file(index)?;
        // Some headers are read with all that follows.
        let length = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
        match length > MAX_FILE_BYTES {
            true => Err(TOO_LONG.to_owned()),
            false => head(BufReader::new(file)),
        }
    }
}

/// Why a file of more than [`MAX_FILE_BYTES`] is left out.
pub(super) const TOO_LONG: &str = "is larger than 256 MiB";

/// All bytes of one picture file, unless they are more than a picture may have.
pub(super) fn read_limited(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    match bytes.len() as u64 {
        0 => Err("is empty (0 bytes)".to_owned()),
        len if len > MAX_FILE_BYTES => Err(TOO_LONG.to_owned()),
        _ => Ok(bytes),
    }
}
