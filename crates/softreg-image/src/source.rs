//! Where pictures come from: one registry, one file per kind of source.
//!
//! A source lists its pictures once, in a fixed order, and hands out one at a time from any
//! thread. Adding a kind of source is one file and one line in [`SOURCES`].

mod cifar;
mod drawn;
mod folder;
mod idx;
mod listing;
pub mod motif;
mod sheet;
mod stacked;
mod zip;

use std::path::{Path, PathBuf};

use crate::error::{Error, suggestion};
use crate::picture::{Head, Raster};
use crate::size::Size;

pub use listing::Listing;
pub use sheet::Guess;
pub use stacked::stacked_kinds;

/// One picture as the source has it.
#[derive(Debug)]
pub enum Record {
    /// The bytes of a picture file.
    File(Vec<u8>),
    /// Pixels, with the name of the format they came from.
    Pixels(&'static str, Raster),
}

/// A list of pictures that can be read one by one.
pub trait Source: Send + Sync {
    /// Names, classes, and what was left out.
    fn listing(&self) -> &Listing;

    /// The picture at `index` of the listing. A source that draws its pictures draws them at
    /// `size`; all others ignore it.
    ///
    /// # Errors
    /// A clause about the picture for the list of unreadable ones.
    fn record(&self, index: usize, size: Option<Size>) -> Result<Record, String>;

    /// A text that is another one when any listed picture may be another one: lengths and times of change of files.
    /// `None` where a picture is as quick to read as to keep.
    fn stamp(&self) -> Option<String> {
        None
    }

    /// Whether the picture at `index` cannot be read for a reason that may pass: a disk or a network that fails. What is
    /// wrong with the file itself, the [stamp](Source::stamp) stands for.
    fn is_out_of_reach(&self, index: usize) -> bool {
        self.record(index, None).is_err()
    }

    /// Format and size of the picture at `index`, reading as little as possible.
    ///
    /// # Errors
    /// As for [`Source::record`].
    fn head(&self, index: usize) -> Result<Head, String> {
        match self.record(index, None)? {
            Record::File(bytes) => crate::picture::head(std::io::Cursor::new(bytes)),
            Record::Pixels(format, raster) => {
                Ok(Head { format, width: raster.width, height: raster.height })
            }
        }
    }
}

/// A file's part of a [`Source::stamp`].
fn stamp_of(path: &Path) -> Option<String> {
    let about = std::fs::metadata(path).ok()?;
    let changed = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let stamp = format!("{} {}", about.len(), changed.as_nanos());
    // Who copies with the times of change may put another file in its place; this time is the system's own.
    #[cfg(unix)]
    let stamp = {
        use std::os::unix::fs::MetadataExt;
        format!("{stamp} {} {}", about.ctime(), about.ctime_nsec())
    };
    Some(stamp)
}

/// What a source needs to know when it is opened.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The path, or all of the text for a source that has none.
    pub text: &'a str,
    /// Take only so many, from the start.
    pub limit: Option<usize>,
    /// For pictures that are drawn, not read.
    pub seed: u64,
}

impl Request<'_> {
    /// The text as a path.
    pub fn path(&self) -> &Path {
        Path::new(self.text)
    }
}

/// One kind of source.
pub struct SourceEntry {
    /// Name, also accepted as a prefix that skips detection: `cifar:batch.dat`.
    pub name: &'static str,
    /// One line for a list of sources.
    pub summary: &'static str,
    /// Whether this source reads what the text names.
    pub detect: fn(&str) -> bool,
    /// The path at the end of the text; `None` where it names no files.
    pub path: fn(&str) -> Option<&str>,
    /// Opens it.
    pub open: fn(&Request<'_>) -> Result<Box<dyn Source>, Error>,
}

/// Every source. The first that recognises a specification opens it. What needs no files is before
/// what does: a folder that comes to be there later, a run's own for example, must not take the place
/// of the pictures that a run was begun with. `./motif` is a folder of that name.
pub const SOURCES: &[SourceEntry] = &[
    drawn::ENTRY,
    stacked::ENTRY,
    sheet::ENTRY,
    cifar::ENTRY,
    idx::ENTRY,
    zip::ENTRY,
    folder::ENTRY,
];

/// Whether `spec` names pictures that need no files.
pub fn is_built_in(spec: &str) -> bool {
    (drawn::ENTRY.detect)(spec)
}

/// Whether the seed decides which pictures `spec` names: where they are drawn, and where they are stacked in
/// threes.
pub fn depends_on_seed(spec: &str) -> bool {
    [drawn::ENTRY, stacked::ENTRY].iter().any(|entry| (entry.detect)(spec))
}

/// The path at the end of `spec`: `tiles.png` of `sheet:16x16:tiles.png`. `None` where it names no files, or nothing that is
/// there.
pub fn path_in(spec: &str) -> Option<&str> {
    let (entry, text) = recognised(spec)?;
    (entry.path)(text)
}

/// `spec` with a path that holds from any folder; as it is where it has none.
pub fn absolute(spec: &str) -> String {
    let whole = |path: &str| dunce::canonicalize(path).ok()?.into_os_string().into_string().ok();
    path_in(spec)
        .and_then(|path| Some(spec.strip_suffix(path)?.to_owned() + &whole(path)?))
        .unwrap_or_else(|| spec.to_owned())
}

/// Whether `spec` would take in a picture that is put at `path`, where nothing need be yet.
pub fn takes_in(spec: &str, path: &Path) -> bool {
    let is_folder =
        |path: &&str| find(path).is_ok_and(|(entry, _)| entry.name == folder::ENTRY.name);
    let root = path_in(spec).filter(is_folder).and_then(|path| dunce::canonicalize(path).ok());
    let (Some(root), Ok(path)) = (root, std::path::absolute(path)) else { return false };
    // Links lead to where a folder is; what is not there yet is no link.
    let there = path.ancestors().find_map(|at| Some((at, dunce::canonicalize(at).ok()?)));
    let Some((at, whole)) = there else { return false };
    let whole = path.strip_prefix(at).map_or(whole.clone(), |rest| whole.join(rest));
    whole.strip_prefix(&root).is_ok_and(|below| folder::takes_in(&root, below))
}

/// The entry that reads `spec`, and the text it is to open.
///
/// # Errors
/// [`Error::NotFound`] with the nearest names, or [`Error::Unrecognised`] for an existing file.
pub fn find(spec: &str) -> Result<(&'static SourceEntry, &str), Error> {
    if let Some(found) = recognised(spec) {
        return Ok(found);
    }
    let path = PathBuf::from(spec);
    match std::fs::metadata(&path) {
        Ok(_) => {
            let detail = match crate::picture::EXTENSIONS.contains(&extension(spec).as_str()) {
                true => one_picture(spec),
                false => String::new(),
            };
            Err(Error::Unrecognised { path, detail })
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Error::io("open", path)(error))
        }
        Err(_) => Err(Error::NotFound {
            spec: spec.to_owned(),
            built_in: drawn::ENTRY.name.to_owned(),
            hint: nearest(spec),
        }),
    }
}

