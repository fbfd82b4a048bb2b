//! One seed fixes a run, and no random state has to be saved.
//!
//! Every purpose draws from a stream of its own and every step starts that stream afresh:
//! the generator of (seed, purpose, step) is a pure function of the three. A run that resumes at
//! step `t` therefore draws what it would have drawn, and switching a regularizer on does not
//! change which pictures or latents the others see: comparisons share their random numbers.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What random numbers are drawn for. The numbers are part of the run's definition: never reuse
/// or renumber one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights.
    Weights = 1,
    /// Which pictures come into which batch.
    Pictures = 2,
    /// Latent vectors of the generator while training.
    Latents = 3,
    /// Labels asked of a conditional generator while training.
    Labels = 4,
    /// Differentiable augmentation.
    Augmentation = 5,
    /// Partners of the soft regularizers.
    Partner = 6,
    /// The latents of the sample sheets.
    Sheet = 7,
    /// Latents drawn after training.
    Generate = 8,
    /// Latents of a validation measure.
    Validation = 9,
    /// Latents that measure a generator's standing statistics.
    Standing = 10,
    /// A second draw of samples, for partners from outside the batch.
    Fresh = 11,
    /// Dropout and other noise inside a network.
    Perturbation = 12,
    /// Held-out pictures on which overfitting is measured.
    HeldOut = 13,
    /// Start of the power iterations of spectral normalisation.
    PowerIteration = 14,
    /// Settings that a search tries.
    Search = 15,
}

impl Seed {
    /// The generator of random numbers for `purpose` at `step`.
    pub fn rng(self, purpose: Purpose, step: u64) -> ChaCha8Rng {
        self.shard_rng(purpose, step, 0)
    }

    /// As [`Seed::rng`], for the `shard`-th part of a batch that is split over workers.
    pub fn shard_rng(self, purpose: Purpose, step: u64, shard: u64) -> ChaCha8Rng {
        self.named_rng(purpose, step, shard, "")
    }

    /// As [`Seed::shard_rng`], for one of several things of the same purpose: each name has a stream of
    /// its own.
    pub fn named_rng(self, purpose: Purpose, step: u64, shard: u64, name: &str) -> ChaCha8Rng {
        let mut key = [0u8; 32];
        if !name.is_empty() {
            key[24..].copy_from_slice(&fnv1a(name).to_le_bytes());
        }
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&shard.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(step);
        rng
    }
}

/// The Fowler-Noll-Vo hash 1a, 64 bits: the same on every machine and in every version.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn every_seed_purpose_step_and_shard_has_its_own_stream() {
        let draw = |s: u64, p, t, k| Seed(s).shard_rng(p, t, k).next_u64();
        let base = draw(1, Purpose::Latents, 5, 0);
        assert_eq!(base, draw(1, Purpose::Latents, 5, 0));
        assert_ne!(base, draw(2, Purpose::Latents, 5, 0));
        assert_ne!(base, draw(1, Purpose::Partner, 5, 0));
        assert_ne!(base, draw(1, Purpose::Latents, 6, 0));
        assert_ne!(base, draw(1, Purpose::Latents, 5, 1));
        let named = |name| Seed(1).named_rng(Purpose::Latents, 5, 0, name).next_u64();
        assert_eq!(base, named(""));
        assert_ne!(named("a"), named("b"));
        assert_eq!(fnv1a("foobar"), 0x85944171f73967e8, "the published test vector");
    }
}
