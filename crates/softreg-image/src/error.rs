//! Every way in which a picture collection cannot be opened, each as a sentence with a way out.
//!
//! One unreadable picture among good ones is no error: it is listed in
//! [`Collection::skipped`](crate::Collection::skipped).

use std::path::PathBuf;

/// Why a collection could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a source name nor an existing path.
    #[error(
        "there are no pictures at '{spec}': no such file, folder or built-in source (built in: \
         {built_in}).{hint} Give a folder, a .zip archive, a CIFAR-10 .bin file or an IDX file"
    )]
    NotFound {
        /// What was asked for.
        spec: String,
        /// Names of the sources that need no path.
        built_in: String,
        /// " Did you mean …?" or nothing.
        hint: String,
    },
    /// The operating system refused.
    #[error(
        "cannot {action} {path}: {source}. Check that it exists and that you have permission to read it"
    )]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that no source reads.
    #[error(
        "{path} is not a picture collection that softreg can read{detail}. Give a folder of \
         pictures, a .zip archive of pictures, a CIFAR-10 .bin file or an IDX file \
         (train-images-idx3-ubyte)"
    )]
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// What it seems to be, or nothing.
        detail: String,
    },
    /// No usable picture.
    #[error(
        "{path} contains no usable picture: {detail}. Pictures are PNG, JPEG, WebP, GIF or BMP \
         files; export others to PNG first"
    )]
    Empty {
        /// The folder or archive.
        path: PathBuf,
        /// What was found instead.
        detail: String,
    },
    /// The container file contradicts its own format.
    #[error("{path} is damaged or not what its name says: {problem}. {way_out}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the numbers.
        problem: String,
        /// What to do.
        way_out: &'static str,
    },
    /// Every picture in the archive is encrypted.
    #[error(
        "{path} is encrypted ({entries} pictures need a password). Unpack it with your archive \
         program and give the folder instead"
    )]
    Encrypted {
        /// The archive.
        path: PathBuf,
        /// How many encrypted pictures it holds.
        entries: usize,
    },
    /// The archive would unpack to more than any collection needs.
    #[error(
        "{path} was rejected: {problem}. If you trust it, unpack it yourself and give the folder instead"
    )]
    Bomb {
        /// The archive.
        path: PathBuf,
        /// Which limit it breaks, with the numbers.
        problem: String,
    },
    /// A grid that cells cannot be cut by.
    #[error(
        "'{text}' is not a valid sheet layout: {problem}. Write sheet:16x16:FILE for cells of 16 \
         x 16 pixels, or sheet:16x16,spacing=1,margin=2:FILE if there are pixels between the \
         cells and around all of them"
    )]
    Grid {
        /// What was written.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Sheets that cannot be cut by a grid, or not into pictures.
    #[error(
        "{path} cannot be cut into pictures with {grid}: {problem}. Give the size of one cell of \
         your sheet in pixels, as in sheet:16x16:FILE, and what lies between the cells and around \
         them, as in sheet:16x16,spacing=1,margin=2:FILE"
    )]
    Sheet {
        /// The sheet, or the folder or archive of sheets.
        path: PathBuf,
        /// How it was to be cut.
        grid: String,
        /// What is in the way, with the numbers.
        problem: String,
    },
    /// A size that cannot be trained on.
    #[error(
        "'{text}' is not a picture size: {problem}. Write 32 for 32 x 32, or WIDTHxHEIGHT such as \
         48x64; each side from {min} to {max} pixels",
        min = crate::size::MIN_SIDE,
        max = crate::size::MAX_SIDE
    )]
    Size {
        /// What was written.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An unknown word for channels, fit or the like.
    #[error("'{text}' is not one of the {what}: {known}.{hint} Choose one of them")]
    Unknown {
        /// What kind of word was expected.
        what: &'static str,
        /// What was written.
        text: String,
        /// What may be written.
        known: String,
        /// " Did you mean …?" or nothing.
        hint: String,
    },
    /// A colour that is not `#rrggbb`.
    #[error("'{text}' is not a colour. Write it as #rrggbb, for example #ffffff for white")]
    Colour {
        /// What was written.
        text: String,
    },
    /// A number of pictures that cannot be made or taken.
    #[error("'{text}' is not a number of pictures. Give a whole number from 1 to {max}")]
    Count {
        /// What was written.
        text: String,
        /// The most there may be.
        max: usize,
    },
    /// A sampler with nothing to draw, or nothing to draw into.
    #[error(
        "cannot draw batches of {batch} from {pictures} pictures: both must be at least 1. Add \
         pictures, hold out fewer, or raise the batch size"
    )]
    Sampler {
        /// Pictures per batch.
        batch: usize,
        /// Pictures to draw from.
        pictures: usize,
    },
}

impl Error {
    /// An [`Error::Io`] about `path`.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}

/// " Did you mean 'x'?" when one of `known` is close to `text`, else nothing.
pub(crate) fn suggestion<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let lower = text.to_lowercase();
    let known = known.into_iter().filter(|_| !lower.is_empty());
    known
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count().min(lower.len()) / 4)
        .min()
        .map_or_else(String::new, |(_, name)| format!(" Did you mean '{name}'?"))
}
