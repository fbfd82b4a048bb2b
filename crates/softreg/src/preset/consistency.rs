use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::pairing::Augment;
use crate::registry::{Entry, Kind, Setting, SettingKind, Settings, flag, number};
use crate::site::Site;
use crate::spec::Body;

/// Consistency regularization (CR). Source: arXiv 1910.12027, with its λ = 10 and its flip and shift.
///
/// The authors shift by "a few pixels"; here it is up to 1/8 of the side, so that it means the same at
/// every size. The sample is the real picture as the critic sees it, after differentiable augmentation
/// where there is any.
pub(crate) const ENTRY: Entry = Entry {
    name: "consistency",
    kind: Kind::Soft,
    summary: "the critic should score a real picture and a moved copy of it alike",
    formula: "E[(D(x) − D(T(x)))²], T flips and shifts, x real",
    weight: 10.0,
    passes: "1 critic",
    source: "arXiv 1910.12027",
    settings: SETTINGS,
    build: |settings| vec![body(settings, Site::RealScore)],
};

/// How a copy is moved.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "flip",
        summary: "mirror copies left to right",
        kind: SettingKind::Flag { default: true },
    },
    Setting {
        name: "shift",
        summary: "largest shift of a copy, as a share of the side",
        kind: SettingKind::Number { default: Augment::SHIFT, min: 0.0, max: 0.5 },
    },
];

/// Consistency of the scores at `site`.
pub(super) fn body(settings: &Settings, site: Site) -> Body {
    let augment = Augment { shift: number(settings, "shift"), flip: flag(settings, "flip") };
    Body::Soft(Composition::new(augment, SquaredL2, Attract, site))
}
