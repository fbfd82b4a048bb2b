//! The state of a collection, told before hours are spent on it.
//!
//! What spoils a small collection is rarely an error: a hundred copies of one picture, half the
//! files in a format that is not read, a class of three. This looks at every picture as training
//! would and says what it finds, and what training will make of it.

mod duplicate;
mod plan;
mod survey;
mod text;

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::collection::{LoadOptions, Skipped, size_of};
use crate::error::Error;
use crate::picture::enlargement::common_divisor;
use crate::size::{Size, suggest_size};
use crate::source::{self, Guess};
use survey::Facts;

pub use duplicate::MAX_SEARCHED;

/// What was found. Serialisable for scripts; its `Display` is for people.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What was looked at.
    pub spec: String,
    /// Which kind of source it is.
    pub source: &'static str,
    /// Pictures that can be used.
    pub pictures: usize,
    /// Pictures that cannot, each with its reason.
    pub unreadable: Vec<Skipped>,
    /// Files that are no pictures, counted by ending.
    pub ignored: BTreeMap<String, usize>,
    /// Hidden files and folders passed over.
    pub hidden: usize,
    /// Folders of runs, comparisons and studies, passed over.
    pub written: usize,
    /// What is left out of sheets: cells that are empty or cut off, files that are smaller than a cell.
    pub cells: Vec<Skipped>,
    /// What the pictures seem to be sheets of, where they are few.
    pub sheets: Option<Guess>,
    /// Pictures per file format.
    pub formats: BTreeMap<String, usize>,
    /// The sizes of the pictures.
    pub sizes: Sizes,
    /// Pictures with a pixel that is not opaque.
    pub transparent: usize,
    /// Pictures without colour as training will see them.
    pub grey: usize,
    /// Pictures with more than one frame.
    pub animated: usize,
    /// How large the pixels of all pictures were drawn: 3 where each is a block of 3 x 3.
    pub enlargement: u32,
    /// Pictures of a single colour as training will see them: over the background, or with their transparency.
    pub flat: usize,
    /// Groups of pictures with the very same pixels, by name.
    pub duplicates: Vec<Vec<String>>,
    /// Groups of pictures that look almost the same, by name; copies within a group are named
    /// once. `None` when there were more than [`MAX_SEARCHED`] pictures.
    pub near_duplicates: Option<Vec<Vec<String>>>,
    /// Pictures per class, in the order of the classes; empty without classes.
    pub classes: Vec<ClassCount>,
    /// The class with the fewest pictures.
    pub smallest_class: Option<ClassCount>,
    /// What [`native_size`](crate::native_size) suggests, or the nearest size that is possible.
    pub suggested_size: Size,
    /// What training will do with this collection, one sentence each.
    pub plan: Vec<String>,
}

/// How large the pictures are, in pixels.
#[derive(Debug, Clone, Serialize)]
pub struct Sizes {
    /// How many different sizes there are.
    pub distinct: usize,
    /// The most frequent, at most eight, most frequent first.
    pub common: Vec<SizeCount>,
    /// The smallest by number of pixels.
    pub smallest: (u32, u32),
    /// The largest by number of pixels.
    pub largest: (u32, u32),
}

/// One size and how many pictures have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SizeCount {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pictures.
    pub count: usize,
}

/// One class and how many pictures it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The name of the class.
    pub name: String,
    /// Pictures.
    pub count: usize,
}

