use crate::aim::Diversify;
use crate::composition::Composition;
use crate::distance::L1;
use crate::pairing::Shuffle;
use crate::registry::{Entry, Kind, Setting, SettingKind, number};
use crate::site::Site;
use crate::spec::Body;

/// Diversity-sensitive regularization (DSGAN). Source: arXiv 1901.09024, with the mean absolute
/// differences of the authors' programs.
///
/// The mean over pairs of `|G(z) − G(z')| / |z − z'|` is maximised, each ratio clipped at τ. λ = 5 is
/// the authors' for inpainting; they take 8 and 10 for translating pictures. With a batch of its own
/// latents the partner is another sample of the batch (of the same label, where there are labels)
/// instead of a second draw, and the gradient flows through both pictures of a pair; some of the
/// authors' programs stop it at the second. A reward, so its value is negative.
pub(crate) const ENTRY: Entry = Entry {
    name: "diversity",
    kind: Kind::Soft,
    summary: "the more the noise differs, the more should the pictures",
    formula: "−E[min(|G(z) − G(z')| / |z − z'|, τ)], z' another sample",
    weight: 5.0,
    passes: "none",
    source: "arXiv 1901.09024",
    settings: &[Setting {
        name: "tau",
        summary: "ratio beyond which nothing more is gained",
        kind: SettingKind::Number { default: Diversify::TAU, min: 0.01, max: 1000.0 },
    }],
    build: |settings| {
        let diversify = Diversify { tau: number(settings, "tau") };
        vec![Body::Soft(Composition::new(Shuffle, L1, diversify, Site::Image))]
    },
};
