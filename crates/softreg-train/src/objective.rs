//! `J = L + Σ λ·R` for one player on one worker, with every part kept for the record.

use burn::tensor::Tensor;
use std::collections::BTreeMap;

/// The objective of one player.
pub(crate) struct Objective {
    loss: Tensor<1>,
    terms: Vec<(String, f64, Tensor<1>)>,
}

/// The parts of an objective, as numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parts {
    /// L.
    pub loss: f64,
    /// Name, λ and raw R.
    pub terms: Vec<(String, f64, f64)>,
}

impl Objective {
    pub(crate) fn new(loss: Tensor<1>) -> Self {
        Self { loss, terms: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &str, weight: f64, raw: Tensor<1>) {
        self.terms.push((name.to_owned(), weight, raw));
    }

    /// `J`.
    pub(crate) fn total(&self) -> Tensor<1> {
        self.terms
            .iter()
            .fold(self.loss.clone(), |sum, (_, weight, raw)| sum + raw.clone().mul_scalar(*weight))
    }

    pub(crate) fn parts(&self) -> Parts {
        let number = |tensor: &Tensor<1>| f64::from(tensor.clone().into_scalar::<f32>());
        Parts {
            loss: number(&self.loss),
            terms: self.terms.iter().map(|(n, w, raw)| (n.clone(), *w, number(raw))).collect(),
        }
    }
}

impl Parts {
    /// `Σᵢ shareᵢ·partsᵢ`: the objective of the whole batch from those of its shards.
    pub(crate) fn combine(parts: &[(f64, Parts)]) -> Self {
        let mut sum = Parts::default();
        for (share, part) in parts {
            sum.loss += share * part.loss;
            for (i, (name, weight, raw)) in part.terms.iter().enumerate() {
                match sum.terms.get_mut(i) {
                    Some(term) => term.2 += share * raw,
                    None => sum.terms.push((name.clone(), *weight, share * raw)),
                }
            }
        }
        sum
    }

    /// The first part that is not a finite number, by name.
    pub(crate) fn not_finite(&self) -> Option<(String, f64)> {
        if !self.loss.is_finite() {
            return Some(("the loss".to_owned(), self.loss));
        }
        let bad = self.terms.iter().find(|(.., raw)| !raw.is_finite());
        bad.map(|(name, _, raw)| (format!("regularizer `{name}`"), *raw))
    }

    /// Adds `loss/PLAYER` and, for each regularizer, `reg/NAME/raw` (R), `reg/NAME/weighted` (λ·R)
    /// and `reg/NAME/share` (λ·R as a share of `|L| + Σ|λ·R|`).
    pub(crate) fn record(&self, player: &str, values: &mut BTreeMap<String, f64>) {
        let size = self.loss.abs() + self.terms.iter().map(|(_, w, r)| (w * r).abs()).sum::<f64>();
        values.insert(format!("loss/{player}"), self.loss);
        for (name, weight, raw) in &self.terms {
            let weighted = weight * raw;
            let share = if size > 0.0 { weighted / size } else { 0.0 };
            values.insert(format!("reg/{name}/raw"), *raw);
            values.insert(format!("reg/{name}/weighted"), weighted);
            values.insert(format!("reg/{name}/share"), share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_loss_and_every_weighted_term() {
        let device = burn::tensor::Device::flex();
        let number = |x: f32| Tensor::<1>::from_floats([x], &device);
        let mut objective = Objective::new(number(1.0));
        objective.add("a", 2.0, number(3.0));
        objective.add("b", 0.5, number(-4.0));
        assert_eq!(objective.total().into_scalar::<f32>(), 1.0 + 2.0 * 3.0 - 0.5 * 4.0);
        let terms = vec![("a".to_owned(), 2.0, 3.0), ("b".to_owned(), 0.5, -4.0)];
        assert_eq!(objective.parts(), Parts { loss: 1.0, terms });
    }

    #[test]
    fn shards_combine_to_the_batch_and_shares_add_up() {
        let part = |loss, raw| Parts { loss, terms: vec![("r".into(), 2.0, raw)] };
        let whole = Parts::combine(&[(0.25, part(1.0, 4.0)), (0.75, part(2.0, 0.0))]);
        assert_eq!(whole, part(1.75, 1.0));
        let mut values = BTreeMap::new();
        whole.record("critic", &mut values);
        assert_eq!(values["reg/r/weighted"], 2.0);
        assert!((values["reg/r/share"] - 2.0 / 3.75).abs() < 1e-12);
        assert_eq!(part(f64::NAN, 0.0).not_finite().unwrap().0, "the loss");
        assert_eq!(part(0.0, f64::INFINITY).not_finite().unwrap().0, "regularizer `r`");
    }
}