/// The entry that reads `spec`, and the text it is to open, where there is one.
fn recognised(spec: &str) -> Option<(&'static SourceEntry, &str)> {
    if let Some(entry) = SOURCES.iter().find(|entry| (entry.detect)(spec)) {
        return Some((entry, spec));
    }
    let (name, rest) = spec.split_once(':')?;
    let entry = SOURCES.iter().find(|entry| entry.name == name)?;
    Path::new(rest).exists().then_some((entry, rest))
}

/// What to do with one picture that was given as a collection.
fn one_picture(spec: &str) -> String {
    let (what, cut) = match Guess::of_file(spec) {
        Some(guess) => {
            (format!("it looks like a sprite sheet; to use its {} cells", guess.cells), guess.spec)
        }
        None => (
            "to cut a sprite sheet into cells of 16x16 pixels".to_owned(),
            sheet::specification("16x16", spec),
        ),
    };
    format!(": it is a single picture, but a collection needs several; {what}, write '{cut}'")
}

/// Opens the source that reads `spec`.
///
/// # Errors
/// As for [`find`], and whatever is wrong with the container.
pub fn open(spec: &str, limit: Option<usize>, seed: u64) -> Result<Box<dyn Source>, Error> {
    let (entry, text) = find(spec)?;
    if limit == Some(0) {
        return Err(Error::Count { text: "0".to_owned(), max: usize::MAX });
    }
    (entry.open)(&Request { text, limit, seed })
}

/// The built-in name or neighbour on disk that `spec` was probably meant to be.
fn nearest(spec: &str) -> String {
    let path = Path::new(spec);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut names: Vec<String> = std::fs::read_dir(parent.unwrap_or(Path::new(".")))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| match parent {
            Some(parent) => parent.join(name).display().to_string(),
            None => name,
        })
        .collect();
    names.sort();
    let built_in = std::iter::once(drawn::ENTRY.name);
    suggestion(spec, built_in.chain(names.iter().map(String::as_str)))
}

/// The ending of a name in lower case, without the dot; empty when there is none.
fn extension(name: &str) -> String {
    Path::new(name).extension().and_then(|end| end.to_str()).unwrap_or("").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_summaries_are_lines() {
        for (index, entry) in SOURCES.iter().enumerate() {
            assert!(SOURCES[..index].iter().all(|other| other.name != entry.name));
            assert!(!entry.summary.is_empty() && !entry.summary.contains('\n'));
        }
    }

    #[test]
    fn what_a_folder_takes_in_is_known_before_it_is_there() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["art/sub", "art/run/checkpoints", "beside"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["art/run/run.json", "a.zip"] {
            std::fs::File::create(at(file)).unwrap();
        }
        let art = at("art").display().to_string();
        for name in ["art/a.png", "art/sub/a.GIF", "art/new/b/a.png", "beside/../art/a.png"] {
            assert!(takes_in(&art, &at(name)), "{name}");
            assert!(takes_in(&format!("sheet:16x16:{art}"), &at(name)), "{name}");
        }
        let others = ["a.png", "beside/a.png", "art/run/a.png", "art/.new/a.png", "art/a.pdf"];
        for name in others {
            assert!(!takes_in(&art, &at(name)), "{name}");
        }
        for spec in ["motif", "gone", &at("a.zip").display().to_string()] {
            assert!(!takes_in(spec, &at("art/a.png")), "{spec}");
        }
    }

    #[test]
    fn a_wrong_name_suggests_the_nearest() {
        let message = find("motiv").err().unwrap().to_string();
        assert!(message.contains("Did you mean 'motif'?"), "{message}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("birds")).unwrap();
        let spec = folder.path().join("brids").display().to_string();
        let message = find(&spec).err().unwrap().to_string();
        assert!(message.contains("birds'?"), "{message}");
    }
}
