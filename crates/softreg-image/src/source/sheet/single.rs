//! One picture file, by itself: no collection, but a sheet may be one.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::size::Size;
use crate::source::folder::read_limited;
use crate::source::{Listing, Record, Source, stamp_of};

pub(super) struct Single {
    path: PathBuf,
    listing: Listing,
}

impl Single {
    pub(super) fn new(path: &Path) -> Single {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let listing = Listing { names: vec![name], ..Listing::default() };
        Single { path: path.to_path_buf(), listing }
    }
}

impl Source for Single {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn record(&self, _: usize, _: Option<Size>) -> Result<Record, String> {
        let file = File::open(&self.path).map_err(|error| format!("cannot be read: {error}"))?;
        read_limited(file).map(Record::File)
    }

    fn stamp(&self) -> Option<String> {
        stamp_of(&self.path)
    }
}
