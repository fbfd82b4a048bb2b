use super::consistency;
use crate::registry::{CONSTANT, Entry, Kind};
use crate::site::Site;

/// Balanced consistency regularization (bCR): consistency on real *and* on generated pictures.
pub(crate) const ENTRY: Entry = Entry {
    name: "balanced",
    kind: Kind::Soft,
    summary: "as consistency, on real and on generated pictures",
    formula: "E[(D(x) − D(T(x)))²] + E[(D(G(z)) − D(T(G(z))))²], T flips and shifts",
    weight: 10.0,
    schedule: CONSTANT,
    never_lazy: Some(
        "both halves belong into every step, or what they balance gets out of balance: leave out every, or take consistency",
    ),
    source: "arXiv 2002.04724",
    settings: consistency::SETTINGS,
    about: "With consistency on real pictures alone the generator learns to imitate the moves, and its \
pictures come out shifted; the generated half takes that advantage away. One λ serves both halves, as in \
the paper (λ_real = λ_fake = 10).

Generated pictures are seen as they are in the critic's step, cut off from the generator; both sorts are \
copied after differentiable augmentation where there is any. The real half is the same pass as \
`consistency`'s: with both, it is made once.",
    build: |ask| {
        let halves = [Site::RealScore, Site::FakeScore];
        Ok(halves.map(|site| ask.term(consistency::body(ask.settings, site))).into())
    },
};
