//! How often a run writes something down.

/// A step at which something may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Steps in between where nobody said how many, at first.
    usual: u64,
    /// So many times for each doubling of the steps; twice as many at first.
    dense: u64,
}

impl Pace {
    /// Lines of metrics.
    pub const LINES: Self = Self { usual: 10, dense: 2048 };
    /// Sample sheets.
    pub const SHEETS: Self = Self { usual: 250, dense: 32 };

    /// Whether it is time after so many steps: every `asked` steps, where that is said. Else every `usual` steps for twice
    /// `dense` times, after that with twice the steps in between whenever the number of steps has doubled, so that a run of a night
    /// writes hardly more than one of an hour.
    pub fn is_due(self, step: u64, asked: Option<u64>) -> bool {
        let every = asked.unwrap_or_else(|| {
            let doublings = (step / (self.usual * self.dense)).checked_ilog2().unwrap_or(0);
            self.usual << doublings
        });
        step.is_multiple_of(every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(pace: Pace, steps: u64, asked: Option<u64>) -> Vec<u64> {
        (1..=steps).filter(|step| pace.is_due(*step, asked)).collect()
    }

    #[test]
    fn what_was_asked_for_is_kept_to() {
        assert_eq!(due(Pace::SHEETS, 100_000, Some(500)).len(), 200);
    }

    #[test]
    fn what_nobody_asked_for_grows_with_the_logarithm_of_the_steps() {
        let of = |steps| due(Pace::SHEETS, steps, None);
        assert_eq!(of(16_000), (1..=64).map(|i| 250 * i).collect::<Vec<_>>());
        assert_eq!([of(32_000), of(64_000)].map(|sheets| sheets.len()), [96, 128]);
        assert!((300..400).contains(&of(5_000_000).len()), "a night of small pictures");
        let steps = of(200_000);
        let apart: Vec<u64> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.is_sorted() && apart.last() == Some(&4000), "{apart:?}");
        assert_eq!(due(Pace::LINES, 40_000, None).len(), 4000);
    }
}
