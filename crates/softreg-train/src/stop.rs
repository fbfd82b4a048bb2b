//! When training ends.

use crate::config;
use serde::{Deserialize, Serialize};

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Steps done.
    pub step: u64,
    /// Real pictures seen, repeats counted.
    pub images: u64,
    /// Seconds of training, over all sessions.
    pub seconds: f64,
    /// By which measure, with its protocol, the following was found.
    pub measure: Option<String>,
    /// Best validation value so far.
    pub best: Option<f64>,
    /// The step where it was measured.
    pub best_step: u64,
    /// Validation checks since then.
    pub checks_without_improvement: u64,
    /// The step whose validation value is being measured.
    pub pending: Option<u64>,
}

impl Progress {
    /// Goes on by this measure. A value of another one is no best one, and no reason to lose patience.
    pub(crate) fn measured_by(self, measure: String) -> Self {
        match &self.measure {
            // Earlier versions did not note it.
            None => Self { measure: Some(measure), ..self },
            Some(before) if *before == measure => self,
            Some(_) => Self {
                measure: Some(measure),
                best: None,
                best_step: 0,
                checks_without_improvement: 0,
                ..self
            },
        }
    }

    /// Takes in the validation value of a step; true where it is the best so far.
    pub(crate) fn validated(&mut self, step: u64, value: f64, higher_is_better: bool) -> bool {
        let sign = if higher_is_better { -1.0 } else { 1.0 };
        let better = match self.best {
            Some(best) => sign * value < sign * best,
            None => value.is_finite(),
        };
        if better {
            self.best = Some(value);
            self.best_step = step;
            self.checks_without_improvement = 0;
        } else {
            self.checks_without_improvement += 1;
        }
        better
    }
}

impl config::Stop {
    /// The first condition that holds, as a sentence.
    pub(crate) fn reached(&self, progress: &Progress) -> Option<String> {
        if self.steps.is_some_and(|steps| progress.step >= steps) {
            let s = if progress.step == 1 { "" } else { "s" };
            return Some(format!("reached {} step{s}", progress.step));
        }
        if self.images.is_some_and(|images| progress.images >= images) {
            return Some(format!("saw {} pictures", progress.images));
        }
        if self.minutes.is_some_and(|minutes| progress.seconds >= minutes * 60.0) {
            return Some(format!("trained for {:.1} minutes", progress.seconds / 60.0));
        }
        if self.patience.is_some_and(|n| progress.checks_without_improvement >= n) {
            let checks = progress.checks_without_improvement;
            return Some(format!("no improvement in {checks} validation checks"));
        }
        None
    }

    /// The share of the run that is done, 0..1, and the seconds that are left, by the condition that
    /// will hold first; `None` where only patience ends the run or nothing is known yet.
    pub(crate) fn outlook(&self, progress: &Progress) -> Option<(f64, f64)> {
        let share = |done: f64, all: Option<f64>| all.map(|all| (done / all).min(1.0));
        let shares = [
            share(progress.step as f64, self.steps.map(|s| s as f64)),
            share(progress.images as f64, self.images.map(|i| i as f64)),
            share(progress.seconds, self.minutes.map(|m| m * 60.0)),
        ];
        let done = shares.into_iter().flatten().max_by(f64::total_cmp)?;
        (done > 0.0).then(|| (done, progress.seconds / done * (1.0 - done)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_condition_ends_the_run() {
        let stop = config::Stop {
            steps: Some(100),
            minutes: Some(1.0),
            patience: Some(2),
            ..Default::default()
        };
        let mut progress = Progress { step: 50, seconds: 15.0, ..Default::default() };
        assert_eq!(stop.reached(&progress), None);
        assert_eq!(stop.outlook(&progress), Some((0.5, 15.0)));
        assert!(!Progress::default().validated(1, f64::NAN, false));
        let mut of = |value| progress.validated(7, value, false);
        assert!(of(3.0) && !of(3.0) && of(2.0) && !of(f64::NAN));
        assert_eq!(stop.reached(&progress), None);
        assert!(!progress.validated(8, 2.5, false) && progress.best_step == 7);
        assert!(stop.reached(&progress).is_some_and(|why| why.contains("no improvement")));
        let mut higher = Progress::default();
        assert!(higher.validated(1, 0.1, true) && higher.validated(2, 0.2, true));
        assert!(!higher.validated(3, 0.1, true));
        progress = Progress { step: 100, ..Default::default() };
        assert!(stop.reached(&progress).is_some_and(|why| why.contains("100 steps")));
    }
}
