//! Numbers, charts and sentences about a run.

use super::Opened;
use super::stability::{Apart, Stability};
use super::view::View;
use crate::page::{self, Cell, Shown};
use crate::terminal::number::{digits, with_half};
use crate::terminal::{Row as Line, Table};
use maud::html;
use serde_json::{Value, json};
use softreg_metric::Interval;
use softreg_run::encode_png;
use softreg_run::metrics::Row;
use softreg_run::plot::{self, Axis, Mark, Plot, Point, Series};

/// What is said of a run.
pub(super) struct Report {
    pub(super) json: Value,
    pub(super) table: Table,
    pub(super) findings: Vec<String>,
    pub(super) charts: Vec<u8>,
    pub(super) page: String,
}

pub(super) fn of(
    run: &Opened,
    rows: &[Row],
    views: &[View],
    stability: Option<&Stability>,
) -> anyhow::Result<Report> {
    let table = table(views, stability);
    let findings = findings(views, stability);
    let charts = encode_png(&plot::draw(&plots(rows, views, stability), 2)?)?;
    let cells: Vec<Vec<Cell>> = table
        .rows
        .iter()
        .map(|row| row.cells.iter().map(|text| Cell { text: text.clone(), best: false }).collect())
        .collect();
    let title = format!("Analysis of {}", run.name());
    let body = html! {
        @for finding in &findings { p { (finding) } }
        (page::table(&table.heads, &cells))
        (page::figure(&charts, "Over the course of the run", Shown::Chart))
        p class="note" {
            "r_t is the mean sign of the critic's scores of training pictures. r_v is how far the scores of "
            "held-out pictures lie from those of training pictures, relative to those of generated ones: 0 "
            "if the critic treats both alike, 1 if it treats held-out pictures like generated ones "
            "(arXiv 2006.06676, Eq. 1). Slopes are gradient lengths by finite differences, with pictures "
            "in −1..1. Norms are the largest singular values of the critic's weights as used."
        }
    };
    let page = page::page(&title, &body);
    Ok(Report { json: object(run, rows, views, stability), table, findings, charts, page })
}

/// A number about two runs.
type OfApart = fn(&Apart) -> f64;

