//! `softreg list`: everything that can be chosen by name, from the registries themselves.

use crate::recipe::RECIPES;
use crate::terminal::{Row, Table, line_to_stdout};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use softreg::adversarial::LOSSES;
use softreg::aim::AIMS;
use softreg::augment::AUGMENTATIONS;
use softreg::distance::DISTANCES;
use softreg::pairing::PAIRINGS;
use softreg::registry::REGULARIZERS;
use softreg::schedule::SCHEDULES;
use softreg::setting::{Part, Setting};
use softreg::site::SITES;
use softreg::spec::COMMON;
use softreg_feature::DEFINITIONS;
use softreg_image::SOURCES;
use softreg_image::fetch::DATA_SETS;
use softreg_metric::protocol::{METRICS, MetricEntry, Quantity};
use softreg_net::architecture::ARCHITECTURES;
use softreg_train::OPTIMIZERS;

/// List everything that can be chosen by name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg list regularizers
  softreg list recipes --json")]
pub(crate) struct List {
    /// What to list
    #[arg(value_name = "WHAT")]
    what: What,
    /// Print as a JSON array of objects
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Terms λ·R of the objective (train --reg)
    Regularizers,
    /// How partners are drawn: the first part of a composition (train --reg 'noise l2 slope real')
    Pairings,
    /// How outputs are compared: the second part
    Distances,
    /// What pairs should do: the third part
    Aims,
    /// Which output is used: the fourth part
    Sites,
    /// How λ changes over a run, and the settings common to all regularizers
    Schedules,
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
    /// Where pictures can come from (train PATH)
    Sources,
    /// Collections that can be downloaded (data fetch)
    Datasets,
    /// Measures of generated pictures (evaluate --metric)
    Metrics,
    /// Features that measures are computed on (evaluate --features)
    Features,
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
        let mut text = table(entries).to_string();
        if matches!(self.what, What::Regularizers | What::Schedules) {
            text += "\nSettings common to all regularizers:\n";
            text += &table(COMMON.iter().map(common).collect()).to_string();
        }
        Ok(line_to_stdout(text.trim_end())?)
    }
}

fn entries(what: What) -> Vec<Entry> {
    match what {
        What::Regularizers => REGULARIZERS.iter().map(regularizer).collect(),
        What::Pairings => PAIRINGS.iter().map(part).collect(),
        What::Distances => DISTANCES.iter().map(part).collect(),
        What::Aims => AIMS.iter().map(part).collect(),
        What::Sites => SITES.iter().map(|(name, _, what)| entry(name, "meaning", what)).collect(),
        What::Schedules => SCHEDULES.iter().map(part).collect(),
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
        What::Metrics => METRICS.iter().map(metric).collect(),
        What::Features => DEFINITIONS.iter().map(|(name, text)| features(name, text)).collect(),
        What::Datasets => DATA_SETS.iter().map(|s| entry(s.name, "summary", s.summary)).collect(),
    }
}

fn metric(metric: &MetricEntry) -> Entry {
    let fact = |q: &Quantity| (q.name, json!(q.meaning), format!("{}: {}", q.name, q.meaning));
    let below = metric.quantities.iter().map(fact).collect();
    Entry { below, ..entry(metric.name, "title", metric.title).with_source(metric.source) }
}

/// The comment that a definition begins with.
fn features(name: &str, definition: &str) -> Entry {
    let first = definition.lines().next().unwrap_or_default();
    entry(name, "summary", first.trim_start_matches(['#', ' ']))
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
    let mut below = vec![("formula", json!(entry.formula), format!("R = {}", bare(entry.formula)))];
    below.push(settings(entry.settings));
    let (schedule, of_schedule) = entry.schedule;
    let sets: Vec<String> = of_schedule.iter().map(|(k, v)| format!(",{k}={v}")).collect();
    let course = match schedule {
        "constant" => String::new(),
        other => format!("schedule={other}{}", sets.concat()),
    };
    below.push(("schedule", json!(schedule), course));
    below.push(("passes", json!(entry.passes()), format!("extra passes: {}", entry.passes())));
    below.push(("source", json!(entry.source), entry.source.to_owned()));
    Entry {
        columns: vec![
            ("name", json!(entry.name)),
            ("kind", json!(entry.kind.name())),
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

fn part<T: ?Sized>(part: &Part<T>) -> Entry {
    let mut entry = entry(part.name, "formula", part.formula);
    entry.below.push(settings(part.settings));
    entry
}

/// A setting as a thing of its own.
fn common(setting: &Setting) -> Entry {
    let kind = setting.kind;
    let mut entry = entry(setting.name, "meaning", setting.summary);
    let text = format!("default {}; {}", kind.default(), kind.expected());
    entry.below.push(("expected", json!(kind.expected()), text));
    entry
}

/// Settings as one of the longer facts.
fn settings(settings: &'static [Setting]) -> (&'static str, Value, String) {
    let text = |s: &Setting| {
        format!("{}={} ({}): {}", s.name, s.kind.default(), s.kind.expected(), s.summary)
    };
    let texts: Vec<String> = settings.iter().map(text).collect();
    let values: Vec<Value> = settings.iter().map(setting).collect();
    ("settings", json!(values), texts.join("\n"))
}

fn setting(setting: &Setting) -> Value {
    json!({
        "name": setting.name, "summary": setting.summary, "default": setting.kind.default(),
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
