//! Recipes: complete configurations that come with the program, or from a file.

use crate::failure::usage;
use anyhow::Context;
use softreg_run::RunFolder;
use softreg_train::RunConfig;
use softreg_train::config::parse;
use std::path::Path;

/// A recipe that comes with the program.
pub(crate) struct Recipe {
    /// Name on the command line.
    pub name: &'static str,
    /// The configuration.
    pub text: &'static str,
}

macro_rules! recipes {
    ($($name:literal),* $(,)?) => {
        &[$(Recipe { name: $name, text: include_str!(concat!("../recipes/", $name, ".toml")) }),*]
    };
}

/// All recipes, sorted by name.
pub(crate) const RECIPES: &[Recipe] =
    recipes!["cifar10", "default", "few", "mnist", "photos", "tiles"];

impl Recipe {
    /// What it is for: the comment on its first line.
    pub(crate) fn summary(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

/// The configuration of the recipe called `name`, or of the file at that path.
pub(crate) fn read(name: &str) -> anyhow::Result<RunConfig> {
    if let Some(recipe) = RECIPES.iter().find(|recipe| recipe.name == name) {
        return Ok(parse::parse(recipe.text, &format!("recipe {name}"))?);
    }
    if !Path::new(name).exists() {
        let names = || RECIPES.iter().map(|recipe| recipe.name);
        return Err(usage(format!(
            "there is no recipe or file `{name}`{}: recipes are {}",
            softreg::spec::did_you_mean(name, names()),
            names().collect::<Vec<_>>().join(", ")
        )));
    }
    let text = std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?;
    let mut config = parse::parse(&text, name)?;
    // That of a run repeats the run, also where it is from before self-modulation.
    let path = std::path::absolute(name).unwrap_or_else(|_| name.into());
    let run = path.parent().and_then(|folder| RunFolder::open(folder).ok());
    if run.is_some_and(|run| run.config() == path) {
        config.network.say_self_modulation();
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_is_a_complete_run_with_a_summary() {
        for recipe in RECIPES {
            let config = read(recipe.name).unwrap();
            config.check_without_pictures().unwrap_or_else(|e| panic!("{}: {e}", recipe.name));
            assert!(
                recipe.text.starts_with("# ") && recipe.summary().len() > 10,
                "{}",
                recipe.name
            );
        }
        assert!(RECIPES.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn every_recipe_file_is_listed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = RECIPES.iter().map(|r| format!("{}.toml", r.name)).collect();
        assert_eq!(files, listed);
    }
}
