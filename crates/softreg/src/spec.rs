//! Regularizers as a user writes them, and the check that turns them into terms of the objective.
//!
//! Two spellings with one meaning: `consistency=10,shift=0.2` on a command line, and
//! `consistency = { weight = 10, shift = 0.2 }` (or just `consistency = 10`) in a configuration.

use crate::composition::Composition;
use crate::hard::WeightPenalty;
use crate::registry::{Entry, REGULARIZERS, SettingKind};
use crate::site::Player;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `flip = true`
    Flag(bool),
    /// `shift = 0.125`
    Number(f64),
    /// `site = "image"`
    Text(String),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Flag(v) => v.fmt(f),
            Value::Number(v) => v.fmt(f),
            Value::Text(v) => v.fmt(f),
        }
    }
}

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
    expecting = "a regularizer is its weight, or a table such as { weight = 10, shift = 0.2 }"
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

/// What is wrong with a regularizer's specification.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SpecError {
    /// Not in the registry.
    #[error("there is no regularizer `{name}`{nearest}: choose from {all}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// ` (did you mean …?)` or nothing.
        nearest: String,
        /// All names.
        all: String,
    },
    /// The regularizer has no such setting.
    #[error("regularizer `{name}` has no setting `{setting}`{nearest}: it takes {all}")]
    UnknownSetting {
        /// The regularizer.
        name: String,
        /// What was asked for.
        setting: String,
        /// ` (did you mean …?)` or nothing.
        nearest: String,
        /// All settings.
        all: String,
    },
    /// λ must be a finite number that is at least 0.
    #[error(
        "the weight of regularizer `{name}` is {weight}: it must be a finite number, 0 or greater"
    )]
    Weight {
        /// The regularizer.
        name: String,
        /// What was asked for.
        weight: f64,
    },
    /// A setting has a value that it cannot take.
    #[error("setting `{setting}` of regularizer `{name}` is `{value}`: it must be {expected}")]
    Setting {
        /// The regularizer.
        name: String,
        /// The setting.
        setting: String,
        /// What was asked for.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// Text that does not follow `name=weight,setting=value`.
    #[error(
        "`{text}` is no regularizer: write NAME, NAME=WEIGHT or NAME=WEIGHT,SETTING=VALUE, for example consistency=10,shift=0.2"
    )]
    Grammar {
        /// The text.
        text: String,
    },
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

/// Reads `name`, `name=weight` or `name=weight,setting=value,…`; `name,weight=…` says the same.
///
/// # Errors
/// [`SpecError::Grammar`]; names and values are checked later, by [`check`].
pub fn parse(text: &str) -> Result<(String, Spec), SpecError> {
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
        let value = value.trim();
        let value = match (value.parse::<bool>(), value.parse::<f64>()) {
            (Ok(flag), _) => Value::Flag(flag),
            (_, Ok(number)) => Value::Number(number),
            _ => Value::Text(value.to_owned()),
        };
        if settings.insert(key.trim().to_owned(), value).is_some() {
            return Err(grammar());
        }
    }
    let named = Spec::from(Spelling::Table(settings));
    if weight.is_some() && (named.weight.is_some() || named.settings.contains_key("weight")) {
        return Err(grammar());
    }
    Ok((name.trim().to_owned(), Spec { weight: weight.or(named.weight), settings: named.settings }))
}

/// What a term of the objective is made of.
#[derive(Clone, Debug)]
pub enum Body {
    /// Compares outputs.
    Soft(Composition),
    /// Limits the weights of one player.
    Hard {
        /// The penalty.
        penalty: Arc<dyn WeightPenalty>,
        /// Whose weights.
        player: Player,
    },
}

impl Body {
    /// The player that the gradient reaches; `None` outside adversarial training.
    pub fn player(&self) -> Option<Player> {
        match self {
            Body::Soft(composition) => composition.site.player(),
            Body::Hard { player, .. } => Some(*player),
        }
    }
}

/// One checked term `λ·R` of the objective.
#[derive(Clone, Debug)]
pub struct Term {
    /// Name in metrics: the regularizer's name, and behind a dot, where it has several terms, the
    /// player (`l2.critic`), or, where one player has several, what each looks at
    /// (`balanced.real`).
    pub name: String,
    /// λ, finite and at least 0.
    pub weight: f64,
    /// How R is computed.
    pub body: Body,
}

