//! Copies, exact and near.
//!
//! Near copies are found in two steps. A difference hash gives candidates among all pairs in a
//! moment, but on small drawings it also pairs strangers: a flat background has no differences.
//! So each candidate is confirmed on thumbnails, by the squared difference measured against the
//! contrast of the two pictures, which is low only when the drawings themselves agree.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::survey::Facts;

/// The most pictures that are searched for near copies; the search looks at all pairs.
pub const MAX_SEARCHED: usize = 20_000;
/// Pictures that are compared with all others before what was found is put together.
const BLOCK: usize = 256;
/// Differing bits of 64 up to which two pictures are candidates.
const MAX_HAMMING: u32 = 12;
/// Squared difference per summed variance up to which a candidate is confirmed; 1 for strangers.
const MAX_RELATIVE: f64 = 0.02;

/// Groups of at least two pictures with the same pixels.
pub(super) fn exact(facts: &[Facts]) -> Vec<Vec<usize>> {
    let mut by_digest: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
    for (index, fact) in facts.iter().enumerate() {
        by_digest.entry(fact.digest).or_default().push(index);
    }
    let mut groups: Vec<Vec<usize>> =
        by_digest.into_values().filter(|group| group.len() > 1).collect();
    groups.sort();
    groups
}

/// Groups of at least two pictures that look almost the same, the first of each exact group
/// standing for all of it.
pub(super) fn near(facts: &[Facts], exact: &[Vec<usize>]) -> Option<Vec<Vec<usize>>> {
    let mut copies = vec![false; facts.len()];
    for &index in exact.iter().flat_map(|group| &group[1..]) {
        copies[index] = true;
    }
    // Those of which nothing is seen are all alike, and say nothing.
    let shown: Vec<usize> =
        (0..facts.len()).filter(|&index| !copies[index] && !facts[index].blank).collect();
    if shown.len() > MAX_SEARCHED {
        return None;
    }
    let shown: Vec<Candidate<'_>> =
        shown.into_iter().map(|index| Candidate::new(index, &facts[index])).collect();
    let mut parents: Vec<usize> = (0..shown.len()).collect();
    for start in (0..shown.len()).step_by(BLOCK) {
        // What is known to be together needs no further look: among the frames of a film nearly all pairs are candidates.
        let groups: Vec<usize> = (0..shown.len()).map(|at| root(&mut parents, at)).collect();
        let pairs: Vec<(usize, usize)> = (start..shown.len().min(start + BLOCK))
            .into_par_iter()
            .flat_map_iter(|a| {
                let (groups, shown) = (&groups, &shown);
                (a + 1..shown.len())
                    .filter(move |&b| groups[a] != groups[b] && shown[a].alike(&shown[b]))
                    .map(move |b| (a, b))
            })
            .collect();
        for (a, b) in pairs {
            let (a, b) = (root(&mut parents, a), root(&mut parents, b));
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, candidate) in shown.iter().enumerate() {
        groups.entry(root(&mut parents, at)).or_default().push(candidate.index);
    }
    Some(groups.into_values().filter(|group| group.len() > 1).collect())
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

/// A picture that may have near copies.
struct Candidate<'a> {
    index: usize,
    hash: u64,
    /// Width by height.
    ratio: f64,
    thumbnail: &'a [u8],
    /// Of the thumbnail's values.
    variance: f64,
}

impl<'a> Candidate<'a> {
    fn new(index: usize, facts: &'a Facts) -> Self {
        let Facts { hash, thumbnail, .. } = facts;
        let ratio = f64::from(facts.width) / f64::from(facts.height);
        Self { index, hash: *hash, ratio, thumbnail, variance: variance(thumbnail) }
    }

    /// Whether hashes and thumbnails agree, and the shapes do (to a tenth).
    fn alike(&self, other: &Self) -> bool {
        if (self.hash ^ other.hash).count_ones() > MAX_HAMMING {
            return false;
        }
        let ratio = self.ratio / other.ratio;
        if !(0.9..=1.0 / 0.9).contains(&ratio) {
            return false;
        }
        let square = |(&a, &b): (&u8, &u8)| u32::from(a.abs_diff(b)).pow(2);
        let sum: u32 = self.thumbnail.iter().zip(other.thumbnail).map(square).sum();
        let squared = f64::from(sum) / self.thumbnail.len() as f64;
        squared <= MAX_RELATIVE * (self.variance + other.variance)
    }
}

fn variance(values: &[u8]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gradient that turns by a little from picture to picture: neighbours are alike, and the ends are not.
    fn chain(count: usize) -> Vec<Facts> {
        let of = |step: usize| {
            let angle = 0.1 * step as f64;
            let value = |at: usize| {
                let (x, y) = ((at / 3 % 16) as f64 - 7.5, (at / 48) as f64 - 7.5);
                (128.0 + 8.0 * (x * angle.cos() + y * angle.sin())) as u8
            };
            Facts {
                format: "PNG",
                width: 16,
                height: 16,
                transparent: false,
                grey: true,
                animated: false,
                flat: false,
                enlargement: 1,
                digest: [0; 32],
                hash: 0,
                thumbnail: (0..768).map(value).collect(),
                blank: false,
            }
        };
        (0..count).map(of).collect()
    }

    #[test]
    fn groups_hold_what_is_alike_by_way_of_others_in_whatever_block() {
        let mut facts = chain(2 * BLOCK + 10);
        let ends = [&facts[0], &facts[31]].map(|facts| Candidate::new(0, facts));
        assert!(!ends[0].alike(&ends[1]));
        let all = vec![(0..facts.len()).collect::<Vec<_>>()];
        assert_eq!(near(&facts, &[]).unwrap(), all);
        // Two chains in turns, told apart by their shapes.
        facts.iter_mut().step_by(2).for_each(|facts| facts.width = 32);
        let turns = [0, 1].map(|first| (first..facts.len()).step_by(2).collect::<Vec<_>>());
        assert_eq!(near(&facts, &[]).unwrap(), turns);
        facts[BLOCK].hash = u64::MAX;
        assert_eq!(near(&facts, &[]).unwrap()[0].len(), turns[0].len() - 1);
    }
}
