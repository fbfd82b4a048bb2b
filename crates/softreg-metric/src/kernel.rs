//! Kernel distance: the squared maximum mean discrepancy of two sets of feature vectors.
//!
//! ```text
//! KD = E[k(x, x')] + E[k(y, y')] − 2·E[k(x, y)],   k(a, b) = (a·b/d + 1)³
//! ```
//!
//! Source: arXiv 1801.01401. Means go over different pictures only, so that the
//! value is unbiased: it does not depend on the number of pictures, and is about 0, also below, for two
//! samples of one distribution. Deviation: where the paper averages random subsets of 1,000, sets of
//! up to 2,000 are taken whole, and larger ones in blocks of 1,000 that do not overlap, drawn in the same way
//! always, which gives the same mean with a smaller variance.

use crate::gaussian::parallel;
use crate::interval::{Interval, jackknife};
use crate::{Error, Features};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat};
use std::borrow::Cow;

/// Pictures of a side that are compared at once.
const BLOCK: usize = 1000;
/// Sets up to this size are not divided.
const WHOLE: usize = 2000;
/// Pictures whose kernels with all others are in memory at once.
const AT_ONCE: usize = 512;
/// Blocks from which their spread tells more than leaving pictures out does.
const ENOUGH_BLOCKS: usize = 5;

/// The distance with an interval: Student's over blocks where there are 5 or more, else the jackknife's
/// over generated pictures.
///
/// # Errors
/// [`Error::TooFew`] below 2 pictures on a side, [`Error::Width`] where features are not the same ones.
pub fn measure(reference: &Features, generated: &Features) -> Result<Interval, Error> {
    generated.check_against(reference, "the kernel distance", 2)?;
    let smaller = reference.len().min(generated.len());
    let blocks =
        if reference.len().max(generated.len()) <= WHOLE { 1 } else { (smaller / BLOCK).max(1) };
    let [reference, generated] = match blocks {
        1 => [Cow::Borrowed(reference), Cow::Borrowed(generated)],
        _ => [reference, generated].map(|set| Cow::Owned(set.mixed())),
    };
    // Every picture of both sides is in one block.
    let block = |set: &Features, i: usize| {
        let bound = |i: usize| set.len() * i / blocks;
        set.select(&(bound(i)..bound(i + 1)).collect::<Vec<_>>())
    };
    let parts: Vec<Block> =
        (0..blocks).map(|i| Block::new(&block(&reference, i), &block(&generated, i))).collect();
    let values: Vec<f64> = parts.iter().map(Block::value).collect();
    if blocks >= ENOUGH_BLOCKS {
        return Ok(Interval::of(&values));
    }
    let mean = values.iter().sum::<f64>() / blocks as f64;
    // The variance of a mean of independent blocks.
    let half = |part: &Block| Some(jackknife(&part.without_each_generated()?).powi(2));
    let squares: Option<f64> = parts.iter().map(half).sum();
    Ok(Interval { mean, half: squares.map(|squares| squares.sqrt() / blocks as f64) })
}

/// Sums of the kernel over the pairs of one block.
struct Block {
    sizes: [f64; 2],
    /// Over different reference pictures.
    reference: f64,
    /// Per generated picture: over other generated ones, and over all reference ones.
    generated: Vec<f64>,
    between: Vec<f64>,
}

impl Block {
    fn new(x: &Features, y: &Features) -> Self {
        let (x, y) = (matrix(x), matrix(y));
        Self {
            sizes: [x.ncols() as f64, y.ncols() as f64],
            reference: sums(&x, &x, true).iter().sum(),
            generated: sums(&y, &y, true),
            between: sums(&x, &y, false),
        }
    }

    fn value(&self) -> f64 {
        let [m, n] = self.sizes;
        let (generated, between): (f64, f64) =
            (self.generated.iter().sum(), self.between.iter().sum());
        unbiased(m, n, self.reference, generated, between)
    }

    /// The value without each of the generated pictures in turn; none where two are too few for that.
    fn without_each_generated(&self) -> Option<Vec<f64>> {
        let [m, n] = self.sizes;
        if n < 3.0 {
            return None;
        }
        let (generated, between): (f64, f64) =
            (self.generated.iter().sum(), self.between.iter().sum());
        let without = |(own, other): (&f64, &f64)| {
            unbiased(m, n - 1.0, self.reference, generated - 2.0 * own, between - other)
        };
        Some(self.generated.iter().zip(&self.between).map(without).collect())
    }
}

fn unbiased(m: f64, n: f64, reference: f64, generated: f64, between: f64) -> f64 {
    reference / (m * (m - 1.0)) + generated / (n * (n - 1.0)) - 2.0 * between / (m * n)
}

/// Pictures as columns.
fn matrix(features: &Features) -> Mat<f64> {
    Mat::from_fn(features.width(), features.len(), |i, j| f64::from(features.row(j)[i]))
}

