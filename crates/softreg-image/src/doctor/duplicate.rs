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
    // Pictures of a single colour are counted apart: they are all alike and say nothing.
    let shown: Vec<usize> =
        (0..facts.len()).filter(|&index| !copies[index] && !facts[index].flat).collect();
    if shown.len() > MAX_SEARCHED {
        return None;
    }
    let hashes: Vec<u64> = shown.iter().map(|&index| facts[index].hash).collect();
    let pairs: Vec<(usize, usize)> = (0..shown.len())
        .into_par_iter()
        .flat_map_iter(|a| {
            let (hashes, shown) = (&hashes, &shown);
            (a + 1..shown.len())
                .filter(move |&b| (hashes[a] ^ hashes[b]).count_ones() <= MAX_HAMMING)
                .filter(move |&b| alike(&facts[shown[a]], &facts[shown[b]]))
                .map(move |b| (a, b))
        })
        .collect();
    let mut parents: Vec<usize> = (0..shown.len()).collect();
    for (a, b) in pairs {
        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
        parents[a.max(b)] = a.min(b);
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, &index) in shown.iter().enumerate() {
        groups.entry(root(&mut parents, at)).or_default().push(index);
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

/// Whether the thumbnails agree, and the shapes do (to a tenth).
fn alike(a: &Facts, b: &Facts) -> bool {
    let shape = |fact: &Facts| f64::from(fact.width) / f64::from(fact.height);
    let ratio = shape(a) / shape(b);
    if !(0.9..=1.0 / 0.9).contains(&ratio) {
        return false;
    }
    let squared: f64 = a
        .thumbnail
        .iter()
        .zip(&b.thumbnail)
        .map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2))
        .sum::<f64>()
        / a.thumbnail.len() as f64;
    squared <= MAX_RELATIVE * (variance(&a.thumbnail) + variance(&b.thumbnail))
}

fn variance(values: &[u8]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count
}
