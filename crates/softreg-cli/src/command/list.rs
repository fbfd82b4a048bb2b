//! `softreg list`: everything that can be chosen by name, from the registries themselves.

use crate::recipe::RECIPES;
use crate::terminal::{Row, Table, line_to_stdout};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use softreg::adversarial::LOSSES;
use softreg::augment::AUGMENTATIONS;
use softreg::registry::{Kind, REGULARIZERS, Setting, SettingKind};
use softreg_image::SOURCES;
use softreg_image::fetch::DATA_SETS;
use softreg_net::architecture::ARCHITECTURES;
use softreg_train::OPTIMIZERS;

/// List what can be chosen by name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg list regularizers
  softreg list recipes --json")]
pub(crate) struct List {
    /// What to list
    #[arg(value_name = "WHAT")]
    what: What,
    /// Print a JSON array of objects
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Terms λ·R of the objective (train --reg)
    Regularizers,
    /// Adversarial losses (train --loss)
    Losses,
    /// Pairs of networks (train --network)
    Networks,
    /// Update rules (train --set optimizer.name=…)
    Optimizers,
    /// Differentiable augmentations (train --augment)
    Augmentations,
    /// Complete configurations (train --recipe)
    Recipes,
    /// Where pictures may come from (train PATH)
    Sources,
    /// Collections to download (data fetch)
    Datasets,
}

/// A thing that can be chosen.
struct Entry {
    /// Short facts, one column each.
    columns: Vec<(&'static str, Value)>,
    /// Longer facts below the last column: key, value, and how a person reads it.
    below: Vec<(&'static str, Value, String)>,
}

impl List {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let entries = entries(self.what);
        if self.json {
            let objects: Vec<Value> = entries.into_iter().map(object).collect();
            return Ok(line_to_stdout(&serde_json::to_string_pretty(&objects)?)?);
        }
        Ok(line_to_stdout(table(entries).to_string().trim_end())?)
    }
}

fn entries(what: What) -> Vec<Entry> {
    match what {
        What::Regularizers => REGULARIZERS.iter().map(regularizer).collect(),
        What::Losses => LOSSES
            .iter()
            .map(|loss| entry(loss.name(), "formula", loss.formula()).with_source(loss.source()))
            .collect(),
        What::Networks => ARCHITECTURES
            .iter()
            .map(|pair| entry(pair.name, "summary", pair.summary).with_source(pair.source))
            .collect(),
        What::Optimizers => {
            OPTIMIZERS.iter().map(|rule| entry(rule.name, "summary", rule.summary)).collect()
        }
        What::Augmentations => {
            AUGMENTATIONS.iter().map(|a| entry(a.name(), "summary", a.summary())).collect()
        }
        What::Recipes => RECIPES.iter().map(|r| entry(r.name, "summary", r.summary())).collect(),
        What::Sources => SOURCES.iter().map(|s| entry(s.name, "summary", s.summary)).collect(),
        What::Datasets => DATA_SETS.iter().map(|s| entry(s.name, "summary", s.summary)).collect(),
    }
}

fn entry(name: &str, key: &'static str, text: &str) -> Entry {
    Entry { columns: vec![("name", json!(name)), (key, json!(text))], below: Vec::new() }
}

impl Entry {
    fn with_source(mut self, source: &str) -> Self {
        self.below.push(("source", json!(source), source.to_owned()));
        self
    }
}

fn regularizer(entry: &softreg::registry::Entry) -> Entry {
    let kind = match entry.kind {
        Kind::Soft => "soft",
        Kind::Hard => "hard",
    };
    let mut below = vec![("formula", json!(entry.formula), format!("R = {}", bare(entry.formula)))];
    let settings: Vec<Value> = entry.settings.iter().map(setting).collect();
    let texts = entry
        .settings
        .iter()
        .map(|s| format!("{}={} ({}): {}", s.name, s.kind.default(), s.kind.expected(), s.summary));
    let texts: Vec<String> = texts.collect();
    below.push(("settings", json!(settings), texts.join("\n")));
    below.push(("passes", json!(entry.passes), format!("extra passes: {}", entry.passes)));
    below.push(("source", json!(entry.source), entry.source.to_owned()));
    Entry {
        columns: vec![
            ("name", json!(entry.name)),
            ("kind", json!(kind)),
            ("weight", json!(entry.weight)),
            ("summary", json!(entry.summary)),
        ],
        below,
    }
}

/// The right-hand side where a formula has two sides.
fn bare(formula: &str) -> &str {
    formula.strip_prefix("R = ").unwrap_or(formula)
}

fn setting(setting: &Setting) -> Value {
    let default = match setting.kind {
        SettingKind::Number { default, .. } => json!(default),
        SettingKind::Flag { default } => json!(default),
        SettingKind::Choice { default, .. } => json!(default),
    };
    json!({
        "name": setting.name, "summary": setting.summary, "default": default,
        "expected": setting.kind.expected(),
    })
}

fn object(entry: Entry) -> Value {
    let below = entry.below.into_iter().map(|(key, value, _)| (key, value));
    let pairs = entry.columns.into_iter().chain(below);
    Value::Object(pairs.map(|(key, value)| (key.to_owned(), value)).collect())
}

fn table(entries: Vec<Entry>) -> Table {
    let heads = entries.first().map_or(Vec::new(), |entry| {
        entry.columns.iter().map(|(key, _)| key.to_uppercase()).collect()
    });
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or(number.to_string(), |n| n.to_string()),
        other => other.to_string(),
    };
    let row = |entry: &Entry| Row {
        cells: entry.columns.iter().map(|(_, value)| text(value)).collect(),
        below: entry.below.iter().flat_map(|(.., text)| text.lines().map(str::to_owned)).collect(),
    };
    Table { rows: entries.iter().map(row).collect(), heads }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_fits_the_terminal_and_names_everything() {
        for what in What::value_variants() {
            let entries = entries(*what);
            assert!(!entries.is_empty(), "{what:?}");
            let names: Vec<String> =
                entries.iter().filter_map(|e| e.columns[0].1.as_str().map(str::to_owned)).collect();
            let text = table(entries).to_string();
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
            assert!(names.iter().all(|name| text.contains(name.as_str())), "{text}");
        }
    }
}
