use super::{Pairing, PairingError, PartnerInput, Partners, Samples, rows_by_group};
use crate::setting::{Part, Setting};
use burn::tensor::Tensor;
use rand::{Rng, RngExt};
use rand_distr::{Beta, Distribution};
use softreg_kernel::select_rows;
use std::sync::Arc;

/// The sample becomes a point between itself and another sample, and its partner is the same mixture
/// of what a teacher says of the two:
/// `f(λx + (1 − λ)x')` against `λ·t(x) + (1 − λ)·t(x')`, `λ ~ Beta(α, α)`, one draw per batch.
///
/// `x'` is a random permutation of the batch (inside the group, where there are groups), which may
/// leave a sample where it is. The teacher `t` is a moving average of the network, and its outputs are
/// constants. Source: interpolation consistency training, arXiv 1903.03825.
///
/// A partner of this sort is an output without an input, so no aim that reads the distance of the
/// inputs goes with it. Needs one extra pass, and one of the teacher.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Both parameters of the Beta distribution; 1 draws `λ` uniformly.
    pub alpha: f64,
}

impl Mix {
    /// Uniform.
    pub const ALPHA: f64 = 1.0;
}

pub(crate) const ALPHA: Setting = Setting::number(
    "alpha",
    "mixing coefficients are drawn from Beta(alpha, alpha)",
    Mix::ALPHA,
    [0.01, 100.0],
);

pub(super) const PART: Part<dyn Pairing> = Part {
    name: "mix",
    formula: "a mixture with another sample, compared with the mixture of a teacher's outputs",
    settings: &[ALPHA],
    build: |settings| Arc::new(Mix { alpha: settings.number("alpha") }),
};

impl Pairing for Mix {
    fn name(&self) -> &'static str {
        "mix"
    }

    fn extra_pass(&self) -> bool {
        true
    }

    fn needs_teacher(&self) -> bool {
        true
    }

    fn partner_input(&self) -> PartnerInput {
        PartnerInput::None
    }

    fn draw(&self, samples: &Samples<'_>, rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        // α is positive, so the distribution exists.
        let share = Beta::new(self.alpha, self.alpha).map_or(0.5, |beta| beta.sample(rng));
        let mut partners = vec![0; samples.rows.dims()[0]];
        for rows in rows_by_group(samples) {
            let mut order = rows.clone();
            for i in (1..order.len()).rev() {
                order.swap(i, rng.random_range(0..=i));
            }
            rows.iter().zip(order).for_each(|(row, partner)| partners[*row] = partner);
        }
        let inputs = mixture(samples.rows.clone(), &partners, share);
        Ok(Partners::Mixed { inputs, partners, share })
    }
}

/// Every row with that of its partner, `share·xᵢ + (1 − share)·x_{partners[i]}`: `[n, d] → [n, d]`.
pub fn mixture(rows: Tensor<2>, partners: &[usize], share: f64) -> Tensor<2> {
    let others = select_rows(rows.clone(), partners).mul_scalar(1.0 - share);
    rows.mul_scalar(share) + others
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, Seed};
    use burn::tensor::Device;

    #[test]
    fn mixtures_lie_between_a_sample_and_its_partner_of_the_same_group() {
        let x = [[0.0f32], [1.0], [10.0], [11.0], [12.0], [100.0]];
        let labels = [0, 0, 1, 1, 1, 2];
        let (mut sum, mut square, draws) = (0.0, 0.0, 400);
        for seed in 0..draws {
            let rows = Tensor::<2>::from_floats(x, &Device::flex());
            let samples = Samples { rows, shape: &[6, 1], groups: Some(&labels), fresh: None };
            let mut rng = Seed(seed).rng(Purpose::Partner, 0);
            let drawn = Mix { alpha: 1.0 }.draw(&samples, &mut rng).unwrap();
            let Partners::Mixed { inputs, partners, share } = drawn else { unreachable!() };
            let inputs: Vec<f32> = inputs.into_data().try_to_vec().unwrap();
            for (i, partner) in partners.iter().enumerate() {
                assert_eq!(labels[i], labels[*partner]);
                let expected = share as f32 * x[i][0] + (1.0 - share as f32) * x[*partner][0];
                assert!((inputs[i] - expected).abs() < 1e-4);
            }
            (sum, square) = (sum + share, square + share * share);
        }
        let (mean, square) = (sum / draws as f64, square / draws as f64);
        // Uniform: mean ½, mean square ⅓; four standard errors.
        assert!((mean - 0.5).abs() < 0.058 && (square - 1.0 / 3.0).abs() < 0.06, "{mean} {square}");
    }
}
