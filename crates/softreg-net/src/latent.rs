//! Latent vectors: what the generator starts from.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// `n` standard normal latents, `[n, latent]` row by row, as plain numbers.
///
/// With `truncation` t, numbers with |z| > t are drawn again (truncation trick, arXiv 1809.11096,
/// section 3.1): smaller t gives more typical and less varied pictures. t must be above 0.
pub fn draw(n: usize, latent: usize, truncation: Option<f32>, rng: &mut dyn Rng) -> Vec<f32> {
    let mut one = || loop {
        let z: f32 = rng.sample(StandardNormal);
        if truncation.is_none_or(|t| z.abs() <= t) {
            return z;
        }
    };
    (0..n * latent).map(|_| one()).collect()
}

/// The point at share `t` in 0..1 on the arc between two latents (spherical interpolation), which
/// keeps to lengths that the generator has met; on the line where the two are nearly parallel.
pub fn slerp(a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
    let norm = (dot(a, a) * dot(b, b)).sqrt().max(f32::MIN_POSITIVE);
    let angle = (dot(a, b) / norm).clamp(-1.0, 1.0).acos();
    let (wa, wb) = if angle.sin() < 1e-4 {
        (1.0 - t, t)
    } else {
        (((1.0 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin())
    };
    a.iter().zip(b).map(|(a, b)| wa * a + wb * b).collect()
}

/// Plain numbers as `[n, latent]` on `device`.
pub fn tensor(values: Vec<f32>, latent: usize, device: &Device) -> Tensor<2> {
    let n = values.len() / latent;
    Tensor::from_data(TensorData::new(values, [n, latent]), device)
}

/// Labels as one-hot rows, `[n, classes]`.
///
/// # Panics
/// Where a label is not below `classes`.
pub fn one_hot(labels: &[u32], classes: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0f32; labels.len() * classes];
    for (row, label) in rows.chunks_exact_mut(classes).zip(labels) {
        row[*label as usize] = 1.0;
    }
    Tensor::from_data(TensorData::new(rows, [labels.len(), classes]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use softreg::{Purpose, Seed};

    #[test]
    fn truncation_bounds_and_plain_draws_are_standard_normal() {
        let mut rng = Seed(3).rng(Purpose::Generate, 0);
        assert!(draw(50, 64, Some(0.7), &mut rng).iter().all(|z| z.abs() <= 0.7));
        let z = draw(400, 64, None, &mut rng);
        let mean = z.iter().sum::<f32>() / z.len() as f32;
        let var = z.iter().map(|z| z * z).sum::<f32>() / z.len() as f32;
        assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.05, "{mean} {var}");
    }

    #[test]
    fn slerp_meets_its_ends_and_keeps_the_length() {
        let (a, b) = ([3.0, 0.0], [0.0, 3.0]);
        assert_eq!(slerp(&a, &b, 0.0), a);
        let half = slerp(&a, &b, 0.5);
        assert!((half[0].hypot(half[1]) - 3.0).abs() < 1e-5, "{half:?}");
        assert_eq!(slerp(&a, &a, 0.5), a);
    }
}
