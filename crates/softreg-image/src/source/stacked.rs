//! Grey pictures of known kinds, three to a picture: `stacked:PATH`, one in each colour channel.
//!
//! The usual test of whether a generator finds every kind: with ten digits there are 1,000. Source: arXiv
//! 1611.02163, section 3.3.1. Which three make a picture is a function of the seed and its number.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Listing, Record, Request, Source, SourceEntry, find, path_in};
use crate::error::Error;
use crate::picture::Raster;
use crate::size::Size;

/// What a specification begins with.
const PREFIX: &str = "stacked:";
/// More kinds than this are no test that ends.
const MOST_KINDS: usize = 22;

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "stacked",
    summary: "labelled grey pictures, three stacked into one, as in stacked MNIST: stacked:PATH",
    detect: |text| text.starts_with(PREFIX),
    path: |text| path_in(text.strip_prefix(PREFIX)?),
    open: |request| Ok(Box::new(Stacked::open(request)?)),
};

/// How many kinds a channel has, of a stacked source with so many classes; `None` for other sources.
pub fn stacked_kinds(spec: &str, classes: usize) -> Option<usize> {
    let kinds = (2..=MOST_KINDS).find(|kinds| kinds.pow(3) == classes);
    kinds.filter(|_| spec.starts_with(PREFIX))
}

struct Stacked {
    inner: Box<dyn Source>,
    /// Three pictures of the inner source for each.
    parts: Vec<[usize; 3]>,
    listing: Listing,
}

impl Stacked {
    fn open(request: &Request<'_>) -> Result<Self, Error> {
        let text = request.text.strip_prefix(PREFIX).unwrap_or(request.text);
        let (entry, path) = find(text)?;
        let inner = (entry.open)(&Request { text: path, limit: None, seed: request.seed })?;
        let listing = inner.listing();
        let unfit = |problem: String| Error::Unrecognised {
            path: path.into(),
            detail: format!(", so it cannot be stacked: {problem}"),
        };
        let kinds = listing.classes.len();
        let Some(labels) = listing.labels.as_ref().filter(|_| (2..=MOST_KINDS).contains(&kinds))
        else {
            return Err(unfit(format!(
                "it has {kinds} classes, but a stack needs pictures in 2 to {MOST_KINDS}"
            )));
        };
        if listing.names.is_empty() {
            return Err(unfit("it contains no picture".to_owned()));
        }
        let (names, classes) = (&listing.names, &listing.classes);
        let count = request.limit.map_or(names.len(), |limit| limit.min(names.len()));
        let parts: Vec<[usize; 3]> = (0..count)
            .map(|index| {
                let mut rng = ChaCha8Rng::seed_from_u64(request.seed);
                rng.set_stream(index as u64);
                [(); 3].map(|()| rng.random_range(0..names.len()))
            })
            .collect();
        let label = |parts: &[usize; 3]| {
            parts.iter().fold(0, |sum, part| sum * kinds as u32 + labels[*part])
        };
        let class = |kind: usize| {
            [kind / kinds / kinds, kind / kinds % kinds, kind % kinds]
                .map(|k| classes[k].as_str())
                .join("-")
        };
        let stacked = Listing {
            names: (0..count).map(|index| format!("{text}#{index}")).collect(),
            labels: Some(parts.iter().map(label).collect()),
            classes: (0..kinds * kinds * kinds).map(class).collect(),
            ..Listing::default()
        };
        Ok(Self { parts, listing: stacked, inner })
    }
}

impl Source for Stacked {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn record(&self, index: usize, size: Option<Size>) -> Result<Record, String> {
        let parts = self.parts.get(index).ok_or("is not in the stack")?;
        let mut data: Vec<u8> = Vec::new();
        let mut sides = None;
        for (channel, part) in parts.iter().enumerate() {
            let Record::Pixels(_, raster) = self.inner.record(*part, size)? else {
                return Err(
                    "is a picture file, but only plain grey pixels (IDX) can be stacked".to_owned()
                );
            };
            if raster.channels != 1 {
                return Err(format!(
                    "has {} channels, but only grey pictures can be stacked",
                    raster.channels
                ));
            }
            let side = (raster.width, raster.height);
            if *sides.get_or_insert(side) != side {
                return Err("has parts of different sizes".to_owned());
            }
            data.resize(3 * raster.data.len(), 0);
            // Rasters are interleaved.
            data.iter_mut()
                .skip(channel)
                .step_by(3)
                .zip(raster.data)
                .for_each(|(to, from)| *to = from);
        }
        let (width, height) = sides.ok_or("is empty")?;
        Ok(Record::Pixels("stacked", Raster { width, height, channels: 3, data }))
    }
}
