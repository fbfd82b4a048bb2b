//! What differs from picture to picture inside a kind: numbers drawn from the picture's seed.
//! A collection whose kinds held one picture each could not tell learning from copying.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Draws for one picture. Every draw takes one number, so a family's draws stay aligned.
pub(super) struct Variation {
    rng: ChaCha8Rng,
}

impl Variation {
    /// The draws of the picture `seed` of kind number `kind`.
    pub(super) fn new(kind: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(kind as u64);
        Self { rng }
    }

    /// Uniform in `low..high`.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
        low + (high - low) * unit
    }

    /// Uniform in `-reach..reach`.
    pub(super) fn about(&mut self, reach: f32) -> f32 {
        self.between(-reach, reach)
    }

    /// One of two, evenly.
    pub(super) fn either<T>(&mut self, one: T, other: T) -> T {
        if self.between(0.0, 1.0) < 0.5 { one } else { other }
    }
}
