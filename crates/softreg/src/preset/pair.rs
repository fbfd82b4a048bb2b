use crate::aim::Attract;
use crate::composition::Composition;
use crate::distance::SquaredL2;
use crate::pairing::Shuffle;
use crate::registry::{CONSTANT, Entry, Kind};
use crate::setting::Setting;
use crate::site::Site;
use crate::term::Body;

/// The definition of soft regularization read literally.
pub(crate) const ENTRY: Entry = Entry {
    name: "pair",
    kind: Kind::Soft,
    summary: "the definition taken literally: outputs of random pairs should be alike",
    formula: "E[D(f(x), f(x'))], x' another sample",
    weight: 0.1,
    schedule: CONSTANT,
    never_lazy: None,
    source: "the definition J = L + λ·R",
    settings: &[Setting::choice(
        "site",
        "the output to compare (`image` reduces diversity)",
        &["real-score", "fake-score", "image"],
    )],
    about: "The outputs of random pairs attract each other: this penalises twice the variance of the \
output, whatever the inputs. On the critic's scores it keeps them from drifting apart; on the \
generator's pictures it shrinks the variety of what is generated, and it exists to demonstrate that. See \
*The literal definition* for the mathematics and for what to use instead.",
    build: |ask| {
        let site = Site::named(ask.settings.word("site")).unwrap_or(Site::RealScore);
        Ok(vec![ask.term(Body::Soft(Composition::new(Shuffle, SquaredL2, Attract, site)))])
    },
};
