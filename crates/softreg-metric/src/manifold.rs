//! Precision, recall, density and coverage: how the sets lie in each other's neighbourhoods.
//!
//! With `B_k(x)` the open ball around x up to its k-th nearest neighbour in its own set, R reference
//! and G generated pictures:
//!
//! ```text
//! precision  mean over G of: g lies in B_k(r) of any r      quality
//! recall     mean over R of: r lies in B_k(g) of any g      variety, fooled by single odd pictures
//! density    mean over G of: number of B_k(r) around g / k  quality, above 1 where it crowds
//! coverage   mean over R of: any g lies in B_k(r)           variety
//! ```
//!
//! Sources: arXiv 1904.06991 (precision and recall), arXiv 2002.09797 (density and coverage; k = 5 for
//! all four, as in its program `prdc`). Coverage depends on how many pictures there are on both sides:
//! for samples of one distribution with as many on both it is about `1 − 2^−k`.

use crate::distances::{squared, squared_to_neighbour};
use crate::interval::Interval;
use crate::{Error, Features};

/// The k that is usual, and used where none is named.
pub const NEIGHBOURS: usize = 5;

/// The four measures, each with an interval over the pictures that it is a mean of, with the
/// neighbourhoods as they are: Wilson's of the shares, Student's of the density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manifold {
    /// Share of generated pictures among reference ones, 0 to 1.
    pub precision: Interval,
    /// Share of reference pictures among generated ones, 0 to 1.
    pub recall: Interval,
    /// Reference neighbourhoods around a generated picture, over k; at least 0.
    pub density: Interval,
    /// Share of reference pictures with a generated one in their neighbourhood, 0 to 1.
    pub coverage: Interval,
}

impl Manifold {
    /// Compares the sets with neighbourhoods of `k`, at least 1.
    ///
    /// # Errors
    /// [`Error::TooFew`] where a side has not more than `k` pictures, [`Error::Width`] where the features
    /// are not the same ones.
    pub fn measure(reference: &Features, generated: &Features, k: usize) -> Result<Self, Error> {
        let k = k.max(1);
        generated.check_against(reference, "a neighbourhood of pictures", k + 1)?;
        let of_reference = squared_to_neighbour(reference, k);
        let of_generated = squared_to_neighbour(generated, k);
        let mut around = vec![0usize; generated.len()];
        let (mut recalled, mut covered) = (Vec::new(), Vec::new());
        squared(reference, generated, |i, distances| {
            let mut any = false;
            for (count, distance) in around.iter_mut().zip(distances) {
                let within = *distance < of_reference[i];
                *count += usize::from(within);
                any |= within;
            }
            covered.push(f64::from(any));
            let recall = distances.iter().zip(&of_generated).any(|(d, radius)| d < radius);
            recalled.push(f64::from(recall));
        });
        let precise: Vec<f64> = around.iter().map(|count| f64::from(*count > 0)).collect();
        let density: Vec<f64> = around.iter().map(|count| *count as f64 / k as f64).collect();
        Ok(Self {
            precision: Interval::of_share(&precise),
            recall: Interval::of_share(&recalled),
            density: Interval::of(&density),
            coverage: Interval::of_share(&covered),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f32]) -> Features {
        Features::new(1, values.to_vec()).unwrap()
    }

    #[test]
    fn four_points_by_hand() {
        // k = 1: balls of radius 1 around 0 and 1, of radius 9 around 10.
        let reference = line(&[0.0, 1.0, 10.0]);
        // Balls: 0.1 around 0.5 and 0.6, 29.4 around 30.
        let generated = line(&[0.5, 0.6, 30.0]);
        let m = Manifold::measure(&reference, &generated, 1).unwrap();
        // 0.5 and 0.6 lie in the balls of 0 and 1; 10 is 9.5 and 9.4 away, outside its ball of 9.
        assert!((m.precision.mean - 2.0 / 3.0).abs() < 1e-12);
        assert!((m.density.mean - 4.0 / 3.0).abs() < 1e-12);
        assert!((m.coverage.mean - 2.0 / 3.0).abs() < 1e-12);
        // 1 and 10 lie within 29.4 of 30, 0 does not.
        assert!((m.recall.mean - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_set_covers_itself_and_a_collapsed_one_covers_little() {
        let reference = line(&(0..100).map(|i| (i * i) as f32).collect::<Vec<_>>());
        let same = Manifold::measure(&reference, &reference, 5).unwrap();
        assert_eq!([same.precision.mean, same.recall.mean, same.coverage.mean], [1.0; 3]);
        let one = line(&[900.0; 50]);
        let collapsed = Manifold::measure(&reference, &one, 5).unwrap();
        assert_eq!((collapsed.precision.mean, collapsed.recall.mean), (1.0, 0.0));
        assert!(collapsed.coverage.mean < 0.2);
        let refused = Manifold::measure(&reference, &line(&[1.0; 5]), 5).unwrap_err();
        assert!(matches!(refused, Error::TooFew { needed: 6, found: 5, .. }), "{refused}");
    }
}
