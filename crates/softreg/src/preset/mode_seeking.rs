use crate::aim::{EPSILON, Repel};
use crate::composition::Composition;
use crate::distance::L1;
use crate::pairing::Shuffle;
use crate::registry::{CONSTANT, Entry, Kind};
use crate::site::Site;
use crate::term::Body;

/// Mode-seeking regularization (MSGAN).
pub(crate) const ENTRY: Entry = Entry {
    name: "mode-seeking",
    kind: Kind::Soft,
    summary: "different noise should give different pictures",
    formula: "1 / (E|G(z) − G(z')| / E|z − z'| + ε), z' another sample",
    weight: 1.0,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 1903.05628, and the authors' code",
    settings: &[EPSILON],
    about: "The second half of the default composition: while consistency keeps the critic steady, this \
keeps the generator moving. It needs no extra pass.

The paper maximises the ratio of the distance between two pictures to the distance between their \
latents; this is the form used in the authors' code, which minimises the reciprocal of the ratio of mean \
absolute differences. When all pictures are equal it is 1/ε, and its push grows as pictures converge. \
The authors' λ is 1; the recipes use 0.1. Since every sample of the batch has its own latent, the \
partner is another sample of the batch (with the same label, if there are labels) instead of a second \
draw.",
    build: |ask| {
        let repel = Repel { epsilon: ask.settings.number("epsilon") };
        Ok(vec![ask.term(Body::Soft(Composition::new(Shuffle, L1, repel, Site::Image)))])
    },
};
