//! The sets of regularizers, from what a user writes to checked configurations.

use crate::command::choices::add_regularizer;
use crate::command::experiment::FIXED;
use crate::failure::usage;
use crate::origin::Origin;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use softreg::registry::{Kind, REGULARIZERS};
use softreg_image::Collection;
use softreg_train::RunConfig;
use softreg_train::config::parse;
use std::collections::BTreeSet;

/// What sets may differ in though an experiment fixes it: steps that cost more are fewer in the same time.
const BUDGET: &[&str] = &["stop.steps", "stop.images", "stop.minutes"];

/// A set of regularizers, ready to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arm {
    /// What a person calls it.
    pub(super) label: String,
    /// The same as the name of a file.
    pub(super) file: String,
    /// The whole configuration; its seed is another one in each trial.
    config: RunConfig,
}

/// A set that was not checked for its pictures yet.
#[derive(Debug)]
pub(super) struct Draft {
    label: String,
    items: Vec<String>,
}

/// Reads the sets; `base` is the recipe that they vary.
pub(super) fn arms(texts: &[String], base: &RunConfig) -> anyhow::Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    for text in texts {
        let kind = match text.trim() {
            "hard" => Some(Kind::Hard),
            "soft" => Some(Kind::Soft),
            _ => None,
        };
        match kind {
            Some(kind) => {
                let of_kind = REGULARIZERS.iter().filter(|entry| entry.kind == kind);
                drafts.extend(of_kind.map(|entry| Draft::read(entry.name)));
            }
            None => drafts.push(Draft::read(text)),
        }
    }
    let mut files = BTreeSet::new();
    for draft in &drafts {
        draft.over(base)?;
        if !files.insert(file(&draft.label)) {
            return Err(usage(format!(
                "--arm gives `{}` twice: label each set differently, as in 'strong: l2=0.1'",
                draft.label
            )));
        }
    }
    Ok(drafts)
}

impl Draft {
    fn read(text: &str) -> Self {
        let (label, rest) = match text.split_once(": ") {
            Some((label, rest)) => (label.trim(), rest),
            None => (text.trim(), text),
        };
        let items = rest.split('+').map(|item| item.trim().to_owned()).collect();
        Self { label: label.to_owned(), items }
    }

    /// The recipe with this set in place of its own; `recipe` among the items keeps those.
    fn over(&self, base: &RunConfig) -> anyhow::Result<RunConfig> {
        let mut config = base.clone();
        if !self.items.iter().any(|item| item == "recipe") {
            config.regularizers.clear();
        }
        let mut given = BTreeSet::new();
        for item in &self.items {
            config = match item.as_str() {
                "none" | "recipe" => config,
                "" => {
                    return Err(usage(format!(
                        "--arm `{}` has an empty part: write none, recipe, or NAME=WEIGHT + NAME=WEIGHT",
                        self.label
                    )));
                }
                item if is_assignment(item) => {
                    let key = item.split('=').next().unwrap_or(item).trim();
                    let section = key.split('.').next().unwrap_or(key);
                    if FIXED.contains(&section) && !BUDGET.contains(&key) {
                        return Err(usage(format!(
                            "--arm `{}` sets {item}: pictures, seeds and patience are the same for every set; change them for the whole comparison with --set",
                            self.label
                        )));
                    }
                    parse::set(&config, item)?
                }
                item => {
                    add_regularizer(&mut config, &mut given, item)?;
                    config
                }
            };
        }
        let checked = config.check_without_pictures();
        checked.with_context(|| format!("--arm `{}`", self.label))?;
        Ok(config)
    }

    /// The set for these pictures.
    pub(super) fn check(self, settled: &RunConfig, pictures: &Collection) -> anyhow::Result<Arm> {
        let mut config = self.over(settled)?;
        config.settle(pictures, 1);
        let named = || format!("--arm `{}`", self.label);
        let origin = Origin::of(&config).with_context(named)?;
        config.network.from = origin.as_ref().map(Origin::path);
        let whole = config.check(pictures).with_context(named)?;
        origin.map_or(Ok(()), |origin| origin.check(&whole, pictures)).with_context(named)?;
        Ok(Arm { file: file(&self.label), label: self.label, config: whole.config().clone() })
    }
}

