use crate::aim::{Attract, Spread};
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::pairing::{Noise, SIGMA};
use crate::registry::{Ask, CONSTANT, Entry, Kind, Weighted};
use crate::setting::Setting;
use crate::site::Site;
use crate::term::Body;

/// Latent consistency regularization (zCR).
pub(crate) const ENTRY: Entry = Entry {
    name: "latent",
    kind: Kind::Soft,
    summary: "nearby latents: alike to the critic, apart as pictures",
    formula: "E[(D(G(z)) − D(G(z + σn)))²] for D, −E[|G(z) − G(z + σn)|²] for G",
    weight: 5.0,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 2002.04724",
    settings: &[
        Setting::number(
            "generator-weight",
            "weight of the generator's half; 0 disables it",
            0.5,
            [0.0, 1e6],
        ),
        Setting { kind: crate::setting::SettingKind::Number { default: 0.05, min: 1e-4, max: 10.0 }, ..SIGMA },
    ],
    about: "A latent is perturbed slightly. The critic should not care; the generator should make a \
different picture, so that it does not learn to ignore its latent. The two halves pull against each \
other, and both weights matter: λ is the critic's (λ_dis in the paper), `generator-weight` the \
generator's (λ_gen), σ the noise on the latent. Published implementations differ: StudioGAN uses 20, 0.5 \
and 0.05, StyleGAN2-ADA's comparison 0.2, 0.02 and 0.1, and the best values depend on the network.

Both halves use the same noisy latents, and the generator's pictures of them are made once for both. The \
squared difference of two pictures is a mean over their values, not a sum, so that λ_gen means the same \
at every size. With labels, a noisy latent keeps its label.",
    build,
};

fn build(ask: &Ask<'_>) -> Result<Vec<Weighted>, String> {
    let noise = Noise { sigma: ask.settings.number("sigma") };
    let critic = Composition::new(noise, SquaredL2, Attract, Site::LatentScore);
    let generator = Composition::new(noise, SquaredL2, Spread, Site::Image);
    let weight = ask.settings.number("generator-weight");
    Ok(vec![ask.term(Body::Soft(critic)), Weighted { weight, body: Body::Soft(generator) }])
}
