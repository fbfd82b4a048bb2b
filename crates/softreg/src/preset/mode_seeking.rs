use crate::aim::Repel;
use crate::composition::Composition;
use crate::distance::L1;
use crate::pairing::Shuffle;
use crate::registry::{Entry, Kind, Setting, SettingKind, number};
use crate::site::Site;
use crate::spec::Body;

/// Mode-seeking regularization (MSGAN). Source: arXiv 1903.05628, in the form of the authors'
/// program: the reciprocal of the ratio of mean absolute differences, λ = 1 there; with a batch of
/// its own latents the partner is another sample of the batch instead of a second draw.
pub(crate) const ENTRY: Entry = Entry {
    name: "mode-seeking",
    kind: Kind::Soft,
    summary: "different noise should give different pictures",
    formula: "1 / (E|G(z) − G(z')| / E|z − z'| + ε), z' another sample",
    weight: 1.0,
    passes: "none",
    source: "arXiv 1903.05628",
    settings: &[Setting {
        name: "epsilon",
        summary: "bounds the penalty by 1/epsilon where all pictures are equal",
        kind: SettingKind::Number { default: Repel::EPSILON, min: 1e-8, max: 1.0 },
    }],
    build: |settings| {
        let repel = Repel { epsilon: number(settings, "epsilon") };
        vec![Body::Soft(Composition::new(Shuffle, L1, repel, Site::Image))]
    },
};
