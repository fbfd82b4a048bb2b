//! Compositions of the user's own, in words.

use super::{Spec, SpecError, did_you_mean};
use crate::aim::AIMS;
use crate::composition::Composition;
use crate::distance::DISTANCES;
use crate::pairing::PAIRINGS;
use crate::setting::{Part, Setting, SettingError, Settings, Value};
use crate::site::{SITES, Site};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The four choices, as keys of a table.
pub(super) const CHOICES: [&str; 4] = ["pairing", "distance", "aim", "site"];

/// Short words for common choices.
const SHORT: &[(&str, &str)] =
    &[("fake", "fake-score"), ("l2", "squared-l2"), ("real", "real-score")];

/// The name without its arguments, long.
fn head(word: &str) -> &str {
    let head = word.split('(').next().unwrap_or(word);
    SHORT.iter().find(|(short, _)| *short == head).map_or(head, |(_, long)| *long)
}

/// Which of the four choices a word makes.
fn choice(word: &str) -> Option<&'static str> {
    let name = head(word);
    let is = |found: bool, choice| found.then_some(choice);
    is(PAIRINGS.iter().any(|p| p.name == name), "pairing")
        .or_else(|| is(DISTANCES.iter().any(|d| d.name == name), "distance"))
        .or_else(|| is(AIMS.iter().any(|a| a.name == name), "aim"))
        .or_else(|| is(SITES.iter().any(|(site, ..)| *site == name), "site"))
}

