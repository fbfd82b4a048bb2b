use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::pairing::Shuffle;
use crate::registry::{Entry, Kind, Setting, SettingKind, word};
use crate::site::Site;
use crate::spec::Body;

/// The definition of soft regularization read literally: the outputs of random pairs attract each
/// other. On the generator's pictures it contracts what is generated, so the default site is the
/// critic's score.
pub(crate) const ENTRY: Entry = Entry {
    name: "pair",
    kind: Kind::Soft,
    summary: "the definition read literally: outputs of random pairs should be alike",
    formula: "E[D(f(x), f(x'))], x' another sample",
    weight: 0.1,
    passes: "none",
    source: "the definition J = L + λ·R",
    settings: &[Setting {
        name: "site",
        summary: "the output that is compared (`image` reduces diversity)",
        kind: SettingKind::Choice {
            default: "real-score",
            of: &["fake-score", "image", "real-score"],
        },
    }],
    build: |settings| {
        let site = Site::named(word(settings, "site")).unwrap_or(Site::RealScore);
        vec![Body::Soft(Composition::new(Shuffle, SquaredL2, Attract, site))]
    },
};
