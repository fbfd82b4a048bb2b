//! Measuring runs and folders.

use crate::pictures;
use crate::program::{TINY, Workplace};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn value(report: &Value, name: &str) -> f64 {
    report["metrics"][name]["value"].as_f64().unwrap_or_else(|| panic!("{name}: {report:#}"))
}

#[test]
fn several_measures_are_taken_while_training_and_the_first_decides() {
    let place = Workplace::new();
    let more = TINY.replace("--limit 32", "--limit 120");
    let measures = "--set validation.measure=coverage,near_copies,swd --set stop.check-every=3";
    place
        .ok(&format!("train {more} --steps 9 --out r --flip --set data.validation=0.4 {measures}"));
    let rows = crate::program::numbers(&place.path("r"));
    let measured = rows.iter().filter(|row| row.get("validation/step").is_some()).count();
    // Of steps 3 and 6, each at the check after it, and of step 9 at the end.
    assert_eq!(measured, 3);
    for name in ["coverage48_randconv", "near_copies48_randconv", "swd48"] {
        let key = format!("validation/{name}");
        let values: Vec<f64> = rows.iter().filter_map(|row| row.get(&key)?.as_f64()).collect();
        assert!(values.len() == 3 && values.iter().all(|v| v.is_finite()), "{name}: {values:?}");
    }
    place.ok("generate r --checkpoint best --count 4");
    let said = place.ok("evaluate r --checkpoint best --count 20 --metric swd");
    assert!(said.err.contains("was chosen on these held-out pictures"), "{}", said.err);
    let said = place.ok("evaluate r --count 20 --metric swd");
    assert!(!said.err.contains("was chosen"), "{}", said.err);
}

#[test]
fn a_validation_that_does_not_take_place_is_said() {
    let place = Workplace::new();
    let said = place.ok(&format!("train {TINY} --steps 2 --set validation.measure=kd --out a"));
    assert!(said.err.contains("note: nothing is validated"), "{}", said.err);
    let said = place.ok(&format!("train {TINY} --steps 2 --out b"));
    assert!(!said.err.contains("validated"), "{}", said.err);
}

