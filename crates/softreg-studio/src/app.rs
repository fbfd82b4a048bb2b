//! The studio's parts, and what needs several of them.

use crate::api::NewRun;
use crate::intake::{Collection, Intake};
use crate::look::{Look, Looks, Subject};
use crate::painter::{Painter, Painters};
use crate::problem::{Answer, Problem};
use crate::queue::{Job, Queue, error_in};
use crate::shelf::Shelf;
use crate::takeaway::Keeper;
use crate::{Given, Ingredients};
use serde_json::{Value, json};
use softreg_run::{RunFolder, claim};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Everything that requests share.
pub struct App {
    /// The runs.
    pub shelf: Shelf,
    /// What trains and waits.
    pub queue: Arc<Queue>,
    /// Uploaded pictures.
    pub intake: Arc<Intake>,
    /// Generators.
    pub painters: Painters,
    /// What changes favourites.
    pub keeper: Keeper,
    /// What recipes hold, by name.
    pub recipes: BTreeMap<String, Ingredients>,
    /// Collections outside the runs that were named on the command line.
    pub given: BTreeMap<String, Given>,
    /// What is in collections.
    pub looks: Looks,
    /// What `softreg list` tells; it does not change.
    pub listed: OnceLock<Value>,
}

/// The collection that is part of the program.
pub(crate) const BUILT_IN: &str = "motif";

impl App {
    /// The generator of a run after `step` steps; the newest where nothing is said.
    ///
    /// # Errors
    /// 404, 409.
    pub fn painter(&self, run: &str, step: Option<u64>) -> Answer<Arc<dyn Painter>> {
        self.painters.of(&self.shelf.run(run)?, step)
    }

    /// All collections: the built-in one, those of the command line, uploads.
    pub fn collections(&self) -> Vec<Collection> {
        let named = |name: &str| Collection { name: name.to_owned(), files: 1 };
        let given = std::iter::once(BUILT_IN).chain(self.given.keys().map(String::as_str));
        given.map(named).chain(self.intake.list()).collect()
    }

    /// What the program takes as the pictures of a collection, or as the cells of its sheets.
    fn source(&self, name: &str, cells: Option<&str>) -> Answer<String> {
        Ok(self.place(name, cells)?.0)
    }

    /// [`source`](Self::source), and where its files are, if it has any.
    fn place(&self, name: &str, cells: Option<&str>) -> Answer<(String, Option<PathBuf>)> {
        let (whole, path) = match self.given.get(name) {
            _ if name == BUILT_IN => (BUILT_IN.to_owned(), None),
            Some(given) => (given.source.clone(), Some(given.path.clone())),
            None => {
                let path = self.intake.path(name)?;
                (path.display().to_string(), Some(path))
            }
        };
        match cells {
            None => Ok((whole, path)),
            Some(cells) => Ok((cut(&whole, cells)?, path)),
        }
    }

    /// Runs the program to its end.
    fn ask(&self, arguments: &[&str]) -> Answer<Vec<u8>> {
        let output = self.queue.command().args(arguments).output().map_err(Problem::failed)?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(Problem::wrong(
                    error_in(&said).unwrap_or("the program exited without an error message"),
                ))
            }
        }
    }

    fn ask_for_json(&self, arguments: &[&str]) -> Answer<Value> {
        serde_json::from_slice(&self.ask(arguments)?).map_err(Problem::failed)
    }

    /// Registries that a new run is chosen from.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub fn options(&self) -> Answer<Value> {
        if let Some(known) = self.listed.get() {
            return Ok(known.clone());
        }
        let mut all = serde_json::Map::new();
        for what in ["recipes", "regularizers", "augmentations", "networks"] {
            all.insert(what.to_owned(), self.ask_for_json(&["list", what, "--json"])?);
        }
        for recipe in all["recipes"].as_array_mut().into_iter().flatten() {
            let known = recipe["name"].as_str().and_then(|name| self.recipes.get(name));
            if let Some(Ingredients { augment, regularizers }) = known {
                recipe["augment"] = json!(augment);
                recipe["regularizers"] = json!(regularizers);
            }
        }
        Ok(self.listed.get_or_init(|| Value::Object(all)).clone())
    }

    /// What is in a collection, and what it looks like. Dropped, it is not looked at any longer.
    ///
    /// # Errors
    /// 400 with what is wrong with it, 404.
    pub async fn look(self: Arc<Self>, name: String, cells: Option<String>) -> Answer<Arc<Look>> {
        let app = self.clone();
        // The files may be many.
        let prepare = move || -> Answer<_> {
            let (source, path) = app.place(&name, cells.as_deref())?;
            let folder = app.shelf.own("sheets").map_err(Problem::failed)?;
            Ok((Subject::new(source, path.as_deref()), folder))
        };
        let prepared = tokio::task::spawn_blocking(prepare).await.map_err(Problem::failed)?;
        let (subject, folder) = prepared?;
        self.looks.at(subject, self.queue.command(), folder).await
    }

    /// Checks a run that is wished for, against its pictures, and puts it into the queue.
    ///
    /// # Errors
    /// 400 with the reason, 404 for an unknown collection, 409.
    pub fn start(&self, wanted: &NewRun) -> Answer<Job> {
        let from = wanted.from.as_deref().map(|name| self.shelf.run(name)).transpose()?;
        let from = from.as_ref().map(RunFolder::root);
        let source = self.source(&wanted.collection, wanted.cells.as_deref())?;
        let arguments = arguments(wanted, source, from)?;
        let line: Vec<&str> =
            ["plan", "--json"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        self.ask(&line)?;
        let stem = claim::stem(wanted.collection.trim_end_matches(".zip"));
        self.queue.add(stem, arguments)
    }
}

