//! All pictures of a source at the training size, in memory.
//!
//! Small collections are the point of softreg, so they fit: 10,000 pictures of 64 x 64 RGB are
//! 123 MB. Training then never waits for a disk or a decoder.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::channels::{Background, Channels};
use crate::error::Error;
use crate::picture::{self, Raster};
use crate::size::{Size, Suggestion};
use crate::source::{self, Record, Source};
use crate::transform::{Fit, Transform};

/// Pictures decoded between two additions to the collection: bounds what is held twice.
const CHUNK: usize = 256;

/// How to bring pictures into memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadOptions {
    /// The training size; `None` takes what [`native_size`] suggests.
    pub size: Option<Size>,
    /// The channels to keep.
    pub channels: Channels,
    /// What to do with pictures of another shape.
    pub fit: Fit,
    /// The colour behind transparent pixels and beside padded pictures.
    pub background: Background,
    /// Take only the first so many pictures, in the order of the source: sorted by path for
    /// folders and archives, record order for files of records. Unreadable ones count.
    pub limit: Option<usize>,
    /// Leave out the first so many pictures, in the order of the source; `limit` counts from there.
    #[serde(skip_serializing_if = "is_none_left_out")]
    pub skip: usize,
    /// The seed of pictures that are drawn by a built-in source.
    pub seed: u64,
}

fn is_none_left_out(skip: &usize) -> bool {
    *skip == 0
}

impl LoadOptions {
    /// Pictures of the source up to the last one that is wanted.
    fn end(&self) -> Option<usize> {
        self.limit.map(|limit| limit.saturating_add(if limit == 0 { 0 } else { self.skip }))
    }
}

/// A picture that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// Where it is from.
    pub name: String,
    /// A clause that follows the name: "is empty (0 bytes)".
    pub reason: String,
}

/// Pictures of one size in memory, in the fixed order of their source.
#[derive(Debug, Clone)]
pub struct Collection {
    /// Width and height of every picture.
    pub size: Size,
    /// Planes per picture: 1 grey, 3 RGB, 4 RGBA with alpha multiplied in.
    pub channels: usize,
    /// All pictures one after the other, each `[channels, height, width]`.
    pub pixels: Vec<u8>,
    /// The class of each picture, when the source has classes.
    pub labels: Option<Vec<u32>>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Where each picture is from.
    pub names: Vec<String>,
    /// The pictures that could not be used.
    pub skipped: Vec<Skipped>,
    /// BLAKE3 over size, channels, labels and pixels, in hexadecimal: two runs with the same
    /// fingerprint were trained on the same data.
    pub fingerprint: String,
}

/// The size that the pictures at `spec` suggest, from their headers alone.
///
/// # Errors
/// When `spec` cannot be opened or no picture in it can be read.
pub fn native_size(spec: &str, options: &LoadOptions) -> Result<Size, Error> {
    Ok(suggestion(spec, options)?.size)
}

/// As [`native_size`], with the size that the pictures have themselves.
///
/// # Errors
/// Those of [`native_size`].
pub fn suggestion(spec: &str, options: &LoadOptions) -> Result<Suggestion, Error> {
    let source = source::open(spec, options.end(), options.seed)?;
    size_of(source.as_ref(), spec)
}

/// What [`suggestion`] says of an open source.
pub(crate) fn size_of(source: &dyn Source, spec: &str) -> Result<Suggestion, Error> {
    let count = source.listing().names.len();
    let heads: Vec<_> = (0..count).into_par_iter().map(|index| source.head(index)).collect();
    let dimensions: Vec<(u32, u32)> =
        heads.iter().flatten().map(|head| (head.width, head.height)).collect();
    if dimensions.is_empty() {
        let names = source.listing().names.iter();
        let reasons = names.zip(heads).filter_map(|(name, head)| Some((name.clone(), head.err()?)));
        return Err(none_readable(spec, reasons.map(|(name, reason)| Skipped { name, reason })));
    }
    Ok(Suggestion::of(&dimensions))
}

fn none_readable(spec: &str, skipped: impl Iterator<Item = Skipped>) -> Error {
    let skipped: Vec<Skipped> = skipped.collect();
    let first = skipped.first().map_or_else(String::new, |first| {
        format!(", the first being '{}', which {}", first.name, first.reason)
    });
    let detail = format!("{} picture file(s) cannot be used{first}", skipped.len());
    Error::Empty { path: spec.into(), detail }
}

