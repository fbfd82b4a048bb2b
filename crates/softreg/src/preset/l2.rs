use super::on_players;
use crate::hard::L2;
use crate::registry::{Entry, Kind};

/// [`L2`] on the weights of one player or both. The default λ suits equalised layers, whose raw
/// weights have unit variance: there the sum is about the number of weights.
pub(crate) const ENTRY: Entry = Entry {
    name: "l2",
    kind: Kind::Hard,
    summary: "ridge on the weights: none becomes large",
    formula: "Σw² over the weights",
    weight: 1e-5,
    passes: "none",
    source: "Hoerl and Kennard 1970",
    settings: on_players::SETTINGS,
    build: |settings| on_players::bodies(settings, || std::sync::Arc::new(L2)),
};
