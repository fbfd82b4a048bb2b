use super::on_players;
use crate::hard::L1;
use crate::registry::{Entry, Kind};

/// [`L1`] on the weights of one player or both. The default λ suits equalised layers, whose raw
/// weights have unit variance: there the sum is about the number of weights.
pub(crate) const ENTRY: Entry = Entry {
    name: "l1",
    kind: Kind::Hard,
    summary: "lasso on the weights: many become zero",
    formula: "Σ|w| over the weights",
    weight: 1e-6,
    passes: "none",
    source: "Tibshirani 1996",
    settings: on_players::SETTINGS,
    build: |settings| on_players::bodies(settings, || std::sync::Arc::new(L1)),
};
