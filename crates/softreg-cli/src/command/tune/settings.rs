//! From the settings of a trial to its configuration.

use crate::failure::usage;
use anyhow::Context;
use softreg_image::Collection;
use softreg_study::{Domain, Parameters, Space};
use softreg_train::RunConfig;
use softreg_train::config::{ConfigError, keys::KEYS, parse};

/// The recipe with these settings.
pub(super) fn apply(recipe: &RunConfig, parameters: &Parameters) -> anyhow::Result<RunConfig> {
    let set = |config: RunConfig, (key, value): (&String, &String)| set(&config, key, value);
    parameters.iter().try_fold(recipe.clone(), set)
}

fn set(config: &RunConfig, key: &str, value: &str) -> anyhow::Result<RunConfig> {
    let (name, setting) = key.split_once('.').map_or((key, None), |(n, s)| (n, Some(s)));
    if KEYS.iter().any(|known| known.path.split('.').next() == Some(name)) {
        return Ok(parse::set(config, &format!("{key}={value}"))?);
    }
    let text = match setting {
        None => format!("{name}={value}"),
        Some(setting) => format!("{name},{setting}={value}"),
    };
    let (_, read) = softreg::spec::parse(&text).map_err(ConfigError::from)?;
    let mut config = config.clone();
    match config.regularizers.get_mut(name) {
        Some(spec) => {
            spec.weight = read.weight.or(spec.weight);
            spec.settings.extend(read.settings);
        }
        None => {
            config.regularizers.insert(name.to_owned(), read);
        }
    }
    Ok(config)
}

/// Sections that are the same for every trial.
const FIXED: &[&str] = &["seed", "data", "stop", "output"];

/// Refuses what cannot be varied, and every end and choice that no run would take.
pub(super) fn check(
    space: &Space,
    recipe: &RunConfig,
    pictures: &Collection,
) -> anyhow::Result<()> {
    for dimension in &space.dimensions {
        let key = &dimension.key;
        let section = key.split('.').next().unwrap_or(key);
        if FIXED.contains(&section) {
            return Err(usage(format!(
                "--vary {key}: pictures, seeds and budget are the same for every trial; vary a regularizer, or a key of network, training or optimizer"
            )));
        }
        let ends = match &dimension.domain {
            Domain::Choice(values) => values.clone(),
            Domain::Range { low, high, .. } => vec![low.to_string(), high.to_string()],
        };
        for value in ends {
            let at = || format!("--vary {key}, at {value}");
            let mut config = set(recipe, key, &value).with_context(at)?;
            config.settle(pictures, 1);
            config.check(pictures).with_context(at)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_settings_and_keys_are_set() {
        let recipe = crate::recipe::read("default").unwrap();
        let with = |key: &str, value: &str| {
            apply(&recipe, &Parameters::from([(key.to_owned(), value.to_owned())])).unwrap()
        };
        assert_eq!(with("consistency", "2.5").regularizers["consistency"].weight, Some(2.5));
        let l2 = with("l2", "0.1");
        assert!(l2.regularizers.len() == 3 && l2.regularizers["l2"].weight == Some(0.1));
        let shift = with("consistency.shift", "0.2");
        let spec = &shift.regularizers["consistency"];
        // The weight of the recipe stays.
        assert!(spec.weight == Some(1.0) && spec.settings.contains_key("shift"));
        assert_eq!(with("training.batch", "16").training.batch, 16);
        assert!(apply(&recipe, &Parameters::from([("training.bach".into(), "1".into())])).is_err());
    }
}