/// A regularizer whose every setting is known and within its range, defaults filled in.
#[derive(Clone, Debug)]
pub struct Checked {
    entry: &'static Entry,
    weight: f64,
    settings: BTreeMap<&'static str, Value>,
}

impl Checked {
    /// The terms of the objective.
    pub fn terms(&self) -> Vec<Term> {
        let bodies = (self.entry.build)(&self.settings);
        let names: Vec<_> = bodies.iter().map(|body| self.term_name(body, &bodies)).collect();
        let term = |(name, body)| Term { name, weight: self.weight, body };
        names.into_iter().zip(bodies).map(term).collect()
    }

    fn term_name(&self, body: &Body, all: &[Body]) -> String {
        let name = self.entry.name;
        let Some(player) = body.player().filter(|_| all.len() > 1) else {
            return name.to_owned();
        };
        let of_player = all.iter().filter(|other| other.player() == Some(player)).count();
        match body {
            Body::Soft(composition) if of_player > 1 => {
                format!("{name}.{}", composition.site.subject())
            }
            _ => format!("{name}.{player}"),
        }
    }

    /// The specification with nothing left to defaults.
    pub fn spec(&self) -> Spec {
        let settings = self.settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        Spec { weight: Some(self.weight), settings }
    }
}

/// Checks a specification against the registry.
///
/// # Errors
/// [`SpecError`] for an unknown name or setting, or a value out of range.
pub fn check(name: &str, spec: &Spec) -> Result<Checked, SpecError> {
    let names = || REGULARIZERS.iter().map(|entry| entry.name);
    let entry = REGULARIZERS.iter().find(|entry| entry.name == name).ok_or_else(|| {
        SpecError::UnknownName {
            name: name.to_owned(),
            nearest: did_you_mean(name, names()),
            all: names().collect::<Vec<_>>().join(", "),
        }
    })?;
    let weight = spec.weight.unwrap_or(entry.weight);
    if !(weight.is_finite() && weight >= 0.0) {
        return Err(SpecError::Weight { name: name.to_owned(), weight });
    }
    let known = || entry.settings.iter().map(|setting| setting.name).chain(["weight"]);
    if let Some(unknown) =
        spec.settings.keys().find(|key| entry.settings.iter().all(|s| s.name != *key))
    {
        if unknown == "weight" {
            return Err(SpecError::Setting {
                name: name.to_owned(),
                setting: unknown.clone(),
                value: spec.settings[unknown].to_string(),
                expected: "a finite number, 0 or greater".to_owned(),
            });
        }
        return Err(SpecError::UnknownSetting {
            name: name.to_owned(),
            setting: unknown.clone(),
            nearest: did_you_mean(unknown, known()),
            all: known().collect::<Vec<_>>().join(", "),
        });
    }
    let mut settings = BTreeMap::new();
    for setting in entry.settings {
        let value = spec.settings.get(setting.name).cloned().unwrap_or(setting.kind.default());
        if !setting.kind.accepts(&value) {
            return Err(SpecError::Setting {
                name: name.to_owned(),
                setting: setting.name.to_owned(),
                value: value.to_string(),
                expected: setting.kind.expected(),
            });
        }
        settings.insert(setting.name, value);
    }
    Ok(Checked { entry, weight, settings })
}

impl SettingKind {
    /// The value where none is given.
    pub fn default(&self) -> Value {
        match *self {
            SettingKind::Number { default, .. } => Value::Number(default),
            SettingKind::Flag { default } => Value::Flag(default),
            SettingKind::Choice { default, .. } => Value::Text(default.to_owned()),
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (SettingKind::Number { min, max, .. }, Value::Number(v)) => {
                v.is_finite() && (*min..=*max).contains(v)
            }
            (SettingKind::Flag { .. }, Value::Flag(_)) => true,
            (SettingKind::Choice { of, .. }, Value::Text(v)) => of.contains(&v.as_str()),
            _ => false,
        }
    }

    /// What it may be, in words.
    pub fn expected(&self) -> String {
        match self {
            SettingKind::Number { min, max, .. } => format!("a number from {min} to {max}"),
            SettingKind::Flag { .. } => "true or false".to_owned(),
            SettingKind::Choice { of, .. } => format!("one of {}", of.join(", ")),
        }
    }
}
