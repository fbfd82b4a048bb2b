use super::consistency;
use crate::registry::{Entry, Kind};
use crate::site::Site;

/// Balanced consistency regularization (bCR): consistency on real *and* on generated pictures, with
/// one λ for both, as in the source: arXiv 2002.04724, with its λ_real = λ_fake = 10.
///
/// With the real half alone the generator learns to imitate the moves, and its pictures come out
/// shifted; the fake half takes that advantage away. For the same reason both halves belong into
/// every step: skipping them unbalances what they balance. Generated pictures are seen as they are in
/// the critic's step, cut off from the generator; both sorts are copied after differentiable
/// augmentation where there is any.
pub(crate) const ENTRY: Entry = Entry {
    name: "balanced",
    kind: Kind::Soft,
    summary: "as consistency, on real and on generated pictures",
    formula: "E[(D(x) − D(T(x)))²] + E[(D(G(z)) − D(T(G(z))))²], T flips and shifts",
    weight: 10.0,
    passes: "2 critic",
    source: "arXiv 2002.04724",
    settings: consistency::SETTINGS,
    build: |settings| {
        [Site::RealScore, Site::FakeScore].map(|site| consistency::body(settings, site)).into()
    },
};
