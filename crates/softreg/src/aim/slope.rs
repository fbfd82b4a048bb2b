use super::{Aim, ratio_of_each};
use crate::setting::Part;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Outputs should change little for a given change of the input, a finite-difference Lipschitz
/// penalty: `φ = E[D(f(x), f(x')) / D(x, x')]`, the mean over pairs of their own ratios.
///
/// # What it estimates
/// With [`crate::distance::SquaredL2`], which is a *mean* of squares, on a scalar output and partners
/// `x' = x + σn` from [`crate::pairing::Noise`] in `d` dimensions,
///
/// ```text
/// D(f(x), f(x')) = (σ·∇f·n)² + O(σ³)     D(x, x') = σ²·|n|²/d
/// ratio          = d·(∇f·u)² + O(σ),     u = n/|n| uniform on the sphere
/// ```
///
/// and because `E[(∇f·u)²] = ‖∇f‖²/d`, `E[φ] = ‖∇f‖² + O(σ²)`: the whole squared gradient, however
/// many dimensions there are, and however large σ is (odd orders vanish by symmetry; for a linear
/// `f` nothing is left). With `m` outputs it is `‖J‖²/m`, `J` the Jacobian. λ·φ is then the exact
/// gradient penalty `γ/2·‖∇f‖²` (arXiv 1801.04406) with `γ = 2λ`.
///
/// Without the division, [`super::Attract`] on the same pairs estimates
/// `E[(f(x + σn) − f(x))²] = σ²‖∇f‖² + O(σ⁴)`, and `γ = 2λσ²`; that is the form of arXiv 2501.08316.
/// The ratio has no σ in it, and less variance: the length of the noise cancels.
///
/// With the distance [`crate::distance::L1`] the ratio is that of mean absolute differences, and is
/// not squared. Pairs whose inputs coincide count as slope 0.
#[derive(Clone, Copy, Debug)]
pub struct Slope;

pub(super) const PART: Part<dyn Aim> = Part {
    name: "slope",
    formula: "E[D(f(x), f(x')) / D(x, x')]",
    settings: &[],
    build: |_| Arc::new(Slope),
};

impl Aim for Slope {
    fn name(&self) -> &'static str {
        "slope"
    }

    fn needs_input_distance(&self) -> bool {
        true
    }

    fn value(&self, outputs: Tensor<1>, inputs: Option<Tensor<1>>) -> Tensor<1> {
        ratio_of_each(outputs, inputs).mean()
    }
}