/// Reads, decodes and transforms every picture at `spec`, in parallel, in a fixed order.
///
/// `spec` is a path, or a built-in source such as `motif`; see
/// [`SOURCES`](crate::source::SOURCES). A picture that cannot be read is left out and listed in
/// [`Collection::skipped`].
///
/// # Errors
/// When `spec` cannot be opened, or no picture in it can be read.
pub fn open(spec: &str, options: &LoadOptions) -> Result<Collection, Error> {
    open_with(spec, options, |_, _, decode| decode())
}

/// [`open`], where `get` decides whether it is decoded: it gets the source, the size of the pictures, and what decodes them.
pub(crate) fn open_with(
    spec: &str,
    options: &LoadOptions,
    get: impl FnOnce(
        &dyn Source,
        Size,
        &dyn Fn() -> Result<Collection, Error>,
    ) -> Result<Collection, Error>,
) -> Result<Collection, Error> {
    let source = source::open(spec, options.end(), options.seed)?;
    let size = match options.size {
        Some(size) => size,
        None => size_of(source.as_ref(), spec)?.size,
    };
    get(source.as_ref(), size, &|| {
        let there = source.listing().names.len();
        if options.skip >= there {
            let skip = options.skip;
            let detail = format!("cannot skip {skip} picture(s), as there are only {there}");
            return Err(Error::Empty { path: spec.into(), detail });
        }
        let all: Vec<usize> = (options.skip..there).collect();
        decode(source.as_ref(), spec, size, options, &all)
    })
}

/// As [`open`], of at most `count` pictures from all over the source, to show what is in it: the rest is not decoded.
///
/// # Errors
/// When `spec` cannot be opened, or none of these pictures can be read.
pub fn sample(spec: &str, options: &LoadOptions, count: usize) -> Result<Collection, Error> {
    let source = source::open(spec, options.end(), options.seed)?;
    let size = match options.size {
        Some(size) => size,
        None => size_of(source.as_ref(), spec)?.size,
    };
    let (first, there) = (options.skip, source.listing().names.len());
    let rest = there.saturating_sub(first);
    let count = count.min(rest);
    let chosen: Vec<usize> = (0..count).map(|i| first + i * rest / count).collect();
    decode(source.as_ref(), spec, size, options, &chosen)
}

/// The pictures at these indices, in their order.
fn decode(
    source: &dyn Source,
    spec: &str,
    size: Size,
    options: &LoadOptions,
    indices: &[usize],
) -> Result<Collection, Error> {
    let transform = Transform {
        size,
        channels: options.channels,
        fit: options.fit,
        background: options.background,
    };
    let listing = source.listing();
    let mut kept = Vec::with_capacity(listing.names.len());
    let mut unreadable = Vec::new();
    let mut planes = Planes::new(transform.channels.count(), size.area());
    for chunk in indices.chunks(CHUNK) {
        let decoded: Vec<Result<Vec<u8>, String>> = chunk
            .par_iter()
            .map(|&index| Ok(transform.apply(&raster(source, index, Some(size))?)))
            .collect();
        for (&index, picture) in chunk.iter().zip(decoded) {
            match picture {
                Ok(picture) => {
                    planes.push(&picture);
                    kept.push(index);
                }
                Err(reason) => {
                    unreadable.push(Skipped { name: listing.names[index].clone(), reason });
                }
            }
        }
    }
    if kept.is_empty() {
        return Err(none_readable(spec, unreadable.into_iter()));
    }
    let labels = listing
        .labels
        .as_ref()
        .map(|labels| kept.iter().map(|&index| labels[index]).collect::<Vec<u32>>());
    let names = kept.iter().map(|&index| listing.names[index].clone()).collect();
    let mut skipped = [listing.written.as_slice(), &listing.skipped].concat();
    skipped.append(&mut unreadable);
    // Last: of sheets it is to be expected.
    skipped.extend_from_slice(&listing.cells);
    let channels = planes.channels;
    let fingerprint = fingerprint(size, channels, &planes.pixels, labels.as_deref());
    Ok(Collection {
        size,
        channels,
        pixels: planes.pixels,
        labels,
        classes: listing.classes.clone(),
        names,
        skipped,
        fingerprint,
    })
}

/// The decoded picture at `index` of a source.
pub(crate) fn raster(
    source: &dyn Source,
    index: usize,
    size: Option<Size>,
) -> Result<Raster, String> {
    match source.record(index, size)? {
        Record::File(bytes) => picture::decode(&bytes),
        Record::Pixels(_, raster) => Ok(raster),
    }
}

