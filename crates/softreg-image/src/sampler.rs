//! Which pictures make up the batch of a training step.
//!
//! The answer depends on the step alone, so a run that is resumed draws the same batches as one
//! that was never interrupted, with nothing to save.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Error;

/// An endless row of batches: every epoch shows every picture once, in a new order.
///
/// The order of epoch e comes from ChaCha8 keyed by the seed, on stream e. Batches run on across
/// the end of an epoch, so none is short; the one that spans two epochs, and every batch larger
/// than the collection, may hold a picture more than once.
#[derive(Debug, Clone)]
pub struct Sampler {
    indices: Vec<usize>,
    batch: usize,
    seed: u64,
    flip: bool,
    epoch: Option<u64>,
    /// The order of `epoch`: index and whether it is mirrored.
    order: Vec<(usize, bool)>,
}

impl Sampler {
    /// Draws batches of `batch` from `indices`; with `flip`, each is mirrored every other time.
    ///
    /// # Errors
    /// [`Error::Sampler`] when there is nothing to draw or the batch is empty.
    pub fn new(indices: Vec<usize>, batch: usize, seed: u64, flip: bool) -> Result<Sampler, Error> {
        if indices.is_empty() || batch == 0 {
            return Err(Error::Sampler { batch, pictures: indices.len() });
        }
        Ok(Sampler { indices, batch, seed, flip, epoch: None, order: Vec::new() })
    }

    /// The pictures of step `step` (from 0): `batch` pairs of an index and whether to mirror it.
    ///
    /// The result depends on `step` alone. The order of one epoch is remembered, so that going
    /// forward costs constant time per picture; any jump costs one epoch's shuffle.
    pub fn indices_of(&mut self, step: u64) -> Vec<(usize, bool)> {
        let count = self.indices.len() as u128;
        let first = u128::from(step) * self.batch as u128;
        (first..first + self.batch as u128)
            .map(|position| {
                // Exact below 2^64 epochs; beyond, the orders repeat.
                self.prepare((position / count) as u64);
                self.order[(position % count) as usize]
            })
            .collect()
    }

    /// What is drawn from.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Pictures per epoch.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is nothing to draw; never so.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    fn prepare(&mut self, epoch: u64) {
        if self.epoch == Some(epoch) {
            return;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(epoch);
        self.order.clear();
        self.order.extend(self.indices.iter().map(|&index| (index, false)));
        self.order.shuffle(&mut rng);
        if self.flip {
            for (_, flipped) in &mut self.order {
                *flipped = rng.next_u32() >> 31 == 1;
            }
        }
        self.epoch = Some(epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_epoch_shows_every_picture_once(
            count in 1usize..40, batch in 1usize..60, seed: u64,
        ) {
            let indices: Vec<usize> = (0..count).map(|i| i * 3).collect();
            let mut sampler = Sampler::new(indices.clone(), batch, seed, true).unwrap();
            let drawn: Vec<usize> = (0..20)
                .flat_map(|step| sampler.indices_of(step))
                .map(|(index, _)| index)
                .collect();
            for epoch in drawn.chunks_exact(count) {
                let mut epoch = epoch.to_vec();
                epoch.sort_unstable();
                prop_assert_eq!(&epoch, &indices);
            }
        }

        #[test]
        fn a_step_does_not_depend_on_those_before(
            count in 1usize..40, batch in 1usize..60, seed: u64, step in 0u64..1000,
        ) {
            let new = || Sampler::new((0..count).collect(), batch, seed, true).unwrap();
            let mut straight = new();
            for earlier in step.saturating_sub(5)..step {
                straight.indices_of(earlier);
            }
            prop_assert_eq!(straight.indices_of(step), new().indices_of(step));
        }
    }

    #[test]
    fn epochs_seeds_and_flips_differ() {
        let draw =
            |seed, step| Sampler::new((0..64).collect(), 64, seed, true).unwrap().indices_of(step);
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
        let flipped = draw(1, 0).iter().filter(|(_, flipped)| *flipped).count();
        assert!((16..48).contains(&flipped), "{flipped}");
        let mut plain = Sampler::new((0..64).collect(), 64, 1, false).unwrap();
        assert!(plain.indices_of(0).iter().all(|(_, flipped)| !flipped));
    }

    #[test]
    fn the_first_batches_are_fixed_for_ever() {
        // A resumed run relies on it, whatever machine or version resumes it.
        let mut sampler = Sampler::new((0..10).collect(), 4, 7, true).unwrap();
        let drawn: Vec<_> = (0..3).flat_map(|step| sampler.indices_of(step)).collect();
        let text: Vec<String> = drawn
            .iter()
            .map(|(index, flipped)| format!("{index}{}", if *flipped { "'" } else { "" }))
            .collect();
        assert_eq!(text.join(" "), "0 7 5 2 9' 1 6' 8 3' 4' 9' 5");
    }

    #[test]
    fn nothing_to_draw_is_an_error_and_huge_steps_are_not() {
        assert!(Sampler::new(Vec::new(), 4, 0, false).is_err());
        assert!(Sampler::new(vec![1], 0, 0, false).is_err());
        let mut sampler = Sampler::new(vec![5], 3, 0, false).unwrap();
        assert_eq!(sampler.indices_of(u64::MAX), [(5, false); 3]);
    }
}
