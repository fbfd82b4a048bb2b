//! The built-in ornaments as a source: `motif`, or `motif:COUNT`.

use super::motif::{KINDS, Motif, kind_name};
use super::{Listing, Record, Request, Source, SourceEntry};
use crate::error::Error;
use crate::picture::{Head, Raster};
use crate::size::Size;

/// Pictures in `motif` when no count is given.
const DEFAULT_COUNT: usize = 2_000;
/// The most pictures that may be asked for.
const MAX_COUNT: usize = 1_000_000;
/// Width and height when no size is asked for, in pixels.
const DEFAULT_SIDE: u32 = 32;

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "motif",
    summary: "built-in ornaments of 128 kinds, no files needed: motif, or motif:COUNT (default 2000)",
    detect: |text| text == "motif" || text.starts_with("motif:"),
    path: |_| None,
    open: |request| Ok(Box::new(Drawn::open(request)?)),
};

struct Drawn {
    motif: Motif,
    listing: Listing,
}

impl Drawn {
    fn open(request: &Request<'_>) -> Result<Drawn, Error> {
        let pictures = match request.text.split_once(':') {
            None => DEFAULT_COUNT,
            Some((_, count)) => count
                .parse()
                .ok()
                .filter(|count| (1..=MAX_COUNT).contains(count))
                .ok_or_else(|| Error::Count { text: count.to_owned(), max: MAX_COUNT })?,
        };
        let motif = Motif { pictures, seed: request.seed };
        let classes: Vec<String> =
            (0..KINDS).map(|kind| kind_name(kind).unwrap_or_default()).collect();
        let shown = request.limit.unwrap_or(usize::MAX).min(motif.pictures);
        let listing = Listing {
            names: (0..shown)
                .map(|index| format!("{}#{index}", classes[motif.kind_of(index)]))
                .collect(),
            labels: Some((0..shown).map(|index| motif.kind_of(index) as u32).collect()),
            classes,
            ..Listing::default()
        };
        Ok(Drawn { motif, listing })
    }
}

impl Source for Drawn {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn record(&self, index: usize, size: Option<Size>) -> Result<Record, String> {
        let (width, height) =
            size.map_or((DEFAULT_SIDE, DEFAULT_SIDE), |size| (size.width(), size.height()));
        let data = self.motif.picture(index, width, height).map_err(|error| error.to_string())?;
        Ok(Record::Pixels("drawn", Raster { width, height, channels: 3, data }))
    }

    fn head(&self, _: usize) -> Result<Head, String> {
        Ok(Head { format: "drawn", width: DEFAULT_SIDE, height: DEFAULT_SIDE })
    }
}