/// Of every picture of `b`, the sum of its kernels with all of `a`; where `others`, these are the same pictures, and without
/// that with itself. Some pictures of `b` after others: all kernels at once would take the square of their number.
fn sums(a: &Mat<f64>, b: &Mat<f64>, others: bool) -> Vec<f64> {
    let scale = 1.0 / a.nrows() as f64;
    let mut sums = Vec::with_capacity(b.ncols());
    for first in (0..b.ncols()).step_by(AT_ONCE) {
        let some = b.subcols(first, AT_ONCE.min(b.ncols() - first));
        let mut k = Mat::zeros(a.ncols(), some.ncols());
        matmul(k.as_mut(), Accum::Replace, a.transpose(), some, scale, parallel());
        sums.extend((0..some.ncols()).map(|j| {
            k.col_mut(j).iter_mut().for_each(|value| *value = (*value + 1.0).powi(3));
            let own = if others { k[(first + j, j)] } else { 0.0 };
            k.col(j).iter().sum::<f64>() - own
        }));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    fn normal(n: usize, width: usize, shift: f32, seed: u64) -> Features {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let draw = |_| rng.sample::<f32, _>(StandardNormal) + shift;
        Features::new(width, (0..n * width).map(draw).collect()).unwrap()
    }

    #[test]
    fn kinds_one_after_the_other_are_no_distance() {
        let set = |n: usize, seed: u64, by_kind: bool| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let value = |i: usize| {
                let kind = if by_kind { i * 4 / n } else { i % 4 };
                rng.sample::<f32, _>(StandardNormal) * 0.1 + kind as f32
            };
            Features::new(1, (0..n).map(value).collect()).unwrap()
        };
        let (sorted, apart) = (set(2400, 1, true), set(4000, 3, true));
        let generated = set(2400, 2, false);
        for reference in [&sorted, &apart] {
            let distance = measure(reference, &generated).unwrap();
            assert!(distance.mean.abs() < 1.0, "{distance}");
        }
        // What a kind that is missing would be.
        let three = sorted.first(1800);
        assert!(measure(&three, &generated).unwrap().mean > 20.0);
    }

    #[test]
    fn two_pictures_by_hand() {
        // k of 0 and 2 with d = 1: k(0, 2) = 1, k(1, 1) = 8, k(0, 1) = 1, k(2, 1) = 27.
        let x = Features::new(1, vec![0.0, 2.0]).unwrap();
        let y = Features::new(1, vec![1.0, 1.0]).unwrap();
        let expected = 1.0 + 8.0 - 2.0 * (1.0 + 1.0 + 27.0 + 27.0) / 4.0;
        let measured = measure(&x, &y).unwrap();
        assert!((measured.mean - expected).abs() < 1e-12);
        assert_eq!(measured.half, None, "two pictures show no spread");
    }

    /// As by every pair of pictures, where there are more than are taken at once.
    #[test]
    fn sums_go_over_every_pair() {
        let (x, y) = (normal(30, 3, 0.0, 1), normal(AT_ONCE + 90, 3, 0.2, 2));
        let k = |a: &[f32], b: &[f32]| {
            let dot: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            (dot / 3.0 + 1.0).powi(3)
        };
        let between = sums(&matrix(&x), &matrix(&y), false);
        let within = sums(&matrix(&y), &matrix(&y), true);
        for j in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 89] {
            let with = |set: &Features| set.rows().map(|row| k(row, y.row(j))).sum::<f64>();
            assert!((between[j] - with(&x)).abs() < 1e-9, "{j}");
            assert!((within[j] - (with(&y) - k(y.row(j), y.row(j)))).abs() < 1e-9, "{j}");
        }
    }

    /// Unbiased: of one distribution it is 0 within its interval, however small the sets.
    #[test]
    fn small_sets_are_not_biased_and_intervals_hold_what_they_promise() {
        let (mut within, mut sum) = (0, 0.0);
        for seed in 0..60 {
            let (x, y) = (normal(50, 8, 0.0, 2 * seed), normal(50, 8, 0.0, 2 * seed + 1));
            let interval = measure(&x, &y).unwrap();
            sum += interval.mean;
            within += usize::from(interval.reaches_zero());
        }
        let far = measure(&normal(50, 8, 0.0, 1), &normal(50, 8, 1.0, 2)).unwrap();
        assert!(sum.abs() / 60.0 < 0.05 * far.mean, "{} {}", sum / 60.0, far.mean);
        assert!(!far.reaches_zero());
        // Only the draw of generated pictures is in the interval, so somewhat fewer than 95 %.
        assert!(within >= 42, "{within} of 60");
    }

    #[test]
    fn blocks_say_what_the_whole_says() {
        let (x, y) = (normal(5200, 4, 0.0, 1), normal(5100, 4, 0.3, 2));
        let blocks = measure(&x, &y).unwrap();
        let whole = Block::new(&x, &y).value();
        assert!((blocks.mean - whole).abs() < blocks.half.unwrap(), "{blocks} {whole}");
    }

    #[test]
    fn a_few_blocks_are_as_sure_as_the_whole() {
        let (x, y) = (normal(3300, 4, 0.0, 3), normal(3300, 4, 0.3, 4));
        let half = measure(&x, &y).unwrap().half.unwrap();
        let whole = jackknife(&Block::new(&x, &y).without_each_generated().unwrap());
        assert!((0.8..1.25).contains(&(half / whole)), "{half} {whole}");
    }
}
