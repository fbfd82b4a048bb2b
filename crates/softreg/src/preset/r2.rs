use super::exact_gradient as exact;
use crate::hard::Point;
use crate::registry::{CONSTANT, Entry, Kind};

/// R2, [`crate::hard::GradientPenalty`] at generated pictures.
pub(crate) const ENTRY: Entry = Entry {
    name: "r2",
    kind: Kind::Hard,
    summary: "the critic should be flat at generated pictures, exactly",
    formula: "E[‖∇D(x)‖²], x generated",
    weight: exact::WEIGHT,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 1801.04406",
    settings: exact::SETTINGS,
    about: "Like `r1`, at the generated pictures of the critic's step, detached from the generator. \
R3GAN (arXiv 2501.05441) uses both together with the relativistic loss: `--loss relativistic --reg r1 \
--reg r2`.",
    build: |ask| exact::build(ask, Point::Fake),
};
