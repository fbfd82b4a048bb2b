//! Diversity: the mean distance between two generated pictures.
//!
//! ```text
//! E[|φ(x) − φ(x')|],   x, x' different generated pictures
//! ```
//!
//! As arXiv 1903.05628 and 1901.09024 measure it, there with the learned distance LPIPS
//! (arXiv 1801.03924) in the place of φ. Diverse is not good: noise is diverse too. Read it beside the
//! diversity of the reference.

use crate::distances::squared;
use crate::interval::{Interval, jackknife};
use crate::{Error, Features};

/// The mean over all pairs of different pictures, with the jackknife's interval over pictures.
///
/// # Errors
/// [`Error::TooFew`] below 3 pictures.
pub fn measure(features: &Features) -> Result<Interval, Error> {
    features.check_against(features, "diversity", 3)?;
    let mut sums = Vec::with_capacity(features.len());
    squared(features, features, |_, distances| {
        sums.push(distances.iter().map(|d| d.sqrt()).sum::<f64>());
    });
    let n = features.len() as f64;
    let total: f64 = sums.iter().sum();
    let without: Vec<f64> =
        sums.iter().map(|own| (total - 2.0 * own) / ((n - 1.0) * (n - 2.0))).collect();
    Ok(Interval { mean: total / (n * (n - 1.0)), half: Some(jackknife(&without)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_pictures_by_hand() {
        let features = Features::new(2, vec![0.0, 0.0, 3.0, 4.0, 0.0, 1.0]).unwrap();
        let interval = measure(&features).unwrap();
        let expected = (5.0 + 1.0 + 18f64.sqrt()) / 3.0;
        assert!((interval.mean - expected).abs() < 1e-12);
        // Without each picture a single distance is left.
        let half = jackknife(&[18f64.sqrt(), 1.0, 5.0]);
        assert!((interval.half.unwrap() - half).abs() < 1e-12);
        assert_eq!(measure(&Features::new(1, vec![2.0; 9]).unwrap()).unwrap().mean, 0.0);
        assert!(measure(&features.first(2)).is_err());
    }
}
