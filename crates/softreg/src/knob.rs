//! One knob for all slope penalties: γ, as the papers have it, translated into what finite differences
//! need.
//!
//! The exact penalty is `γ/2·E[‖∇D(x)‖²]` (R1, arXiv 1801.04406). With `x' = x + σn`, `n ~ N(0, I)`, a
//! Taylor series of the critic gives
//!
//! ```text
//! D(x') − D(x)      = σ·∇D·n + σ²/2·nᵀHn + O(σ³)
//! E[(D(x') − D(x))²] = σ²·‖∇D‖² + σ⁴·(¼(tr H)² + ½‖H‖² + ∇D·∇(tr H)) + O(σ⁶)
//! ```
//!
//! (odd orders vanish by symmetry), so that `λ·E[(D(x') − D(x))²] = λσ²·‖∇D‖² + O(λσ⁴)`, and it stands
//! in for the exact penalty with `λσ² = γ/2`. `tests/softreg/slope.rs` confirms both orders numerically.
//!
//! How the knob scales:
//!
//! - `γ ∝ pixels / batch`. The gradient's square has one summand per pixel value, and pixels that say the
//!   same make each of them smaller; StyleGAN2-ADA (arXiv 2006.06676, its automatic configuration) takes
//!   `γ = 0.0002·pixels/batch`. Here γ is given for 32x32 pictures in batches of 32, where that
//!   heuristic gives 0.0064.
//! - `σ ∝ 1/√(channels·pixels)`, so that a copy lies as far from its sample at every size
//!   (`|σn| ≈ σ·√numbers`); 0.01 for 32x32 RGB.
//! - `λ = γ/(2σ²)`.

/// The size of pictures and batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Pixels of a picture, height times width.
    pub pixels: usize,
    /// Channels of a picture.
    pub channels: usize,
    /// Pictures per step.
    pub batch: usize,
}

impl Scale {
    /// Where γ means what it says: 32x32, RGB, batches of 32.
    pub const REFERENCE: Scale = Scale { pixels: 1024, channels: 3, batch: 32 };
}

/// A slope penalty, ready to be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slopes {
    /// `γ` at this scale: the exact penalty is `γ/2·E[‖∇D‖²]`.
    pub gamma: f64,
    /// Standard deviation of the noise.
    pub sigma: f64,
    /// Weight of `E[(D(x + σn) − D(x))²]`.
    pub lambda: f64,
}

/// σ at [`Scale::REFERENCE`].
const SIGMA: f64 = 0.01;

/// What `gamma`, given for [`Scale::REFERENCE`], is at `scale`.
pub fn slopes(gamma: f64, scale: &Scale) -> Slopes {
    let of = |scale: &Scale| (scale.pixels as f64, scale.channels as f64, scale.batch as f64);
    let (pixels, channels, batch) = of(scale);
    let (pixels_0, channels_0, batch_0) = of(&Scale::REFERENCE);
    let gamma = gamma * (pixels / pixels_0) * (batch_0 / batch);
    let sigma = SIGMA * (pixels_0 * channels_0 / (pixels * channels)).sqrt();
    Slopes { gamma, sigma, lambda: gamma / (2.0 * sigma * sigma) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_knob_scales_with_pictures_and_batch() {
        let here = slopes(0.02, &Scale::REFERENCE);
        assert_eq!((here.gamma, here.sigma), (0.02, 0.01));
        assert!((here.lambda - 100.0).abs() < 1e-9, "{here:?}");
        let scale = Scale { pixels: 64 * 64, channels: 3, batch: 64 };
        let there = slopes(0.02, &scale);
        assert!((there.gamma - 0.04).abs() < 1e-12 && (there.sigma - 0.005).abs() < 1e-12);
        // λσ² = γ/2 at every scale.
        assert!((there.lambda * there.sigma.powi(2) - there.gamma / 2.0).abs() < 1e-12);
        // The heuristic of StyleGAN2-ADA.
        let heuristic = 0.0002 * scale.pixels as f64 / scale.batch as f64;
        assert!((slopes(0.0064, &scale).gamma - heuristic).abs() < 1e-12);
    }
}
