//! Fréchet distance between the normal distributions that fit two sets of feature vectors.
//!
//! ```text
//! FD = |μ_a − μ_b|² + tr(Σ_a + Σ_b − 2·(Σ_a·Σ_b)^½)
//! ```
//!
//! Source: arXiv 1706.08500, Eq. 6 (Dowson and Landau 1982); with the features of Inception-v3 it is
//! the FID. With `Σ = F·Fᵀ` the last trace is the sum of the singular values of `F_aᵀ·F_b`: real and
//! at least 0 by construction, also where a covariance is singular because there are fewer pictures than
//! features. Programs that take the square root of `Σ_a·Σ_b` itself add 10⁻⁶ to the diagonals or drop an
//! imaginary part there.
//!
//! The distance of two finite samples of one distribution is above 0, by about the reciprocal of their
//! size: compare only distances with the same numbers of pictures on both sides; that of generated ones is in the name.

use crate::gaussian::parallel;
use crate::interval::Interval;
use crate::{Error, Features, Gaussian};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Side};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The distance, at least 0. It is 0 for equal distributions up to rounding, below which it is 0 too.
///
/// # Errors
/// [`Error::Width`] where the features are not the same ones, [`Error::Overflow`].
pub fn distance(a: &Gaussian, b: &Gaussian) -> Result<f64, Error> {
    if a.mean.len() != b.mean.len() {
        return Err(Error::Width { found: b.mean.len(), expected: a.mean.len() });
    }
    let means: f64 = a.mean.iter().zip(&b.mean).map(|(a, b)| (a - b).powi(2)).sum();
    let product = a.factor.transpose() * &b.factor;
    let rest = means + a.trace + b.trace;
    let value = match overlap_by_squares(product.as_ref(), rest) {
        Some(overlap) => rest - 2.0 * overlap,
        None => {
            let values = product.singular_values();
            let values =
                values.map_err(|_| Error::Overflow { measure: "the Fréchet distance" })?;
            rest - 2.0 * values.iter().sum::<f64>()
        }
    };
    let rounding = 1e-12 * (means + a.trace + b.trace);
    if !value.is_finite() {
        return Err(Error::Overflow { measure: "the Fréchet distance" });
    }
    Ok(if value > rounding { value } else { 0.0 })
}

/// Side of a matrix from which on [`overlap_by_squares`] pays.
const WIDE: usize = 512;

/// The sum of the singular values of `product` as that of the roots of the eigenvalues of its square, which takes
/// less time; nothing where the distance, `rest` less twice the sum, could be off by more than a
/// millionth of itself.
///
/// An eigenvalue λ is off by some ε·λ_max, ε the rounding of the numbers, and its root by that over 2√λ, or by no
/// more than its root. Taken as independent and as eight times as large.
fn overlap_by_squares(product: MatRef<'_, f64>, rest: f64) -> Option<f64> {
    let width = product.nrows().min(product.ncols());
    if width < WIDE {
        return None;
    }
    let product = if product.nrows() == width { product } else { product.transpose() };
    let mut square = Mat::zeros(width, width);
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    let (target, transposed) = (square.as_mut(), product.transpose());
    matmul(target, lower, Accum::Replace, product, full, transposed, full, 1.0, parallel());
    let eigenvalues = square.self_adjoint_eigenvalues(Side::Lower).ok()?;
    let largest = eigenvalues.iter().fold(0f64, |a, b| a.max(*b));
    let off = 8.0 * f64::EPSILON * largest;
    let mut uncertain = 0.0;
    let mut sum = 0.0;
    for value in eigenvalues {
        let root = value.max(0.0).sqrt();
        sum += root;
        uncertain += off.sqrt().min(off / (2.0 * root)).powi(2);
    }
    let value = rest - 2.0 * sum;
    (2.0 * uncertain.sqrt() < 1e-6 * value).then_some(sum)
}

/// Resamplings behind an interval.
const RESAMPLINGS: usize = 20;
/// Features up to which an interval is worth its time: the work grows with the cube of their number.
const WIDEST: usize = 512;

