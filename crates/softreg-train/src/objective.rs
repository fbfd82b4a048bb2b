//! `J = L + Σ λ·R` for one player on one worker, with every part kept for the record.

use burn::tensor::Tensor;
use softreg::memory::Memory;
use softreg::plan::{Contribution, Plan};
use softreg::site::Player;
use std::collections::BTreeMap;

/// The objective of one player.
pub(crate) struct Objective {
    loss: Tensor<1>,
    terms: Vec<Contribution>,
}

/// The parts of an objective, as numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parts {
    /// L.
    pub loss: f64,
    /// Index and raw R of every term that was evaluated.
    pub terms: Vec<(usize, f64)>,
}

impl Objective {
    pub(crate) fn new(loss: Tensor<1>, terms: Vec<Contribution>) -> Self {
        Self { loss, terms }
    }

    /// `J`.
    pub(crate) fn total(&self) -> Tensor<1> {
        self.terms
            .iter()
            .fold(self.loss.clone(), |sum, term| sum + term.raw.clone().mul_scalar(term.weight))
    }

    /// The parts as numbers, and the values of what else is wanted of the same update: read at once,
    /// because every reading waits until a graphics processor is done.
    pub(crate) fn read(&self, beside: &[Tensor<1>]) -> (Parts, Vec<Vec<f64>>) {
        let own = std::iter::once(&self.loss).chain(self.terms.iter().map(|term| &term.raw));
        let all: Vec<Tensor<1>> = own.chain(beside).map(|x| x.clone().detach()).collect();
        let data = Tensor::cat(all, 0).into_data();
        let mut numbers = data.iter::<f32>().map(f64::from);
        let mut take = || numbers.next().unwrap_or(f64::NAN);
        let loss = take();
        let terms = self.terms.iter().map(|term| (term.term, take())).collect();
        let beside = beside.iter().map(|x| (0..x.dims()[0]).map(|_| take()).collect()).collect();
        (Parts { loss, terms }, beside)
    }
}

impl Parts {
    /// As numbers in fixed places, for a plan of so many terms: L, and for each term R and whether it was
    /// evaluated.
    pub(crate) fn numbers(&self, terms: usize) -> Vec<f64> {
        let mut numbers = vec![0.0; 1 + 2 * terms];
        numbers[0] = self.loss;
        for (index, raw) in &self.terms {
            numbers[1 + 2 * index] = *raw;
            numbers[2 + 2 * index] = 1.0;
        }
        numbers
    }

    /// From the sum of the [`Parts::numbers`] of shards, each times its share of the batch.
    pub(crate) fn of_sum(numbers: &[f64]) -> Self {
        let terms = numbers[1..].chunks_exact(2).enumerate();
        let evaluated = terms.filter(|(_, pair)| pair[1] > 0.0);
        Self { loss: numbers[0], terms: evaluated.map(|(index, pair)| (index, pair[0])).collect() }
    }

    /// The first part that is not a finite number, by name.
    pub(crate) fn not_finite(&self, plan: &Plan) -> Option<(String, f64)> {
        if !self.loss.is_finite() {
            return Some(("the loss".to_owned(), self.loss));
        }
        let bad = self.terms.iter().find(|(_, raw)| !raw.is_finite());
        bad.map(|(index, raw)| (format!("regularizer `{}`", plan.terms()[*index].name), *raw))
    }
}

/// Adds `loss/PLAYER` and, for each regularizer of the player, `reg/NAME/raw` (R, as last measured),
/// `reg/NAME/weighted` (λ·R) and `reg/NAME/share` (λ·R as a share of `|L| + Σ|λ·R|`); for a λ that
/// changes, `reg/NAME/weight` too.
pub(crate) fn record(
    plan: &Plan,
    player: Player,
    step: u64,
    memory: &Memory,
    loss: f64,
    values: &mut BTreeMap<String, f64>,
) {
    let of_player = plan.terms().iter().filter(|term| term.body.player() == Some(player));
    let parts: Vec<_> = of_player
        .filter_map(|term| Some((term, term.lambda(step, memory), memory.latest(&term.name)?)))
        .collect();
    let size = loss.abs() + parts.iter().map(|(_, w, r)| (w * r).abs()).sum::<f64>();
    values.insert(format!("loss/{player}"), loss);
    for (term, weight, raw) in parts {
        let (name, weighted) = (&term.name, weight * raw);
        let share = if size > 0.0 { weighted / size } else { 0.0 };
        values.insert(format!("reg/{name}/raw"), raw);
        values.insert(format!("reg/{name}/weighted"), weighted);
        values.insert(format!("reg/{name}/share"), share);
        if term.schedule.name() != "constant" {
            values.insert(format!("reg/{name}/weight"), weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use softreg::knob::Scale;
    use softreg::spec;

    fn plan(texts: &[&str]) -> Plan {
        let terms = texts.iter().flat_map(|text| {
            let (name, spec) = spec::parse(text).unwrap();
            spec::check(&name, &spec).unwrap().terms(&Scale::REFERENCE).unwrap()
        });
        Plan::new(terms.collect())
    }

    #[test]
    fn the_total_is_the_loss_and_every_weighted_term() {
        let device = burn::tensor::Device::flex();
        let number = |x: f32| Tensor::<1>::from_floats([x], &device);
        let term = |term, weight, raw| Contribution { term, weight, raw: number(raw) };
        let objective = Objective::new(number(1.0), vec![term(0, 2.0, 3.0), term(4, 0.5, -4.0)]);
        assert_eq!(objective.total().into_scalar::<f32>(), 1.0 + 2.0 * 3.0 - 0.5 * 4.0);
        let scores = Tensor::from_floats([5.0, 6.0], &device);
        let (parts, beside) = objective.read(&[scores, number(7.0)]);
        assert_eq!(parts, Parts { loss: 1.0, terms: vec![(0, 3.0), (4, -4.0)] });
        assert_eq!(beside, [vec![5.0, 6.0], vec![7.0]]);
    }

    #[test]
    fn shards_combine_to_the_batch_and_shares_add_up() {
        let part = |loss, raw| Parts { loss, terms: vec![(0, raw)] };
        let shards = [(0.25, part(1.0, 4.0)), (0.75, part(2.0, 0.0))];
        let sum = shards.iter().fold(vec![0.0; 5], |sum, (share, part)| {
            sum.iter().zip(part.numbers(2)).map(|(sum, number)| sum + share * number).collect()
        });
        let whole = Parts::of_sum(&sum);
        assert_eq!(whole, part(1.75, 1.0));
        let plan = plan(&["pair=2,every=3", "l2=1,player=critic"]);
        assert_eq!(part(f64::NAN, 0.0).not_finite(&plan).unwrap().0, "the loss");
        assert_eq!(part(0.0, f64::INFINITY).not_finite(&plan).unwrap().0, "regularizer `pair`");

        // A lazy term shows what it was last, at the λ that it has on average.
        let mut memory = Memory::default();
        memory.set_latest("pair", 1.0);
        let mut values = BTreeMap::new();
        record(&plan, Player::Critic, 7, &memory, whole.loss, &mut values);
        assert_eq!(values["loss/critic"], 1.75);
        assert_eq!(values["reg/pair/weighted"], 2.0);
        assert!((values["reg/pair/share"] - 2.0 / 3.75).abs() < 1e-12);
        assert!(!values.contains_key("reg/l2/raw"), "it was never measured");
    }
}
