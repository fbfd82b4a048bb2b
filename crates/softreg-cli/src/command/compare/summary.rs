//! Results over seeds: intervals of each set, and paired differences from the first set.

use super::Design;
use crate::trial::{Failure, Results};
use softreg_metric::{Interval, student};
use softreg_train::config::Training;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What came of one trial.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) arm: usize,
    pub(super) seed: u64,
    pub(super) folder: PathBuf,
    pub(super) result: Result<Results, Failure>,
}

/// The comparison.
pub(super) struct Summary {
    /// One for each set, in their order.
    pub(super) arms: Vec<OfArm>,
    /// Full names of the measures with the quantity, in the order of their names.
    pub(super) metrics: BTreeMap<String, String>,
}

/// Results of a set of regularizers.
pub(super) struct OfArm {
    pub(super) label: String,
    pub(super) outcomes: Vec<Outcome>,
    /// Values by the full name of the measure.
    pub(super) values: BTreeMap<String, Value>,
    /// Pictures a second.
    pub(super) rate: Option<Interval>,
    /// How much longer a step takes than with the first set, as a share.
    pub(super) overhead: Option<Interval>,
    pub(super) steps: Option<Interval>,
}

/// A measure of a set.
pub(super) struct Value {
    /// The mean over seeds.
    pub(super) over_seeds: Interval,
    /// The difference from the first set, seed by seed; none for the first set itself.
    pub(super) difference: Option<Interval>,
    /// How probable such differences are by chance, by Student's test.
    pub(super) chance: Option<f64>,
}

impl Summary {
    pub(super) fn of(design: &Design, outcomes: Vec<Outcome>) -> Self {
        let mut by_arm: Vec<Vec<Outcome>> = design.arms.iter().map(|_| Vec::new()).collect();
        outcomes.into_iter().for_each(|outcome| by_arm[outcome.arm].push(outcome));
        let metrics: BTreeMap<String, String> = by_arm
            .iter()
            .flatten()
            .filter_map(|outcome| outcome.result.as_ref().ok())
            .flat_map(|results| &results.metrics)
            .map(|(name, metric)| (name.clone(), metric.quantity.clone()))
            .collect();
        let step_seconds = |index: usize, outcomes: &[Outcome]| {
            let training = &design.arms[index].config().training;
            series(outcomes, |r| Some(step_seconds(training, r.images_per_second)))
        };
        let first_seconds = by_arm.first().map(|arm| step_seconds(0, arm)).unwrap_or_default();
        let first_values: BTreeMap<&String, BTreeMap<u64, f64>> = metrics
            .keys()
            .map(|name| (name, by_arm.first().map_or(BTreeMap::new(), |arm| of_metric(arm, name))))
            .collect();
        let summarize = |(index, outcomes): (usize, &Vec<Outcome>)| {
            let values = metrics.keys().filter_map(|name| {
                let values = of_metric(outcomes, name);
                let differences = match index {
                    0 => BTreeMap::new(),
                    _ => paired(&values, &first_values[name], |a, b| a - b),
                };
                let value = Value {
                    over_seeds: interval(&values)?,
                    difference: interval(&differences),
                    chance: student(&differences.into_values().collect::<Vec<_>>()),
                };
                Some((name.clone(), value))
            });
            let rates = series(outcomes, |r| Some(r.images_per_second));
            let overhead = paired(&step_seconds(index, outcomes), &first_seconds, overhead);
            OfArm {
                label: design.arms[index].label.clone(),
                values: values.collect(),
                rate: interval(&rates),
                overhead: interval(&overhead).filter(|_| index > 0),
                steps: interval(&series(outcomes, |r| Some(r.steps as f64))),
                outcomes: Vec::new(),
            }
        };
        let mut arms: Vec<OfArm> = by_arm.iter().enumerate().map(summarize).collect();
        arms.iter_mut().zip(by_arm).for_each(|(arm, outcomes)| arm.outcomes = outcomes);
        Self { arms, metrics }
    }

    /// Whether no trial came to a result.
    pub(super) fn is_empty(&self) -> bool {
        self.arms.iter().all(|arm| arm.outcomes.iter().all(|o| o.result.is_err()))
    }

