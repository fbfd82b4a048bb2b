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
    /// Both: `m` is the product of an independent draw of each.
    Both {
        /// Share that is dropped, in 0..1.
        rate: f64,
        /// Standard deviation of the modulation, greater than 0.
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
            // Nothing is kept that could be scaled.
            Perturbation::Dropout { rate } if rate >= 1.0 => vec![0.0; count],
            Perturbation::Dropout { rate } => {
                // Bytes for all at once: more bits, and one number at a time, would take longer than all else that
                // dropout does. A byte does not decide where it is the rate's own, one time in 256; a draw of its own does.
                let mut bytes = vec![0; count];
                rng.fill_bytes(&mut bytes);
                let limit = rate * 256.0;
                let (least, rest) = (limit as u8, (limit.fract() * 2f64.powi(32)) as u64);
                let kept = (1.0 / (1.0 - rate)) as f32;
                let one = |byte: &u8| if *byte < least { 0.0 } else { kept };
                let mut values: Vec<f32> = bytes.iter().map(one).collect();
                // Most rows of 16 have none, which is seen at once.
                for (values, bytes) in values.chunks_mut(16).zip(bytes.chunks(16)) {
                    if bytes.iter().fold(false, |any, byte| any | (*byte == least)) {
                        let ties = values.iter_mut().zip(bytes).filter(|(_, b)| **b == least);
                        for (value, _) in ties {
                            if u64::from(rng.next_u32()) < rest {
                                *value = 0.0;
                            }
                        }
                    }
                }
                values
            }
            Perturbation::Modulation { sigma } => {
                let sigma = sigma as f32;
                (0..count).map(|_| 1.0 + sigma * rng.sample::<f32, _>(StandardNormal)).collect()
            }
            Perturbation::Both { rate, sigma } => {
                let dropped = Perturbation::Dropout { rate }.draw(shape, rng, device);
                return dropped * Perturbation::Modulation { sigma }.draw(shape, rng, device);
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
            // (1 + 0.16) · 1.25 − 1.
            (Perturbation::Both { rate: 0.2, sigma: 0.4 }, 0.45),
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

    #[test]
    fn as_many_are_dropped_as_were_asked_for() {
        // Between the values of a byte and next to them.
        for rate in [0.5 / 256.0, 0.2, 0.3, 77.0 / 256.0, 0.95, 255.5 / 256.0, 1.0] {
            let (count, mut rng) = (1_000_000, Seed(9).rng(Purpose::Perturbation, 0));
            let m = Perturbation::Dropout { rate }.draw([count], &mut rng, &Device::flex());
            let m: Vec<f32> = m.into_data().try_to_vec().unwrap();
            let dropped = m.iter().filter(|m| **m == 0.0).count() as f64;
            let (mean, deviation) = (rate * 1e6, (rate * (1.0 - rate) * 1e6).sqrt());
            assert!((dropped - mean).abs() <= 4.0 * deviation, "{rate}: {dropped}");
        }
    }
}
