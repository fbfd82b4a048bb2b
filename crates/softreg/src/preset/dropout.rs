use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::Bernoulli;
use crate::pairing::Again;
use crate::perturbation::Perturbation;
use crate::registry::{Ask, CONSTANT, Entry, Kind, Weighted};
use crate::setting::Setting;
use crate::site::Site;
use crate::term::Body;

/// R-Drop on a critic.
pub(crate) const ENTRY: Entry = Entry {
    name: "dropout",
    kind: Kind::Soft,
    summary: "the critic should give the same answer whichever of its features are dropped",
    formula: "E[½·KL(p‖q) + ½·KL(q‖p)], p and q from two dropout draws for the same picture",
    weight: 1.0,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 2106.14448",
    settings: &[
        Setting::number("rate", "fraction of the critic's features that is dropped", 0.3, [0.01, 0.95]),
        Setting::choice("site", "whose scores are compared", &["real-score", "fake-score"]),
    ],
    about: "R-Drop. The critic runs with dropout, in the loss too, and is asked to give a picture the \
same probability of being real under two draws of it. The divergence is that of its binary output, `p = \
σ(score)`, so it needs the logistic loss, whose scores are log odds. Dropout is applied to the last \
features, and the second draw needs no extra pass.

For a classifier of your own, this is the composition `Composition::new(Again { perturbation: None }, \
Kl, Attract, Site::Output)`, as in the example `classifier`: the model brings its own dropout and is run \
twice. The paper's loss is the sum over both runs, half of which, on average, comes from the first; in \
these terms its weights α are half as large: 0.25 to 2.5 for text (2.5 for translation) and 0.3 for \
pictures.",
    build,
};

fn build(ask: &Ask<'_>) -> Result<Vec<Weighted>, String> {
    let rate = ask.settings.number("rate");
    let again = Again { perturbation: Some(Perturbation::Dropout { rate }) };
    let site = Site::named(ask.settings.word("site")).unwrap_or(Site::RealScore);
    Ok(vec![ask.term(Body::Soft(Composition::new(again, Bernoulli, Attract, site)))])
}
