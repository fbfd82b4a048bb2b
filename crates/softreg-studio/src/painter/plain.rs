//! A generator for tests: every picture shows the first number of its latent.

use super::{Export, Painter};

/// Latents of two numbers and no labels.
pub(crate) struct Plain {
    /// Of its checkpoint.
    pub(crate) step: u64,
    /// Side of grey pictures.
    side: usize,
    /// Pictures of one pixel of red and green, beside one of this opacity, in place of the grey ones.
    alpha: Option<u8>,
}

impl Plain {
    pub(crate) const GREY: Self = Self { step: 7, side: 1, alpha: None };
    pub(crate) const CLEAR: Self = Self { step: 0, side: 1, alpha: Some(0) };

    /// Grey pictures of this side.
    pub(crate) const fn of_side(side: usize) -> Self {
        Self { side, ..Self::GREY }
    }

    /// After so many steps, half of every picture half transparent.
    pub(crate) const fn veiled(step: u64) -> Self {
        Self { step, side: 1, alpha: Some(128) }
    }
}

impl Painter for Plain {
    fn step(&self) -> u64 {
        self.step
    }
    fn latent(&self) -> usize {
        2
    }
    fn labels(&self) -> &[String] {
        &[]
    }
    fn shape(&self) -> [usize; 3] {
        if self.alpha.is_some() { [4, 1, 2] } else { [1, self.side, self.side] }
    }
    fn latents(&self, seed: u64, from: usize, count: usize, _: Option<f32>) -> Vec<f32> {
        (0..2 * count).map(|i| (seed as usize + from + i) as f32).collect()
    }
    fn between(&self, from: &[f32], to: &[f32], t: f32) -> Vec<f32> {
        from.iter().zip(to).map(|(a, b)| a + t * (b - a)).collect()
    }
    fn export(&self, _: Export) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }
    fn paint(&self, latents: &[f32], _: Option<&[u32]>) -> Vec<u8> {
        let picture = |z: &[f32]| match self.alpha {
            None => vec![z[0] as u8; self.side * self.side],
            Some(alpha) => vec![z[0] as u8, 0, z[0] as u8, 0, 0, 0, 255, alpha],
        };
        latents.chunks(2).flat_map(picture).collect()
    }
}

/// The size of a picture, and how opaque its first and its last pixel are.
pub(crate) fn corners(file: &[u8]) -> ((u32, u32), [u8; 2]) {
    let read = image::load_from_memory(file).expect("a picture").to_rgba8();
    (read.dimensions(), [0, read.width() - 1].map(|x| read.get_pixel(x, 0).0[3]))
}
