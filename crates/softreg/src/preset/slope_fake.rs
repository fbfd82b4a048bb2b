use super::approximate_gradient as approximate;
use crate::registry::{CONSTANT, Entry, Kind};
use crate::site::Site;

/// Approximate R2: as `slope-real`, at generated pictures.
pub(crate) const ENTRY: Entry = Entry {
    name: "slope-fake",
    kind: Kind::Soft,
    summary: "the critic should be smooth around generated pictures (approximate R2)",
    formula: "E[(D(x) − D(x + σn))²] ≈ σ²·E[‖∇D(x)‖²], x generated",
    weight: approximate::WEIGHT,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 2501.08316, 1801.04406",
    settings: approximate::SETTINGS,
    about: "The approximation of arXiv 2501.08316, which has only the real half, applied to R2 of arXiv \
1801.04406: like `slope-real`, with the same λ, σ and γ. Generated pictures are taken as they are in the \
critic's step, detached from the generator.",
    build: |ask| approximate::build(ask, Site::FakeScore),
};
