use super::approximate_gradient as approximate;
use crate::registry::{CONSTANT, Entry, Kind};
use crate::site::Site;

/// Approximate R1: the critic's slope at real pictures, by finite differences.
pub(crate) const ENTRY: Entry = Entry {
    name: "slope-real",
    kind: Kind::Soft,
    summary: "the critic should be smooth around real pictures (approximate R1)",
    formula: "E[(D(x) − D(x + σn))²] ≈ σ²·E[‖∇D(x)‖²], x real",
    weight: approximate::WEIGHT,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 2501.08316",
    settings: approximate::SETTINGS,
    about: "`λ·E[(D(x) − D(x + σn))²] = λσ²·E‖∇D‖² + O(λσ⁴)`, so it stands in for the exact penalty \
`γ/2·E‖∇D‖²` with `γ = 2λσ²` and needs no second derivative: γ is 0.02 for the defaults λ = 100 and σ = \
0.01, which are those of APT for images. One setting sets both: `slope-real,gamma=0.02` means the same \
for 32x32 pictures in batches of 32, and scales λ and σ to other sizes (γ with pixels per batch, σ so \
that copies lie equally far away).

There is no division by the distance between the inputs: the composition is noise, squared L2 and \
attract; `noise(0.01) l2 slope real` is the variant that divides. The paper writes the copy as N(x, σI); \
as in other implementations, σ is taken to be the standard deviation. Differences are computed in single \
precision, whatever precision the network uses. The sample is the real picture as the critic sees it, \
after differentiable augmentation, if there is any.",
    build: |ask| approximate::build(ask, Site::RealScore),
};
