//! The report of a comparison: a table for the terminal, Markdown, JSON, a page, and a sheet of samples.

use super::summary::{LEVEL, OfArm, Summary, Value, holm};
use super::{Arm, Design};
use crate::page::{self, Cell, Shown};
use crate::terminal::number::{digits, with_half};
use crate::terminal::{Row, Table};
use crate::trained::{Trained, Which};
use crate::trial::Failure;
use maud::html;
use serde_json::{Map, json};
use softreg::registry::REGULARIZERS;
use softreg_metric::Interval;
use softreg_metric::protocol::{Better, Quantity};
use softreg_run::{Picture, RunFolder, atomic, encode_png, sheet};
use softreg_train::config::{Stop, settings};
use softreg_train::sample;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was written.
pub(super) struct Report {
    pub(super) json: serde_json::Value,
    pub(super) table: Table,
    /// What stands below the table.
    pub(super) below: String,
    pub(super) page: PathBuf,
}

/// Samples of each set on the sheet.
const SAMPLES: usize = 12;
/// The first column.
const SET: &str = "set";

/// Writes `report.md`, `report.json`, `report.html` and `samples.png`.
pub(super) fn write(
    folder: &Path,
    summary: &Summary,
    design: &Design,
    shown: &[&'static Quantity],
) -> anyhow::Result<Report> {
    let columns = columns(summary, shown);
    let tests = Tests::of(summary, &columns);
    let cells: Vec<Vec<Cell>> =
        summary.arms.iter().map(|arm| row(arm, summary, &columns, &tests)).collect();
    let heads: Vec<String> = heads(&columns);
    let below = below(summary, design, &columns, &tests);
    let json = object(summary, design);
    atomic::write_json(folder.join("report.json"), &json)?;
    let introduction = introduction(design);
    let markdown = markdown(&heads, &cells, &introduction, &below);
    atomic::write(folder.join("report.md"), markdown.as_bytes())?;
    let samples = samples(summary, design)?;
    if let Some(png) = &samples {
        atomic::write(folder.join("samples.png"), png)?;
    }
    let title = format!(
        "Comparison on {}",
        design.arms.first().map_or("", |arm| &arm.config().data.source)
    );
    let caption = "Samples from the first seed that produced a result, from the same latents";
    let body = html! {
        @for line in &introduction { p class="note" { (line) } }
        (page::table(&heads, &cells))
        @for line in below.lines() { p class="note" { (line) } }
        @if let Some(png) = &samples { (page::figure(png, caption, Shown::Pictures)) }
        h2 { "Sets" }
        @for arm in &design.arms {
            h3 { (arm.label) }
            pre { (written(arm, &design.arms)) }
        }
    };
    let page = folder.join("report.html");
    atomic::write(&page, page::page(&title, &body).as_bytes())?;
    let rows = cells.into_iter().map(|row| Row {
        cells: row.into_iter().map(|cell| cell.text).collect(),
        below: Vec::new(),
    });
    Ok(Report { json, table: Table { heads, rows: rows.collect() }, below, page })
}

/// A measure of the table.
struct Column {
    /// With its protocol.
    name: String,
    quantity: &'static Quantity,
}

/// The tests of a table: every set but the first, in every column.
struct Tests {
    /// How many there are.
    count: usize,
    /// The largest chance that counts as none for all together.
    together: Option<f64>,
}

impl Tests {
    fn of(summary: &Summary, columns: &[Column]) -> Self {
        let values = |arm: &OfArm| -> Vec<f64> {
            columns.iter().filter_map(|c| arm.values.get(&c.name)?.chance).collect()
        };
        let chances: Vec<f64> = summary.arms.iter().flat_map(values).collect();
        Self { count: chances.len(), together: holm(chances.into_iter()) }
    }

    /// What stands behind a value that differs from that of the first set.
    fn mark(&self, chance: Option<f64>) -> &'static str {
        match chance {
            Some(chance) if self.together.is_some_and(|together| chance <= together) => " **",
            Some(chance) if chance <= LEVEL => " *",
            _ => "",
        }
    }
}

