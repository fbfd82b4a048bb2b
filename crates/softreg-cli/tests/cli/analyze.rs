//! Whether a run generalizes.

use crate::program::{TINY, Workplace};
use serde_json::Value;

fn analysis(place: &Workplace, run: &str) -> Value {
    let path = place.path(run).join("analysis/analysis.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_run_is_looked_at_over_time_and_against_its_twin() {
    let place = Workplace::new();
    let more = TINY.replace("--limit 32", "--limit 60");
    let often = "--set output.checkpoint-every=8 --set output.log-every=1 --set output.keep=9";
    let held_out = "--set data.validation=0.4 --set stop.check-every=1000";
    place.ok(&format!("train {more} {often} {held_out} --steps 24 --out r"));
    let said = place.ok("analyze r --twin 3 --count 40");
    for word in ["QUANTITY", "STEP 0", "STEP 24", "r_v", "generator's slope", "Page: r/analysis"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    let found = analysis(&place, "r");
    let checkpoints = found["checkpoints"].as_array().unwrap();
    assert_eq!(checkpoints.len(), 4);
    let last = &checkpoints[3];
    for path in [
        "/scores/training/value",
        "/scores/held_out/value",
        "/scores/generated/value",
        "/r_t",
        "/slopes/critic_training",
        "/slopes/critic_held_out",
        "/slopes/generator",
        "/distances/kernel/training/value",
        "/distances/frechet/held_out/value",
    ] {
        assert!(last.pointer(path).is_some_and(Value::is_number), "{path}: {last:#}");
    }
    assert!(last["spectral_norms"].as_object().unwrap().len() >= 3);
    // While training, held-out pictures are scored every eighth step.
    for key in ["score_held_out", "r_t", "r_v"] {
        assert!(!found["over_time"][key].as_array().unwrap().is_empty(), "{key}");
    }
    let apart = found["stability"]["at"].as_array().unwrap();
    assert_eq!(apart.len(), 4);
    // The same start, and then one picture in 36 is another one.
    assert_eq!(apart[0]["pixels"], 0.0);
    assert_eq!(apart[0]["weights"], 0.0);
    let share = |at: &Value| at["weights"].as_f64().unwrap();
    assert!(share(&apart[3]) > 0.0 && share(&apart[3]) < 0.5, "{apart:#?}");
    let page = std::fs::read_to_string(place.path("r/analysis/analysis.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("arXiv 2006.06676"));
    assert!(image::open(place.path("r/analysis/charts.png")).unwrap().height() > 1000);

    // Another seed is further away than a picture; the twin is not trained again.
    place.ok(&format!("train {more} {often} {held_out} --steps 24 --seed 1 --out other"));
    place.ok("analyze r --against other --count 40 --json");
    let other = analysis(&place, "r");
    let pixels = |found: &Value| found["stability"]["at"][3]["pixels"].as_f64().unwrap();
    assert!(pixels(&other) > pixels(&found), "{} {}", pixels(&other), pixels(&found));
    let twin = place.path("r/twin-3/sheet.png");
    let before = std::fs::metadata(&twin).unwrap().modified().unwrap();
    place.ok("analyze r --twin 3 --count 40");
    assert_eq!(std::fs::metadata(&twin).unwrap().modified().unwrap(), before);
    assert_eq!(analysis(&place, "r")["stability"], found["stability"]);
}

#[test]
fn what_cannot_be_known_is_said() {
    let place = Workplace::new();
    place.ok(&format!("train {TINY} --steps 2 --out r"));
    let said = place.ok("analyze r --count 16");
    assert!(said.err.contains("held out no pictures"), "{}", said.err);
    assert!(!said.out.contains("held-out"), "{}", said.out);
    place.ok(&format!("train {TINY} --width 8 --steps 2 --out wide").replace("--width 4", ""));
    place.fails(2, "analyze r --against wide", &["different networks"]);
    place.fails(2, "analyze r --twin 32", &["32 training pictures"]);
    place.fails(1, "analyze nowhere", &["nowhere"]);
    place.fails(2, "analyze r --features randcon", &["did you mean `randconv`?"]);
    place.fails(2, &format!("train {TINY} --set data.replaced=40"), &["from 0 to 31"]);
}
