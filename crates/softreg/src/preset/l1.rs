use super::on_players;
use crate::hard::L1;
use crate::registry::{CONSTANT, Entry, Kind};

/// [`L1`] on the weights of one player or both.
pub(crate) const ENTRY: Entry = Entry {
    name: "l1",
    kind: Kind::Hard,
    summary: "lasso on the weights: drives many to zero",
    formula: "Σ|w| over the weights",
    weight: 1e-6,
    schedule: CONSTANT,
    never_lazy: None,
    source: "Tibshirani 1996",
    settings: on_players::SETTINGS,
    about: "The sum of the absolute values of all weights except biases. The default λ suits equalised \
layers, whose raw weights have unit variance: there the sum is about 0.8 times the number of weights.",
    build: |ask| Ok(on_players::terms(ask, || std::sync::Arc::new(L1))),
};
