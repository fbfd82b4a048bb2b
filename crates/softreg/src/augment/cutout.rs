use super::Augmentation;
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, RngExt};

/// Blanks (to 0, mid-grey) one rectangle per picture, `side` of the picture's height by `side` of
/// its width, its centre anywhere, so that part of it may lie outside.
#[derive(Clone, Copy, Debug)]
pub struct Cutout {
    /// Share of each side, in 0..1.
    pub side: f64,
}

impl Cutout {
    /// The paper's side.
    pub const SIDE: f64 = 0.5;

    /// Length of the hole along a side, in pixels.
    fn length(&self, side: usize) -> i64 {
        (self.side * side as f64).round() as i64
    }

    /// Applies given centres `(y, x)` in pixels; [`Augmentation::apply`] makes them up. The hole of
    /// centre `c` and length `s` covers `c − ⌊s/2⌋ .. c − ⌊s/2⌋ + s`, as far as that is inside.
    pub fn with_centres(&self, pictures: Tensor<4>, centres: &[(i64, i64)]) -> Tensor<4> {
        let [n, _, height, width] = pictures.dims();
        let span = |centre: i64, side: usize| {
            let length = self.length(side);
            let start = centre - length / 2;
            let inside = |p: i64| p.clamp(0, side as i64) as usize;
            inside(start)..inside(start + length)
        };
        let mut keep = vec![1f32; n * height * width];
        for (picture, &(y, x)) in keep.chunks_exact_mut(height * width).zip(centres) {
            for row in span(y, height) {
                picture[row * width..][span(x, width)].fill(0.0);
            }
        }
        let keep = TensorData::new(keep, [n, 1, height, width]);
        let device = pictures.device();
        pictures * Tensor::<4>::from_data(keep, &device)
    }
}

impl Augmentation for Cutout {
    fn name(&self) -> &'static str {
        "cutout"
    }

    fn summary(&self) -> &'static str {
        "blanks out a quarter of the picture"
    }

    fn apply(&self, pictures: Tensor<4>, rng: &mut dyn Rng) -> Tensor<4> {
        let [n, _, height, width] = pictures.dims();
        // The centre of an even length lies between pixels: one place more, so that no border of
        // the picture is blanked more often than the one opposite.
        let last = |side: usize| side as i64 - self.length(side) % 2;
        let (bottom, right) = (last(height), last(width));
        let centres: Vec<(i64, i64)> =
            (0..n).map(|_| (rng.random_range(0..=bottom), rng.random_range(0..=right))).collect();
        self.with_centres(pictures, &centres)
    }
}
