//! From what was asked for to terms of the objective.

use super::composed::{self, setting_error};
use super::{Spec, SpecError, did_you_mean};
use crate::composition::Composition;
use crate::knob::Scale;
use crate::registry::{self, Ask, Entry, REGULARIZERS, Weighted};
use crate::schedule::{SCHEDULES, Schedule};
use crate::setting::{Part, Setting, Settings, Value};
use crate::site::Input;
use crate::term::{Body, Term};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The settings that every regularizer has, besides those of its schedule.
pub const COMMON: &[Setting] = &[
    Setting::whole(
        "every",
        "evaluate only at every k-th step, with k times the weight",
        1,
        [1, 1000],
    ),
    Setting::choice(
        "schedule",
        "how the weight changes over the run",
        &["constant", "adaptive", "cosine", "linear", "sigmoid", "warm-up"],
    ),
    Setting::number("share", "fraction of the batch that is used", 1.0, [0.001, 1.0]),
];

/// A regularizer whose every setting is known and within its range, defaults filled in.
#[derive(Clone, Debug)]
pub struct Checked {
    name: String,
    weight: f64,
    weight_given: bool,
    common: Settings,
    schedule: (Arc<dyn Schedule>, Settings),
    body: CheckedBody,
}

#[derive(Clone, Debug)]
enum CheckedBody {
    Named { entry: &'static Entry, settings: Settings },
    Composed { composition: Composition, texts: BTreeMap<String, Value> },
}

impl Checked {
    /// The terms of the objective, for pictures and batches of this scale.
    ///
    /// # Errors
    /// [`SpecError::Refused`] where settings contradict each other.
    pub fn terms(&self, scale: &Scale) -> Result<Vec<Term>, SpecError> {
        let refused = |reason| SpecError::Refused { name: self.name.clone(), reason };
        let parts = match &self.body {
            CheckedBody::Composed { composition, .. } => {
                vec![Weighted { weight: self.weight, body: Body::Soft(composition.clone()) }]
            }
            CheckedBody::Named { entry, settings } => {
                let weight_given = self.weight_given;
                let ask = Ask { weight: self.weight, weight_given, settings, scale };
                (entry.build)(&ask).map_err(refused)?
            }
        };
        let names: Vec<_> = parts.iter().map(|part| self.term_name(&part.body, &parts)).collect();
        let term = |(name, part): (String, Weighted)| Term {
            name,
            weight: part.weight,
            schedule: self.schedule.0.clone(),
            every: self.common.whole("every"),
            share: self.common.number("share"),
            body: part.body,
        };
        Ok(names.into_iter().zip(parts).map(term).collect())
    }

    fn term_name(&self, body: &Body, all: &[Weighted]) -> String {
        let name = &self.name;
        let Some(player) = body.player().filter(|_| all.len() > 1) else {
            return name.clone();
        };
        let of_player = all.iter().filter(|other| other.body.player() == Some(player)).count();
        match of_player > 1 {
            true => format!("{name}.{}", body.subject()),
            false => format!("{name}.{player}"),
        }
    }

    /// Why a common setting would change nothing, or something else than it says, where one would.
    fn refused(&self, body: &Body) -> Option<&'static str> {
        let shared = self.common.number("share") < 1.0;
        let limits_weights = matches!(body, Body::Weights { .. } | Body::Spectral);
        if limits_weights && shared {
            return Some("it penalises weights, not a share of a batch: leave out share");
        }
        // Pictures of a part of the batch are normalised by other statistics than those that they are compared with.
        let generates = |composition: &Composition| match composition.site.input() {
            Input::Latent => composition.pairing.extra_pass(),
            Input::Fake => composition.pairing.needs_fresh(),
            _ => false,
        };
        if shared && body.composition().is_some_and(generates) {
            return Some(
                "its partners are generated, and a generator normalises a whole batch, not a share of it: leave out share, or use every instead",
            );
        }
        let scheduled = self.common.word("schedule") != "constant";
        (matches!(body, Body::Spectral) && scheduled).then_some(
            "spectral normalisation is part of the critic and the same at every step: leave out schedule",
        )
    }

    /// The specification with nothing left to defaults.
    pub fn spec(&self) -> Spec {
        let own = |settings: &Settings| -> BTreeMap<String, Value> {
            settings.iter().map(|(k, v)| (k.to_owned(), v.clone())).collect()
        };
        let mut settings = own(&self.common);
        settings.extend(own(&self.schedule.1));
        let weight = match &self.body {
            CheckedBody::Named { settings: named, .. } => {
                settings.extend(own(named));
                // A weight that was left open may be for other settings to decide.
                (self.weight_given || named.iter().all(|(name, _)| name != "gamma"))
                    .then_some(self.weight)
            }
            CheckedBody::Composed { texts, .. } => {
                settings.extend(texts.clone());
                Some(self.weight)
            }
        };
        Spec { weight, settings }
    }
}

