//! From TOML text to a [`RunConfig`], with errors that name file, line and key.

use super::keys::KEYS;
use super::{ConfigError, RunConfig};
use softreg::spec::did_you_mean;
use toml::de::{DeTable, DeValue};

/// Reads a configuration; `origin` is the file's name in errors.
///
/// # Errors
/// [`ConfigError::Syntax`] or [`ConfigError::UnknownKey`].
pub fn parse(text: &str, origin: &str) -> Result<RunConfig, ConfigError> {
    let line_of = |offset: usize| 1 + text[..offset.min(text.len())].matches('\n').count();
    let syntax = |error: toml::de::Error| ConfigError::Syntax {
        origin: origin.to_owned(),
        line: error.span().map_or(1, |span| line_of(span.start)),
        reason: plain(&error),
    };
    let table = DeTable::parse(text).map_err(syntax)?;
    unknown_key(table.get_ref(), |offset, key, nearest| ConfigError::UnknownKey {
        place: format!("{origin}:{}: ", line_of(offset)),
        key,
        nearest,
    })?;
    toml::from_str(text).map_err(syntax)
}

/// Sets one key, written `section.key=value`, in `config`. A value that is no TOML is taken as text.
///
/// # Errors
/// [`ConfigError`] for an unknown key or a value of the wrong type.
pub fn set(config: &RunConfig, assignment: &str) -> Result<RunConfig, ConfigError> {
    let grammar = || ConfigError::Assignment { text: assignment.to_owned() };
    let (path, value) = assignment.split_once('=').ok_or_else(grammar)?;
    let (path, value) = (path.trim(), value.trim());
    let parsed = toml::from_str::<toml::Table>(&format!("v = {value}"))
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let (section, name) = path.split_once('.').unwrap_or(("", path));
    if section != "regularizers" && KEYS.iter().all(|key| key.path != path) {
        return Err(ConfigError::UnknownKey {
            place: String::new(),
            key: path.to_owned(),
            nearest: did_you_mean(path, KEYS.iter().map(|key| key.path)),
        });
    }
    let with = |value: toml::Value| {
        let mut table = toml::Table::try_from(config).map_err(|_| grammar())?;
        if section.is_empty() {
            table.insert(name.to_owned(), value);
        } else {
            let inner = table
                .entry(section)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()))
                .as_table_mut()
                .ok_or_else(grammar)?;
            inner.insert(name.to_owned(), value);
        }
        table.try_into().map_err(|error: toml::de::Error| ConfigError::Assigned {
            text: assignment.to_owned(),
            reason: plain(&error),
        })
    };
    // A shell takes quotes away, so that text such as the size 32 arrives as a number.
    let as_text = || with(toml::Value::String(value.to_owned()));
    with(parsed).or_else(|error| as_text().map_err(|_| error))
}

/// What the reader said, in one line, and with the names of types as words.
fn plain(error: &toml::de::Error) -> String {
    let text = error.message().replace('\n', ", ");
    let types = [
        ("expected usize", "expected a whole number, 0 or greater"),
        ("expected u64", "expected a whole number, 0 or greater"),
        ("expected f64", "expected a number"),
        ("expected a boolean", "expected true or false"),
        ("expected a string", "expected text in quotes"),
        ("invalid type: ", "found "),
    ];
    types.iter().fold(text, |text, (name, words)| text.replace(name, words))
}

/// The first key that is not documented; regularizers have their own check.
fn unknown_key(
    table: &DeTable<'_>,
    error: impl Fn(usize, String, String) -> ConfigError,
) -> Result<(), ConfigError> {
    let sections =
        || KEYS.iter().map(|key| key.path.split_once('.').map_or(key.path, |(section, _)| section));
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if name == "regularizers" {
            continue;
        }
        if !sections().any(|section| section == name) {
            let nearest = did_you_mean(name, sections().chain(["regularizers"]));
            return Err(error(key.span().start, name.to_owned(), nearest));
        }
        let DeValue::Table(inner) = value.get_ref() else { continue };
        for inner_key in inner.keys() {
            let path = format!("{name}.{}", inner_key.get_ref());
            if KEYS.iter().all(|key| key.path != path) {
                let nearest = did_you_mean(&path, KEYS.iter().map(|key| key.path));
                return Err(error(inner_key.span().start, path, nearest));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_with_place_and_nearest_key() {
        let error = parse("seed = 1\n[network]\nwidht = 3\n", "my.toml").unwrap_err().to_string();
        assert!(error.starts_with("my.toml:3: unknown key `network.widht`"), "{error}");
        assert!(error.contains("did you mean `network.width`?"), "{error}");
        let error = parse("[netwrok]\nwidth = 3\n", "my.toml").unwrap_err().to_string();
        assert!(error.contains("my.toml:1") && error.contains("`network`"), "{error}");
    }

    #[test]
    fn wrong_types_are_refused_with_place() {
        let error =
            parse("[network]\nlatent = 4\nwidth = \"x\"\n", "my.toml").unwrap_err().to_string();
        assert!(error.starts_with("my.toml:3: "), "{error}");
    }

    #[test]
    fn keys_can_be_set_one_by_one() {
        let config = RunConfig::default();
        assert_eq!(set(&config, "network.width=8").unwrap().network.width, Some(8));
        assert_eq!(set(&config, "data.size = 48x64").unwrap().data.size, "48x64");
        assert_eq!(set(&config, "data.size=32").unwrap().data.size, "32");
        assert_eq!(set(&config, "data.size=32").unwrap().data.size, "32");
        assert_eq!(
            set(&config, "training.augment=[\"colour\"]").unwrap().training.augment,
            ["colour"]
        );
        assert!(set(&config, "network.with=8").unwrap_err().to_string().contains("network.width"));
        assert!(set(&config, "network.width").is_err());
        assert!(set(&config, "network.width=-1").is_err());
    }
}