#[test]
fn a_run_is_measured_against_what_it_held_out_and_again_to_the_same_numbers() {
    let place = Workplace::new();
    let more = TINY.replace("--limit 32", "--limit 120");
    place.ok(&format!("train {more} --steps 4 --out r --set data.validation=0.4"));
    let said = place.ok("evaluate r --count 60");
    assert!(
        said.out.contains("60 generated pictures against 48 that were held out"),
        "{}",
        said.out
    );
    for word in ["fd60_randconv", "coverage60_randconv", "swd60", "copies.png", "evaluation.json"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    // A row holds the measure, its value, which way it is better, and what it means.
    let row = said.out.lines().find(|line| line.starts_with("coverage60_randconv")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert!(words[2] == "±" && words[4..7] == ["higher", "share", "of"], "{row}");
    let written = std::fs::read_to_string(place.path("r/evaluation.json")).unwrap();
    let report = json(&written);
    assert_eq!(report["copies"]["honest"], "held-out pictures");
    assert_eq!(report["reference"]["part"], "held out");
    assert_eq!(report["reference"]["count"], 48);
    assert_eq!(report["training"]["count"], 72);
    assert!(value(&report, "fd60_randconv") > 0.0);
    assert!(value(&report, "ppl500_randconv") > 0.0);
    let sheet = image::open(place.path("r/copies.png")).unwrap();
    assert!(sheet.width() > 8 * 16);
    // The features of real pictures come from the cache now, which must not show.
    let again = json(&place.ok("evaluate r --count 60 --json").out);
    assert_eq!(again["metrics"], report["metrics"]);
    // Another draw, other numbers; a part of the measures, as they were.
    let other = json(&place.ok("evaluate r --count 60 --seed 1 --metric fd --json").out);
    assert_ne!(other["metrics"]["fd60_randconv"], report["metrics"]["fd60_randconv"]);
    let part = json(&place.ok("evaluate r --count 60 --metric coverage,swd --json").out);
    assert_eq!(part["metrics"].as_object().unwrap().len(), 2);
    assert_eq!(part["metrics"]["coverage60_randconv"], report["metrics"]["coverage60_randconv"]);

    // What is there is not replaced unasked, and nothing is called what it is not.
    std::fs::write(place.path("mine.json"), "mine").unwrap();
    for (line, word) in [
        ("--out mine.json", "--force"),
        ("--out mine.txt", "must end in .json"),
        ("--sheet copies.jpg", "must end in .png"),
        ("--out gone/x.json", "there is no folder gone"),
        ("--reference-limit 10", "required arguments"),
    ] {
        place.fails(2, &format!("evaluate r --count 60 {line}"), &[word]);
    }
    assert_eq!(std::fs::read_to_string(place.path("mine.json")).unwrap(), "mine");
    place.ok("evaluate r --count 60 --metric swd --out mine.json --force");
    json(&std::fs::read_to_string(place.path("mine.json")).unwrap());

    // Where nothing can be written the values are told all the same, and only what was asked for is an error.
    std::fs::rename(place.path("r/copies.png"), place.path("copies.png")).unwrap();
    std::fs::create_dir(place.path("r/copies.png")).unwrap();
    let said = place.ok("evaluate r --count 60 --metric copies");
    assert!(said.out.contains("near_copies60_randconv"), "{}", said.out);
    assert!(said.err.contains("note: ") && said.err.contains("copies.png"), "{}", said.err);
    let asked = "evaluate r --count 60 --metric copies --sheet r/copies.png --force";
    let said = place.fails(1, asked, &["copies.png"]);
    assert!(said.out.contains("near_copies60_randconv"), "{}", said.out);
    std::fs::remove_dir(place.path("r/copies.png")).unwrap();
    std::fs::rename(place.path("copies.png"), place.path("r/copies.png")).unwrap();

    // What the configuration holds out now was trained on.
    let config = std::fs::read_to_string(place.path("r/config.toml")).unwrap();
    let other = config.replace("validation = 0.4", "validation = 0.5");
    assert_ne!(other, config);
    std::fs::write(place.path("r/config.toml"), other).unwrap();
    place.fails(1, "evaluate r --count 60", &["data.validation = 0.4", "now says 0.5"]);
    place.fails(1, "analyze r", &["data.validation = 0.4"]);
    place.ok("generate r --count 4");
    std::fs::write(place.path("r/config.toml"), config).unwrap();

    // A part does not replace the whole.
    place.ok("evaluate r --count 60 --seed 1 --json");
    let whole = std::fs::read_to_string(place.path("r/evaluation.json")).unwrap();
    place.ok("evaluate r --count 60 --metric fd");
    assert_eq!(std::fs::read_to_string(place.path("r/evaluation.json")).unwrap(), whole);

    // Pictures that are also shown mirrored are more to be near to.
    let config = std::fs::read_to_string(place.path("r/config.toml")).unwrap();
    let turned = config.replace("flip = false", "flip = true");
    std::fs::write(place.path("r/config.toml"), turned).unwrap();
    let turned = json(&place.ok("evaluate r --count 60 --metric copies --json").out);
    let seen = |report: &Value| {
        let copies = &report["copies"];
        (copies["mirrored"].as_bool().unwrap(), copies["threshold"].as_f64().unwrap())
    };
    let (as_they_are, with_mirrored) = (seen(&report), seen(&turned));
    assert!(!as_they_are.0 && with_mirrored.0 && with_mirrored.1 < as_they_are.1);
    std::fs::write(place.path("r/config.toml"), config).unwrap();

    // Broken features are computed again, also where a single bit is wrong.
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 64;
        bytes
    };
    for broken in [&|_: &[u8]| b"broken".to_vec(), &flipped as &dyn Fn(&[u8]) -> Vec<u8>] {
        for file in std::fs::read_dir(place.path("cache/softreg/features")).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(path, broken(&bytes)).unwrap();
        }
        let again = json(&place.ok("evaluate r --count 60 --json").out);
        assert_eq!(again["metrics"], report["metrics"]);
    }
}