    /// What the first failure said, as the end of a sentence.
    pub(super) fn first_failure(&self) -> String {
        let outcomes = self.arms.iter().flat_map(|arm| &arm.outcomes);
        let failed = outcomes.filter_map(|outcome| {
            let reason = outcome.result.as_ref().err()?.reason()?;
            Some(format!("; the first failed with: {reason}"))
        });
        failed.take(1).collect()
    }
}

/// The largest of these that may be called no chance, at 5 % for all of them together: Holm's procedure (Scandinavian Journal
/// of Statistics 6, 1979). None may where none is small enough.
pub(super) fn holm(chances: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = chances.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let left = (1..=sorted.len()).rev();
    let small =
        sorted.iter().zip(left).take_while(|(chance, left)| **chance <= LEVEL / *left as f64);
    small.last().map(|(chance, _)| *chance)
}

/// What a step takes. Sets may have other batches, so that it is not what a picture takes.
fn step_seconds(training: &Training, images_per_second: f64) -> f64 {
    (training.batch * training.critic_steps) as f64 / images_per_second
}

/// How much longer a step takes than that of the first set, as a share.
fn overhead(seconds: f64, first: f64) -> f64 {
    seconds / first - 1.0
}

/// What happens by chance so rarely counts as no chance.
pub(super) const LEVEL: f64 = 0.05;

/// By seed, so that values pair up.
fn series(outcomes: &[Outcome], of: impl Fn(&Results) -> Option<f64>) -> BTreeMap<u64, f64> {
    let one = |outcome: &Outcome| Some((outcome.seed, of(outcome.result.as_ref().ok()?)?));
    outcomes.iter().filter_map(one).filter(|(_, value)| value.is_finite()).collect()
}

fn of_metric(outcomes: &[Outcome], name: &str) -> BTreeMap<u64, f64> {
    series(outcomes, |results| Some(results.metrics.get(name)?.value.mean))
}

fn interval(values: &BTreeMap<u64, f64>) -> Option<Interval> {
    let values: Vec<f64> = values.values().copied().collect();
    (!values.is_empty()).then(|| Interval::of(&values))
}

fn paired(
    values: &BTreeMap<u64, f64>,
    first: &BTreeMap<u64, f64>,
    of: impl Fn(f64, f64) -> f64,
) -> BTreeMap<u64, f64> {
    let pair = |(seed, value): (&u64, &f64)| Some((*seed, of(*value, *first.get(seed)?)));
    values.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_with_more_pictures_takes_longer_at_the_same_speed() {
        let training =
            |batch, critic_steps| Training { batch, critic_steps, ..Training::default() };
        let one = step_seconds(&training(32, 1), 320.0);
        assert_eq!(one, 0.1);
        assert!((overhead(step_seconds(&training(32, 5), 400.0), one) - 3.0).abs() < 1e-12);
        assert!((overhead(step_seconds(&training(64, 1), 320.0), one) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn differences_are_paired_by_seed() {
        let first = BTreeMap::from([(1, 10.0), (2, 20.0), (3, 30.0)]);
        // Each seed is better by nearly the same, although seeds differ much.
        let values = BTreeMap::from([(1, 9.0), (2, 19.1), (3, 28.9), (4, 1.0)]);
        let difference = interval(&paired(&values, &first, |a, b| a - b)).unwrap();
        assert!((difference.mean + 1.0).abs() < 1e-9 && !difference.reaches_zero());
        let one = BTreeMap::from([(9, 1.0)]);
        assert_eq!(interval(&paired(&one, &first, |a, b| a - b)), None);
        assert_eq!(interval(&one).unwrap().half, None);
    }

    #[test]
    fn many_tests_need_smaller_chances() {
        // 0.05/4, 0.05/3, 0.05/2: the third is too large, and so the fourth is no matter.
        assert_eq!(holm([0.04, 0.01, 0.015, 0.03].into_iter()), Some(0.015));
        assert_eq!(holm([0.04].into_iter()), Some(0.04));
        assert_eq!(holm([0.04, 0.03].into_iter()), None);
        assert_eq!(holm(std::iter::empty()), None);
    }
}
