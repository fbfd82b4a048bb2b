//! What regularizers carry from one step to the next.
//!
//! Everything else about a step is a function of its number. This is not, so whoever trains keeps it,
//! hands it in, and saves it with the weights.

use crate::overfitting::Tally;
use crate::site::Input;
use std::collections::BTreeMap;

/// The moving average of the mean output at some inputs: `α ← d·α + (1 − d)·mean`.
///
/// Source: the anchors of LeCam, arXiv 2104.03310.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// Whose outputs are averaged.
    pub of: Input,
    /// How much of the average stays, `d`, in 0..1.
    pub decay: f64,
}

impl Anchor {
    /// The authors' decay.
    pub const DECAY: f64 = 0.99;

    fn key(&self) -> String {
        let of = match self.of {
            Input::Real => "real",
            Input::Fake => "fake",
            Input::Latent => "latent",
            Input::Own => "own",
        };
        format!("anchor/{of}@{}", self.decay)
    }
}

/// The state of a run's regularizers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory(BTreeMap<String, Vec<f64>>);

impl Memory {
    /// The average at `anchor`, one number per feature; `None` before the first observation.
    pub fn anchor(&self, anchor: &Anchor) -> Option<&[f64]> {
        self.0.get(&anchor.key()).map(Vec::as_slice)
    }

    /// Takes the mean output of a batch, one number per feature, into the average at `anchor`. The
    /// first one is the average, and so is one of another number of features.
    pub fn observe(&mut self, anchor: &Anchor, mean: &[f64]) {
        let average = self.0.entry(anchor.key()).or_insert_with(|| mean.to_vec());
        if average.len() != mean.len() {
            *average = mean.to_vec();
        }
        let d = anchor.decay;
        average.iter_mut().zip(mean).for_each(|(a, m)| *a = d * *a + (1.0 - d) * m);
    }

    /// The number that a controller keeps under `name`.
    pub fn control(&self, name: &str) -> Option<f64> {
        self.number(&format!("control/{name}"))
    }

    /// Keeps a controller's number.
    pub fn set_control(&mut self, name: &str, value: f64) {
        self.0.insert(format!("control/{name}"), vec![value]);
    }

    /// Forgets a controller's number, which it returns.
    pub fn remove_control(&mut self, name: &str) -> Option<f64> {
        self.0.remove(&format!("control/{name}"))?.first().copied()
    }

    /// The last raw value of the term called `name`, which may be some steps old where the term is
    /// lazy.
    pub fn latest(&self, name: &str) -> Option<f64> {
        self.number(&format!("latest/{name}"))
    }

    /// Keeps the raw value of a term.
    pub fn set_latest(&mut self, name: &str, value: f64) {
        self.0.insert(format!("latest/{name}"), vec![value]);
    }

    /// Forgets the last raw value of a term, which it returns.
    pub fn remove_latest(&mut self, name: &str) -> Option<f64> {
        self.0.remove(&format!("latest/{name}"))?.first().copied()
    }

    /// The critic's scores since the last adjustment.
    pub fn tally(&self) -> Tally {
        self.0.get("tally").and_then(|v| Tally::from_numbers(v)).unwrap_or_default()
    }

    /// Keeps a tally.
    pub fn set_tally(&mut self, tally: &Tally) {
        self.0.insert("tally".to_owned(), tally.numbers().to_vec());
    }

    /// Everything, by name, to be saved.
    pub fn numbers(&self) -> &BTreeMap<String, Vec<f64>> {
        &self.0
    }

    /// A memory of what [`Memory::numbers`] gave.
    pub fn from_numbers(numbers: BTreeMap<String, Vec<f64>>) -> Self {
        Self(numbers)
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.0.get(key).and_then(|values| values.first()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_starts_at_the_first_mean_and_follows() {
        let anchor = Anchor { of: Input::Fake, decay: 0.75 };
        let mut memory = Memory::default();
        assert_eq!(memory.anchor(&anchor), None);
        memory.observe(&anchor, &[4.0, -2.0]);
        assert_eq!(memory.anchor(&anchor), Some(&[4.0, -2.0][..]));
        memory.observe(&anchor, &[0.0, 2.0]);
        assert_eq!(memory.anchor(&anchor), Some(&[3.0, -1.0][..]));
        // Another decay is another average.
        assert_eq!(memory.anchor(&Anchor { decay: 0.5, ..anchor }), None);
        assert_eq!(Memory::from_numbers(memory.numbers().clone()), memory);
    }
}
