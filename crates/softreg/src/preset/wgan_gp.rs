use crate::hard::{GradientPenalty, Point, Target};
use crate::registry::{CONSTANT, Entry, Kind};
use crate::term::Body;

/// WGAN-GP, [`GradientPenalty`] between real and generated pictures.
pub(crate) const ENTRY: Entry = Entry {
    name: "wgan-gp",
    kind: Kind::Hard,
    summary: "the critic's slope between real and generated pictures should be 1",
    formula: "E[(‖∇D(ux + (1 − u)G(z))‖ − 1)²], u ~ U(0, 1)",
    weight: 10.0,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 1704.00028",
    settings: &[],
    about: "Made for the Wasserstein loss (`--loss wasserstein`), whose critic must have slopes of at \
most 1. The paper updates the critic five times per update of the generator: `--set \
training.critic-steps=5`. It costs one forward pass of the critic at the points in between, and three \
backward passes.",
    build: |ask| {
        let penalty = GradientPenalty { point: Point::Between, target: Target::One };
        Ok(vec![ask.term(Body::Gradient(penalty))])
    },
};
