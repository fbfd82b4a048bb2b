use super::on_players;
use crate::hard::L2;
use crate::registry::{CONSTANT, Entry, Kind};

/// [`L2`] on the weights of one player or both.
pub(crate) const ENTRY: Entry = Entry {
    name: "l2",
    kind: Kind::Hard,
    summary: "ridge on the weights: keeps them all small",
    formula: "Σw² over the weights",
    weight: 1e-5,
    schedule: CONSTANT,
    never_lazy: None,
    source: "Hoerl and Kennard 1970",
    settings: on_players::SETTINGS,
    about: "The sum of the squares of all weights except biases. It is part of the objective, and so \
enters the optimiser's moments; for decoupled weight decay, use the optimiser `adamw`. The default λ \
suits equalised layers, whose raw weights have unit variance: there the sum is about the number of \
weights.",
    build: |ask| Ok(on_players::terms(ask, || std::sync::Arc::new(L2))),
};
