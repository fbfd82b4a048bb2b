//! The table of a comparison, and the one sentence below it.

use crate::variant::Variant;
use softreg_metric::Interval;
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
    /// How much more that is than without regularization: the seeds are the same, so that what data and
    /// weights make of it cancels.
    pub gain: Interval,
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
    let mut without: Option<Vec<f64>> = None;
    for variant in variants {
        let (mut of_training, mut of_test) = (Vec::new(), Vec::new());
        let start = Instant::now();
        for seed in 0..seeds {
            let [training, test] = train(&variant, seed)?;
            of_training.push(training);
            of_test.push(test);
        }
        let without = without.get_or_insert_with(|| of_test.clone());
        let gains: Vec<f64> = of_test.iter().zip(without).map(|(a, b)| a - *b).collect();
        rows.push(Row {
            name: variant.name,
            strength: variant.strength(),
            train: Interval::of(&of_training),
            test: Interval::of(&of_test),
            gain: Interval::of(&gains),
            seconds: start.elapsed().as_secs_f64(),
        });
    }
    Ok(rows)
}

/// The rows as text, and what they say; the first is the one without regularization.
pub fn report(measure: &str, better: Better, rows: &[Row]) -> String {
    let Some(none) = rows.first() else { return String::new() };
    let mut text = format!(
        "{:<22}{:<10}{:>18}{:>18}{:>16}{:>7}\n",
        "VARIANT",
        "LAMBDA",
        format!("TRAIN {measure}"),
        format!("TEST {measure}"),
        "AGAINST NONE",
        "TIME"
    );
    for row in rows {
        let time = format!("{:.2}x", row.seconds / none.seconds.max(1e-9));
        let (train, test) = (row.train.to_string(), row.test.to_string());
        let gain = if row.name == none.name { String::new() } else { format!("{:+}", row.gain) };
        let (name, strength) = (row.name, &row.strength);
        let _ = writeln!(text, "{name:<22}{strength:<10}{train:>18}{test:>18}{gain:>16}{time:>7}");
    }
    let value = |row: &&Row| match better {
        Better::Higher => row.test.mean,
        Better::Lower => -row.test.mean,
    };
    if let Some(best) = rows.iter().max_by(|a, b| value(a).total_cmp(&value(b))) {
        let apart = match best.gain.reaches_zero() {
            true => "the interval of the difference reaches 0: none is shown",
            false => "the interval of the difference does not reach 0",
        };
        let best = if best.name == none.name {
            "Best on test data: none.".to_owned()
        } else {
            format!("Best on test data: {}, {:+} against none; {apart}.", best.name, best.gain)
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
        let variant = |name| Variant { name, ..Variant::none() };
        let rows = |soft: [f64; 3]| {
            compare(vec![Variant::none(), variant("soft")], 3, |variant, seed| {
                let none = [50.0, 60.0, 70.0][seed as usize];
                let test = if variant.name == "none" { none } else { soft[seed as usize] };
                Ok::<_, std::convert::Infallible>([1.0, test])
            })
            .unwrap()
        };
        // Two points more with every seed, where seeds differ by twenty.
        let better = rows([52.0, 62.0, 72.1]);
        let text = report("%", Better::Higher, &better);
        assert!(text.contains("soft, +2.03 ± 0.14 against none"), "{text}");
        assert!(text.contains("does not reach 0"), "{text}");
        let text = report("perplexity", Better::Lower, &better);
        assert!(text.contains("Best on test data: none."), "{text}");
        let text = report("%", Better::Higher, &rows([40.0, 70.0, 75.0]));
        assert!(text.contains("reaches 0: none is shown"), "{text}");
    }
}