/// The distance of `generated` from `reference`, with an interval for the draw of generated pictures:
/// 1.96 standard deviations over bootstrap resamplings of them. A resampling has fewer different
/// pictures and so lies higher; its deviation is used, its mean is not. With more than 512 features, no
/// interval is given.
///
/// # Errors
/// [`Error::TooFew`] below 2 pictures on a side, and those of [`distance`].
pub fn measure(reference: &Features, generated: &Features, seed: u64) -> Result<Interval, Error> {
    generated.check_against(reference, "the Fréchet distance", 2)?;
    let a = Gaussian::of(reference)?;
    let mean = distance(&a, &Gaussian::of(generated)?)?;
    if generated.width() > WIDEST {
        return Ok(Interval { mean, half: None });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = generated.len();
    let mut again = || {
        let indices: Vec<usize> = (0..n).map(|_| rng.random_range(0..n)).collect();
        distance(&a, &Gaussian::of(&generated.select(&indices))?)
    };
    let values = (0..RESAMPLINGS).map(|_| again()).collect::<Result<Vec<_>, _>>()?;
    Ok(Interval { mean, half: Some(1.96 * crate::interval::deviation(&values)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn features(width: usize, values: Vec<f32>) -> Features {
        Features::new(width, values).unwrap()
    }

    fn between(a: &Features, b: &Features) -> f64 {
        distance(&Gaussian::of(a).unwrap(), &Gaussian::of(b).unwrap()).unwrap()
    }

    #[test]
    fn one_dimension_is_the_difference_of_means_and_deviations() {
        // Means 2 and 5, deviations 2 and 1: 3² + 1².
        let (a, b) = (features(1, vec![0.0, 2.0, 4.0]), features(1, vec![4.0, 5.0, 6.0]));
        assert!((between(&a, &b) - 10.0).abs() < 1e-12);
    }

    #[test]
    fn fewer_pictures_than_features_are_no_special_case() {
        // Σ_a varies along the first axis, Σ_b along the second, a third never: traces add up.
        let a = features(3, vec![-1.0, 0.0, 7.0, 1.0, 0.0, 7.0]);
        let b = features(3, vec![0.0, -2.0, 7.0, 0.0, 2.0, 7.0]);
        assert!((between(&a, &b) - (2.0 + 8.0)).abs() < 1e-12);
        // The same pictures many times over: rank 1 in 3 dimensions by way of the covariance.
        let many = features(3, a.values().repeat(40));
        // Its variance along the first axis is 80/79 where that of the two pictures is 2.
        let exact = ((80f64 / 79.0).sqrt() - 2f64.sqrt()).powi(2);
        assert!((between(&a, &many) - exact).abs() < 1e-9);
    }

    #[test]
    fn constant_sets_are_as_far_as_their_values() {
        let (a, b) = (features(2, vec![1.0; 8]), features(2, vec![3.0; 8]));
        assert_eq!(between(&a, &b), 8.0);
        assert_eq!(between(&a, &a), 0.0);
    }

    #[test]
    fn overflow_is_an_error_and_no_number() {
        let huge = features(1, vec![f32::MAX, -f32::MAX, f32::MAX]);
        assert!(between(&huge, &huge) >= 0.0, "squares of single precision fit into double");
        let infinite = Gaussian { mean: vec![1e300], ..Gaussian::of(&huge).unwrap() };
        let error = distance(&infinite, &Gaussian::of(&huge).unwrap()).unwrap_err();
        assert!(matches!(error, Error::Overflow { .. }), "{error}");
    }

    #[test]
    fn squares_are_taken_only_where_they_keep_the_digits() {
        let width = WIDE;
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut draw = |scale: f32| {
            let value = |_| rng.random_range(-scale..scale);
            features(width, (0..2 * width * width).map(value).collect())
        };
        let (a, b) = (draw(1.0), draw(1.5));
        let product = |a: &Features, b: &Features| {
            let (a, b) = (Gaussian::of(a).unwrap(), Gaussian::of(b).unwrap());
            (a.factor.transpose() * &b.factor, a.trace + b.trace)
        };
        let (far, rest) = product(&a, &b);
        let exact: f64 = far.singular_values().unwrap().iter().sum();
        let quick = overlap_by_squares(far.as_ref(), rest).expect("far apart");
        assert!((quick - exact).abs() < 1e-9 * exact, "{quick} {exact}");
        // Nothing is left of a distance of 0 but rounding.
        let (same, rest) = product(&a, &a);
        assert!(overlap_by_squares(same.as_ref(), rest).is_none());
        assert_eq!(between(&a, &a), 0.0);
        // Fewer pictures than features: narrow factors.
        let few = a.select(&(0..width - 1).collect::<Vec<_>>());
        let (thin, rest) = product(&few, &b);
        assert!(overlap_by_squares(thin.as_ref(), rest).is_none(), "below the width");
        assert!(between(&few, &b) > 0.0);
    }

    #[test]
    fn too_little_is_refused() {
        let (one, two) = (features(2, vec![0.0; 2]), features(2, vec![0.0; 4]));
        assert!(matches!(measure(&two, &one, 0), Err(Error::TooFew { found: 1, .. })));
        let wide = features(4, vec![0.0; 8]);
        assert!(matches!(measure(&two, &wide, 0), Err(Error::Width { found: 4, expected: 2 })));
    }

    proptest! {
        /// Symmetric, never negative, 0 of a set with itself, and blind to a shift of both.
        #[test]
        fn it_is_a_distance(
            a in prop::collection::vec(-9f32..9.0, 24..120),
            b in prop::collection::vec(-9f32..9.0, 24..120),
            width in 1usize..12,
        ) {
            let whole = |v: &[f32]| features(width, v[..v.len() / width * width].to_vec());
            let (a, b) = (whole(&a), whole(&b));
            let far = between(&a, &b);
            prop_assert!(far >= 0.0);
            prop_assert!((far - between(&b, &a)).abs() <= 1e-9 * far.max(1.0));
            prop_assert!(between(&a, &a) <= 1e-9);
        }
    }
}
