use crate::aim::{Diversify, TAU};
use crate::composition::Composition;
use crate::distance::L1;
use crate::pairing::Shuffle;
use crate::registry::{CONSTANT, Entry, Kind};
use crate::site::Site;
use crate::term::Body;

/// Diversity-sensitive regularization (DSGAN).
pub(crate) const ENTRY: Entry = Entry {
    name: "diversity",
    kind: Kind::Soft,
    summary: "the more the noise differs, the more the pictures should differ",
    formula: "−E[min(|G(z) − G(z')| / |z − z'|, τ)], z' another sample",
    weight: 5.0,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 1901.09024",
    settings: &[TAU],
    about: "Maximises the mean, over pairs, of the ratio of mean absolute differences, each ratio \
clipped at τ. It is a reward, so its value is negative. Unlike `mode-seeking`, the push is the same \
however far apart pictures are, until τ cuts it off.

λ = 5 is the authors' value for inpainting; they use 8 and 10 for image-to-image translation. Since \
every sample of the batch has its own latent, the partner is another sample of the batch (with the same \
label, if there are labels) instead of a second draw, which costs nothing, and the gradient flows \
through both pictures of a pair; some of the authors' implementations stop it at the second.",
    build: |ask| {
        let diversify = Diversify { tau: ask.settings.number("tau") };
        Ok(vec![ask.term(Body::Soft(Composition::new(Shuffle, L1, diversify, Site::Image)))])
    },
};
