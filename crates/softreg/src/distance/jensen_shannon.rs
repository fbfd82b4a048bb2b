use super::{Distance, Domain};
use crate::setting::Part;
use burn::tensor::{Tensor, activation::log_softmax};
use std::f64::consts::LN_2;
use std::sync::Arc;

/// The Jensen-Shannon divergence: `D(a, b) = ½·KL(p‖m) + ½·KL(q‖m)` with `p = softmax(a)`,
/// `q = softmax(b)`, `m = ½(p + q)`, in nats. Like [`super::Kl`], but bounded: it lies in `0..=ln 2`.
///
/// Outputs are *logits*, one per class; the softmax is taken here. Needs at least two classes.
///
/// # How it is computed
/// With `u = ½(ln p − ln q)` the sum is `Σₖ mₖ·h(uₖ)`, `h(u) = u·tanh u − ln cosh u`. That is at
/// least 0 class by class, where the sum of two divergences cancels to noise if `p ≈ q`; logits of
/// any size are finite, and equal logits give 0 with gradient 0.
///
/// Source: Lin 1991.
#[derive(Clone, Copy, Debug)]
pub struct JensenShannon;

pub(super) const PART: Part<dyn Distance> = Part {
    name: "jensen-shannon",
    formula: "½·KL(p‖m) + ½·KL(q‖m), p = softmax(a), q = softmax(b), m = ½(p + q)",
    settings: &[],
    build: |_| Arc::new(JensenShannon),
};

impl Distance for JensenShannon {
    fn name(&self) -> &'static str {
        "jensen-shannon"
    }

    fn min_features(&self) -> usize {
        2
    }

    fn domain(&self) -> Domain {
        Domain::Logits
    }

    fn per_pair(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        let (p, q) = (log_softmax(a, 1), log_softmax(b, 1));
        let middle = (p.clone().exp() + q.clone().exp()).mul_scalar(0.5);
        (middle * h((p - q).mul_scalar(0.5))).sum_dim(1).squeeze_dim(1)
    }
}

/// `h(u) = u·tanh u − ln cosh u`. Each form of `ln cosh` is exact on one side of 1 alone; the clamps
/// keep the form that is not used finite, and so its gradient, which the mask multiplies by 0.
fn h(u: Tensor<2>) -> Tensor<2> {
    let near = u.clone().abs().lower_elem(1.0);
    let small = u.clone().clamp(-1.0, 1.0);
    let tanh = small.clone().tanh();
    // ln cosh u = −½·ln(1 − tanh² u)
    let of_small = small * tanh.clone() + tanh.square().neg().log1p().mul_scalar(0.5);
    let large = u.abs().clamp_min(1.0);
    // ln cosh u = |u| + ln(1 + e) − ln 2 and tanh |u| = 1 − 2e/(1 + e), with e = exp(−2|u|)
    let e = large.clone().mul_scalar(-2.0).exp();
    let lacking = large.mul_scalar(2.0) * e.clone() / e.clone().add_scalar(1.0) + e.log1p();
    let of_large = lacking.neg().add_scalar(LN_2);
    of_large.mask_where(near, of_small)
}
