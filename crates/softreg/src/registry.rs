//! The one list of named regularizers: command line, configuration, help and documentation are
//! made from it. A new regularizer is one file in `preset/` and one line here.

use crate::knob::Scale;
use crate::plan::Plan;
use crate::preset;
use crate::setting::{Setting, Settings};
use crate::site::Player;
use crate::spec::{self, Spec};
use crate::term::Body;
use std::collections::BTreeMap;

/// Whether outputs are compared or weights limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Compares the network's outputs for a sample and its partner.
    Soft,
    /// Limits the weights themselves, or the exact gradient.
    Hard,
}

impl Kind {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Soft => "soft",
            Kind::Hard => "hard",
        }
    }
}

/// What a regularizer is built from.
#[derive(Debug)]
pub struct Ask<'a> {
    /// λ.
    pub weight: f64,
    /// Whether λ was asked for, and is no default.
    pub weight_given: bool,
    /// The entry's settings, complete and within their ranges.
    pub settings: &'a Settings,
    /// Size of pictures and batches.
    pub scale: &'a Scale,
}

impl Ask<'_> {
    /// A term with the weight that was asked for.
    pub(crate) fn term(&self, body: Body) -> Weighted {
        Weighted { weight: self.weight, body }
    }
}

/// A term and its λ.
#[derive(Debug)]
pub struct Weighted {
    /// λ.
    pub weight: f64,
    /// How R is computed.
    pub body: Body,
}

/// A named regularizer.
#[derive(Debug)]
pub struct Entry {
    /// Name in configurations and metrics.
    pub name: &'static str,
    /// Soft or hard.
    pub kind: Kind,
    /// What it is good for, in one sentence.
    pub summary: &'static str,
    /// The formula, as plain text.
    pub formula: &'static str,
    /// Default λ.
    pub weight: f64,
    /// Default schedule, and what it sets besides that schedule's own defaults.
    pub schedule: (&'static str, &'static [(&'static str, f64)]),
    /// Why it must take part in every step, where it must.
    pub never_lazy: Option<&'static str>,
    /// Where it comes from.
    pub source: &'static str,
    /// Its settings, sorted by name.
    pub settings: &'static [Setting],
    /// What a user should know: how it works, what it costs, when to take it, where it deviates from its
    /// source. Paragraphs of Markdown, without a heading.
    pub about: &'static str,
    /// Builds the terms of the objective; an error is a reason, and names the way out.
    pub build: fn(&Ask<'_>) -> Result<Vec<Weighted>, String>,
}

/// The schedule of most.
pub(crate) const CONSTANT: (&str, &[(&str, f64)]) = ("constant", &[]);

/// All named regularizers, sorted by name.
pub const REGULARIZERS: &[Entry] = &[
    preset::balanced::ENTRY,
    preset::consistency::ENTRY,
    preset::diversity::ENTRY,
    preset::dropout::ENTRY,
    preset::interpolation::ENTRY,
    preset::l1::ENTRY,
    preset::l2::ENTRY,
    preset::latent::ENTRY,
    preset::lecam::ENTRY,
    preset::mode_seeking::ENTRY,
    preset::modulated::ENTRY,
    preset::pair::ENTRY,
    preset::r1::ENTRY,
    preset::r2::ENTRY,
    preset::slope_fake::ENTRY,
    preset::slope_real::ENTRY,
    preset::spectral::ENTRY,
    preset::wgan_gp::ENTRY,
];

/// The regularizer called `name`.
pub fn named(name: &str) -> Option<&'static Entry> {
    REGULARIZERS.iter().find(|entry| entry.name == name)
}

impl Entry {
    /// Whether it has a setting of its own of that name.
    pub fn has_setting(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| setting.name == name)
    }

    /// The plan with this regularizer alone, at its defaults.
    pub fn plan(&self) -> Plan {
        let spec = Spec { weight: None, settings: BTreeMap::new() };
        // Defaults are within their ranges; a test holds every entry to it.
        let terms = spec::check(self.name, &spec).and_then(|c| c.terms(&Scale::REFERENCE));
        Plan::new(terms.unwrap_or_default())
    }

    /// Passes through a network that it adds to a step at its defaults, forwards and backwards together, in
    /// words: `3 critic + 1 generator`, or `none`. A plain pass is three: one forwards, and two backwards,
    /// through weights and inputs.
    pub fn passes(&self) -> String {
        let passes = self.plan().passes();
        let counts = [Player::Critic, Player::Generator].map(|player| {
            let of = passes.iter().filter(|pass| pass.network == player);
            let count: f64 = of.map(|pass| pass.forward + pass.backward).sum();
            (count > 0.0).then(|| format!("{count} {player}"))
        });
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        if counts.is_empty() { "none".to_owned() } else { counts.join(" + ") }
    }
}