/// Words, where what is between brackets holds together.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0u32;
    for c in text.chars() {
        depth = match c {
            '(' => depth + 1,
            ')' => depth.saturating_sub(1),
            _ => depth,
        };
        match words.last_mut() {
            Some(word) if !c.is_whitespace() => word.push(c),
            Some(word) if depth == 0 && !word.is_empty() => words.push(String::new()),
            _ => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a text is a composition, and no named regularizer with its settings.
pub(super) fn is_composition(text: &str) -> bool {
    let words = words(text);
    let (Some(first), Some(second)) = (words.first(), words.get(1)) else { return false };
    // `l2 = 1e-5` is the named one.
    !first.contains(['=', ',']) && !second.starts_with(['=', ',']) || text.contains('(')
}

/// Reads a composition.
pub(super) fn parse(text: &str) -> Result<(String, Spec), SpecError> {
    let incomplete = |what: String| SpecError::Incomplete { text: text.to_owned(), what };
    let (mut settings, mut weight, mut name) = (BTreeMap::new(), None, None);
    for word in words(text) {
        let (key, value) = match (choice(&word), word.split_once('=')) {
            (Some(choice), _) => (choice.to_owned(), Value::Text(long(&word))),
            (None, Some((key, value))) if !key.contains('(') => {
                (key.to_owned(), Value::read(value))
            }
            _ => return Err(unknown_word(text, &word)),
        };
        let again = match (key.as_str(), value) {
            ("name", value) => name.replace(value.to_string()).is_some(),
            ("weight", Value::Number(value)) => weight.replace(value).is_some(),
            (_, value) => settings.insert(key.clone(), value).is_some(),
        };
        if again {
            return Err(incomplete(format!("gives its {key} twice")));
        }
    }
    if let Some(missing) = CHOICES.iter().find(|choice| !settings.contains_key(**choice)) {
        return Err(incomplete(format!("has no {missing}")));
    }
    let made_up = || {
        let word = |choice: &&str| match &settings[*choice] {
            Value::Text(text) => head(text).to_owned(),
            other => other.to_string(),
        };
        CHOICES.iter().map(word).collect::<Vec<_>>().join("-")
    };
    let name = name.unwrap_or_else(made_up);
    Ok((name, Spec { weight, settings }))
}

/// The word with a long name.
fn long(word: &str) -> String {
    let arguments = word.find('(').map_or("", |at| &word[at..]);
    format!("{}{arguments}", head(word))
}

fn unknown_word(text: &str, word: &str) -> SpecError {
    let names = || {
        let parts = PAIRINGS.iter().map(|p| p.name).chain(DISTANCES.iter().map(|d| d.name));
        parts.chain(AIMS.iter().map(|a| a.name)).chain(SITES.iter().map(|s| s.0))
    };
    SpecError::Word {
        text: text.to_owned(),
        word: word.to_owned(),
        kind: "pairing, distance, aim or site",
        nearest: did_you_mean(head(word), names()),
        all: names().collect::<Vec<_>>().join(", "),
    }
}

/// Takes out the four choices, and makes a composition of them.
pub(super) fn take(
    name: &str,
    settings: &mut BTreeMap<String, Value>,
) -> Result<(Composition, BTreeMap<String, Value>), SpecError> {
    let mut texts = BTreeMap::new();
    for choice in CHOICES {
        let incomplete =
            || SpecError::Incomplete { text: name.to_owned(), what: format!("has no {choice}") };
        let value = settings.remove(choice).ok_or_else(incomplete)?;
        texts.insert(choice, value.to_string());
    }
    let (pairing, pairing_text) = part(PAIRINGS, "pairing", &texts["pairing"])?;
    let (distance, distance_text) = part(DISTANCES, "distance", &texts["distance"])?;
    let (aim, aim_text) = part(AIMS, "aim", &texts["aim"])?;
    let site_name = head(texts["site"].trim());
    if texts["site"].contains('(') {
        return Err(SpecError::Grammar { text: texts["site"].clone() });
    }
    let site = Site::named(site_name)
        .ok_or_else(|| no_part("site", site_name, SITES.iter().map(|(name, ..)| *name)))?;
    let composition = Composition { pairing, distance, aim, site };
    composition
        .check()
        .map_err(|source| SpecError::Composition { name: name.to_owned(), source })?;
    let full = [pairing_text, distance_text, aim_text, site.name().to_owned()];
    let full = CHOICES.iter().zip(full).map(|(k, v)| ((*k).to_owned(), Value::Text(v)));
    Ok((composition, full.collect()))
}

/// The part that `text` asks for, `name`, `name(value)` or `name(setting=value, …)`, and the text with
/// nothing left to defaults.
fn part<T: ?Sized>(
    parts: &'static [Part<T>],
    kind: &'static str,
    text: &str,
) -> Result<(Arc<T>, String), SpecError> {
    let text = text.trim();
    let name = head(text);
    let part = parts
        .iter()
        .find(|part| part.name == name)
        .ok_or_else(|| no_part(kind, name, parts.iter().map(|part| part.name)))?;
    let given = arguments(part.settings, text)
        .ok_or_else(|| SpecError::Grammar { text: text.to_owned() })?;
    let settings = Settings::complete(part.settings.iter(), &given)
        .map_err(|error| setting_error(name, part.settings.iter(), error))?;
    let values: Vec<String> =
        settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let full = match values.is_empty() {
        true => name.to_owned(),
        false => format!("{name}({})", values.join(",")),
    };
    Ok(((part.build)(&settings), full))
}

fn no_part<'a>(
    kind: &'static str,
    word: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> SpecError {
    SpecError::Word {
        text: word.to_owned(),
        word: word.to_owned(),
        kind,
        nearest: did_you_mean(word, names.clone()),
        all: names.collect::<Vec<_>>().join(", "),
    }
}

/// What is between the brackets; `None` where it makes no sense.
fn arguments(settings: &[Setting], text: &str) -> Option<BTreeMap<String, Value>> {
    let Some((_, inner)) = text.split_once('(') else { return Some(BTreeMap::new()) };
    let inner = inner.strip_suffix(')')?;
    let mut given = BTreeMap::new();
    for (i, argument) in inner.split(',').map(str::trim).filter(|a| !a.is_empty()).enumerate() {
        let (key, value) = match argument.split_once('=') {
            Some((key, value)) => (key.trim(), value.trim()),
            None if i == 0 => (settings.first()?.name, argument),
            None => return None,
        };
        if given.insert(key.to_owned(), Value::read(value)).is_some() {
            return None;
        }
    }
    Some(given)
}

/// The error of a setting of `name`.
pub(super) fn setting_error<'a>(
    name: &str,
    known: impl Iterator<Item = &'a Setting>,
    error: SettingError,
) -> SpecError {
    match error {
        SettingError::Unknown(setting) => {
            let names: Vec<&str> = known.map(|setting| setting.name).collect();
            let nearest = did_you_mean(&setting, names.iter().copied());
            let all = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            SpecError::UnknownSetting { name: name.to_owned(), setting, nearest, all }
        }
        SettingError::Value { setting, value } => SpecError::Setting {
            name: name.to_owned(),
            setting: setting.name.to_owned(),
            value: value.to_string(),
            expected: setting.kind.expected(),
        },
    }
}

/// Adds `flip=false` to a pairing that could flip and does not say whether it does.
pub(super) fn without_mirror(settings: &mut BTreeMap<String, Value>) {
    let Some(Value::Text(text)) = settings.get_mut("pairing") else { return };
    let part = PAIRINGS.iter().find(|part| part.name == head(text.trim()));
    let flips = part.is_some_and(|part| part.settings.iter().any(|s| s.name == "flip"));
    if !flips || text.contains("flip") {
        return;
    }
    *text = match text.trim().strip_suffix(')') {
        Some(start) if start.ends_with('(') => format!("{start}flip=false)"),
        Some(start) => format!("{start},flip=false)"),
        None => format!("{}(flip=false)", text.trim()),
    };
}
