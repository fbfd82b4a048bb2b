//! Sliced Wasserstein distance between patches of Laplacian pyramids.
//!
//! Source: arXiv 1710.10196, section 5. On every level of the pyramid both sets give 7x7 patches,
//! normalised per channel by the set's own mean and deviation; along random directions the mean
//! distance between sorted projections is the Wasserstein distance of one dimension, and the mean
//! over directions and levels, times 1000 as there, is the result. Small values mean that the sets
//! look alike at every scale; it is 0 for identical sets.
//!
//! Deviation: a set gives [`PATCHES`] patches in all, from pictures drawn at random, instead of 128
//! per picture of 16384, so that sets of any size can be compared; halving ends at 16 pixels.

use crate::pyramid::{Plane, laplacian};
use crate::{Error, Pictures};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Patches per set and level.
pub const PATCHES: usize = 8192;
/// Side of a patch in pixels.
pub const PATCH: usize = 7;
const DIRECTIONS: usize = 128;
const SMALLEST: usize = 16;
/// The first stream of directions, past those of patches, a level each.
const DIRECTION_STREAMS: u64 = 1 << 32;

/// A set of pictures that others are measured against.
#[derive(Clone, Debug)]
pub struct SlicedWasserstein {
    shape: [usize; 3],
    seed: u64,
    /// Per level, per direction: the reference's projections, sorted.
    reference: Vec<Vec<Vec<f32>>>,
}

impl SlicedWasserstein {
    /// The protocol's name.
    pub const NAME: &str = "swd8k_laplacian";

    /// Prepares `pictures` as the reference. The seed fixes patches and directions.
    ///
    /// # Errors
    /// [`Error::TooFew`] below 2 pictures, [`Error::TooSmall`] below 7x7 pixels.
    pub fn new(pictures: Pictures<'_>, seed: u64) -> Result<Self, Error> {
        let reference = projections(pictures, seed)?;
        Ok(Self { shape: pictures.shape(), seed, reference })
    }

    /// The distance of `pictures` from the reference, at least 0.
    ///
    /// # Errors
    /// [`Error::Shape`] where they differ in shape, and those of [`SlicedWasserstein::new`].
    pub fn distance(&self, pictures: Pictures<'_>) -> Result<f64, Error> {
        if pictures.shape() != self.shape {
            return Err(Error::Shape { found: pictures.shape(), expected: self.shape });
        }
        let theirs = projections(pictures, self.seed)?;
        let levels = self.reference.iter().zip(&theirs).map(|(ours, theirs)| {
            let slices = ours.iter().zip(theirs).map(|(a, b)| wasserstein(a, b));
            slices.sum::<f64>() / DIRECTIONS as f64
        });
        Ok(1000.0 * levels.sum::<f64>() / theirs.len() as f64)
    }
}

/// Mean distance between two sorted samples of the same size: their Wasserstein-1 distance.
fn wasserstein(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum();
    sum / a.len().max(1) as f64
}

/// Sorted projections, per level and direction.
fn projections(pictures: Pictures<'_>, seed: u64) -> Result<Vec<Vec<Vec<f32>>>, Error> {
    let [channels, height, width] = pictures.shape();
    if pictures.len() < 2 {
        let measure = SlicedWasserstein::NAME;
        return Err(Error::TooFew { measure, needed: 2, found: pictures.len() });
    }
    if height < PATCH || width < PATCH {
        return Err(Error::TooSmall { height, width, patch: PATCH });
    }
    let pyramids: Vec<Vec<Vec<Plane>>> = (0..pictures.len())
        .into_par_iter()
        .map(|index| {
            let planes = pictures.picture(index).chunks_exact(height * width);
            let planes = planes.map(|plane| {
                let values = plane.iter().map(|v| f32::from(*v)).collect();
                laplacian(Plane { height, width, values }, SMALLEST)
            });
            planes.collect()
        })
        .collect();
    let levels = pyramids[0][0].len();
    let per_level = (0..levels).map(|level| {
        let size = channels * PATCH * PATCH;
        let mut patches = patches(&pyramids, level, size, &mut stream(seed, level as u64));
        normalise(&mut patches, channels);
        // A stream of their own: how many numbers patches take depends on the number of pictures, and both sets need the
        // same directions.
        let mut rng = stream(seed, DIRECTION_STREAMS + level as u64);
        let directions: Vec<Vec<f32>> = (0..DIRECTIONS).map(|_| unit(size, &mut rng)).collect();
        directions
            .par_iter()
            .map(|direction| {
                let dot = |patch: &[f32]| patch.iter().zip(direction).map(|(a, b)| a * b).sum();
                let mut projected: Vec<f32> = patches.chunks_exact(size).map(dot).collect();
                projected.sort_unstable_by(f32::total_cmp);
                projected
            })
            .collect()
    });
    Ok(per_level.collect())
}

fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// [`PATCHES`] patches of `size` numbers, channel by channel.
fn patches(
    pyramids: &[Vec<Vec<Plane>>],
    level: usize,
    size: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<f32> {
    let mut patches = Vec::with_capacity(PATCHES * size);
    for _ in 0..PATCHES {
        let planes = &pyramids[rng.random_range(0..pyramids.len())];
        let (height, width) = (planes[0][level].height, planes[0][level].width);
        let (top, left) =
            (rng.random_range(0..=height - PATCH), rng.random_range(0..=width - PATCH));
        for plane in planes {
            for y in top..top + PATCH {
                patches.extend_from_slice(&plane[level].values[y * width + left..][..PATCH]);
            }
        }
    }
    patches
}

/// Every channel to mean 0 and deviation 1 over the whole set; a constant channel to 0.
fn normalise(patches: &mut [f32], channels: usize) {
    let area = PATCH * PATCH;
    for channel in 0..channels {
        let of_channel = |i: usize| i / area % channels == channel;
        let count = (patches.len() / channels) as f64;
        let (mut sum, mut squares) = (0f64, 0f64);
        for (_, value) in patches.iter().enumerate().filter(|(i, _)| of_channel(*i)) {
            sum += f64::from(*value);
            squares += f64::from(*value).powi(2);
        }
        let mean = sum / count;
        let deviation = (squares / count - mean * mean).max(0.0).sqrt();
        let scale = if deviation > 1e-6 { 1.0 / deviation } else { 0.0 };
        for (_, value) in patches.iter_mut().enumerate().filter(|(i, _)| of_channel(*i)) {
            *value = ((f64::from(*value) - mean) * scale) as f32;
        }
    }
}

/// A uniformly random direction of length 1.
fn unit(size: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let direction: Vec<f32> = (0..size).map(|_| rng.sample(StandardNormal)).collect();
    let length = direction.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    direction.into_iter().map(|v| v / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of noise that is smooth over `grain` pixels.
    fn noise(n: usize, grain: usize, seed: u64) -> Vec<u8> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut pixels = Vec::new();
        for _ in 0..n * 3 {
            let coarse: Vec<u8> = (0..32 * 32).map(|_| rng.random()).collect();
            pixels.extend((0..32 * 32).map(|i| coarse[i / 32 / grain * 32 + i % 32 / grain]));
        }
        pixels
    }

    fn set(pixels: &[u8]) -> Pictures<'_> {
        Pictures { channels: 3, height: 32, width: 32, pixels }
    }

    #[test]
    fn identical_sets_are_at_0_and_likeness_orders_sets() {
        let (fine, other_fine, coarse) = (noise(50, 1, 1), noise(50, 1, 2), noise(50, 4, 3));
        let measure = SlicedWasserstein::new(set(&fine), 7).unwrap();
        assert_eq!(measure.distance(set(&fine)).unwrap(), 0.0);
        let (near, far) =
            (measure.distance(set(&other_fine)).unwrap(), measure.distance(set(&coarse)).unwrap());
        assert!(far > 1.5 * near, "{near} {far}");
    }

    #[test]
    fn a_collapsed_set_is_far() {
        let many = noise(50, 4, 1);
        let one: Vec<u8> = many[..3 * 32 * 32].repeat(50);
        let others = noise(50, 4, 2);
        let measure = SlicedWasserstein::new(set(&many), 7).unwrap();
        let (collapsed, fresh) =
            (measure.distance(set(&one)).unwrap(), measure.distance(set(&others)).unwrap());
        assert!(collapsed > 1.5 * fresh, "{collapsed} {fresh}");
    }

    /// Drawing one of 509 or of 1,018 pictures takes a number more with this seed than drawing one of 508.
    #[test]
    fn sets_of_other_sizes_are_seen_from_the_same_directions() {
        let all = noise(1018, 4, 1);
        let measure = SlicedWasserstein::new(set(&noise(500, 4, 2)), 1).unwrap();
        let of = |n: usize| measure.distance(set(&all[..n * 3 * 32 * 32])).unwrap();
        let [few, more, most] = [508, 509, 1018].map(of);
        assert!(more < 1.5 * few && most < 1.5 * few, "{few} {more} {most}");
    }

    #[test]
    fn degenerate_sets_are_refused_or_finite() {
        let flat = vec![9u8; 3 * 32 * 32 * 2];
        let measure = SlicedWasserstein::new(set(&flat), 7).unwrap();
        assert_eq!(measure.distance(set(&flat)).unwrap(), 0.0);
        assert!(measure.distance(set(&noise(2, 1, 1))).unwrap().is_finite());
        let alone = SlicedWasserstein::new(set(&flat[..3 * 32 * 32]), 7).unwrap_err();
        assert_eq!(alone, Error::TooFew { measure: SlicedWasserstein::NAME, needed: 2, found: 1 });
        let other = Pictures { channels: 1, height: 32, width: 32, pixels: &flat };
        assert!(matches!(measure.distance(other), Err(Error::Shape { .. })));
    }

    #[test]
    fn one_dimension_matches_the_known_value() {
        // Shifting a sample by 2 costs exactly 2.
        assert!((wasserstein(&[0.0, 1.0, 5.0], &[2.0, 3.0, 7.0]) - 2.0).abs() < 1e-9);
    }
}
