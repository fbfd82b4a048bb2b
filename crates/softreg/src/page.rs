//! The documentation of regularizers, made from the registry: one page each, and a table of all.

use crate::registry::{Entry, REGULARIZERS};
use crate::setting::Setting;
use crate::spec::COMMON;
use crate::term::{Body, Term};
use std::fmt::Write as _;

/// The table of all regularizers, as Markdown.
pub fn index() -> String {
    let mut text = String::from(
        "# Regularizers\n\nGenerated from the code: `softreg list regularizers` prints the same. \
Training minimises `J = L + Σ λ·R`; λ is the weight.\n\n| name | kind | R | λ | extra passes | \
source |\n|---|---|---|---|---|---|\n",
    );
    for entry in REGULARIZERS {
        let (name, kind) = (entry.name, entry.kind.name());
        let formula = cell(entry.formula);
        let (passes, source) = (entry.passes(), cell(entry.source));
        let _ = writeln!(
            text,
            "| [{name}]({name}.md) | {kind} | {formula} | {} | {passes} | {source} |",
            entry.weight
        );
    }
    text += "\nExtra passes are passes through a network per step with default settings, forward \
and backward counted together: a plain pass counts as three, one forward and two backward \
(through inputs and weights). `softreg plan --reg …` shows what a set of regularizers costs \
together.\n\n## Common settings\n\n";
    text += &table(COMMON);
    text += "\nSchedules and their settings: `softreg list schedules`. You can also compose your \
own from pairings, distances, aims and sites: `--reg 'noise(0.05) l2 slope real weight=0.1 \
every=4'`; see `softreg list pairings` and so on.\n";
    text
}

impl Entry {
    /// Its page, as Markdown.
    pub fn page(&self) -> String {
        let name = self.name;
        let mut text = format!("# {name}\n\n{}.\n\n", capital(self.summary));
        let _ = writeln!(text, "```text\nR = {}\n```\n", self.formula);
        let _ = writeln!(text, "| | |\n|---|---|");
        let _ = writeln!(text, "| kind | {} |", self.kind.name());
        let _ = writeln!(text, "| default λ | {} |", self.weight);
        if self.schedule.0 != "constant" {
            let sets = self.schedule.1.iter().map(|(k, v)| format!(", {k} {v}"));
            let _ =
                writeln!(text, "| schedule | {}{} |", self.schedule.0, sets.collect::<String>());
        }
        let _ = writeln!(text, "| extra passes | {} |", self.passes());
        let _ = writeln!(text, "| source | {} |\n\n{}\n", cell(self.source), self.about);
        let plan = self.plan();
        if !plan.terms().is_empty() {
            text += "## Terms\n\n| term | λ | composed of | acts on |\n|---|---|---|---|\n";
            for term in plan.terms() {
                let reaches = term.body.player().map_or_else(String::new, |p| p.to_string());
                let (name, weight, parts) = (&term.name, term.weight, parts(term));
                let _ = writeln!(text, "| `{name}` | {weight} | {parts} | {reaches} |");
            }
            text += "\n";
        }
        if !self.settings.is_empty() {
            let _ = writeln!(text, "## Settings\n\n{}", table(self.settings));
        }
        let _ =
            write!(text, "## Use\n\n```sh\n{}```\n\n```toml\n{}```\n", self.command(), self.toml());
        text
    }

    fn command(&self) -> String {
        let all = self.settings.iter().map(|s| format!(",{}={}", s.name, s.kind.default()));
        let (name, weight) = (self.name, self.weight);
        // Where a setting decides the weight, it cannot be given as well.
        let all: String = all.filter(|setting| !setting.starts_with(",gamma=")).collect();
        format!(
            "softreg train --reg {name}\nsoftreg train --reg {name}={weight}{all}\nsoftreg plan --reg {name}\n"
        )
    }

    fn toml(&self) -> String {
        format!("[regularizers]\n{} = {}\n", self.name, self.weight)
    }
}

/// What a term is made of.
fn parts(term: &Term) -> String {
    match &term.body {
        Body::Soft(c) => {
            let (pairing, distance, aim) = (&c.pairing, &c.distance, &c.aim);
            format!("`{pairing:?}` × `{distance:?}` × `{aim:?}` at {}", c.site.name())
        }
        Body::Weights { penalty, .. } => format!("`{penalty:?}` of the weights"),
        Body::Gradient(penalty) => format!("`{penalty:?}`"),
        Body::Spectral => "the weights themselves".to_owned(),
    }
}

fn table(settings: &[Setting]) -> String {
    let mut text = String::from("| setting | default | values | meaning |\n|---|---|---|---|\n");
    for setting in settings {
        let (kind, summary) = (&setting.kind, cell(setting.summary));
        let default = kind.default();
        let _ = writeln!(
            text,
            "| `{}` | {default} | {} | {summary} |",
            setting.name,
            cell(&kind.expected())
        );
    }
    text
}

/// Bars end a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/regularizers")
    }

    /// All pages by file name.
    fn pages() -> Vec<(String, String)> {
        let pages = REGULARIZERS.iter().map(|e| (format!("{}.md", e.name), e.page()));
        pages.chain([("README.md".to_owned(), index())]).collect()
    }

    /// With `SOFTREG_WRITE_DOCS=1` the pages are written instead of compared.
    #[test]
    fn pages_are_those_of_the_code() {
        let folder = folder();
        if std::env::var_os("SOFTREG_WRITE_DOCS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            for (name, text) in pages() {
                std::fs::File::create(folder.join(name))
                    .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
                    .unwrap();
            }
        }
        for (name, text) in pages() {
            let path = folder.join(&name);
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == text,
                "{name} is out of date: SOFTREG_WRITE_DOCS=1 cargo test --release -p softreg pages"
            );
        }
        let mut files: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut expected: Vec<String> = pages().into_iter().map(|(name, _)| name).collect();
        expected.sort();
        assert_eq!(files, expected, "a page without a regularizer, or the other way round");
    }

    #[test]
    fn every_command_of_a_page_is_understood() {
        for entry in REGULARIZERS {
            for line in entry.command().lines() {
                let (_, text) = line.split_once("--reg ").unwrap();
                let (name, spec) = crate::spec::parse(text).unwrap();
                crate::spec::check(&name, &spec).unwrap_or_else(|e| panic!("{line}: {e}"));
            }
        }
    }
}
