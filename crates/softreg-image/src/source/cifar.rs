//! CIFAR-10 in its binary form.
//!
//! A file is a row of records of 3,073 bytes: one label from 0 to 9, then 32 x 32 red, green and
//! blue values, plane by plane. A folder with `data_batch_1.bin`, `data_batch_2.bin`, … opens as
//! the training set, in the order of the file names; `test_batch.bin` opens as a file.
//! Format: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Listing, Record, Request, Source, SourceEntry, extension};
use crate::error::Error;
use crate::picture::Raster;
use crate::size::Size;

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const RECORD: usize = 1 + 3 * PLANE;
const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
/// What the distributed archive calls its folder.
const FOLDER: &str = "cifar-10-batches-bin";

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "cifar",
    summary: "CIFAR-10 in binary form: a .bin file, or the folder of data_batch_*.bin files",
    detect: |text| {
        let path = Path::new(text);
        if path.is_dir() {
            !batches(path).is_empty()
        } else {
            extension(text) == "bin" && path.is_file()
        }
    },
    path: |text| Some(text),
    open: |request| Ok(Box::new(Cifar::open(request)?)),
};

struct Cifar {
    listing: Listing,
    records: Vec<u8>,
}

/// The training files in a folder, or in the sub-folder that the archive unpacks to.
fn batches(folder: &Path) -> Vec<PathBuf> {
    for folder in [folder.to_path_buf(), folder.join(FOLDER)] {
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
                name.starts_with("data_batch_") && name.ends_with(".bin")
            })
            .collect();
        found.sort();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

impl Cifar {
    fn open(request: &Request<'_>) -> Result<Cifar, Error> {
        let path = request.path();
        let files = if path.is_dir() { batches(path) } else { vec![path.to_path_buf()] };
        let limit = request.limit.unwrap_or(usize::MAX);
        let mut records = Vec::new();
        let mut listing = Listing {
            labels: Some(Vec::new()),
            classes: CLASSES.map(str::to_owned).to_vec(),
            ..Listing::default()
        };
        for path in &files {
            let wanted = limit.saturating_sub(listing.names.len());
            if wanted == 0 {
                break;
            }
            read_file(path, wanted, &mut listing, &mut records)?;
        }
        if listing.names.is_empty() {
            let detail = "there is no data_batch_*.bin file in it".to_owned();
            return Err(Error::Empty { path: path.to_path_buf(), detail });
        }
        Ok(Cifar { listing, records })
    }
}

/// Appends the first `wanted` records of a file whose length has been checked.
fn read_file(
    path: &Path,
    wanted: usize,
    listing: &mut Listing,
    records: &mut Vec<u8>,
) -> Result<(), Error> {
    let damaged = |problem: String| Error::Damaged {
        path: path.to_path_buf(),
        problem,
        way_out: "Download the binary version of CIFAR-10 again (softreg reads CIFAR-10, not \
                  CIFAR-100)",
    };
    let file = File::open(path).map_err(Error::io("open", path))?;
    let bytes = file.metadata().map_err(Error::io("read", path))?.len();
    if bytes == 0 || !bytes.is_multiple_of(RECORD as u64) {
        return Err(damaged(format!(
            "a CIFAR-10 file consists of whole records of {RECORD} bytes, but this one has \
             {bytes} bytes ({} records and {} bytes)",
            bytes / RECORD as u64,
            bytes % RECORD as u64
        )));
    }
    let wanted = (wanted as u64).min(bytes / RECORD as u64);
    let start = records.len();
    file.take(wanted * RECORD as u64).read_to_end(records).map_err(Error::io("read", path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for (index, record) in records[start..].chunks_exact(RECORD).enumerate() {
        let label = record[0];
        if usize::from(label) >= CLASSES.len() {
            return Err(damaged(format!(
                "record {index} has label {label}, but the highest label is 9"
            )));
        }
        listing.names.push(format!("{name}#{index}"));
        if let Some(labels) = &mut listing.labels {
            labels.push(u32::from(label));
        }
    }
    Ok(())
}

impl Source for Cifar {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn record(&self, index: usize, _: Option<Size>) -> Result<Record, String> {
        let record = self.records.chunks_exact(RECORD).nth(index).ok_or("is not in the file")?;
        let planes = &record[1..];
        let data = (0..PLANE)
            .flat_map(|at| [planes[at], planes[PLANE + at], planes[2 * PLANE + at]])
            .collect();
        let side = SIDE as u32;
        Ok(Record::Pixels("CIFAR", Raster { width: side, height: side, channels: 3, data }))
    }
}