/// The specification of sheets that are cut. The program says what is wrong with the grid, if it is one: nothing in it may be
/// taken for the path that follows.
fn cut(sheets: &str, cells: &str) -> Answer<String> {
    match cells.chars().all(|c| c.is_ascii_alphanumeric() || "=,. -".contains(c)) {
        true => Ok(format!("sheet:{cells}:{sheets}")),
        false => Err(Problem::wrong(format!(
            "`{cells}` is not a grid of cells: write 16x16, or 16x16,spacing=1,margin=2"
        ))),
    }
}

/// What is measured on pictures that are held back: the first decides which checkpoint is the best.
const WATCHED: &str = "coverage,near_copies";

/// The command line of a run.
fn arguments(wanted: &NewRun, source: String, from: Option<&Path>) -> Answer<Vec<String>> {
    let mut line = vec![source];
    // Values stand behind `=`, so that none of them can be taken for an option.
    let mut say =
        |name: &str, value: &dyn std::fmt::Display| line.push(format!("--{name}={value}"));
    // A recipe can be a file: here it is a name.
    if !wanted.recipe.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Problem::wrong(format!("there is no recipe `{}`", wanted.recipe)));
    }
    say("recipe", &wanted.recipe);
    if let Some(from) = from {
        say("from", &from.display());
    }
    if let Some(minutes) = wanted.minutes {
        say("minutes", &minutes);
    }
    if let Some(size) = &wanted.size {
        say("size", size);
    }
    if let Some(seed) = wanted.seed {
        say("seed", &seed);
    }
    if let Some(chosen) = &wanted.augment {
        say("augment", &if chosen.is_empty() { "none".to_owned() } else { chosen.join(",") });
    }
    if let Some(chosen) = &wanted.regularizers {
        say("reg", &"none");
        for (name, weight) in chosen {
            if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
                return Err(Problem::wrong(format!("there is no regularizer `{name}`")));
            }
            say("reg", &format_args!("{name}={weight}"));
        }
    }
    if let Some(share) = wanted.held_back {
        say("set", &format_args!("data.validation={share}"));
        say("set", &format_args!("validation.measure={WATCHED}"));
    }
    if wanted.transparent {
        line.push("--channels=rgba".to_owned());
    }
    if wanted.flip {
        line.push("--flip".to_owned());
    }
    if wanted.conditional {
        line.push("--conditional".to_owned());
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_a_grid_and_lead_nowhere_else() {
        assert_eq!(cut("/x/a.zip", "16x16,spacing=1").unwrap(), "sheet:16x16,spacing=1:/x/a.zip");
        for cells in ["16x16:/etc", "16x16/..", "16x16\n", "16x16\\", "../16x16"] {
            assert!(cut("/x/a.zip", cells).is_err(), "{cells}");
        }
    }

    #[test]
    fn a_wish_becomes_a_command_line_and_nothing_else() {
        let wanted = NewRun {
            recipe: "few".into(),
            minutes: Some(2.5),
            held_back: Some(0.1),
            augment: Some(vec!["colour".into(), "cutout".into()]),
            regularizers: Some([("r1".to_owned(), 0.5)].into()),
            flip: true,
            transparent: true,
            ..NewRun::default()
        };
        let line = arguments(&wanted, "/x".into(), Some("/runs/a-001".as_ref())).unwrap();
        let expected = [
            "/x",
            "--recipe=few",
            "--from=/runs/a-001",
            "--minutes=2.5",
            "--augment=colour,cutout",
            "--reg=none",
            "--reg=r1=0.5",
            "--set=data.validation=0.1",
            "--set=validation.measure=coverage,near_copies",
            "--channels=rgba",
            "--flip",
        ];
        assert_eq!(line, expected);
        for recipe in ["../x", "/etc/passwd", "a.toml"] {
            assert!(
                arguments(&NewRun { recipe: recipe.into(), ..wanted.clone() }, "/x".into(), None)
                    .is_err()
            );
        }
        let regularizers = Some([("x --out /tmp".to_owned(), 1.0)].into());
        assert!(arguments(&NewRun { regularizers, ..wanted }, "/x".into(), None).is_err());
    }
}