impl Arm {
    pub(super) fn with_seed(&self, seed: u64) -> RunConfig {
        RunConfig { seed, ..self.config.clone() }
    }

    /// Further trials of an older design are as the others were.
    pub(super) fn say_self_modulation(&mut self) {
        self.config.network.say_self_modulation();
    }

    pub(super) fn config(&self) -> &RunConfig {
        &self.config
    }

    pub(super) fn threads(&self) -> usize {
        self.config.training.threads
    }

    pub(super) fn minutes(&self) -> Option<f64> {
        self.config.stop.minutes
    }
}

/// `section.key=value`; the name of a regularizer has no dot.
fn is_assignment(item: &str) -> bool {
    let key = item.split_once('=').map(|(key, _)| key.trim());
    key.is_some_and(|key| key.contains('.') && !key.contains([' ', '(', ',']))
}

fn file(label: &str) -> String {
    let usual = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    let name: String = label.chars().map(usual).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    // A name that begins with a dot would be hidden.
    let name = name.trim_start_matches(['.', '-']).to_owned();
    if name.is_empty() { "arm".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> RunConfig {
        crate::recipe::read("default").unwrap()
    }

    fn configs(texts: &[&str]) -> Vec<(String, RunConfig)> {
        let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        let drafts = arms(&texts, &base()).unwrap();
        drafts.iter().map(|d| (d.label.clone(), d.over(&base()).unwrap())).collect()
    }

    #[test]
    fn sets_replace_the_regularizers_of_the_recipe_or_add_to_them() {
        let read = configs(&[
            "none",
            "recipe",
            "big: recipe + l2=0.1",
            "noise(0.05) l2 slope real weight=0.1",
            "plain: recipe+training.augment=[]",
            "short: none + stop.steps=12",
        ]);
        let names = |i: usize| read[i].1.regularizers.keys().cloned().collect::<Vec<_>>();
        assert!(names(0).is_empty());
        assert_eq!(names(1), ["consistency", "mode-seeking"]);
        assert_eq!((read[2].0.as_str(), names(2).len()), ("big", 3));
        assert_eq!(names(3).len(), 1);
        assert!(read[4].1.training.augment.is_empty() && !read[1].1.training.augment.is_empty());
        assert_eq!((read[5].1.stop.steps, read[4].1.stop.steps), (Some(12), base().stop.steps));
    }

    #[test]
    fn groups_are_every_regularizer_of_a_kind() {
        let (hard, soft) = (configs(&["hard"]), configs(&["soft"]));
        assert_eq!(hard.len() + soft.len(), REGULARIZERS.len());
        assert!(hard.iter().any(|(label, _)| label == "l2"));
        assert!(soft.iter().all(|(_, config)| config.regularizers.len() == 1));
    }

    #[test]
    fn wrong_sets_are_refused() {
        for (texts, words) in [
            (&["l2=0.1", "l2=0.1"][..], "twice"),
            (&["consistancy"], "did you mean `consistency`?"),
            (&["l2 + "], "empty part"),
            (&["noise(0.05) l2 slope real + noise(0.1) l2 slope real"], "its own name"),
            (&["training.augmnt=[]"], "did you mean"),
            (&["more: none + data.validation=0.5"], "the same for every set"),
            (&["none + stop.patience=2"], "the same for every set"),
        ] {
            let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
            let error = format!("{:#}", arms(&texts, &base()).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn labels_become_names_of_files() {
        assert_eq!(file("l2=0.01"), "l2-0.01");
        assert_eq!(file("../x y"), "x-y");
        assert_eq!(file(".."), "arm");
    }
}
