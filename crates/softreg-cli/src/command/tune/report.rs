//! What a study found: the winning recipe, the response to each setting, and a report.

use super::worker::configuration;
use super::{Design, write_recipe};
use crate::page::{self, Cell, Shown};
use crate::terminal::number::{digits, with_half};
use crate::terminal::{Row, Table, counted, quoted};
use maud::html;
use serde_json::{Value, json};
use softreg_metric::Interval;
use softreg_run::plot::{self, Axis, Mark, Plot, Point, Series};
use softreg_run::{atomic, encode_png};
use softreg_study::{Dimension, Domain, Plan, Recorded, Rung, Scale, Task, tried};
use std::path::Path;

/// What was written.
pub(super) struct Report {
    pub(super) json: Value,
    pub(super) table: Table,
    pub(super) below: String,
    pub(super) has_winner: bool,
}

/// Trials of the table, the best first.
const SHOWN: usize = 15;

/// A task that came to a value.
struct Result<'a> {
    task: &'a Task,
    value: Interval,
}

/// Writes `winner.toml`, `response.png`, `report.md`, `report.json` and `report.html`.
pub(super) fn write(
    folder: &Path,
    plan: &Plan,
    design: &Design,
    history: &[Recorded],
) -> anyhow::Result<Report> {
    let mut results: Vec<Result<'_>> = history.iter().filter_map(result).collect();
    let sign = if plan.higher { -1.0 } else { 1.0 };
    results.sort_by(|a, b| {
        let further = b.task.rung.cmp(&a.task.rung);
        further.then((sign * a.value.mean).total_cmp(&(sign * b.value.mean)))
    });
    let winner = plan.best(&tried(history));
    // Not the first one, where what went on with more of the budget failed in the end.
    let won_at = winner.and_then(|(trial, rung)| {
        results.iter().position(|r| r.task.trial == trial && r.task.rung == rung)
    });
    let won = won_at.map(|at| &results[at]);
    let table = table(plan, design, &results);
    let failed = history.iter().filter(|recorded| recorded.rung == Rung::Failed).count();
    let mut below = match failed {
        0 => String::new(),
        n => format!("{} produced no value, see report.json\n", counted(n, "trial", "trials")),
    };
    if let Some(won) = won {
        let mut config = configuration(design, won.task, 1.0, design.recipe.seed)?;
        // Trials have one so that they run side by side; who trains the winner alone has all of them.
        if config.training.threads == 1 {
            config.training.threads = 0;
        }
        let path = folder.join("winner.toml");
        // Where every trial that went on failed, what is known of the best is from a part of the budget.
        let part = match plan.rungs()[won.task.rung] {
            share if share < 1.0 => format!(" after {} of the budget", percent(share)),
            _ => String::new(),
        };
        let head = format!(
            "# Found by softreg tune: {} {} on held-out pictures{part}, the best of {} trials",
            design.quantity,
            with_half(&won.value),
            plan.trials()
        );
        write_recipe(&path, &head, &config)?;
        below += &format!(
            "Best: {}{part} with {}\nRecipe: {}, to train with it: softreg train --recipe {}",
            with_half(&won.value),
            settings(won.task),
            path.display(),
            quoted(&path)
        );
    }
    let picture = encode_png(&plot::draw(&plots(plan, design, &results, won), 2)?)?;
    atomic::write(folder.join("response.png"), &picture)?;
    let json = object(plan, design, history, won);
    atomic::write_json(folder.join("report.json"), &json)?;
    let title = format!("Study on {}", design.recipe.data.source);
    let cells: Vec<Vec<Cell>> = table
        .rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            let best = won_at == Some(i);
            row.cells.iter().map(|text| Cell { text: text.clone(), best }).collect()
        })
        .collect();
    let body = html! {
        @for line in below.lines() { p { (line) } }
        (page::figure(&picture, "Response to each setting", Shown::Chart))
        (page::table(&table.heads, &cells))
        p class="note" {
            "Values are measured on pictures that the runs held out. The best of many looks better here than "
            "it will on other pictures: measure the winner with softreg evaluate --reference."
        }
    };
    atomic::write(folder.join("report.html"), page::page(&title, &body).as_bytes())?;
    let markdown = format!(
        "# {title}\n\n{}\n{below}\n\n![response](response.png)\n",
        page::markdown(&table.heads, &cells)
    );
    atomic::write(folder.join("report.md"), markdown.as_bytes())?;
    Ok(Report { json, table, below, has_winner: won.is_some() })
}

