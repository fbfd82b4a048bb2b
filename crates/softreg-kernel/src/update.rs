//! What a step does to weights, in one pass over them.

use crate::crew::Crew;
#[cfg(feature = "flex")]
use crate::crew::{Cut, deal};
#[cfg(any(feature = "flex", feature = "cube"))]
use crate::kernels;
#[cfg(feature = "flex")]
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
#[cfg(feature = "flex")]
use pulp::Arch;
#[cfg(feature = "flex")]
use std::ops::Range;

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

/// A weight with what [`adam_all`] moves it by: rows of equally many values.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The weight.
    pub weight: Tensor<1>,
    /// Its gradient.
    pub gradient: Tensor<1>,
    /// Its moments.
    pub moments: [Tensor<1>; 2],
    /// The step.
    pub step: AdamStep,
}

impl Moved {
    fn rows(&self) -> [&Tensor<1>; 4] {
        let [first, second] = &self.moments;
        [&self.weight, &self.gradient, first, second]
    }
}

/// [`adam`] on many weights, of which a processor's threads get equal parts; the new weights and moments, in order. The
/// numbers do not depend on how many threads there are.
///
/// # Panics
/// Where the lengths of a weight's rows differ.
pub fn adam_all(all: Vec<Moved>, crew: &dyn Crew) -> Vec<(Tensor<1>, [Tensor<1>; 2])> {
    for moved in &all {
        let alike = moved.rows().iter().all(|row| row.dims() == moved.weight.dims());
        assert!(alike, "a gradient or moments of another weight");
    }
    #[cfg(feature = "flex")]
    if all.iter().flat_map(Moved::rows).all(kernels::of_processor_are_there) {
        let mut steps = Vec::with_capacity(all.len());
        let mut tensors: Vec<[FlexTensor; 4]> = Vec::with_capacity(all.len());
        for Moved { weight, gradient, moments: [first, second], step } in all {
            steps.push(step);
            tensors.push([weight, gradient, first, second].map(kernels::row));
        }
        let rows =
            tensors.iter_mut().zip(steps).map(|([weight, gradient, first, second], step)| {
                let moments = [first.storage_mut(), second.storage_mut()];
                AdamRow {
                    weight: weight.storage_mut(),
                    gradient: gradient.storage(),
                    moments,
                    step,
                }
            });
        deal(rows.collect(), crew, AdamRow::run);
        let back = |[weight, _, first, second]: [FlexTensor; 4]| {
            let [weight, first, second] = [weight, first, second].map(kernels::of_row);
            (weight, [first, second])
        };
        return tensors.into_iter().map(back).collect();
    }
    let _ = crew;
    let one = |moved: Moved| adam(moved.weight, moved.gradient, moved.moments, moved.step);
    all.into_iter().map(one).collect()
}

/// `Σᵢ fᵢ·xᵢ` of every list of rows `xᵢ` with factors `fᵢ`, added [`pairwise`]; a processor's threads get equal parts.
/// The numbers do not depend on how many threads there are, and the sums have no graph.
///
/// # Panics
/// Where a list is empty, or its rows are not equally long.
pub fn weighted_sums(all: Vec<Vec<(Tensor<1>, f64)>>, crew: &dyn Crew) -> Vec<Tensor<1>> {
    for terms in &all {
        assert!(!terms.is_empty(), "a sum of nothing");
        let alike = terms.iter().all(|(row, _)| row.dims() == terms[0].0.dims());
        assert!(alike, "a sum of different shapes");
    }
    #[cfg(feature = "flex")]
    if all.iter().flatten().all(|(row, _)| kernels::of_processor_are_there(row)) {
        let row = |(row, factor): (Tensor<1>, f64)| (kernels::row(row), factor as f32);
        let mut all: Vec<Vec<(FlexTensor, f32)>> =
            all.into_iter().map(|terms| terms.into_iter().map(row).collect()).collect();
        let rows = all.iter_mut().filter_map(|terms| {
            let ((first, factor), others) = terms.split_first_mut()?;
            let others = others.iter().map(|(row, factor)| (row.storage(), *factor)).collect();
            Some(SumRow { first: first.storage_mut(), factor: *factor, others })
        });
        deal(rows.collect(), crew, SumRow::run);
        let sums = all.into_iter().filter_map(|terms| terms.into_iter().next());
        return sums.map(|(sum, _)| kernels::of_row(sum)).collect();
    }
    let _ = crew;
    let add = |(left, a), (right, b)| (weighted_sum(left, right, [a, b]), 1.0);
    let scaled = |(sum, factor): (Tensor<1>, f64)| {
        if factor == 1.0 { sum } else { sum.mul_scalar(factor) }
    };
    all.into_iter().filter_map(|terms| pairwise(terms, add)).map(scaled).collect()
}

/// `((x₀ + x₁) + (x₂ + x₃)) + …`: neighbours first. The bits are the same when the first, the second and so
/// on 2ᵏ items are added elsewhere, so that they do not depend on which process has which.
pub fn pairwise<T>(mut items: Vec<T>, add: impl Fn(T, T) -> T) -> Option<T> {
    while items.len() > 1 {
        let mut rest = items.into_iter();
        let mut sums = Vec::new();
        while let Some(left) = rest.next() {
            sums.push(match rest.next() {
                Some(right) => add(left, right),
                None => left,
            });
        }
        items = sums;
    }
    items.pop()
}

