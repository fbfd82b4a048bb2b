//! What is tried next, from what was tried before.

use crate::{Method, Parameters, Result, Space};
use serde::{Deserialize, Serialize};
use softreg::{Purpose, Seed};

/// A search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What is varied.
    pub space: Space,
    /// How.
    pub method: Method,
    /// Fixes every draw.
    pub seed: u64,
    /// Whether a higher value is better.
    pub higher: bool,
}

/// How far a trial is on one rung.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rung {
    /// A worker has it.
    Running,
    /// It came to this value.
    Done(f64),
    /// It came to none, for good.
    Failed,
}

/// A trial that was begun: its rungs from the first on.
pub type Tried = Vec<Rung>;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Take this trial (a new one, where the number is that of the trials there are) to this rung.
    Try {
        /// Which trial.
        trial: usize,
        /// Which rung, from 0.
        rung: usize,
    },
    /// Nothing now: what others are trying decides.
    Wait,
    /// Nothing any more.
    Finished,
}

impl Plan {
    /// A plan whose numbers hold.
    ///
    /// # Errors
    /// As [`Method::check`].
    pub fn new(space: Space, method: Method, seed: u64, higher: bool) -> Result<Self> {
        method.check(&space)?;
        Ok(Self { space, method, seed, higher })
    }

    /// Trials that are begun in all.
    pub fn trials(&self) -> usize {
        match self.method {
            Method::Grid { points } => self.space.grid_len(points) as usize,
            Method::Random { trials } | Method::Asha { trials, .. } => trials,
        }
    }

    /// The share of the whole budget that each rung ends at; the last is 1.
    pub fn rungs(&self) -> Vec<f64> {
        match self.method {
            Method::Grid { .. } | Method::Random { .. } => vec![1.0],
            Method::Asha { reduction, rungs, .. } => {
                (0..rungs).rev().map(|k| (reduction as f64).powi(-(k as i32))).collect()
            }
        }
    }

    /// The settings of a trial: a function of the seed and its number alone.
    pub fn parameters(&self, trial: usize) -> Parameters {
        match self.method {
            Method::Grid { points } => self.space.grid_point(points, trial),
            Method::Random { .. } | Method::Asha { .. } => {
                self.space.draw(&mut Seed(self.seed).rng(Purpose::Search, trial as u64))
            }
        }
    }

    /// What is to be done, from the trials begun so far.
    ///
    /// Algorithm 2 of arXiv 1810.05934: from the highest rung down, a trial among the best `1/η` of its
    /// rung that was not promoted goes on; else a new one begins. Deviation: once all were begun and
    /// nothing is left to promote, the best of the highest rung goes on until the last one, so that a
    /// search with few trials ends with one of the whole budget.
    pub fn next(&self, tried: &[Tried]) -> Decision {
        let last = self.rungs().len() - 1;
        for rung in (0..last).rev() {
            if let Some(trial) = self.promotable(tried, rung) {
                return Decision::Try { trial, rung: rung + 1 };
            }
        }
        if tried.len() < self.trials() {
            return Decision::Try { trial: tried.len(), rung: 0 };
        }
        if tried.iter().any(|rungs| rungs.contains(&Rung::Running)) {
            return Decision::Wait;
        }
        match self.best(tried) {
            Some((trial, rung)) if rung < last && tried[trial].len() == rung + 1 => {
                Decision::Try { trial, rung: rung + 1 }
            }
            _ => Decision::Finished,
        }
    }

    /// The best trial of the highest rung that any has finished, and that rung. One that came to nothing higher up is none:
    /// what it promised did not hold.
    pub fn best(&self, tried: &[Tried]) -> Option<(usize, usize)> {
        let rungs = self.rungs().len();
        let came_to_something = |rung: &Rung| match rung {
            Rung::Failed => false,
            Rung::Done(value) => value.is_finite(),
            Rung::Running => true,
        };
        let holds =
            |trial: &usize, rung| tried[*trial].iter().skip(rung + 1).all(came_to_something);
        (0..rungs).rev().find_map(|rung| {
            let best = self.ranked(tried, rung).into_iter().find(|trial| holds(trial, rung));
            Some((best?, rung))
        })
    }

    fn promotable(&self, tried: &[Tried], rung: usize) -> Option<usize> {
        let Method::Asha { reduction, .. } = self.method else { return None };
        // Those that failed count among the tried, and rank behind all.
        let over = tried.iter().filter_map(|rungs| rungs.get(rung));
        let count = over.filter(|rung| **rung != Rung::Running).count();
        let best = self.ranked(tried, rung).into_iter().take(count / reduction);
        best.into_iter().find(|trial| tried[*trial].len() == rung + 1)
    }

