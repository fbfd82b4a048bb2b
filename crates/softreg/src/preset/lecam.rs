use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::{Above, Below};
use crate::memory::Anchor;
use crate::pairing::{DECAY, Past};
use crate::registry::{Ask, Entry, Kind, Weighted};
use crate::site::{Input, Site};
use crate::term::Body;

/// LeCam regularization.
pub(crate) const ENTRY: Entry = Entry {
    name: "lecam",
    kind: Kind::Soft,
    summary: "the critic's scores should not drift away from their past averages",
    formula: "E[max(0, D(x) − α_F)²] + E[max(0, α_R − D(G(z)))²], α running averages of past scores",
    weight: 0.3,
    schedule: ("warm-up", &[("start", 1000.0)]),
    never_lazy: None,
    source: "arXiv 2104.03310, and the authors' implementations",
    settings: &[DECAY],
    about: "Keeps two running averages of the critic's scores, one for real pictures and one for \
generated ones. Scores of real pictures are held down towards the average of generated ones, and scores \
of generated pictures up towards that of real ones, so that the critic cannot become ever more certain \
about what it has memorized. It needs no extra pass.

A difference counts in one direction only, as in the authors' implementations. Those differ in the decay \
of the averages: 0.9 in the one for BigGAN, with λ = 0.3, and 0.99, as here, in the one for StyleGAN2, \
with λ = 1e-6 or less. The averages used here are those from before the step, which all workers share; \
the authors' implementations include the step's own scores first. It starts after 1,000 steps, once the \
averages are meaningful. The averages are saved with the run.",
    build,
};

fn build(ask: &Ask<'_>) -> Result<Vec<Weighted>, String> {
    let decay = ask.settings.number("decay");
    let past = |of| Past { anchor: Anchor { of, decay } };
    let real = Composition::new(past(Input::Fake), Above, Attract, Site::RealScore);
    let fake = Composition::new(past(Input::Real), Below, Attract, Site::FakeScore);
    Ok([real, fake].map(|composition| ask.term(Body::Soft(composition))).into())
}
