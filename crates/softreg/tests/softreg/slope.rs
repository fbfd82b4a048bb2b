//! Finite differences against the gradient they stand for: what the docstrings derive, measured.

use crate::golden::floats;
use burn::tensor::{Device, Tensor};
use softreg::aim::{Aim, Attract, Slope};
use softreg::composition::Composition;
use softreg::distance::SquaredL2;
use softreg::pairing::Noise;
use softreg::site::Site;
use softreg::{Purpose, Seed};

const INPUTS: usize = 6;
const HIDDEN: usize = 3;
/// Noisy copies per estimate; the greatest relative standard deviation of one is √2.
const DRAWS: usize = 200_000;
/// Four standard errors.
const TOLERANCE: f64 = 4.0 * 1.4143 / 447.2;

/// `f(x) = v·tanh(Wx + c)`: smooth, and every derivative can be written down.
struct Smooth {
    w: [[f64; INPUTS]; HIDDEN],
    c: [f64; HIDDEN],
    v: [f64; HIDDEN],
    x: [f64; INPUTS],
}

const NET: Smooth = Smooth {
    w: [
        [0.5, -0.3, 0.2, 0.4, -0.6, 0.1],
        [-0.2, 0.7, 0.3, -0.1, 0.2, 0.5],
        [0.3, 0.2, -0.5, 0.6, 0.1, -0.4],
    ],
    c: [0.2, -0.1, 0.4],
    v: [1.0, -0.8, 0.6],
    x: [0.3, -0.5, 0.1, 0.8, -0.2, 0.4],
};

impl Smooth {
    /// On a batch, in single precision, as training would.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let device = x.device();
        let w = self.w.map(|row| row.map(|v| v as f32));
        let w = Tensor::<2>::from_floats(w, &device).transpose();
        let c = Tensor::<2>::from_floats([self.c.map(|v| v as f32)], &device);
        let v = Tensor::<2>::from_floats(self.v.map(|v| [v as f32]), &device);
        (x.matmul(w) + c).tanh().matmul(v)
    }

    /// `‖∇f‖²` and the coefficient of `σ⁴`, `¼(tr H)² + ½‖H‖² + ∇f·∇(tr H)`, `H` the Hessian.
    fn coefficients(&self) -> (f64, f64) {
        let dot = |a: &[f64; INPUTS], b: &[f64; INPUTS]| -> f64 {
            a.iter().zip(b).map(|(a, b)| a * b).sum()
        };
        let mut gradient = [0.0; INPUTS];
        let mut hessian = [[0.0; INPUTS]; INPUTS];
        let mut gradient_of_trace = [0.0; INPUTS];
        for ((w, c), v) in self.w.iter().zip(self.c).zip(self.v) {
            let t = (dot(w, &self.x) + c).tanh();
            let first = 1.0 - t * t;
            let second = -2.0 * t * first;
            let third = first * (6.0 * t * t - 2.0);
            for (i, wi) in w.iter().enumerate() {
                gradient[i] += v * first * wi;
                gradient_of_trace[i] += v * third * dot(w, w) * wi;
                for (j, wj) in w.iter().enumerate() {
                    hessian[i][j] += v * second * wi * wj;
                }
            }
        }
        let trace: f64 = (0..INPUTS).map(|i| hessian[i][i]).sum();
        let square: f64 = hessian.iter().flatten().map(|h| h * h).sum();
        let fourth = trace * trace / 4.0 + square / 2.0 + dot(&gradient, &gradient_of_trace);
        (dot(&gradient, &gradient), fourth)
    }
}

/// `R` of `f` at one point, over many noisy copies of it.
fn estimate(aim: impl Aim + 'static, sigma: f64, f: &mut dyn FnMut(Tensor<2>) -> Tensor<2>) -> f64 {
    let point = NET.x.map(|v| v as f32);
    let x = Tensor::<2>::from_floats([point], &Device::flex()).repeat_dim(0, DRAWS);
    let y = f(x.clone());
    let regularizer = Composition::new(Noise { sigma }, SquaredL2, aim, Site::Output);
    let mut rng = Seed(11).rng(Purpose::Partner, 0);
    f64::from(floats(regularizer.penalty(&softreg::Batch::new(&x, &y), f, &mut rng).unwrap())[0])
}

/// `E[(f(x + σn) − f(x))²] = σ²‖∇f‖² + σ⁴·(¼(tr H)² + ½‖H‖² + ∇f·∇(tr H)) + O(σ⁶)`.
#[test]
fn attracting_noisy_copies_is_the_squared_gradient_times_the_variance() {
    let (gradient, fourth) = NET.coefficients();
    let relative =
        |sigma: f64| estimate(Attract, sigma, &mut |x| NET.forward(x)) / (sigma.powi(2) * gradient);
    let limit = relative(0.003);
    assert!((limit - 1.0).abs() < TOLERANCE, "{limit}");
    // The draws are the same, so what chance adds to the limit it adds to the others: what is left of
    // it is of the order of σ.
    for sigma in [0.1f64, 0.2] {
        let correction = sigma.powi(2) * fourth / gradient;
        let allowed = TOLERANCE * sigma + 4.0 * sigma.powi(4);
        assert!(correction > 2.0 * allowed, "σ {sigma}: {correction} is hidden by {allowed}");
        let found = relative(sigma) / limit - 1.0;
        assert!((found - correction).abs() < allowed, "σ {sigma}: {found}, not {correction}");
    }
}

/// With means of squares, `E[D(f(x), f(x')) / D(x, x')] = ‖∇f‖² + O(σ²)`, without σ or dimension.
#[test]
fn the_slope_is_the_squared_gradient_itself() {
    let (gradient, _) = NET.coefficients();
    for sigma in [0.003, 0.03] {
        let found = estimate(Slope, sigma, &mut |x| NET.forward(x)) / gradient;
        assert!((found - 1.0).abs() < TOLERANCE, "σ {sigma}: {found}");
    }
    // Linear: whatever σ is. Two outputs: the mean of their squared gradients.
    let weights = [[1.0, 2.0], [-1.0, 0.0], [0.5, 1.0], [0.0, -2.0], [2.0, 0.0], [0.0, 1.0]];
    let matrix = Tensor::<2>::from_floats(weights, &Device::flex());
    let expected = weights.iter().flatten().map(|w: &f32| f64::from(w * w)).sum::<f64>() / 2.0;
    for sigma in [0.01, 1.0] {
        let found = estimate(Slope, sigma, &mut |x| x.matmul(matrix.clone())) / expected;
        assert!((found - 1.0).abs() < TOLERANCE, "σ {sigma}: {found}");
    }
}
