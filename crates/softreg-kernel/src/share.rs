//! Who works on which pictures, and on how many at once.

use crate::threads::threads;
use std::ops::Range;

/// Values of pictures that are worked on at once: half of a small second-level cache.
const CHUNK: usize = 48 * 1024;

/// The part of the pictures that each thread of the pool gets.
pub(crate) fn shares(count: usize) -> impl Iterator<Item = Range<usize>> {
    let threads = threads().min(count).max(1);
    (0..threads).map(move |i| count * i / threads..count * (i + 1) / threads)
}

/// `f` on every thread's share, with its part of `out`.
pub(crate) fn for_each_share<T: Send>(
    out: &mut [T],
    count: usize,
    length: usize,
    f: impl Fn(Range<usize>, &mut [T]) + Sync,
) {
    if threads() == 1 || count == 1 {
        return f(0..count, out);
    }
    rayon::scope(|scope| {
        let (f, mut rest) = (&f, out);
        for share in shares(count) {
            let (own, others) = rest.split_at_mut(share.len() * length);
            rest = others;
            scope.spawn(move |_| f(share, own));
        }
    });
}

/// `f` of every thread's share, in order.
pub(crate) fn map_shares<T: Send>(count: usize, f: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    use rayon::prelude::*;
    if threads() == 1 || count <= 1 {
        return vec![f(0..count)];
    }
    shares(count).collect::<Vec<_>>().into_par_iter().map(&f).collect()
}

/// Pictures of `length` values each that fit the cache.
pub(crate) fn fit(length: usize) -> usize {
    (CHUNK / length.max(1)).max(1)
}

/// Ranges of `step` pictures.
pub(crate) fn chunks(pictures: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = pictures.end;
    pictures.step_by(step).map(move |from| from..(from + step).min(end))
}
