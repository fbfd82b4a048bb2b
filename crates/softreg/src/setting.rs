//! Settings: what a registered thing can be told besides its weight, and the check of what it is told.

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

impl Value {
    /// What `text` says: a flag, a number (`0.25` or `1/4`), or else itself.
    pub fn read(text: &str) -> Self {
        if let Ok(flag) = text.parse() {
            return Value::Flag(flag);
        }
        let number = match text.split_once('/') {
            None => text.parse().ok(),
            Some((above, below)) => {
                above.parse::<f64>().ok().zip(below.parse::<f64>().ok()).map(|(a, b)| a / b)
            }
        };
        number.map_or_else(|| Value::Text(text.to_owned()), Value::Number)
    }
}

/// What a setting may be.
#[derive(Clone, Copy, Debug)]
pub enum SettingKind {
    /// A number in `min..=max`.
    Number {
        /// Where none is given.
        default: f64,
        /// Smallest.
        min: f64,
        /// Greatest.
        max: f64,
    },
    /// A whole number in `min..=max`.
    Whole {
        /// Where none is given.
        default: u64,
        /// Smallest.
        min: u64,
        /// Greatest.
        max: u64,
    },
    /// Yes or no.
    Flag {
        /// Where none is given.
        default: bool,
    },
    /// A word from a list.
    Choice {
        /// Where none is given.
        default: &'static str,
        /// The words.
        of: &'static [&'static str],
    },
}

impl SettingKind {
    /// The value where none is given.
    pub fn default(&self) -> Value {
        match *self {
            SettingKind::Number { default, .. } => Value::Number(default),
            SettingKind::Whole { default, .. } => Value::Number(default as f64),
            SettingKind::Flag { default } => Value::Flag(default),
            SettingKind::Choice { default, .. } => Value::Text(default.to_owned()),
        }
    }

    /// Whether `value` is one.
    pub fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (SettingKind::Number { min, max, .. }, Value::Number(v)) => {
                v.is_finite() && (*min..=*max).contains(v)
            }
            (SettingKind::Whole { min, max, .. }, Value::Number(v)) => {
                v.fract() == 0.0 && (*min as f64..=*max as f64).contains(v)
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
            SettingKind::Whole { min, max, .. } => format!("a whole number from {min} to {max}"),
            SettingKind::Flag { .. } => "true or false".to_owned(),
            SettingKind::Choice { of, .. } => format!("one of {}", of.join(", ")),
        }
    }
}

/// A setting of something registered.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name in configurations.
    pub name: &'static str,
    /// What it does, in one phrase.
    pub summary: &'static str,
    /// What it may be.
    pub kind: SettingKind,
}

impl Setting {
    /// A number in `min..=max`.
    pub const fn number(
        name: &'static str,
        summary: &'static str,
        default: f64,
        [min, max]: [f64; 2],
    ) -> Self {
        Self { name, summary, kind: SettingKind::Number { default, min, max } }
    }

    /// A whole number in `min..=max`.
    pub const fn whole(
        name: &'static str,
        summary: &'static str,
        default: u64,
        [min, max]: [u64; 2],
    ) -> Self {
        Self { name, summary, kind: SettingKind::Whole { default, min, max } }
    }

    /// Yes or no.
    pub const fn flag(name: &'static str, summary: &'static str, default: bool) -> Self {
        Self { name, summary, kind: SettingKind::Flag { default } }
    }

    /// One of some words, the first where none is given.
    pub const fn choice(
        name: &'static str,
        summary: &'static str,
        of: &'static [&'static str],
    ) -> Self {
        Self { name, summary, kind: SettingKind::Choice { default: of[0], of } }
    }
}

/// Settings, complete and within their ranges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(BTreeMap<&'static str, Value>);

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SettingError {
    /// There is none of that name.
    Unknown(String),
    /// It cannot have that value.
    Value {
        /// The setting.
        setting: &'static Setting,
        /// What was asked for.
        value: Value,
    },
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Settings {
    /// What is `given`, and defaults for the rest of `known`.
    pub(crate) fn complete(
        known: impl Iterator<Item = &'static Setting> + Clone,
        given: &BTreeMap<String, Value>,
    ) -> Result<Self, SettingError> {
        if let Some(unknown) = given.keys().find(|key| known.clone().all(|s| s.name != *key)) {
            return Err(SettingError::Unknown(unknown.clone()));
        }
        let value = |setting: &'static Setting| {
            let value = given.get(setting.name).cloned().unwrap_or(setting.kind.default());
            match setting.kind.accepts(&value) {
                true => Ok((setting.name, value)),
                false => Err(SettingError::Value { setting, value }),
            }
        };
        Ok(Self(known.map(value).collect::<Result<_, _>>()?))
    }

    /// The defaults of all of `known`.
    pub fn defaults(known: &'static [Setting]) -> Self {
        Self(known.iter().map(|setting| (setting.name, setting.kind.default())).collect())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// The number called `name`.
    pub(crate) fn number(&self, name: &str) -> f64 {
        match self.0.get(name) {
            Some(Value::Number(value)) => *value,
            other => unreachable!("setting `{name}` was checked to be a number, found {other:?}"),
        }
    }

    /// The whole number called `name`.
    pub(crate) fn whole(&self, name: &str) -> u64 {
        self.number(name) as u64
    }

    /// The flag called `name`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Flag(value)) => *value,
            other => unreachable!("setting `{name}` was checked to be a flag, found {other:?}"),
        }
    }

    /// The word called `name`.
    pub(crate) fn word(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(Value::Text(value)) => value,
            other => unreachable!("setting `{name}` was checked to be a word, found {other:?}"),
        }
    }
}

/// A line of a registry of parts: pairings, distances, aims, schedules.
#[derive(Debug)]
pub struct Part<T: ?Sized> {
    /// Name in configurations.
    pub name: &'static str,
    /// What it does or computes, as plain text.
    pub formula: &'static str,
    /// Its settings. The value of the first can be written alone: `noise(0.05)`.
    pub settings: &'static [Setting],
    /// Builds it from complete settings.
    pub build: fn(&Settings) -> Arc<T>,
}

impl<T: ?Sized> Part<T> {
    /// The part with all settings at their defaults.
    pub fn with_defaults(&self) -> Arc<T> {
        (self.build)(&Settings::defaults(self.settings))
    }
}
