//! The one list of named regularizers: command line, configuration, help and documentation are
//! made from it. A new regularizer is one file in `preset/` or `hard/` and one line here.

use crate::preset;
use crate::spec::{Body, Value};
use std::collections::BTreeMap;

/// Whether outputs are compared or weights limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Compares the network's outputs for a sample and its partner.
    Soft,
    /// Limits the weights themselves.
    Hard,
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

/// A setting of a regularizer besides its weight.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name in configurations.
    pub name: &'static str,
    /// What it does, in one phrase.
    pub summary: &'static str,
    /// What it may be.
    pub kind: SettingKind,
}

/// Settings, complete and within their ranges.
pub type Settings = BTreeMap<&'static str, Value>;

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
    /// Passes through a network that it adds to a step, in words.
    pub passes: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Its settings, sorted by name.
    pub settings: &'static [Setting],
    /// Builds the terms of the objective from complete settings.
    pub build: fn(&Settings) -> Vec<Body>,
}

/// All named regularizers, sorted by name.
pub const REGULARIZERS: &[Entry] = &[
    preset::balanced::ENTRY,
    preset::consistency::ENTRY,
    preset::diversity::ENTRY,
    preset::l1::ENTRY,
    preset::l2::ENTRY,
    preset::mode_seeking::ENTRY,
    preset::pair::ENTRY,
    preset::slope_fake::ENTRY,
    preset::slope_real::ENTRY,
];

/// The number called `name`.
pub(crate) fn number(settings: &Settings, name: &str) -> f64 {
    match settings.get(name) {
        Some(Value::Number(value)) => *value,
        other => unreachable!("setting `{name}` was checked to be a number, found {other:?}"),
    }
}

/// The flag called `name`.
pub(crate) fn flag(settings: &Settings, name: &str) -> bool {
    match settings.get(name) {
        Some(Value::Flag(value)) => *value,
        other => unreachable!("setting `{name}` was checked to be a flag, found {other:?}"),
    }
}

/// The word called `name`.
pub(crate) fn word<'a>(settings: &'a Settings, name: &str) -> &'a str {
    match settings.get(name) {
        Some(Value::Text(value)) => value,
        other => unreachable!("setting `{name}` was checked to be a word, found {other:?}"),
    }
}