/// Checks a specification against the registry.
///
/// # Errors
/// [`SpecError`] for an unknown name or setting, a value out of range, or choices that do not go
/// together.
pub fn check(name: &str, spec: &Spec) -> Result<Checked, SpecError> {
    let entry = registry::named(name);
    let mut given = spec.settings.clone();
    let composed = match entry {
        Some(_) if spec.is_composed() => {
            let reason = "this name is taken: choose another for the composition";
            return Err(SpecError::Refused { name: name.to_owned(), reason: reason.to_owned() });
        }
        None if !spec.is_composed() => return Err(unknown_name(name)),
        Some(_) => None,
        None => Some(composed::take(name, &mut given)?),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        let reason =
            "a name may contain letters, digits, `-` and `_`: choose another for the composition";
        return Err(SpecError::Refused { name: name.to_owned(), reason: reason.to_owned() });
    }
    // A regularizer composed by the user has no default but 1.
    let weight = spec.weight.unwrap_or(entry.map_or(1.0, |entry| entry.weight));
    if !(weight.is_finite() && weight >= 0.0) {
        return Err(SpecError::Weight { name: name.to_owned(), weight });
    }
    if let Some(value) = given.get("weight") {
        return Err(SpecError::Setting {
            name: name.to_owned(),
            setting: "weight".to_owned(),
            value: value.to_string(),
            expected: "a finite number, 0 or greater".to_owned(),
        });
    }
    let named_settings: &'static [Setting] = entry.map_or(&[], |entry| entry.settings);
    let course = course(name, entry, &mut given)?;
    let known = named_settings.iter().chain(COMMON).chain(course.settings);
    let mut parts = [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()];
    let groups: [&'static [Setting]; 3] = [named_settings, COMMON, course.settings];
    for (key, value) in given {
        let Some(group) = groups.iter().position(|group| group.iter().any(|s| s.name == key))
        else {
            let names = || known.clone().map(|s| s.name).chain(["weight"]);
            return Err(SpecError::UnknownSetting {
                name: name.to_owned(),
                nearest: did_you_mean(&key, names()),
                all: names().collect::<Vec<_>>().join(", "),
                setting: key,
            });
        };
        parts[group].insert(key, value);
    }
    let complete = |group: usize| {
        Settings::complete(groups[group].iter(), &parts[group])
            .map_err(|error| setting_error(name, known.clone(), error))
    };
    let (settings, common, course_settings) = (complete(0)?, complete(1)?, complete(2)?);
    let lazy = common.whole("every") > 1;
    if let Some(reason) = entry.and_then(|entry| entry.never_lazy).filter(|_| lazy) {
        return Err(SpecError::Refused { name: name.to_owned(), reason: reason.to_owned() });
    }
    let checked = Checked {
        name: name.to_owned(),
        weight,
        weight_given: spec.weight.is_some(),
        common,
        schedule: ((course.build)(&course_settings), course_settings),
        body: match (entry, composed) {
            (Some(entry), _) => CheckedBody::Named { entry, settings },
            (None, Some((composition, texts))) => CheckedBody::Composed { composition, texts },
            (None, None) => return Err(unknown_name(name)),
        },
    };
    for term in checked.terms(&Scale::REFERENCE)? {
        if let Some(reason) = checked.refused(&term.body) {
            return Err(SpecError::Refused { name: name.to_owned(), reason: reason.to_owned() });
        }
    }
    Ok(checked)
}

/// The schedule that is asked for, or the regularizer's own; what the latter says of its settings is
/// added to what is `given`.
fn course(
    name: &str,
    entry: Option<&'static Entry>,
    given: &mut BTreeMap<String, Value>,
) -> Result<&'static Part<dyn Schedule>, SpecError> {
    let find = |word: &str| SCHEDULES.iter().find(|part| part.name == word);
    let own = entry.map_or("constant", |entry| entry.schedule.0);
    let word = match given.get("schedule") {
        Some(Value::Text(word)) => word.clone(),
        Some(other) => other.to_string(),
        None => own.to_owned(),
    };
    let Some(part) = find(&word) else {
        return Err(SpecError::Setting {
            name: name.to_owned(),
            setting: "schedule".to_owned(),
            value: word,
            expected: COMMON[1].kind.expected(),
        });
    };
    given.insert("schedule".to_owned(), Value::Text(word.clone()));
    if let Some(entry) = entry.filter(|entry| entry.schedule.0 == word) {
        for (setting, value) in entry.schedule.1 {
            given.entry((*setting).to_owned()).or_insert(Value::Number(*value));
        }
    }
    Ok(part)
}

fn unknown_name(name: &str) -> SpecError {
    let names = || REGULARIZERS.iter().map(|entry| entry.name);
    SpecError::UnknownName {
        name: name.to_owned(),
        nearest: did_you_mean(name, names()),
        all: names().collect::<Vec<_>>().join(", "),
    }
}
