//! IDX, the form in which MNIST and Fashion-MNIST are distributed.
//!
//! A big-endian header (two zero bytes, the type 0x08 for bytes, the number of dimensions, then
//! each dimension as four bytes) and the values. Pictures have three dimensions (count, height,
//! width), labels one. Either file may be gzipped. The labels are looked for beside the pictures
//! under their customary name. Format: <http://yann.lecun.com/exdb/mnist/>.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{Listing, Record, Request, Source, SourceEntry, zip};
use crate::error::Error;
use crate::picture::{MAX_PIXELS, Raster};
use crate::size::Size;

/// The most bytes of pixels taken from one file: 16 GiB.
const MAX_BYTES: u64 = 16 << 30;
/// The picture files looked for in a folder, the training set first.
const FOLDER_FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-images-idx3-ubyte.gz",
    "t10k-images-idx3-ubyte",
    "t10k-images-idx3-ubyte.gz",
];

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "idx",
    summary: "IDX pictures such as MNIST, plain or .gz, or the folder that contains them",
    detect: |text| {
        let path = Path::new(text);
        if path.is_dir() {
            in_folder(path).is_some()
        } else {
            let name = file_name(path);
            // An archive of pictures may be called sidx.zip.
            path.is_file()
                && (name.contains("idx") || name.contains("ubyte"))
                && !(zip::ENTRY.detect)(text)
        }
    },
    path: |text| Some(text),
    open: |request| Ok(Box::new(Idx::open(request)?)),
};

struct Idx {
    listing: Listing,
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn in_folder(folder: &Path) -> Option<PathBuf> {
    FOLDER_FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The labels that belong to a picture file, if they lie beside it.
fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = file_name(images);
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let labels = ["-", "."]
        .map(|dot| (format!("images{dot}idx3"), format!("labels{dot}idx1")))
        .into_iter()
        .find_map(|(images, labels)| {
            plain.contains(&images).then(|| plain.replace(&images, &labels))
        })?;
    [labels.clone(), format!("{labels}.gz")]
        .map(|name| images.with_file_name(name))
        .into_iter()
        .find(|path| path.is_file())
}

/// The dimensions of an IDX file of bytes, and its first values.
struct Values {
    dimensions: Vec<u32>,
    bytes: Vec<u8>,
}

fn damaged(path: &Path, problem: String) -> Error {
    Error::Damaged { path: path.to_path_buf(), problem, way_out: "Download it again" }
}

/// Reads `dimensions` dimensions and the values of at most `limit` items, and checks that the
/// file has exactly as many values as it declares.
fn read(path: &Path, dimensions: u8, limit: Option<usize>) -> Result<Values, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let plain_bytes = file.metadata().map_err(Error::io("read", path))?.len();
    if plain_bytes == 0 {
        return Err(damaged(path, "it is empty (0 bytes)".to_owned()));
    }
    let mut start = [0; 2];
    let mut peek = File::open(path).map_err(Error::io("open", path))?;
    let gzipped = peek.read_exact(&mut start).is_ok() && start == [0x1f, 0x8b];
    let mut reader: Box<dyn Read> = match gzipped {
        true => Box::new(MultiGzDecoder::new(BufReader::new(file))),
        false => Box::new(BufReader::new(file)),
    };
    let failed = |error: std::io::Error| {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            UnexpectedEof if gzipped => {
                damaged(path, "the gzip data ends too early (truncated)".to_owned())
            }
            UnexpectedEof => damaged(path, "it ends inside its header".to_owned()),
            InvalidData | InvalidInput => {
                damaged(path, format!("the gzip data is corrupt: {error}"))
            }
            _ => Error::io("read", path)(error),
        }
    };
    let mut word = [0; 4];
    let mut next = |reader: &mut dyn Read| {
        reader.read_exact(&mut word).map_err(failed)?;
        Ok::<[u8; 4], Error>(word)
    };
    let magic = next(&mut reader)?;
    if magic != [0, 0, 8, dimensions] {
        return Err(damaged(
            path,
            format!(
                "its magic number is 0x{:08x}, but IDX bytes in {dimensions} dimension(s) begin \
                 with 0x0000080{dimensions}",
                u32::from_be_bytes(magic)
            ),
        ));
    }
    let mut sizes = Vec::new();
    for _ in 0..dimensions {
        sizes.push(u32::from_be_bytes(next(&mut reader)?));
    }
    let item_bytes = sizes[1..].iter().fold(1u64, |area, &side| area.saturating_mul(side.into()));
    let count = u64::from(sizes[0]);
    let declared = count.saturating_mul(item_bytes);
    if item_bytes == 0 || item_bytes > MAX_PIXELS || declared == 0 {
        return Err(damaged(path, format!("it declares the invalid dimensions {sizes:?}")));
    }
    let wanted = limit.map_or(declared, |limit| (limit as u64).min(count) * item_bytes);
    if wanted > MAX_BYTES {
        return Err(damaged(path, format!("it declares {declared} bytes, more than 16 GiB")));
    }
    let mut bytes = Vec::new();
    reader.by_ref().take(wanted).read_to_end(&mut bytes).map_err(failed)?;
    // All of a plain file's length is known; a gzipped one is only unpacked as far as needed.
    let found = if !gzipped {
        plain_bytes - 4 - 4 * u64::from(dimensions)
    } else if wanted < declared {
        declared - wanted + bytes.len() as u64
    } else {
        let more = std::io::copy(&mut reader.take(1), &mut std::io::sink()).map_err(failed)?;
        bytes.len() as u64 + more
    };
    if found != declared {
        let relation = if found > declared { "more" } else { "fewer" };
        return Err(damaged(
            path,
            format!("it declares {count} items of {item_bytes} byte(s) but holds {relation}"),
        ));
    }
    Ok(Values { dimensions: sizes, bytes })
}

impl Idx {
    fn open(request: &Request<'_>) -> Result<Idx, Error> {
        let path = request.path();
        let path = if path.is_dir() {
            in_folder(path).ok_or_else(|| Error::Empty {
                path: path.to_path_buf(),
                detail: "there is no train-images-idx3-ubyte file in it".to_owned(),
            })?
        } else {
            path.to_path_buf()
        };
        let images = read(&path, 3, request.limit)?;
        let (height, width) = (images.dimensions[1], images.dimensions[2]);
        let count = images.bytes.len() / (width as usize * height as usize);
        let name = file_name(&path);
        let mut listing = Listing {
            names: (0..count).map(|index| format!("{name}#{index}")).collect(),
            ..Listing::default()
        };
        if let Some(beside) = labels_beside(&path) {
            let labels = read(&beside, 1, request.limit)?;
            if labels.dimensions[0] != images.dimensions[0] {
                return Err(damaged(
                    &beside,
                    format!(
                        "it holds {} labels for {} pictures",
                        labels.dimensions[0], images.dimensions[0]
                    ),
                ));
            }
            let highest = labels.bytes.iter().copied().max().unwrap_or(0).max(9);
            listing.classes = (0..=highest).map(|class| class.to_string()).collect();
            listing.labels = Some(labels.bytes.into_iter().map(u32::from).collect());
        }
        Ok(Idx { listing, width, height, pixels: images.bytes })
    }
}

impl Source for Idx {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn record(&self, index: usize, _: Option<Size>) -> Result<Record, String> {
        let (width, height) = (self.width, self.height);
        let area = width as usize * height as usize;
        let data = self.pixels.chunks_exact(area).nth(index).ok_or("is not in the file")?.to_vec();
        Ok(Record::Pixels("IDX", Raster { width, height, channels: 1, data }))
    }
}