#[test]
fn copies_and_collapse_are_seen_in_folders() {
    let place = Workplace::new();
    pictures::folder(&place.path("real"), 40, 16, 16, false);
    pictures::folder(&place.path("one"), 2, 16, 16, false);
    // The very pictures: as good as can be, and all copies.
    let same = json(&place.ok("evaluate real --reference real --json").out);
    assert!(value(&same, "fd40_randconv") < 1e-6);
    assert_eq!(value(&same, "coverage40_randconv"), 1.0);
    let copied = "evaluate real --reference real --training real --metric copies --json";
    let copied = json(&place.ok(copied).out);
    // The reference, which was trained on too, shows nothing about honest pictures.
    assert_eq!(value(&copied, "near_copies40_randconv"), 1.0);
    assert_eq!(value(&copied, "nearer40_randconv"), 1.0);
    assert_eq!(copied["copies"]["honest"], "other training pictures");
    let skipped = "evaluate real --reference real --reference-skip 30 --metric swd --json";
    assert_eq!(json(&place.ok(skipped).out)["reference"]["count"], 10);
    // Two pictures: what cannot be measured of them is said, the rest is measured.
    let few = place.ok("evaluate one --reference real --json");
    assert!(few.err.contains("no precision, recall, density, coverage"), "{}", few.err);
    assert!(value(&json(&few.out), "fd2_randconv") > 0.0);
    place.ok("evaluate real --reference real --training one --metric fd --json");
    // Compared at the size that they have, which training would make smaller.
    pictures::folder(&place.path("large"), 4, 96, 96, false);
    let large = json(&place.ok("evaluate large --reference large --metric swd --json").out);
    assert_eq!(large["reference"]["size"], "96x96");
}

#[test]
fn wrong_requests_are_refused_with_the_way_out() {
    let place = Workplace::new();
    pictures::folder(&place.path("real"), 30, 16, 16, false);
    for (code, line, words) in [
        (2, "evaluate real", &["not a run folder", "--reference"][..]),
        (1, "evaluate raal --reference real", &["raal", "real"]),
        (1, "evaluate real --reference gone", &["gone"]),
        (1, "evaluate real --reference real --reference-skip 30", &["30 picture(s)"]),
        (2, "evaluate real --reference real --metric coverag", &["did you mean `coverage`?"]),
        (1, "evaluate real --reference real --metric copies", &["training pictures are unknown"]),
        (1, "evaluate real --reference real --metric cs", &["not the logits"]),
        (2, "evaluate real --reference real --features resnet65", &["did you mean `resnet56`?"]),
        (2, "evaluate real --reference real --features resnet56", &["resnet56", "pass the file"]),
        (
            2,
            "evaluate real --reference real --features inception",
            &["softreg data fetch inception"],
        ),
        (2, "evaluate real --reference real --count 1", &["from 2 to"]),
        (2, "evaluate real --reference real --weights w", &["has no weights"]),
        (2, "evaluate real --reference real --sheet s.png", &["--training"]),
        (1, "evaluate real --reference real --features gone.toml", &["gone.toml"]),
    ] {
        place.fails(code, line, words);
    }
}

#[test]
fn a_run_whose_pictures_are_gone_is_measured_against_others() {
    let place = Workplace::new();
    pictures::folder(&place.path("real"), 30, 16, 16, false);
    place.ok("train real --width 4 --batch 8 --threads 1 --steps 2 --out r");
    std::fs::rename(place.path("real"), place.path("moved")).unwrap();
    place.fails(1, "evaluate r --count 40", &["--reference"]);
    let said = place.ok("evaluate r --count 40 --reference moved --json");
    assert!(
        said.err.contains("cannot use the run's own pictures")
            && said.err.contains("no copy detector"),
        "{}",
        said.err
    );
    assert!(value(&json(&said.out), "fd40_randconv") > 0.0);
    // With one more, others would be held out.
    std::fs::rename(place.path("moved"), place.path("real")).unwrap();
    place.ok("evaluate r --count 40");
    std::fs::copy(place.path("real/000.png"), place.path("real/more.png")).unwrap();
    place.fails(1, "evaluate r --count 40", &["have changed", "--reference"]);
    let said = place.ok("evaluate r --count 40 --reference real");
    assert!(said.err.contains("have changed"), "{}", said.err);
}
