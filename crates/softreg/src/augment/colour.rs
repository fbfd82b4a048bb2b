use super::Augmentation;
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, RngExt};

/// Brightness, saturation and contrast, in this order, one draw per picture:
/// `x + b`, `b ~ U(−½, ½)`; `(x − x̄_c)·s + x̄_c`, `s ~ U(0, 2)`, with `x̄_c` the mean over channels
/// at each pixel; `(x − x̄)·k + x̄`, `k ~ U(½, 1½)`, with `x̄` the mean of the whole picture.
#[derive(Clone, Copy, Debug)]
pub struct Colour;

/// The random numbers of one batch, `n` each.
#[derive(Clone, Debug)]
pub struct ColourDraws {
    /// Added to every value.
    pub brightness: Vec<f32>,
    /// Factor on the distance from grey.
    pub saturation: Vec<f32>,
    /// Factor on the distance from the picture's mean.
    pub contrast: Vec<f32>,
}

impl Colour {
    /// Applies given draws; [`Augmentation::apply`] makes them up.
    pub fn with_draws(pictures: Tensor<4>, draws: &ColourDraws) -> Tensor<4> {
        let [n, channels, ..] = pictures.dims();
        if channels == 4 {
            let colour = Self::of_colours(pictures.clone().narrow(1, 0, 3), draws, n);
            return Tensor::cat(vec![colour, pictures.narrow(1, 3, 1)], 1);
        }
        Self::of_colours(pictures, draws, n)
    }

    fn of_colours(x: Tensor<4>, draws: &ColourDraws, n: usize) -> Tensor<4> {
        let device = x.device();
        let per_picture = |values: &[f32]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), [n, 1, 1, 1]), &device)
        };
        let x = x + per_picture(&draws.brightness);
        // With one channel the picture is its own grey, and saturation changes nothing.
        let x = if x.dims()[1] == 1 {
            x
        } else {
            let grey = x.clone().mean_dim(1);
            (x - grey.clone()) * per_picture(&draws.saturation) + grey
        };
        let mean = x.clone().mean_dims(&[1, 2, 3]);
        (x - mean.clone()) * per_picture(&draws.contrast) + mean
    }
}

impl Augmentation for Colour {
    fn name(&self) -> &'static str {
        "colour"
    }

    fn summary(&self) -> &'static str {
        "brightness, saturation and contrast"
    }

    fn apply(&self, pictures: Tensor<4>, rng: &mut dyn Rng) -> Tensor<4> {
        let n = pictures.dims()[0];
        let mut uniform = |from: f32, to: f32| -> Vec<f32> {
            (0..n).map(|_| from + (to - from) * rng.random::<f32>()).collect()
        };
        let draws = ColourDraws {
            brightness: uniform(-0.5, 0.5),
            saturation: uniform(0.0, 2.0),
            contrast: uniform(0.5, 1.5),
        };
        Self::with_draws(pictures, &draws)
    }
}