/// A weight, or a part of one, as [`adam_all`] moves it.
#[cfg(feature = "flex")]
struct AdamRow<'a> {
    weight: &'a mut [f32],
    gradient: &'a [f32],
    moments: [&'a mut [f32]; 2],
    step: AdamStep,
}

#[cfg(feature = "flex")]
impl AdamRow<'_> {
    fn run(self) {
        adam_in_place(self.weight, self.gradient, self.moments, self.step);
    }
}

#[cfg(feature = "flex")]
impl Cut for AdamRow<'_> {
    const LEAST: usize = 16 * 1024;

    fn length(&self) -> usize {
        self.weight.len()
    }

    fn cut(self, at: usize) -> (Self, Self) {
        let Self { weight, gradient, moments: [first, second], step } = self;
        let (weight, gradient) = (weight.split_at_mut(at), gradient.split_at(at));
        let (first, second) = (first.split_at_mut(at), second.split_at_mut(at));
        (
            Self { weight: weight.0, gradient: gradient.0, moments: [first.0, second.0], step },
            Self { weight: weight.1, gradient: gradient.1, moments: [first.1, second.1], step },
        )
    }
}

/// The terms of a sum, or parts of them; it takes the place of the first one.
#[cfg(feature = "flex")]
struct SumRow<'a> {
    first: &'a mut [f32],
    factor: f32,
    others: Vec<(&'a [f32], f32)>,
}

/// Values that are added at once: a tree's sums stay in the first-level cache.
#[cfg(feature = "flex")]
const BLOCK: usize = 512;

#[cfg(feature = "flex")]
impl SumRow<'_> {
    fn run(self) {
        let Self { first, factor, others } = self;
        match others.as_slice() {
            [] if factor == 1.0 => {}
            [] => first.iter_mut().for_each(|value| *value *= factor),
            [(other, f)] => weighted_sum_in_place(first, other, [factor, *f]),
            others => {
                let mut own = [0.0; BLOCK];
                for (i, first) in first.chunks_mut(BLOCK).enumerate() {
                    let own = &mut own[..first.len()];
                    own.copy_from_slice(first);
                    let term = |t: usize| match t {
                        0 => (&*own, factor),
                        _ => (&others[t - 1].0[i * BLOCK..][..own.len()], others[t - 1].1),
                    };
                    sum_of_block(&term, 0..others.len() + 1, first);
                }
            }
        }
    }
}

/// The [`pairwise`] sum of the terms `range`, each some values with a factor.
#[cfg(feature = "flex")]
fn sum_of_block<'a>(
    term: &dyn Fn(usize) -> (&'a [f32], f32),
    range: Range<usize>,
    sum: &mut [f32],
) {
    let (first, factor) = term(range.start);
    match range.len() {
        1 => sum.iter_mut().zip(first).for_each(|(sum, value)| *sum = value * factor),
        2 => {
            let (second, other) = term(range.start + 1);
            sum.copy_from_slice(first);
            weighted_sum_in_place(sum, second, [factor, other]);
        }
        // As many on the left as neighbours make whole.
        count => {
            let middle = range.start + count.next_power_of_two() / 2;
            let mut right = [0.0; BLOCK];
            let right = &mut right[..sum.len()];
            sum_of_block(term, range.start..middle, sum);
            sum_of_block(term, middle..range.end, right);
            weighted_sum_in_place(sum, right, [1.0; 2]);
        }
    }
}

#[cfg(feature = "flex")]
impl Cut for SumRow<'_> {
    const LEAST: usize = 64 * 1024;

    fn length(&self) -> usize {
        self.first.len()
    }

    fn cut(self, at: usize) -> (Self, Self) {
        let Self { first, factor, others } = self;
        let first = first.split_at_mut(at);
        let (left, right) = others
            .into_iter()
            .map(|(row, f)| {
                let (left, right) = row.split_at(at);
                ((left, f), (right, f))
            })
            .unzip();
        (
            Self { first: first.0, factor, others: left },
            Self { first: first.1, factor, others: right },
        )
    }
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
pub(crate) fn weighted_sum_in_place(left: &mut [f32], right: &[f32], [a, b]: [f32; 2]) {
    Arch::new().dispatch(|| {
        for (left, right) in left.iter_mut().zip(right) {
            *left = *left * a + right * b;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_added_first_wherever_they_are() {
        let add = |a: String, b: String| format!("({a}{b})");
        let letters = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let of = |text: &str| pairwise(letters(text), add).unwrap();
        assert_eq!(of("abcdefg"), "(((ab)(cd))((ef)g))");
        assert_eq!(
            pairwise(vec![of("ab"), of("cd"), of("ef"), of("gh")], add).unwrap(),
            of("abcdefgh")
        );
        assert_eq!(
            pairwise(vec![of("abcd"), of("efgh"), of("ijkl")], add).unwrap(),
            of("abcdefghijkl")
        );
        assert_eq!(pairwise(letters(""), add), None);
    }
}
