//! Results: a table for a person, JSON with everything that is needed to repeat them.

use super::subject::Subject;
use crate::terminal::{Row, Table, number};
use serde_json::{Map, Value, json};
use softreg_feature::Extractor;
use softreg_metric::protocol::{Better, Quantity};
use softreg_metric::{Copies, Error, Interval, NEIGHBOURS};

/// One result.
pub(super) struct Measured {
    /// Its protocol.
    pub(super) name: String,
    pub(super) value: Interval,
    pub(super) quantity: &'static Quantity,
}

/// Everything that is needed to repeat a measurement.
pub(super) fn json(
    results: &[Measured],
    extractor: &Extractor,
    subject: &Subject,
    copies: Option<&Result<Copies, Error>>,
    seed: u64,
    seconds: f64,
) -> Value {
    let value = |m: &Measured| {
        let value = json!({
            "quantity": m.quantity.name, "value": m.value.mean, "half": m.value.half,
            "over": m.quantity.over.name(),
        });
        (m.name.clone(), value)
    };
    let metrics: Map<String, Value> = results.iter().map(value).collect();
    let honest = |copies: &Copies| match copies.held_out {
        true => "held-out pictures",
        false => "other training pictures",
    };
    let copies = copies.and_then(|copies| copies.as_ref().ok());
    json!({
        "softreg": env!("CARGO_PKG_VERSION"),
        "metrics": metrics,
        "interval": "value ± half is a 95 % interval over the draw of the pictures that `over` names, with those of the other side held fixed; kd of 5,000 or more pictures on both sides is over both; for near_copies and nearer, the reference is the honest pictures; null where no interval is known",
        "copies": copies.map(|c| json!({
            "threshold": c.threshold, "honest": honest(c), "mirrored": subject.mirrored,
        })),
        "features": { "definition": extractor.definition(), "identity": extractor.identity() },
        "neighbours": NEIGHBOURS,
        "generated": subject.generated.about,
        "reference": subject.reference.about,
        "training": subject.training.as_ref().map(|set| &set.about),
        "seed": seed,
        "seconds": seconds,
    })
}

/// How many pictures were compared with how many: distances depend on both.
pub(super) fn sides(subject: &Subject) -> String {
    let [generated, reference] =
        [&subject.generated, &subject.reference].map(|set| set.pictures().len());
    let about = |key: &str| subject.reference.about[key].as_str().unwrap_or_default().to_owned();
    let of = match about("part").as_str() {
        "all" => format!("of {}", about("source")),
        "training" => "used for training".to_owned(),
        part => format!("that were {part}"),
    };
    format!(
        "{generated} generated pictures against {reference} {of}. Intervals are over the draw of generated pictures (for recall and coverage, of reference pictures), with the other side held fixed."
    )
}

/// One line for each result.
pub(super) fn table(results: &[Measured]) -> Table {
    let row = |m: &Measured| {
        let better = match m.quantity.better {
            Better::Higher => "higher".to_owned(),
            Better::Lower => "lower".to_owned(),
            Better::Near(value) => format!("near {value}"),
            Better::UpTo(value) => format!("up to {value}"),
        };
        let value = number::with_half(&m.value);
        Row {
            cells: vec![m.name.clone(), value, better, m.quantity.meaning.to_owned()],
            below: Vec::new(),
        }
    };
    Table {
        heads: ["MEASURE", "VALUE (95 %)", "BETTER", "MEANING"].map(str::to_owned).to_vec(),
        rows: results.iter().map(row).collect(),
    }
}