fn result(recorded: &Recorded) -> Option<Result<'_>> {
    let Rung::Done(mean) = recorded.rung else { return None };
    let about: Value = serde_json::from_str(recorded.about.as_deref()?).ok()?;
    Some(Result { task: &recorded.task, value: Interval { mean, half: about["half"].as_f64() } })
        .filter(|result| result.value.mean.is_finite())
}

/// A share of the budget; a small one is not nothing.
fn percent(share: f64) -> String {
    format!("{} %", digits(100.0 * share))
}

fn settings(task: &Task) -> String {
    let one = |(key, value): (&String, &String)| format!("{key}={value}");
    task.parameters.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn table(plan: &Plan, design: &Design, results: &[Result<'_>]) -> Table {
    let keys = || plan.space.dimensions.iter().map(|dimension| dimension.key.clone());
    let rungs = plan.rungs();
    let row = |result: &Result<'_>| Row {
        cells: [result.task.trial.to_string()]
            .into_iter()
            .chain(keys().map(|key| result.task.parameters.get(&key).cloned().unwrap_or_default()))
            .chain([percent(rungs[result.task.rung])])
            .chain([with_half(&result.value)])
            .collect(),
        below: Vec::new(),
    };
    let heads = ["TRIAL".to_owned()].into_iter().chain(keys());
    let heads = heads.chain(["BUDGET".to_owned(), design.quantity.clone()]).collect();
    Table { heads, rows: results.iter().take(SHOWN).map(row).collect() }
}

/// The response to each setting, one plot a setting.
fn plots(
    plan: &Plan,
    design: &Design,
    results: &[Result<'_>],
    won: Option<&Result<'_>>,
) -> Vec<Plot> {
    let rungs = plan.rungs();
    let of = |dimension: &Dimension| {
        let point = |result: &Result<'_>| Point {
            x: place(dimension, result.task),
            y: result.value.mean,
            half: result.value.half,
        };
        let series = (0..rungs.len()).rev().map(|rung| Series {
            name: match rungs.len() {
                1 => String::new(),
                _ => format!("{:.0} % of the budget", 100.0 * rungs[rung]),
            },
            points: results.iter().filter(|r| r.task.rung == rung).map(point).collect(),
            mark: Mark::Dot,
        });
        let best = Series {
            name: "best".to_owned(),
            points: won.iter().map(|won| point(won)).collect(),
            mark: Mark::Ring,
        };
        let scale = match &dimension.domain {
            Domain::Choice(values) => plot::Scale::Names(values.clone()),
            Domain::Range { scale: Scale::Log, .. } => plot::Scale::Log,
            Domain::Range { scale: Scale::Linear, .. } => plot::Scale::Linear,
        };
        let better = if plan.higher { "higher is better" } else { "lower is better" };
        Plot {
            title: dimension.key.clone(),
            x: Axis { label: dimension.key.clone(), scale },
            y: Axis::linear(format!("{} ({better})", design.quantity)),
            series: series.chain([best]).collect(),
        }
    };
    plan.space.dimensions.iter().map(of).collect()
}

fn place(dimension: &Dimension, task: &Task) -> f64 {
    let Some(value) = task.parameters.get(&dimension.key) else { return f64::NAN };
    match &dimension.domain {
        Domain::Choice(values) => {
            values.iter().position(|v| v == value).map_or(f64::NAN, |i| i as f64)
        }
        Domain::Range { .. } => value.parse().unwrap_or(f64::NAN),
    }
}

fn object(plan: &Plan, design: &Design, history: &[Recorded], won: Option<&Result<'_>>) -> Value {
    let rungs = plan.rungs();
    let of = |recorded: &Recorded| {
        let about = recorded.about.as_deref().unwrap_or_default();
        let (state, value) = match recorded.rung {
            Rung::Running => ("running", None),
            Rung::Done(value) => ("done", Some(value)),
            Rung::Failed => ("failed", None),
        };
        // What a worker told is JSON; why it failed is a sentence.
        let about: Value = serde_json::from_str(about).unwrap_or_else(|_| json!(about));
        json!({
            "trial": recorded.task.trial, "parameters": recorded.task.parameters,
            "budget": rungs[recorded.task.rung], "state": state, "value": value, "about": about,
        })
    };
    json!({
        "softreg": env!("CARGO_PKG_VERSION"),
        "plan": plan,
        "quantity": design.quantity,
        "protocol": design.protocol,
        "seeds": design.seeds,
        "held_out": design.recipe.data.validation,
        "trials": history.iter().map(of).collect::<Vec<_>>(),
        "winner": won.map(|won| json!({
            "trial": won.task.trial, "parameters": won.task.parameters,
            "value": won.value.mean, "half": won.value.half,
        })),
    })
}
