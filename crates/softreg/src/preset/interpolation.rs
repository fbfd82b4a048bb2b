use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::pairing::{ALPHA, Mix};
use crate::registry::{Ask, Entry, Kind, Weighted};
use crate::setting::Setting;
use crate::site::Site;
use crate::term::Body;

/// Interpolation consistency training (ICT) on a critic.
pub(crate) const ENTRY: Entry = Entry {
    name: "interpolation",
    kind: Kind::Soft,
    summary: "between two pictures the critic should score between them",
    formula: "E[(D(ux + (1 − u)x') − (u·D̄(x) + (1 − u)·D̄(x')))²], u ~ Beta(α, α), D̄ the average of D",
    weight: 1.0,
    schedule: ("sigmoid", &[("ramp", 1000.0)]),
    never_lazy: None,
    source: "arXiv 1903.03825, and the authors' program",
    settings: &[
        ALPHA,
        Setting::choice("site", "whose scores are compared", &["real-score", "fake-score"]),
    ],
    about: "ICT. The critic's score of a mixture of two pictures should be the mixture of what its own moving \
average, the teacher, says of the two: between what it knows it should run straight. The teacher's decay \
is 0.999 per update, and less at first (`1 − 1/t`); it is saved with a run.

Made for classifiers, where the squared difference is that of probabilities and λ rises to 100; a critic's scores have no \
bounds, and 100 would leave it no opinion, so that λ is 1 here. It rises along the paper's ramp \
`exp(−5(1 − t)²)`, over 1,000 steps. As in the authors' program there is one mixing share per batch, and the \
teacher's outputs are mixed as they are. With labels, those of both pictures are mixed too.

One pass of the teacher and one of the critic.",
    build,
};

fn build(ask: &Ask<'_>) -> Result<Vec<Weighted>, String> {
    let mix = Mix { alpha: ask.settings.number("alpha") };
    let site = Site::named(ask.settings.word("site")).unwrap_or(Site::RealScore);
    Ok(vec![ask.term(Body::Soft(Composition::new(mix, SquaredL2, Attract, site)))])
}
