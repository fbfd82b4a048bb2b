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
    summary: "the critic should score a mixture of two pictures in between their scores",
    formula: "E[(D(ux + (1 − u)x') − (u·D̄(x) + (1 − u)·D̄(x')))²], u ~ Beta(α, α), D̄ the moving average of D",
    weight: 1.0,
    schedule: ("sigmoid", &[("ramp", 1000.0)]),
    never_lazy: None,
    source: "arXiv 1903.03825, and the authors' code",
    settings: &[
        ALPHA,
        Setting::choice("site", "whose scores are compared", &["real-score", "fake-score"]),
    ],
    about: "ICT. The critic's score of a mixture of two pictures should be the mixture of the scores \
that its own moving average, the teacher, gives the two: between known pictures, scores should be \
linear. The teacher's decay is 0.999 per update, and lower at first (`1 − 1/t`); it is saved with the \
run.

It was made for classifiers, where the squared difference is between probabilities and λ rises to 100; a \
critic's scores are unbounded, and 100 would flatten them entirely, so λ is 1 here. It rises along the \
paper's ramp `exp(−5(1 − t)²)`, over 1,000 steps. As in the authors' code, there is one mixing \
coefficient per batch, and the teacher's outputs are mixed as they are. With labels, those of both \
pictures are mixed too.

It costs one pass of the teacher and one of the critic.",
    build,
};

fn build(ask: &Ask<'_>) -> Result<Vec<Weighted>, String> {
    let mix = Mix { alpha: ask.settings.number("alpha") };
    let site = Site::named(ask.settings.word("site")).unwrap_or(Site::RealScore);
    Ok(vec![ask.term(Body::Soft(Composition::new(mix, SquaredL2, Attract, site)))])
}
