//! What a step does to weights, in one pass over them.

#[cfg(any(feature = "flex", feature = "cube"))]
use crate::kernels;
use burn::tensor::Tensor;
#[cfg(feature = "flex")]
use pulp::Arch;

/// One step of Adam (arXiv 1412.6980, algorithm 1): the moments `m ← β₁·m + (1 − β₁)·g`, `v ← β₂·v + (1 − β₂)·g²`, the
/// weights `w ← keep·w − rate·(correction·m)/(√v + ε)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// `β₁`, in 0..1.
    pub beta_1: f32,
    /// `β₂`, in 0..1.
    pub beta_2: f32,
    /// `√(1 − β₂ᵗ)/(1 − β₁ᵗ)` at step `t` from 1.
    pub correction: f32,
    /// `ε·√(1 − β₂ᵗ)` for the paper's `ε`.
    pub epsilon: f32,
    /// The learning rate.
    pub rate: f32,
    /// 1, or with decoupled weight decay (arXiv 1711.05101) what is left of a weight.
    pub keep: f32,
}

/// [`AdamStep`] on a weight, with its gradient and its two moments; no gradient passes through it.
///
/// # Panics
/// Where the shapes differ.
pub fn adam<const D: usize>(
    weight: Tensor<D>,
    gradient: Tensor<D>,
    [first, second]: [Tensor<D>; 2],
    step: AdamStep,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    for other in [&gradient, &first, &second] {
        assert_eq!(other.dims(), weight.dims(), "a gradient or moments of another weight");
    }
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&weight) {
        return kernels::adam(weight, gradient, [first, second], step);
    }
    let AdamStep { beta_1, beta_2, correction, epsilon, rate, keep } = step;
    let first = first.mul_scalar(beta_1) + gradient.clone().mul_scalar(1.0 - beta_1);
    let second = second.mul_scalar(beta_2) + gradient.square().mul_scalar(1.0 - beta_2);
    let root = second.clone().sqrt().add_scalar(epsilon);
    let delta = first.clone().mul_scalar(correction).div(root).mul_scalar(rate);
    let weight = if keep == 1.0 { weight } else { weight.mul_scalar(keep) };
    (weight - delta, [first, second])
}

/// `a·left + b·right` for the factors `[a, b]`: a moving average, or a sum of gradients by their shares. No gradient
/// passes through it.
///
/// # Panics
/// Where the shapes differ.
pub fn weighted_sum<const D: usize>(
    left: Tensor<D>,
    right: Tensor<D>,
    factors: [f64; 2],
) -> Tensor<D> {
    assert_eq!(left.dims(), right.dims(), "a sum of different shapes");
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&left) {
        return kernels::weighted_sum(left, right, factors);
    }
    left.mul_scalar(factors[0]) + right.mul_scalar(factors[1])
}

/// [`AdamStep`] in place.
#[cfg(feature = "flex")]
pub(crate) fn adam_in_place(
    weight: &mut [f32],
    gradient: &[f32],
    [first, second]: [&mut [f32]; 2],
    step: AdamStep,
) {
    let AdamStep { beta_1, beta_2, correction, epsilon, rate, keep } = step;
    let (rest_1, rest_2) = (1.0 - beta_1, 1.0 - beta_2);
    Arch::new().dispatch(|| {
        let moments = first.iter_mut().zip(second);
        for ((w, g), (m, v)) in weight.iter_mut().zip(gradient).zip(moments) {
            *m = *m * beta_1 + g * rest_1;
            *v = *v * beta_2 + g * g * rest_2;
            *w = *w * keep - *m * correction / (v.sqrt() + epsilon) * rate;
        }
    });
}

/// [`weighted_sum`] in place of `left`.
#[cfg(feature = "flex")]
pub(crate) fn weighted_sum_in_place(left: &mut [f32], right: &[f32], factors: [f64; 2]) {
    let [a, b] = factors.map(|factor| factor as f32);
    Arch::new().dispatch(|| {
        for (left, right) in left.iter_mut().zip(right) {
            *left = *left * a + right * b;
        }
    });
}
