use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::pairing::Again;
use crate::perturbation::Perturbation;
use crate::registry::{Ask, CONSTANT, Entry, Kind, Weighted};
use crate::setting::Setting;
use crate::site::Site;
use crate::term::Body;

/// Noise-modulated consistency regularization (NICE).
pub(crate) const ENTRY: Entry = Entry {
    name: "modulated",
    kind: Kind::Soft,
    summary: "the critic should not rely on single features: noise on them should change nothing",
    formula: "E[(D(x; m) − D(x; m'))²], m and m' draws of N(1, σ²) on the features; x real and generated",
    weight: 1.0,
    schedule: CONSTANT,
    never_lazy: None,
    source: "after Ni and Koniusz, NICE, NeurIPS 2023",
    settings: &[Setting::number(
        "sigma",
        "standard deviation of the multiplicative noise on features",
        0.3,
        [0.01, 4.0],
    )],
    about: "After NICE. The critic's features are multiplied by noise of mean 1, in the loss too, so \
that it cannot rely on single ones; and it is asked to score a picture alike under two draws of the \
noise, which holds down the gradients that the noise alone would raise. Both apply to real and to \
generated pictures.

The idea is the paper's; the details are ours, and we do not claim that they match: the noise is normal, \
on the last features, element by element, with a fixed σ, the same for real and generated pictures. \
Where the paper adapts the noise to overfitting, λ can be adapted here: `schedule=adaptive`. Because the \
network is the same up to its last features, the second draw needs no extra pass.",
    build,
};

fn build(ask: &Ask<'_>) -> Result<Vec<Weighted>, String> {
    let sigma = ask.settings.number("sigma");
    let again = Again { perturbation: Some(Perturbation::Modulation { sigma }) };
    let of = |site| ask.term(Body::Soft(Composition::new(again, SquaredL2, Attract, site)));
    Ok([Site::RealScore, Site::FakeScore].map(of).into())
}
