//! Class score: how surely pictures are told apart into how many classes.
//!
//! ```text
//! CS = exp(E[KL(p(y|x) ‖ p(y))]),   from 1 to the number of classes
//! ```
//!
//! Source: arXiv 1606.03498, section 4, where the classifier is Inception and the name Inception Score; only
//! with that classifier are values comparable with published ones. It knows no reference, so that it
//! notices neither missing classes of a real collection nor copies.

use crate::interval::Interval;
use crate::{Error, Features};

/// Parts of the set whose scores are averaged, as in the paper.
pub const PARTS: usize = 10;

/// The score of rows of logits: the mean over 10 parts of equal size, with Student's interval. The parts are drawn in the same
/// way always.
///
/// # Errors
/// [`Error::TooFew`] below 20 pictures, two for each part.
pub fn measure(logits: &Features) -> Result<Interval, Error> {
    of_parts(&logits.mixed())
}

/// [`measure`] with the first tenth of the rows as the first part, and so on.
///
/// # Errors
/// As [`measure`].
pub fn of_parts(logits: &Features) -> Result<Interval, Error> {
    let (n, classes) = (logits.len(), logits.width());
    if n < 2 * PARTS {
        return Err(Error::TooFew { measure: "the class score", needed: 2 * PARTS, found: n });
    }
    let log_probabilities: Vec<Vec<f64>> = logits.rows().map(log_softmax).collect();
    let part = |i: usize| {
        let rows = &log_probabilities[n * i / PARTS..n * (i + 1) / PARTS];
        let count = rows.len() as f64;
        let mean = |class: usize| rows.iter().map(|row| row[class].exp()).sum::<f64>() / count;
        let log_mean: Vec<f64> = (0..classes).map(|class| mean(class).ln()).collect();
        let divergence = |row: &Vec<f64>| -> f64 {
            let term = |(log_p, log_q): (&f64, &f64)| match log_p.exp() {
                0.0 => 0.0,
                p => p * (log_p - log_q),
            };
            row.iter().zip(&log_mean).map(term).sum()
        };
        (rows.iter().map(divergence).sum::<f64>() / count).exp()
    };
    Ok(Interval::of(&(0..PARTS).map(part).collect::<Vec<_>>()))
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted: Vec<f64> = logits.iter().map(|v| f64::from(*v) - f64::from(most)).collect();
    let log_sum = shifted.iter().map(|v| v.exp()).sum::<f64>().ln();
    shifted.into_iter().map(|v| v - log_sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sure_and_even_is_the_number_of_classes_and_unsure_is_1() {
        let sure = |i: usize| (0..4).map(move |class| if class == i % 4 { 1e4 } else { 0.0 });
        let logits = Features::new(4, (0..80).flat_map(sure).collect()).unwrap();
        assert!((of_parts(&logits).unwrap().mean - 4.0).abs() < 1e-9);
        // In the order of the classes each part would be of one.
        let by_class: Vec<usize> = (0..4).flat_map(|class| (class..400).step_by(4)).collect();
        let many = Features::new(4, (0..400).flat_map(sure).collect()).unwrap().select(&by_class);
        assert!(measure(&many).unwrap().mean > 3.7, "{}", measure(&many).unwrap());
        assert!(of_parts(&many).unwrap().mean < 1.5);
        let unsure = Features::new(4, vec![3.0; 4 * 80]).unwrap();
        assert!((measure(&unsure).unwrap().mean - 1.0).abs() < 1e-9);
        let one = Features::new(4, (0..80).flat_map(|_| sure(1)).collect()).unwrap();
        assert!((measure(&one).unwrap().mean - 1.0).abs() < 1e-9);
        assert!(measure(&unsure.first(19)).is_err());
    }
}
