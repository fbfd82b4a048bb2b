//! Randomness inside a network: what its features are multiplied with.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Noise on the features `h` of a network, `h ⊙ m`, drawn anew for every pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Perturbation {
    /// Dropout: `m` is 0 with probability `rate`, `1/(1 − rate)` otherwise, element by element. Source:
    /// Srivastava et al. 2014, scaled while training.
    Dropout {
        /// Share that is dropped, in 0..1.
        rate: f64,
    },
    /// Modulation: `m ~ N(1, σ²)`, element by element.
    Modulation {
        /// Standard deviation, greater than 0.
        sigma: f64,
    },
}

impl Perturbation {
    /// A draw of `m`. Its mean is 1, so that features keep theirs.
    pub fn draw<const D: usize>(
        &self,
        shape: [usize; D],
        rng: &mut dyn Rng,
        device: &Device,
    ) -> Tensor<D> {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = match *self {
            Perturbation::Dropout { rate } => {
                // Bits for all at once: one by one they would take longer than all else that dropout does.
                let mut bits = vec![0; 4 * count];
                rng.fill_bytes(&mut bits);
                let dropped = (rate * 2f64.powi(32)) as u64;
                let kept = (1.0 / (1.0 - rate)) as f32;
                let (words, _) = bits.as_chunks();
                let drawn = words.iter().map(|word| u64::from(u32::from_le_bytes(*word)));
                drawn.map(|drawn| if drawn < dropped { 0.0 } else { kept }).collect()
            }
            Perturbation::Modulation { sigma } => {
                let sigma = sigma as f32;
                (0..count).map(|_| 1.0 + sigma * rng.sample::<f32, _>(StandardNormal)).collect()
            }
        };
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, Seed};

    #[test]
    fn perturbations_keep_the_mean_and_have_their_variance() {
        let cases = [
            (Perturbation::Dropout { rate: 0.2 }, 0.25),
            (Perturbation::Modulation { sigma: 0.5 }, 0.25),
        ];
        for (perturbation, variance) in cases {
            let mut rng = Seed(4).rng(Purpose::Perturbation, 0);
            let m = perturbation.draw([100, 100], &mut rng, &Device::flex());
            let m: Vec<f32> = m.into_data().try_to_vec().unwrap();
            let mean = m.iter().map(|v| f64::from(*v)).sum::<f64>() / m.len() as f64;
            let spread = m.iter().map(|v| f64::from(v - 1.0).powi(2)).sum::<f64>() / m.len() as f64;
            assert!((mean - 1.0).abs() < 0.02, "{perturbation:?}: mean {mean}");
            assert!((spread - variance).abs() < 0.02, "{perturbation:?}: variance {spread}");
        }
    }
}