    /// Trials with a value on this rung, the best first.
    fn ranked(&self, tried: &[Tried], rung: usize) -> Vec<usize> {
        let value = |trial: usize| match tried[trial].get(rung) {
            Some(Rung::Done(value)) if value.is_finite() => Some(*value),
            _ => None,
        };
        let mut ranked: Vec<(f64, usize)> =
            (0..tried.len()).filter_map(|trial| Some((value(trial)?, trial))).collect();
        let sign = if self.higher { -1.0 } else { 1.0 };
        ranked.sort_by(|a, b| (sign * a.0).total_cmp(&(sign * b.0)).then(a.1.cmp(&b.1)));
        ranked.into_iter().map(|(_, trial)| trial).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(method: Method, higher: bool) -> Plan {
        let space = Space::parse(&["a=0..1:linear".to_owned()]).unwrap();
        Plan::new(space, method, 7, higher).unwrap()
    }

    /// Works through a plan with one worker; the value of a trial is `a` itself, on every rung.
    fn work(plan: &Plan) -> Vec<Tried> {
        let mut tried: Vec<Tried> = Vec::new();
        for _ in 0..1000 {
            match plan.next(&tried) {
                Decision::Try { trial, rung } => {
                    if trial == tried.len() {
                        tried.push(Vec::new());
                    }
                    assert_eq!(tried[trial].len(), rung, "rungs are climbed one by one");
                    tried[trial].push(Rung::Done(plan.parameters(trial)["a"].parse().unwrap()));
                }
                Decision::Wait => panic!("one worker never waits"),
                Decision::Finished => return tried,
            }
        }
        panic!("no end");
    }

    #[test]
    fn grids_and_random_searches_try_everything_once_with_the_whole_budget() {
        for method in [Method::Grid { points: 6 }, Method::Random { trials: 6 }] {
            let plan = plan(method, true);
            let tried = work(&plan);
            assert!(tried.len() == 6 && tried.iter().all(|rungs| rungs.len() == 1));
            assert_eq!(plan.rungs(), [1.0]);
        }
    }

    #[test]
    fn halving_takes_the_best_third_of_each_rung_on() {
        let asha = Method::Asha { trials: 27, reduction: 3, rungs: 4 };
        let plan = plan(asha, false);
        let tried = work(&plan);
        let reached = |rung: usize| tried.iter().filter(|rungs| rungs.len() > rung).count();
        assert_eq!(reached(0), 27);
        // Asynchronous: what looked good early may be promoted beside the final best third.
        assert!((9..=14).contains(&reached(1)) && (3..=7).contains(&reached(2)), "{tried:?}");
        assert!(reached(3) >= 1);
        let best = (0..27).min_by(|a, b| {
            let value = |t: &usize| plan.parameters(*t)["a"].parse::<f64>().unwrap();
            value(a).total_cmp(&value(b))
        });
        assert_eq!(plan.best(&tried), best.map(|best| (best, 3)));
        let rungs = plan.rungs();
        assert!((rungs[0] - 1.0 / 27.0).abs() < 1e-12 && rungs[3] == 1.0);
    }

    #[test]
    fn the_highest_rung_is_promoted_from_first() {
        let plan = plan(Method::Asha { trials: 9, reduction: 2, rungs: 3 }, true);
        let climbed = |low, high| vec![Rung::Done(low), Rung::Done(high)];
        let only = |low| vec![Rung::Done(low)];
        // The third trial may leave the first rung, the second one the rung above it.
        let tried =
            vec![climbed(0.9, 0.1), climbed(0.8, 0.5), only(0.7), only(0.6), only(0.1), only(0.0)];
        assert_eq!(plan.next(&tried), Decision::Try { trial: 1, rung: 2 });
        let tried = vec![climbed(0.9, 0.1), only(0.8), only(0.7), only(0.6)];
        assert_eq!(plan.next(&tried), Decision::Try { trial: 1, rung: 1 });
    }

    #[test]
    fn few_trials_end_with_one_of_the_whole_budget() {
        let plan = plan(Method::Asha { trials: 2, reduction: 3, rungs: 3 }, true);
        let tried = work(&plan);
        assert_eq!(tried.iter().map(Vec::len).max(), Some(3));
        assert_eq!(tried.iter().map(Vec::len).min(), Some(1));
    }

    #[test]
    fn what_failed_is_never_taken_on_and_what_runs_is_waited_for() {
        let plan = plan(Method::Asha { trials: 3, reduction: 3, rungs: 2 }, true);
        let failed = vec![vec![Rung::Failed]; 3];
        assert_eq!(plan.next(&failed), Decision::Finished);
        assert_eq!(plan.best(&failed), None);
        // Of those that failed with more of the budget, the next one is tried instead.
        let only = |value| vec![Rung::Done(value)];
        for end in [Rung::Failed, Rung::Done(f64::NAN)] {
            let mut climbed = vec![vec![Rung::Done(0.9), end], only(0.8), only(0.7)];
            assert_eq!(plan.next(&climbed), Decision::Try { trial: 1, rung: 1 });
            assert_eq!(plan.best(&climbed), Some((1, 0)));
            climbed[1].push(end);
            climbed[2].push(end);
            assert_eq!((plan.next(&climbed), plan.best(&climbed)), (Decision::Finished, None));
        }
        // A failure two rungs further up counts as much.
        let plan_of_three =
            Plan { method: Method::Asha { trials: 3, reduction: 3, rungs: 3 }, ..plan.clone() };
        let (low, high) = (Rung::Done(0.9), Rung::Failed);
        let climbed = vec![vec![low, low, high], only(0.8), only(0.7)];
        assert_eq!(plan_of_three.next(&climbed), Decision::Try { trial: 1, rung: 1 });
        assert_eq!(plan_of_three.best(&climbed), Some((1, 0)));
        let running = vec![vec![Rung::Done(0.1)], vec![Rung::Failed], vec![Rung::Running]];
        assert_eq!(plan.next(&running), Decision::Wait);
        let nan = vec![vec![Rung::Done(f64::NAN)], vec![Rung::Done(0.1)], vec![Rung::Failed]];
        assert_eq!(plan.next(&nan), Decision::Try { trial: 1, rung: 1 });
    }

    #[test]
    fn draws_depend_on_the_seed_and_the_number_alone() {
        let one = plan(Method::Random { trials: 5 }, true);
        let more = plan(Method::Random { trials: 50 }, true);
        assert_eq!(one.parameters(3), more.parameters(3));
        assert_ne!(one.parameters(3), one.parameters(4));
        let other = Plan { seed: 8, ..one.clone() };
        assert_ne!(one.parameters(3), other.parameters(3));
    }
}
