//! What of a configuration decides the numbers of a run, so that a change in mid-run does not go unsaid.

use super::RunConfig;
use std::collections::BTreeMap;

/// Every key that is set, `training.batch` for example, with its value as TOML writes it.
pub fn flat(config: &RunConfig) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (section, value) in toml::Table::try_from(config).unwrap_or_default() {
        match value {
            toml::Value::Table(entries) => all.extend(
                entries
                    .into_iter()
                    .map(|(name, value)| (format!("{section}.{name}"), value.to_string())),
            ),
            value => drop(all.insert(section, value.to_string())),
        }
    }
    all
}

/// As [`flat`], all but when a run ends, what it writes, and where its
/// pictures and first networks came from, which are in its checkpoints or known by their content.
pub(crate) fn settings(config: &RunConfig) -> BTreeMap<String, String> {
    let decides = |key: &String| {
        !key.starts_with("stop.")
            && !key.starts_with("output.")
            && !matches!(key.as_str(), "data.source" | "network.from")
    };
    flat(config).into_iter().filter(|(key, _)| decides(key)).collect()
}

/// In what two configurations differ of that: `training.batch from 8 to 16`.
pub fn changes(before: &RunConfig, now: &RunConfig) -> Vec<String> {
    between(&settings(before), &settings(now))
}

/// What is not the same any more.
pub(crate) fn between(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<String> {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let value = |of: &BTreeMap<String, String>, key| {
        of.get(key).map_or_else(|| "unset".to_owned(), String::clone)
    };
    keys.into_iter()
        .filter(|key| before.get(*key) != now.get(*key))
        .map(|key| format!("{key} from {} to {}", value(before, key), value(now, key)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_the_numbers_is_told_and_nothing_else() {
        let before = RunConfig::default();
        let mut now = before.clone();
        now.stop.steps = Some(7);
        now.output.keep += 1;
        now.data.source = "elsewhere".to_owned();
        assert_eq!(changes(&before, &now), [""; 0]);
        now.seed = 3;
        now.training.batch = 16;
        now.data.limit = Some(9);
        now.regularizers.clear();
        let said = changes(&before, &now);
        let of = |key: &str| said.iter().filter(|line| line.starts_with(key)).count();
        assert_eq!((of("seed from 0 to 3"), of("data.limit from unset to 9")), (1, 1));
        assert_eq!(of(&format!("training.batch from {} to 16", before.training.batch)), 1);
        assert_eq!(of("regularizers."), before.regularizers.len());
        assert_eq!(said.len(), 3 + before.regularizers.len());
    }
}
