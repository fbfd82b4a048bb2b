use super::approximate_gradient as approximate;
use crate::registry::{Entry, Kind};
use crate::site::Site;

/// Approximate R2: as `slope-real`, at generated pictures. Source: the approximation of
/// arXiv 2501.08316, which has the real half alone, applied to R2 of arXiv 1801.04406.
///
/// Generated pictures are seen as they are in the critic's step, cut off from the generator.
pub(crate) const ENTRY: Entry = Entry {
    name: "slope-fake",
    kind: Kind::Soft,
    summary: "the critic should be smooth around generated pictures (approximate R2)",
    formula: "E[(D(x) − D(x + σn))²] ≈ σ²·E[‖∇D(x)‖²], x generated",
    weight: approximate::WEIGHT,
    passes: "1 critic",
    source: "arXiv 2501.08316, 1801.04406",
    settings: approximate::SETTINGS,
    build: |settings| vec![approximate::body(settings, Site::FakeScore)],
};
