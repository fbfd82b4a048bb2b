use super::consistency;
use crate::registry::{CONSTANT, Entry, Kind};
use crate::site::Site;

/// Balanced consistency regularization (bCR): consistency on real *and* on generated pictures.
pub(crate) const ENTRY: Entry = Entry {
    name: "balanced",
    kind: Kind::Soft,
    summary: "like consistency, on both real and generated pictures",
    formula: "E[(D(x) − D(T(x)))²] + E[(D(G(z)) − D(T(G(z))))²], T flips and shifts",
    weight: 10.0,
    schedule: CONSTANT,
    never_lazy: Some(
        "both halves must be applied at every step, or they no longer balance each other: leave out `every`, or use consistency",
    ),
    source: "arXiv 2002.04724",
    settings: consistency::SETTINGS,
    about: "With consistency on real pictures alone, the generator learns to imitate the transformations \
and its pictures come out shifted; the generated half removes that incentive. One λ serves both halves, \
as in the paper (λ_real = λ_fake = 10).

Generated pictures are taken as they are in the critic's step, detached from the generator; both real \
and generated pictures are copied after differentiable augmentation, if there is any. The real half is \
the same pass as in `consistency`: with both, it is computed once.",
    build: |ask| {
        let halves = [Site::RealScore, Site::FakeScore];
        Ok(halves.map(|site| ask.term(consistency::body(ask.settings, site))).into())
    },
};
