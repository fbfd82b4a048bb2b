use super::approximate_gradient as approximate;
use crate::registry::{Entry, Kind};
use crate::site::Site;

/// Approximate R1: the critic's slope at real pictures, by finite differences. Source: APT,
/// arXiv 2501.08316, `‖D(x) − D(x + σn)‖²` with its λ = 100 and σ = 0.01 for pictures, in every step.
///
/// No division by the distance of the inputs: the composition is noise × squared L2 × attract, and
/// [`crate::aim::Slope`] is the variant that divides. The paper writes the copy as `N(x, σI)`; as in
/// other programs, σ is read as the standard deviation. The sample is the real picture as the critic
/// sees it, after differentiable augmentation where there is any.
pub(crate) const ENTRY: Entry = Entry {
    name: "slope-real",
    kind: Kind::Soft,
    summary: "the critic should be smooth around real pictures (approximate R1)",
    formula: "E[(D(x) − D(x + σn))²] ≈ σ²·E[‖∇D(x)‖²], x real",
    weight: approximate::WEIGHT,
    passes: "1 critic",
    source: "arXiv 2501.08316",
    settings: approximate::SETTINGS,
    build: |settings| vec![approximate::body(settings, Site::RealScore)],
};
