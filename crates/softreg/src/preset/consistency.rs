use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::pairing::{Augment, FLIP, SHIFT};
use crate::registry::{CONSTANT, Entry, Kind};
use crate::setting::{Setting, Settings};
use crate::site::Site;
use crate::term::Body;

/// Consistency regularization (CR).
pub(crate) const ENTRY: Entry = Entry {
    name: "consistency",
    kind: Kind::Soft,
    summary: "the critic should score a real picture and a transformed copy of it alike",
    formula: "E[(D(x) − D(T(x)))²], T flips and shifts, x real",
    weight: 10.0,
    schedule: CONSTANT,
    never_lazy: None,
    source: "arXiv 1910.12027",
    settings: SETTINGS,
    about: "What a picture shows does not change when it is shifted a little, so neither should the \
critic's score. This is the most useful single regularizer for small collections, and the first half of \
the default composition.

λ = 10 is the paper's value, for large critics; it stifles small ones, so the recipes use 1. The authors \
flip and shift by a few pixels; here a shift is up to 1/8 of the side, so that it means the same at \
every size. Where the collection must not be mirrored (`data.flip = false`, letters for example), copies \
are not mirrored either. The sample is the real picture as the critic sees it, after differentiable \
augmentation, if there is any.",
    build: |ask| Ok(vec![ask.term(body(ask.settings, Site::RealScore))]),
};

/// How a copy is moved.
pub(super) const SETTINGS: &[Setting] = &[FLIP, SHIFT];

/// Consistency of the scores at `site`.
pub(super) fn body(settings: &Settings, site: Site) -> Body {
    let augment = Augment { shift: settings.number("shift"), flip: settings.flag("flip") };
    Body::Soft(Composition::new(augment, SquaredL2, Attract, site))
}
