use super::exact_gradient as exact;
use crate::hard::Point;
use crate::registry::{CONSTANT, Entry, Kind};

/// R1, [`crate::hard::GradientPenalty`] at real pictures.
pub(crate) const ENTRY: Entry = Entry {
    name: "r1",
    kind: Kind::Hard,
    summary: "the critic should be flat at real pictures, exactly",
    formula: "E[‖∇D(x)‖²], x real",
    weight: exact::WEIGHT,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 1801.04406",
    settings: exact::SETTINGS,
    about: "The squared length of the critic's gradient with respect to the picture, summed over its \
values, at the real pictures of the batch. The paper writes `γ/2·E‖∇D‖²`, so the weight is γ/2 (the \
authors' code leaves out the ½); `gamma=0.05` says the same for 32x32 pictures in batches of 32 and \
scales with both, as StyleGAN2-ADA's heuristic does (`γ = 0.0002·pixels/batch`, which is 0.0064 there; \
small critics tolerate more).

The gradient is written out as a backward run through the critic's layers, with the slopes of its leaky \
ReLUs as constants, and is differentiated once more: there is no approximation. It costs three backward \
passes of the critic; with `every=16` (lazy, arXiv 1912.04958), a fifth of one. `slope-real` is the same \
by finite differences.",
    build: |ask| exact::build(ask, Point::Real),
};