/// Pictures that all have one plane until the first that needs more.
struct Planes {
    decided: bool,
    channels: usize,
    area: usize,
    pixels: Vec<u8>,
}

impl Planes {
    fn new(channels: Option<usize>, area: usize) -> Planes {
        Planes {
            decided: channels.is_some(),
            channels: channels.unwrap_or(1),
            area,
            pixels: Vec::new(),
        }
    }

    fn push(&mut self, picture: &[u8]) {
        if !self.decided && picture.len() > self.area && self.channels == 1 {
            self.pixels = self.pixels.chunks_exact(self.area).flat_map(|p| p.repeat(3)).collect();
            self.channels = 3;
        }
        for _ in 0..self.channels * self.area / picture.len() {
            self.pixels.extend_from_slice(picture);
        }
    }
}

/// [`Collection::fingerprint`].
pub(crate) fn fingerprint(
    size: Size,
    channels: usize,
    pixels: &[u8],
    labels: Option<&[u32]>,
) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(b"softreg collection 1");
    for number in [size.width(), size.height(), channels as u32, u32::from(labels.is_some())] {
        hash.update(&number.to_le_bytes());
    }
    for label in labels.unwrap_or_default() {
        hash.update(&label.to_le_bytes());
    }
    hash.update(pixels);
    hash.finalize().to_hex().to_string()
}

impl Collection {
    /// The number of pictures, at least 1.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no picture; never so for a collection that was opened.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Numbers in one picture: channels x height x width.
    pub fn picture_len(&self) -> usize {
        self.channels * self.size.area()
    }

    /// The bytes of one picture, `[channels, height, width]`.
    ///
    /// # Panics
    /// When `index` is not below [`Collection::len`].
    pub fn picture(&self, index: usize) -> &[u8] {
        let len = self.picture_len();
        &self.pixels[index * len..(index + 1) * len]
    }

    /// The bytes of several pictures, one after the other.
    ///
    /// # Panics
    /// When an index is not below [`Collection::len`].
    pub fn pictures(&self, indices: &[usize]) -> Vec<u8> {
        indices.iter().flat_map(|index| self.picture(*index)).copied().collect()
    }

    /// Writes one picture as `x / 127.5 - 1`, in `[-1, 1]`, mirrored left to right if `flip`.
    ///
    /// # Panics
    /// When `index` is not below [`Collection::len`], or `out` has another length than
    /// [`Collection::picture_len`].
    pub fn write_unit(&self, index: usize, flip: bool, out: &mut [f32]) {
        let picture = self.picture(index);
        assert_eq!(out.len(), picture.len(), "one picture has {} values", picture.len());
        let width = self.size.width() as usize;
        for (row, out) in picture.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let write = |(out, value): (&mut f32, &u8)| *out = f32::from(*value) / 127.5 - 1.0;
            match flip {
                false => out.iter_mut().zip(row).for_each(write),
                true => out.iter_mut().zip(row.iter().rev()).for_each(write),
            }
        }
    }

    /// Divides the pictures into (training, held-out), each in increasing order.
    ///
    /// About `validation_fraction` of the pictures (0 to 0.9; outside it is brought to the nearer
    /// end) is held out, drawn by `seed`. Pictures that are identical byte by byte stay on the
    /// same side, since a copy of a training picture proves nothing. At least one picture is left
    /// for training.
    pub fn split(&self, validation_fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
        let fraction =
            if validation_fraction.is_nan() { 0.0 } else { validation_fraction.clamp(0.0, 0.9) };
        let wanted = ((self.len() as f64 * fraction).round() as usize).min(self.len() - 1);
        // Comparing all pictures with each other takes a while in large collections.
        if wanted == 0 {
            return ((0..self.len()).collect(), Vec::new());
        }
        let mut group_of: HashMap<&[u8], usize> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for index in 0..self.len() {
            let group = *group_of.entry(self.picture(index)).or_insert(groups.len());
            match groups.get_mut(group) {
                Some(members) => members.push(index),
                None => groups.push(vec![index]),
            }
        }
        groups.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let (mut training, mut held_out) = (Vec::new(), Vec::new());
        for mut group in groups {
            let fits = held_out.len() + group.len() <= wanted;
            if fits { &mut held_out } else { &mut training }.append(&mut group);
        }
        training.sort_unstable();
        held_out.sort_unstable();
        (training, held_out)
    }
}

#[cfg(test)]
mod tests;
