//! From the settings of a trial to its configuration.

use crate::command::experiment::FIXED;
use crate::failure::usage;
use anyhow::Context;
use softreg::memory::Memory;
use softreg::term::Term;
use softreg_image::Collection;
use softreg_study::{Dimension, Domain, Parameters, Space};
use softreg_train::RunConfig;
use softreg_train::config::{Checked, ConfigError, keys::KEYS, parse};

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

/// A value between the ends of a range, of no special digits.
const BETWEEN: f64 = 0.37;

/// The space with ranges of whole numbers where a key takes no others.
pub(super) fn whole(mut space: Space, recipe: &RunConfig) -> Space {
    for Dimension { key, domain } in &mut space.dimensions {
        if let Domain::Range { whole: false, low, high, scale } = *domain {
            let wholes = Domain::Range { whole: true, low, high, scale };
            let takes = |domain: &Domain| set(recipe, key, &domain.at(BETWEEN)).is_ok();
            let some = low.ceil() <= high.floor();
            if !takes(domain) && some && takes(&wholes) {
                *domain = wholes;
            }
        }
    }
    space
}

/// Refuses what cannot be varied, and every end and choice that no run would take.
pub(super) fn check(
    space: &Space,
    recipe: &RunConfig,
    pictures: &Collection,
    first_rung: Option<u64>,
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
            range @ Domain::Range { .. } => {
                [0.0, BETWEEN, 1.0].map(|share| range.at(share)).to_vec()
            }
        };
        for value in ends {
            let at = || format!("--vary {key}, at {value}");
            let mut config = set(recipe, key, &value).with_context(at)?;
            config.settle(pictures, 1);
            let checked = config.check(pictures).with_context(at)?;
            if let Some(steps) = first_rung.filter(|steps| rests(&checked, key, *steps)) {
                return Err(usage(format!(
                    "--vary {key}: its regularizer takes no part in the first {steps} steps, after which trials are compared first, so that all of them would be alike: let it begin earlier (settings such as start or ramp), use fewer --rungs, or more --steps"
                )));
            }
        }
    }
    Ok(())
}

/// Whether a key is of a regularizer that is not evaluated once in so many steps, however strong it is.
fn rests(checked: &Checked, key: &str, steps: u64) -> bool {
    let name = key.split('.').next().unwrap_or(key);
    let of = |term: &&Term| term.name.split('.').next() == Some(name);
    let mut terms = checked.terms().iter().filter(of).peekable();
    let memory = Memory::default();
    terms.peek().is_some() && terms.all(|term| (0..steps).all(|step| !term.due(step, &memory)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_take_whole_numbers_alone_are_varied_by_these() {
        let recipe = crate::recipe::read("default").unwrap();
        let texts =
            ["training.batch=8..33", "consistency=1..3", "l2=0.5..2", "network.width=4..6:log"];
        let space = Space::parse(&texts.map(str::to_owned)).unwrap();
        let wholes = whole(space, &recipe).dimensions.into_iter();
        let wholes: Vec<bool> =
            wholes.map(|d| matches!(d.domain, Domain::Range { whole: true, .. })).collect();
        assert_eq!(wholes, [true, false, false, true]);
    }

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
