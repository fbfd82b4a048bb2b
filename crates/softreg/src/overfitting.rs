//! Signs of overfitting, read from the critic's scores. Source: ADA, arXiv 2006.06676, Eq. 1:
//!
//! ```text
//! r_v = (E[D_train] − E[D_held-out]) / (E[D_train] − E[D_generated])
//! r_t = E[sign(D_train)]
//! ```
//!
//! Both are 0 where nothing is learnt by heart and 1 where everything is: with `r_v` = 1 the critic
//! takes held-out pictures for generated ones, with `r_t` = 1 it is sure of every training picture. `r_t`
//! needs no held-out pictures, but scores whose 0 means undecided.

/// Updates of the critic between two adjustments of whatever follows a sign. ADA adjusts every 4
/// batches of 64; batches here are about half as large.
pub const INTERVAL: u64 = 8;

/// The critic's scores, summed since the last adjustment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    batches: f64,
    real: f64,
    sign: f64,
    fake: f64,
}

/// The signs of one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signs {
    /// `E[sign(D_train)]`, in −1..=1.
    pub r_t: f64,
    /// `(E[D_train] − E[D_held-out]) / (E[D_train] − E[D_generated])`, where there are held-out
    /// pictures and the critic tells real from generated ones at all.
    pub r_v: Option<f64>,
}

impl Tally {
    /// Takes in one batch: the means of the scores of real pictures, of their signs, and of the scores
    /// of generated pictures.
    pub fn add(&mut self, real: f64, sign: f64, fake: f64) {
        self.batches += 1.0;
        self.real += real;
        self.sign += sign;
        self.fake += fake;
    }

    /// Batches taken in.
    pub fn batches(&self) -> u64 {
        self.batches as u64
    }

    /// The signs, given the mean score of held-out pictures where there are any; `None` where no batch
    /// was taken in.
    pub fn signs(&self, held_out: Option<f64>) -> Option<Signs> {
        if self.batches == 0.0 {
            return None;
        }
        let mean = |sum: f64| sum / self.batches;
        let gap = mean(self.real) - mean(self.fake);
        let r_v = held_out.filter(|_| gap > 0.0).map(|held_out| (mean(self.real) - held_out) / gap);
        Some(Signs { r_t: mean(self.sign), r_v })
    }

    pub(crate) fn numbers(&self) -> [f64; 4] {
        [self.batches, self.real, self.sign, self.fake]
    }

    pub(crate) fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let &[batches, real, sign, fake] = numbers else { return None };
        Some(Self { batches, real, sign, fake })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_those_of_the_paper() {
        let mut tally = Tally::default();
        assert_eq!(tally.signs(Some(0.0)), None);
        tally.add(2.0, 0.5, -2.0);
        tally.add(4.0, 1.0, -4.0);
        // Means 3 and −3: held-out pictures halfway between give ½.
        let signs = tally.signs(Some(0.0)).unwrap();
        assert_eq!(signs, Signs { r_t: 0.75, r_v: Some(0.5) });
        assert_eq!(tally.signs(Some(3.0)).unwrap().r_v, Some(0.0));
        assert_eq!(tally.signs(Some(-3.0)).unwrap().r_v, Some(1.0));
        assert_eq!(tally.signs(None).unwrap().r_v, None);
        assert_eq!(Tally::from_numbers(&tally.numbers()), Some(tally));
        // A critic that cannot tell them apart has learnt nothing by heart that it could show.
        let mut blind = Tally::default();
        blind.add(1.0, 1.0, 1.0);
        assert_eq!(blind.signs(Some(0.0)).unwrap().r_v, None);
    }
}
