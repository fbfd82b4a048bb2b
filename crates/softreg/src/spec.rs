//! Regularizers as a user writes them, and the check that turns them into terms of the objective.
//!
//! A named one has two spellings with one meaning: `consistency=10,shift=0.2` on a command line, and
//! `consistency = { weight = 10, shift = 0.2 }` (or just `consistency = 10`) in a configuration.
//!
//! So has a composition of one's own: `noise(0.05) l2 slope real weight=0.1 every=4`, words in any order,
//! and
//!
//! ```toml
//! [regularizers.smooth]          # any name that is not taken
//! pairing = "noise(0.05)"
//! distance = "squared-l2"
//! aim = "slope"
//! site = "real-score"
//! weight = 0.1
//! every = 4
//! ```

use crate::setting::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod check;
mod composed;
mod error;

pub use check::{COMMON, Checked, check};
pub use error::SpecError;

/// A regularizer as it was asked for: its weight λ and the settings that differ from the defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Spelling", into = "Spelling")]
pub struct Spec {
    /// λ; `None` takes the default of the registry.
    pub weight: Option<f64>,
    /// Settings by name.
    pub settings: BTreeMap<String, Value>,
}

/// What is found in a configuration: a number, or a table.
#[derive(Clone, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a regularizer is given as a weight, or as a table such as { weight = 10, shift = 0.2 }"
)]
enum Spelling {
    Weight(f64),
    Table(BTreeMap<String, Value>),
}

impl From<Spelling> for Spec {
    fn from(spelling: Spelling) -> Self {
        match spelling {
            Spelling::Weight(weight) => Spec { weight: Some(weight), settings: BTreeMap::new() },
            Spelling::Table(mut settings) => {
                // A weight that is no number stays among the settings, where the check refuses it.
                let weight = match settings.get("weight") {
                    Some(Value::Number(weight)) => Some(*weight),
                    _ => None,
                };
                if weight.is_some() {
                    settings.remove("weight");
                }
                Spec { weight, settings }
            }
        }
    }
}

impl From<Spec> for Spelling {
    fn from(spec: Spec) -> Self {
        match (spec.weight, spec.settings) {
            (Some(weight), settings) if settings.is_empty() => Spelling::Weight(weight),
            (weight, mut settings) => {
                settings.extend(weight.map(|w| ("weight".to_owned(), Value::Number(w))));
                Spelling::Table(settings)
            }
        }
    }
}

impl Spec {
    /// Whether it is a composition of its own, and no named regularizer.
    pub fn is_composed(&self) -> bool {
        composed::CHOICES.iter().any(|choice| self.settings.contains_key(*choice))
            && self.settings.contains_key("pairing")
    }

    /// Keeps partners from being mirrored, unless the specification says itself whether they are.
    pub fn without_mirror(&mut self, name: &str) {
        if self.is_composed() {
            composed::without_mirror(&mut self.settings);
        } else if crate::registry::named(name).is_some_and(|e| e.has_setting("flip")) {
            self.settings.entry("flip".to_owned()).or_insert(Value::Flag(false));
        }
    }
}

/// ` (did you mean `x`?)` for the candidate nearest to `word`, or nothing where none is near.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word.to_lowercase(), candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, candidate)| format!(" (did you mean `{candidate}`?)"))
}

/// Reads `name`, `name=weight` or `name=weight,setting=value,…` (`name,weight=…` says the same), or a
/// composition in words.
///
/// # Errors
/// [`SpecError::Grammar`], or for a composition what is wrong with its words; names and values are
/// checked later, by [`check`].
pub fn parse(text: &str) -> Result<(String, Spec), SpecError> {
    if composed::is_composition(text) {
        return composed::parse(text);
    }
    let grammar = || SpecError::Grammar { text: text.to_owned() };
    let mut parts = text.split(',');
    let head = parts.next().unwrap_or_default();
    let (name, weight) = match head.split_once('=') {
        None => (head, None),
        Some((name, weight)) => (name, Some(weight.trim().parse().map_err(|_| grammar())?)),
    };
    if name.trim().is_empty() {
        return Err(grammar());
    }
    let mut settings = BTreeMap::new();
    for part in parts {
        let (key, value) = part.split_once('=').ok_or_else(grammar)?;
        if settings.insert(key.trim().to_owned(), Value::read(value.trim())).is_some() {
            return Err(grammar());
        }
    }
    let named = Spec::from(Spelling::Table(settings));
    if weight.is_some() && (named.weight.is_some() || named.settings.contains_key("weight")) {
        return Err(grammar());
    }
    Ok((name.trim().to_owned(), Spec { weight: weight.or(named.weight), settings: named.settings }))
}
