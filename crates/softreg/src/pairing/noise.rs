use super::{Pairing, PairingError, Partners, Samples};
use crate::pairs::single;
use crate::setting::{Part, Setting};
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use std::sync::Arc;

/// The partner is the same input with Gaussian noise on it: `x' = x + σ·n`, `n ~ N(0, I)`.
///
/// Every feature of every sample has a draw of its own, whatever the rank of the input: pictures,
/// latents and plain vectors are treated alike. `σ` is the standard deviation, in the units of the
/// input (pictures span −1..1). Needs one extra pass.
///
/// For small `σ` such a partner measures slopes: `f(x + σn) − f(x) = σ·∇f·n + O(σ²)`; see
/// [`crate::aim::Slope`] for what that makes of the distances. Below a `σ` of about 1e-4 the
/// rounding of single precision is no longer small against the difference. Where samples come in a
/// lower precision, the partners are in single precision all the same: in bfloat16, whose numbers near
/// 1 lie 2⁻⁸ apart, a `σ` of 0.01 would be two steps of the grid.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Standard deviation, greater than 0.
    pub sigma: f64,
}

impl Noise {
    /// The default standard deviation, that of arXiv 2501.08316 for pictures.
    pub const SIGMA: f64 = 0.01;
}

pub(crate) const SIGMA: Setting = Setting::number(
    "sigma",
    "standard deviation of the noise; pictures range from -1 to 1, latents have standard deviation 1",
    Noise::SIGMA,
    [1e-4, 10.0],
);

pub(super) const PART: Part<dyn Pairing> = Part {
    name: "noise",
    formula: "the same input plus Gaussian noise, x' = x + σn",
    settings: &[SIGMA],
    build: |settings| Arc::new(Noise { sigma: settings.number("sigma") }),
};

impl Pairing for Noise {
    fn name(&self) -> &'static str {
        "noise"
    }

    fn extra_pass(&self) -> bool {
        true
    }

    fn needs_single_precision(&self) -> bool {
        true
    }

    fn draw(&self, samples: &Samples<'_>, rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        let shape = samples.rows.dims();
        let sigma = self.sigma as f32;
        let mut draw = || sigma * rng.sample::<f32, _>(StandardNormal);
        let noise: Vec<f32> = (0..shape[0] * shape[1]).map(|_| draw()).collect();
        // What a device makes of numbers by default may be of another type.
        let rows = single(samples.rows.clone());
        let noise =
            Tensor::from_data(TensorData::new(noise, shape), (&rows.device(), rows.dtype()));
        Ok(Partners::Inputs(rows + noise))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, Seed};
    use burn::tensor::Device;

    /// What is added to `x`, all of whose values are 0.5.
    fn added(shape: &[usize], sigma: f64, seed: u64) -> Vec<f32> {
        let (n, features) = (shape[0], shape[1..].iter().product::<usize>());
        let rows = Tensor::<2>::full([n, features], 0.5, &Device::flex());
        let samples = Samples { rows, shape, groups: None, fresh: None };
        let mut rng = Seed(seed).rng(Purpose::Partner, 0);
        let Partners::Inputs(partners) = Noise { sigma }.draw(&samples, &mut rng).unwrap() else {
            unreachable!("noisy copies are not in the batch");
        };
        assert_eq!(partners.dims(), [n, features]);
        let partners: Vec<f32> = partners.into_data().try_to_vec().unwrap();
        partners.into_iter().map(|value| value - 0.5).collect()
    }

    #[test]
    fn noise_is_standard_normal_times_sigma() {
        let values: Vec<f64> = added(&[50, 3, 8, 10], 0.2, 1).into_iter().map(f64::from).collect();
        let n = values.len() as f64; // 12,000: four standard errors of each moment are below.
        let moment = |k: i32| values.iter().map(|v| (v / 0.2).powi(k)).sum::<f64>() / n;
        assert!(moment(1).abs() < 0.037, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.052, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.36, "fourth moment {}", moment(4));
    }

    #[test]
    fn every_rank_is_noised_and_every_value_has_its_own_draw() {
        for shape in [&[4, 6][..], &[4, 6, 1], &[4, 1, 2, 3]] {
            let values = added(shape, 1.0, 2);
            let mut distinct: Vec<u32> = values.iter().map(|v| v.to_bits()).collect();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), 24, "{shape:?}: {values:?}");
        }
        assert_eq!(added(&[3, 5], 1.0, 4), added(&[3, 5], 1.0, 4));
        assert_ne!(added(&[3, 5], 1.0, 4), added(&[3, 5], 1.0, 5));
    }
}