/// Looks at every picture that `spec` would give under `options`; `possible` is the nearest size to one that pictures suggest at
/// which they can be learned.
///
/// # Errors
/// When `spec` cannot be opened. A collection in which no picture can be read is reported, not
/// refused: the reasons are what the report is for.
pub fn check(
    spec: &str,
    options: &LoadOptions,
    possible: impl Fn(Size) -> Size,
) -> Result<Report, Error> {
    let (entry, _) = source::find(spec)?;
    let source = source::open(spec, options.limit, options.seed)?;
    let listing = source.listing();
    // As training asks for it; with no picture to ask, any size will do.
    let native = size_of(source.as_ref(), spec).map_or_else(|_| suggest_size(&[]), |s| s.size);
    let trained_at = options.size.unwrap_or_else(|| possible(native));
    let surveyed: Vec<Result<Facts, String>> = (0..listing.names.len())
        .into_par_iter()
        .map(|index| Facts::of(source.as_ref(), index, options, trained_at))
        .collect();
    let mut unreadable = listing.skipped.clone();
    let mut facts = Vec::with_capacity(surveyed.len());
    let mut names: Vec<&str> = Vec::with_capacity(surveyed.len());
    let mut class_counts = vec![0; listing.classes.len()];
    for (index, surveyed) in surveyed.into_iter().enumerate() {
        let name = &listing.names[index];
        match surveyed {
            Ok(found) => {
                facts.push(found);
                names.push(name);
                if let Some(labels) = &listing.labels {
                    class_counts[labels[index] as usize] += 1;
                }
            }
            Err(reason) => unreadable.push(Skipped { name: name.clone(), reason }),
        }
    }
    let classes: Vec<ClassCount> = listing
        .classes
        .iter()
        .zip(class_counts)
        .map(|(name, count)| ClassCount { name: name.clone(), count })
        .collect();
    let mut formats = BTreeMap::new();
    for fact in &facts {
        *formats.entry(fact.format.to_owned()).or_insert(0) += 1;
    }
    let named = |groups: Vec<Vec<usize>>| -> Vec<Vec<String>> {
        let name = |index: usize| names[index].to_owned();
        groups.into_iter().map(|group| group.into_iter().map(name).collect()).collect()
    };
    let duplicates = duplicate::exact(&facts);
    let near_duplicates = duplicate::near(&facts, &duplicates);
    let dimensions: Vec<(u32, u32)> = facts.iter().map(|fact| (fact.width, fact.height)).collect();
    let count = |property: fn(&Facts) -> bool| facts.iter().filter(|fact| property(fact)).count();
    let enlargement = facts.iter().fold(0, |all, fact| common_divisor(all, fact.enlargement));
    let mut report = Report {
        spec: spec.to_owned(),
        source: entry.name,
        pictures: facts.len(),
        unreadable,
        ignored: listing.ignored.clone(),
        hidden: listing.hidden,
        written: listing.written.len(),
        cells: listing.cells.clone(),
        sheets: Guess::of(source.as_ref(), spec),
        formats,
        sizes: sizes(&dimensions),
        transparent: count(|fact| fact.transparent),
        grey: count(|fact| fact.grey),
        animated: count(|fact| fact.animated),
        enlargement: enlargement.max(1),
        flat: count(|fact| fact.flat),
        duplicates: named(duplicates),
        near_duplicates: near_duplicates.map(named),
        smallest_class: classes.iter().min_by_key(|class| class.count).cloned(),
        classes,
        suggested_size: possible(native),
        plan: Vec::new(),
    };
    report.plan = plan::sentences(&report, native, options, &dimensions, possible);
    Ok(report)
}

fn sizes(dimensions: &[(u32, u32)]) -> Sizes {
    let mut counts: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for &size in dimensions {
        *counts.entry(size).or_default() += 1;
    }
    let area = |&(width, height): &(u32, u32)| u64::from(width) * u64::from(height);
    let mut common: Vec<SizeCount> = counts
        .iter()
        .map(|(&(width, height), &count)| SizeCount { width, height, count })
        .collect();
    common.sort_by_key(|size| std::cmp::Reverse(size.count));
    common.truncate(8);
    Sizes {
        distinct: counts.len(),
        common,
        smallest: dimensions.iter().copied().min_by_key(area).unwrap_or_default(),
        largest: dimensions.iter().copied().max_by_key(area).unwrap_or_default(),
    }
}