fn columns(summary: &Summary, shown: &[&'static Quantity]) -> Vec<Column> {
    let of = |quantity: &&'static Quantity| {
        let (name, _) = summary.metrics.iter().find(|(_, q)| *q == quantity.name)?;
        Some(Column { name: name.clone(), quantity })
    };
    shown.iter().filter_map(of).collect()
}

fn heads(columns: &[Column]) -> Vec<String> {
    let arrow = |column: &Column| match column.quantity.better {
        Better::Higher => format!("{} ↑", column.quantity.name),
        Better::Lower => format!("{} ↓", column.quantity.name),
        Better::Near(_) | Better::UpTo(_) => column.quantity.name.to_owned(),
    };
    let speed = ["img/s", "step time"].map(str::to_owned);
    [SET.to_owned()].into_iter().chain(columns.iter().map(arrow)).chain(speed).collect()
}

fn row(arm: &OfArm, summary: &Summary, columns: &[Column], tests: &Tests) -> Vec<Cell> {
    let plain = |text: String| Cell { text, best: false };
    let value = |column: &Column| match arm.values.get(&column.name) {
        None => plain("—".to_owned()),
        Some(value) => {
            let text = with_half(&value.over_seeds) + tests.mark(value.chance);
            Cell { text, best: is_best(value, column, summary) }
        }
    };
    let failed = arm
        .outcomes
        .iter()
        .filter(|o| matches!(&o.result, Err(failure) if failure.reason().is_some()))
        .count();
    let label = match failed {
        0 => arm.label.clone(),
        n => format!("{} ({n} failed)", arm.label),
    };
    let rate = arm.rate.map_or_else(|| "—".to_owned(), |rate| digits(rate.mean));
    let percent = |share: Interval| {
        let half = share.half.map_or_else(String::new, |half| format!(" ± {:.1}", 100.0 * half));
        format!("{:+.1}{half} %", 100.0 * share.mean)
    };
    let overhead = arm.overhead.map_or_else(|| "—".to_owned(), percent);
    [plain(label)]
        .into_iter()
        .chain(columns.iter().map(value))
        .chain([plain(rate), plain(overhead)])
        .collect()
}

/// Whether no set has a better mean, and one at least has a worse one by more than seeds explain.
fn is_best(value: &Value, column: &Column, summary: &Summary) -> bool {
    let all = summary.arms.iter().filter_map(|arm| arm.values.get(&column.name));
    let others = all.clone().map(|value| value.over_seeds.mean);
    let mean = value.over_seeds.mean;
    let apart = |other: &Value| {
        other.over_seeds.mean != mean && !value.over_seeds.beyond(&other.over_seeds).reaches_zero()
    };
    let seeds = summary.arms.iter().map(|arm| arm.outcomes.len()).max().unwrap_or(0);
    // Of one seed nothing is known of the spread.
    if others.clone().all(|other| other == mean) || (seeds > 1 && !all.clone().any(apart)) {
        return false;
    }
    match column.quantity.better {
        Better::Higher => others.fold(f64::MIN, f64::max) <= mean,
        Better::Lower => others.fold(f64::MAX, f64::min) >= mean,
        Better::Near(_) | Better::UpTo(_) => false,
    }
}

fn below(summary: &Summary, design: &Design, columns: &[Column], tests: &Tests) -> String {
    let Some(first) = summary.arms.first() else { return String::new() };
    let mut text = "Mean ± half of a 95 % interval over seeds.".to_owned();
    if tests.count > 0 {
        text += &format!(
            "\n* differs from {} in same-seed pairs at the 95 % level, each test on its own; of {} such tests, {} would be expected to by chance. ** also with Holm's correction for all of them.",
            first.label,
            tests.count,
            (100.0 * LEVEL * tests.count as f64).round() / 100.0
        );
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    text += &format!("\nMeasured as {}.", names.join(", "));
    text += &steps(summary);
    text += &steered(design);
    for arm in &summary.arms {
        for outcome in &arm.outcomes {
            if let Some(reason) = outcome.result.as_ref().err().and_then(Failure::reason) {
                text += &format!("\n{}, seed {}, failed: {reason}", arm.label, outcome.seed);
            }
        }
    }
    text
}

/// How many steps each set had, where they were not the same.
fn steps(summary: &Summary) -> String {
    let of = |arm: &OfArm| arm.steps.map(|steps| (arm.label.clone(), steps.mean));
    let steps: Vec<(String, f64)> = summary.arms.iter().filter_map(of).collect();
    if steps.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return String::new();
    }
    let of = |(label, mean): &(String, f64)| format!("{label} {mean:.0}");
    format!("\nSteps per trial: {}.", steps.iter().map(of).collect::<Vec<_>>().join(", "))
}

