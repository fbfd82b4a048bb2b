//! The table of a comparison, and the one sentence below it.

use crate::interval::Interval;
use crate::variant::Variant;
use std::fmt::Write as _;
use std::time::Instant;

/// What one variant came to.
#[derive(Clone, Debug)]
pub struct Row {
    /// The variant.
    pub name: &'static str,
    /// λ or rate.
    pub strength: String,
    /// The measure on training data.
    pub train: Interval,
    /// The measure on test data.
    pub test: Interval,
    /// Seconds of training, all seeds.
    pub seconds: f64,
}

/// Which way a measure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Accuracy.
    Higher,
    /// Perplexity.
    Lower,
}

/// Trains every variant with every seed: `train` gives the measure on training and on test data.
///
/// # Errors
/// That of the first training that fails.
pub fn compare<E>(
    variants: Vec<Variant>,
    seeds: u64,
    mut train: impl FnMut(&Variant, u64) -> Result<[f64; 2], E>,
) -> Result<Vec<Row>, E> {
    let mut rows = Vec::new();
    for variant in variants {
        let (mut of_training, mut of_test) = (Vec::new(), Vec::new());
        let start = Instant::now();
        for seed in 0..seeds {
            let [training, test] = train(&variant, seed)?;
            of_training.push(training);
            of_test.push(test);
        }
        rows.push(Row {
            name: variant.name,
            strength: variant.strength(),
            train: Interval::of(&of_training),
            test: Interval::of(&of_test),
            seconds: start.elapsed().as_secs_f64(),
        });
    }
    Ok(rows)
}

/// The rows as text, and what they say; the first is the one without regularization.
pub fn report(measure: &str, better: Better, rows: &[Row]) -> String {
    let Some(none) = rows.first() else { return String::new() };
    let mut text = format!(
        "{:<24}{:<12}{:>20}{:>20}{:>8}\n",
        "VARIANT",
        "LAMBDA",
        format!("TRAIN {measure}"),
        format!("TEST {measure}"),
        "TIME"
    );
    for row in rows {
        let time = format!("{:.2}x", row.seconds / none.seconds.max(1e-9));
        let (train, test) = (row.train.to_string(), row.test.to_string());
        let (name, strength) = (row.name, &row.strength);
        let _ = writeln!(text, "{name:<24}{strength:<12}{train:>20}{test:>20}{time:>8}");
    }
    let value = |row: &&Row| match better {
        Better::Higher => row.test.mean,
        Better::Lower => -row.test.mean,
    };
    if let Some(best) = rows.iter().max_by(|a, b| value(a).total_cmp(&value(b))) {
        let apart = match best.test.overlaps(&none.test) {
            true => "its interval overlaps that of none: no difference is shown",
            false => "its interval does not overlap that of none",
        };
        let best = if best.name == none.name {
            "Best on test data: none.".to_owned()
        } else {
            format!("Best on test data: {} ({}); {apart}.", best.name, best.test)
        };
        let _ = writeln!(text, "{best}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_the_numbers_say() {
        let row = |name, test: &[f64]| Row {
            name,
            strength: "1".to_owned(),
            train: Interval::of(&[1.0, 1.0]),
            test: Interval::of(test),
            seconds: 1.0,
        };
        let rows = [row("none", &[50.0, 51.0, 52.0]), row("soft", &[70.0, 71.0, 72.0])];
        let text = report("%", Better::Higher, &rows);
        assert!(
            text.contains("Best on test data: soft (71.00") && text.contains("does not overlap")
        );
        let text = report("perplexity", Better::Lower, &rows);
        assert!(text.contains("Best on test data: none."));
    }
}