/// Name and value of what is shown of each checkpoint.
type Quantity = (&'static str, fn(&View) -> Option<String>);

const QUANTITIES: &[Quantity] = &[
    ("score of training pictures", |v| Some(with_half(&v.training))),
    ("score of held-out pictures", |v| v.held_out.as_ref().map(with_half)),
    ("score of generated pictures", |v| Some(with_half(&v.generated))),
    ("r_t", |v| Some(digits(v.r_t))),
    ("r_v", |v| v.r_v.map(digits)),
    ("critic's slope at training pictures", |v| Some(digits(v.critic_slope))),
    ("critic's slope at held-out pictures", |v| v.critic_slope_held_out.map(digits)),
    ("generator's slope", |v| Some(digits(v.generator_slope))),
    ("largest norm of the critic's weights", |v| {
        v.spectral.iter().map(|(_, norm)| *norm).reduce(f64::max).map(digits)
    }),
    ("kernel distance to training pictures", |v| {
        v.distances.as_ref().map(|d| with_half(&d.kernel[0]))
    }),
    ("kernel distance to held-out pictures", |v| {
        v.distances.as_ref().map(|d| with_half(&d.kernel[1]))
    }),
    ("Fréchet distance to training pictures", |v| {
        v.distances.as_ref().map(|d| with_half(&d.frechet[0]))
    }),
    ("Fréchet distance to held-out pictures", |v| {
        v.distances.as_ref().map(|d| with_half(&d.frechet[1]))
    }),
];

fn table(views: &[View], stability: Option<&Stability>) -> Table {
    // A terminal has room for the first and the last.
    let shown: Vec<&View> = match views {
        [first, .., last] => vec![first, last],
        all => all.iter().collect(),
    };
    let heads = ["QUANTITY".to_owned()].into_iter();
    let heads = heads.chain(shown.iter().map(|view| format!("STEP {}", view.step))).collect();
    let mut rows = Vec::new();
    for (name, value) in QUANTITIES {
        let values: Vec<Option<String>> = shown.iter().map(|view| value(view)).collect();
        if values.iter().any(Option::is_some) {
            let cells = values.into_iter().map(|v| v.unwrap_or_else(|| "—".to_owned()));
            let cells = [(*name).to_owned()].into_iter().chain(cells).collect();
            rows.push(Line { cells, below: Vec::new() });
        }
    }
    if let Some(stability) = stability {
        let at = |view: &View, of: OfApart| {
            let apart = stability.at.iter().find(|apart| apart.step == view.step);
            apart.map_or_else(|| "—".to_owned(), |apart| digits(of(apart)))
        };
        let quantities: [(&str, OfApart); 4] = [
            ("same latent in both runs: pixel difference (0..1)", |a| a.pixels),
            ("… relative to unrelated pictures", |a| a.pixels / a.unrelated),
            ("… in features, relative to unrelated pictures", |a| {
                a.features / a.unrelated_features
            }),
            ("difference of the critics' scores", |a| a.scores),
        ];
        for (name, of) in quantities {
            let values = shown.iter().map(|view| at(view, of));
            let cells = [name.to_owned()].into_iter().chain(values).collect();
            rows.push(Line { cells, below: Vec::new() });
        }
    }
    Table { heads, rows }
}

/// What the numbers of the last checkpoint mean, in sentences.
fn findings(views: &[View], stability: Option<&Stability>) -> Vec<String> {
    let Some(view) = views.last() else { return Vec::new() };
    let mut findings = Vec::new();
    // Scores that differ by their draw alone say nothing.
    let above = |scores: &Interval| {
        let above = view.training.beyond(scores);
        above.mean > 0.0 && !above.reaches_zero()
    };
    let known = view.held_out.as_ref().is_some_and(above);
    match view.r_v.filter(|_| above(&view.generated)) {
        Some(r_v) if known && r_v > 0.5 => findings.push(format!(
            "The critic treats held-out pictures like generated ones (r_v {}): it has memorized its training pictures. More augmentation, a stronger consistency, or an earlier checkpoint may help.",
            digits(r_v)
        )),
        Some(r_v) if known && r_v > 0.2 => findings.push(format!(
            "The critic scores training pictures above held-out ones (r_v {}): it is starting to memorize them.",
            digits(r_v)
        )),
        Some(r_v) => findings.push(format!(
            "The critic treats held-out pictures like training pictures, as far as this many can tell (r_v {}).",
            digits(r_v)
        )),
        None if view.held_out.is_some() => findings.push(
            "The critic does not tell generated from training pictures: r_v is meaningless here.".to_owned(),
        ),
        None => {}
    }
    if let Some(distances) = &view.distances {
        let [training, held_out] = distances.kernel;
        let nearer = &distances.nearer;
        findings.push(if nearer.mean > 0.0 && !nearer.reaches_zero() {
            format!(
                "Generated pictures are closer to the training pictures than to held-out ones (kernel distance {} and {}, features {}).",
                digits(training.mean), digits(held_out.mean), distances.features
            )
        } else {
            format!(
                "Generated pictures are no closer to the training pictures than to held-out ones, as far as {} pictures can tell (kernel distance {} and {}, features {}).",
                distances.pictures, digits(training.mean), digits(held_out.mean), distances.features
            )
        });
    }
    if let Some(apart) = stability.and_then(|stability| stability.at.last()) {
        let share = 100.0 * apart.features / apart.unrelated_features;
        findings.push(format!(
            "For the same latent, the other run's picture is {share:.0} % as far away as an unrelated one (by features; {:.0} % in pixels).",
            100.0 * apart.pixels / apart.unrelated
        ));
    }
    findings
}

fn plots(rows: &[Row], views: &[View], stability: Option<&Stability>) -> Vec<Plot> {
    let over_rows = |name: &str, key: &str| Series {
        name: name.to_owned(),
        points: rows
            .iter()
            .filter_map(|row| Some(Point { x: row.step as f64, y: row.get(key)?, half: None }))
            .collect(),
        mark: Mark::Line,
    };
    let over_views = |name: &str, of: &dyn Fn(&View) -> Option<Interval>| Series {
        name: name.to_owned(),
        points: views
            .iter()
            .filter_map(|view| {
                let value = of(view)?;
                Some(Point { x: view.step as f64, y: value.mean, half: value.half })
            })
            .collect(),
        mark: if views.len() > 1 { Mark::Line } else { Mark::Dot },
    };
    let plain = |mean: f64| Some(Interval { mean, half: None });
    let plot = |title: &str, y: &str, series: Vec<Series>| Plot {
        title: title.to_owned(),
        x: Axis::linear("step"),
        y: Axis::linear(y),
        series: series.into_iter().filter(|series| !series.points.is_empty()).collect(),
    };
    let mut plots = vec![
        plot(
            "Critic's scores during training (with augmentation)",
            "score",
            vec![
                over_rows("training", "score/real"),
                over_rows("generated", "score/fake"),
                over_rows("held out", "score/held-out"),
            ],
        ),
        plot(
            "Signs of overfitting during training",
            "0 none, 1 all",
            vec![over_rows("r_t", "overfitting/r_t"), over_rows("r_v", "overfitting/r_v")],
        ),
        plot(
            "Critic's scores at checkpoints (without augmentation)",
            "score",
            vec![
                over_views("training", &|v| Some(v.training)),
                over_views("generated", &|v| Some(v.generated)),
                over_views("held out", &|v| v.held_out),
            ],
        ),
        plot(
            "Critic's slope (finite differences)",
            "gradient length",
            vec![
                over_views("at training pictures", &|v| plain(v.critic_slope)),
                over_views("at held-out pictures", &|v| v.critic_slope_held_out.and_then(plain)),
            ],
        ),
        plot(
            "Generator's slope (finite differences)",
            "derivative length",
            vec![over_views("generator", &|v| plain(v.generator_slope))],
        ),
        plot(
            "Kernel distance of generated pictures",
            "kernel distance",
            vec![
                over_views("to training", &|v| v.distances.as_ref().map(|d| d.kernel[0])),
                over_views("to held out", &|v| v.distances.as_ref().map(|d| d.kernel[1])),
            ],
        ),
    ];
    let names: Vec<String> = views
        .last()
        .map_or(Vec::new(), |view| view.spectral.iter().map(|(name, _)| name.clone()).collect());
    let norms = names.iter().map(|name| {
        over_views(name, &|view| {
            view.spectral.iter().find(|(n, _)| n == name).and_then(|(_, norm)| plain(*norm))
        })
    });
    plots.push(plot("Norms of the critic's weights", "largest singular value", norms.collect()));
    if let Some(stability) = stability {
        let over = |name: &str, of: OfApart| Series {
            name: name.to_owned(),
            points: stability
                .at
                .iter()
                .map(|apart| Point { x: apart.step as f64, y: of(apart), half: None })
                .collect(),
            mark: if stability.at.len() > 1 { Mark::Line } else { Mark::Dot },
        };
        plots.push(plot(
            "Same latent in both runs, relative to unrelated pictures",
            "0 identical, 1 unrelated",
            vec![
                over("pixels", |a| a.pixels / a.unrelated),
                over("features", |a| a.features / a.unrelated_features),
            ],
        ));
    }
    plots.retain(|plot| !plot.series.is_empty());
    plots
}

fn object(run: &Opened, rows: &[Row], views: &[View], stability: Option<&Stability>) -> Value {
    let interval = |value: &Interval| json!({ "value": value.mean, "half": value.half });
    let view = |v: &View| {
        let norms: serde_json::Map<String, Value> =
            v.spectral.iter().map(|(name, norm)| (name.clone(), json!(norm))).collect();
        let distances = v.distances.as_ref().map(|d| {
            let pair = |pair: &[Interval; 2]| {
                json!({ "training": interval(&pair[0]), "held_out": interval(&pair[1]) })
            };
            json!({
                "features": d.features, "pictures": d.pictures,
                "kernel": pair(&d.kernel), "nearer": interval(&d.nearer), "frechet": pair(&d.frechet),
            })
        });
        json!({
            "step": v.step,
            "scores": {
                "training": interval(&v.training),
                "held_out": v.held_out.as_ref().map(interval),
                "generated": interval(&v.generated),
            },
            "r_t": v.r_t, "r_v": v.r_v,
            "slopes": {
                "critic_training": v.critic_slope, "critic_held_out": v.critic_slope_held_out,
                "generator": v.generator_slope,
            },
            "spectral_norms": norms, "distances": distances,
        })
    };
    let over_time = |key: &str| -> Vec<[f64; 2]> {
        rows.iter().filter_map(|row| Some([row.step as f64, row.get(key)?])).collect()
    };
    let apart = |a: &Apart| {
        json!({
            "step": a.step, "pixels": a.pixels, "unrelated_pixels": a.unrelated,
            "features": a.features, "unrelated_features": a.unrelated_features,
            "scores": a.scores, "weights": a.weights,
        })
    };
    json!({
        "softreg": env!("CARGO_PKG_VERSION"),
        "run": run.folder.root(),
        "training_pictures": run.training.len(),
        "held_out_pictures": run.held_out.len(),
        "checkpoints": views.iter().map(view).collect::<Vec<_>>(),
        "over_time": {
            "score_training": over_time("score/real"),
            "score_held_out": over_time("score/held-out"),
            "score_generated": over_time("score/fake"),
            "r_t": over_time("overfitting/r_t"),
            "r_v": over_time("overfitting/r_v"),
        },
        "stability": stability.map(|s| json!({
            "other": s.other, "at": s.at.iter().map(apart).collect::<Vec<_>>(),
        })),
    })
}