/// What was steered by the very pictures that are measured against.
fn steered(design: &Design) -> String {
    if design.protocol.reference_name().is_some() {
        return String::new();
    }
    let by = |arm: &&Arm| arm.config().stop.patience.is_some() || arm.config().follows_held_out();
    let labels: Vec<&str> = design.arms.iter().filter(by).map(|arm| arm.label.as_str()).collect();
    match labels.as_slice() {
        [] => String::new(),
        labels => format!(
            "\nThe held-out pictures that are measured against also decided, during training, when to stop or how strong a regularizer is ({}): values may be optimistic; name others with --reference.",
            labels.join(", ")
        ),
    }
}

/// What was compared, in sentences.
fn introduction(design: &Design) -> Vec<String> {
    let Some(arm) = design.arms.first() else { return Vec::new() };
    let config = arm.config();
    let against = match design.protocol.reference_name() {
        Some(source) => format!("against {source}{}", design.protocol.part_of_reference()),
        None => format!("against the {:.0} % that were held out", 100.0 * config.data.validation),
    };
    let budgets: Vec<String> = design.arms.iter().map(|arm| budget(&arm.config().stop)).collect();
    let budget = match budgets.iter().all(|budget| *budget == budgets[0]) {
        true => format!("{} per trial", budgets[0]),
        false => {
            let of = |(arm, budget): (&Arm, &String)| format!("{}: {budget}", arm.label);
            design.arms.iter().zip(&budgets).map(of).collect::<Vec<_>>().join(", ")
        }
    };
    vec![
        format!(
            "{}{} at {}, {} loss, batch {}, {} thread(s) each; {budget}.",
            config.data.source,
            config.data.limit.map_or_else(String::new, |limit| format!(", the first {limit},")),
            config.data.size,
            config.training.loss,
            config.training.batch,
            config.training.threads,
        ),
        format!(
            "Seeds {} to {}; measured with features {} {against}; softreg {}.",
            design.seeds.first().unwrap_or(&0),
            design.seeds.last().unwrap_or(&0),
            design.protocol.features_name(),
            env!("CARGO_PKG_VERSION"),
        ),
    ]
}

/// When a trial ends.
fn budget(stop: &Stop) -> String {
    let conditions: Vec<String> = [
        stop.minutes.map(|n| format!("{n} minutes")),
        stop.steps.map(|n| format!("{n} steps")),
        stop.images.map(|n| format!("{n} pictures")),
        stop.patience.map(|n| format!("{n} validation checks without improvement")),
    ]
    .into_iter()
    .flatten()
    .collect();
    conditions.join(" or ")
}

/// What a set is: its regularizers with their weights, and every other key in which the sets differ.
fn written(arm: &Arm, all: &[Arm]) -> String {
    let own = keys(arm);
    let others: Vec<BTreeMap<String, String>> = all.iter().map(keys).collect();
    let differs = |key: &String| others.iter().any(|other| other.get(key) != own.get(key));
    let of_regularizers = |key: &String| key.starts_with("regularizers.");
    let mut lines: Vec<String> = own
        .iter()
        .filter(|(key, _)| of_regularizers(key))
        .map(|(key, value)| format!("{} = {value}", key.trim_start_matches("regularizers.")))
        .collect();
    if lines.is_empty() {
        lines.push("no regularizers".to_owned());
    }
    // The same for all of them, and yet what a comparison of regularizers turns on.
    let shown = |key: &String| differs(key) || key == "training.augment";
    let rest = own.iter().filter(|(key, _)| !of_regularizers(key) && shown(key));
    lines.extend(rest.map(|(key, value)| format!("{key} = {value}")));
    lines.join("\n")
}

/// A configuration key by key, the weights of regularizers filled in.
fn keys(arm: &Arm) -> BTreeMap<String, String> {
    let mut config = arm.config().clone();
    for (name, spec) in &mut config.regularizers {
        let usual = REGULARIZERS.iter().find(|entry| entry.name == *name);
        spec.weight = spec.weight.or(usual.map(|entry| entry.weight));
    }
    settings::flat(&config)
}

fn markdown(heads: &[String], rows: &[Vec<Cell>], introduction: &[String], below: &str) -> String {
    format!(
        "# Comparison\n\n{}\n\n{}\n{}\n\n![samples](samples.png)\n",
        introduction.join("\n"),
        page::markdown(heads, rows),
        below.replace('*', "\\*"),
    )
}

fn object(summary: &Summary, design: &Design) -> serde_json::Value {
    let interval = |value: Interval| json!({ "value": value.mean, "half": value.half });
    let arm = |(of, arm): (&OfArm, &Arm)| {
        let values: Map<String, serde_json::Value> = of
            .values
            .iter()
            .map(|(name, value)| {
                let mut object = interval(value.over_seeds);
                object["difference"] = json!(value.difference.map(interval));
                object["chance"] = json!(value.chance);
                (name.clone(), object)
            })
            .collect();
        let trial = |outcome: &super::Outcome| match &outcome.result {
            Ok(results) => {
                let metrics = results.metrics.iter();
                let metrics: Map<String, serde_json::Value> =
                    metrics.map(|(name, m)| (name.clone(), interval(m.value))).collect();
                json!({
                    "seed": outcome.seed, "run": outcome.folder, "steps": results.steps,
                    "images": results.images, "seconds": results.seconds,
                    "images_per_second": results.images_per_second, "metrics": metrics,
                })
            }
            Err(failure) => {
                json!({ "seed": outcome.seed, "run": outcome.folder, "failed": failure.reason() })
            }
        };
        json!({
            "label": of.label, "regularizers": arm.config().regularizers, "values": values,
            "images_per_second": of.rate.map(interval), "overhead": of.overhead.map(interval),
            "steps": of.steps.map(interval),
            "trials": of.outcomes.iter().map(trial).collect::<Vec<_>>(),
        })
    };
    json!({
        "softreg": env!("CARGO_PKG_VERSION"),
        "interval": "value ± half is a 95 % interval over seeds; differences are from the first set, paired by seed; chance is the p-value of Student's t-test for the difference; null with a single seed",
        "seeds": design.seeds,
        "protocol": design.protocol,
        "quantities": summary.metrics,
        "arms": summary.arms.iter().zip(&design.arms).map(arm).collect::<Vec<_>>(),
    })
}

/// The first seed's samples of each set, under each other; none where no trial has any.
fn samples(summary: &Summary, design: &Design) -> anyhow::Result<Option<Vec<u8>>> {
    let device = crate::backend::device("cpu").or_else(|_| crate::backend::device("auto"))?.device;
    let mut made = Vec::new();
    for arm in &summary.arms {
        let Some(outcome) = arm.outcomes.iter().find(|outcome| outcome.result.is_ok()) else {
            continue;
        };
        let trained = Trained::open(&RunFolder::open(&outcome.folder)?, Which::Latest, &device)?;
        let classes = Some(trained.labels.len()).filter(|classes| *classes > 0);
        let labels = sample::labels_in_turn(SAMPLES, classes);
        let seed = design.seeds.first().copied().unwrap_or(0);
        let latents = trained.latents(0..SAMPLES, None, seed);
        made.push((arm.label.clone(), trained.pictures(&latents, labels.as_deref())));
    }
    if made.is_empty() {
        return Ok(None);
    }
    let rows = made
        .iter()
        .map(|(label, set)| {
            let pictures = Picture::batch(set.channels, set.height, set.width, &set.pixels)?;
            Ok((label.clone(), pictures))
        })
        .collect::<softreg_run::Result<Vec<_>>>()?;
    Ok(Some(encode_png(&sheet::labelled_rows(&rows)?)?))
}
