//! Comparing sets of regularizers.

use crate::pictures;
use crate::program::{Workplace, assert_same_run, interrupt, until, wait};
use serde_json::Value;
use std::process::Stdio;

const TINY: &str = "compare motif --limit 60 --size 16 --width 4 --batch 8 --steps 3 --count 40 \
                    --set output.sheet-count=4";

fn report(place: &Workplace, folder: &str) -> Value {
    let text = std::fs::read_to_string(place.path(folder).join("report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_folder_called_after_the_built_in_pictures_does_not_take_their_place() {
    let place = Workplace::new();
    place.ok(&format!("{TINY} --seeds 1 --arm none --out motif"));
    assert_eq!(report(&place, "motif")["arms"].as_array().map(Vec::len), Some(1));
    place.ok(&format!("train motif {} --steps 2 --out other", crate::program::TINY));
    place.ok("train --resume other --steps 4");
    // A folder of pictures of that name is one by its path.
    crate::pictures::folder(&place.path("x/motif"), 12, 16, 16, false);
    let inside = |source: &str| {
        let mut command = place.command(&format!("data check {source}"));
        let output = command.current_dir(place.path("x")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(inside("./motif").contains("12"), "{}", inside("./motif"));
    assert!(inside("motif").contains("2000") || inside("motif").contains("2,000"));
}

#[test]
fn sets_are_trained_measured_and_reported_and_more_seeds_go_on() {
    let place = Workplace::new();
    let arms = "--arm none --arm l2=0.01 --arm 'ours: recipe + l2=0.1'";
    let said = place.ok(&format!("{TINY} {arms} --seeds 2 --out c"));
    for word in ["set", "none", "l2=0.01", "ours", "coverage ↑", "fd ↓", "fd40_randconv"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    for word in ["3 sets", "6 trials", "note: holding out 20 %", "none-s0: fd "] {
        assert!(said.err.contains(word), "{word}: {}", said.err);
    }
    let first = report(&place, "c");
    let arm = &first["arms"][1];
    assert_eq!(arm["label"], "l2=0.01");
    assert_eq!(arm["trials"].as_array().unwrap().len(), 2);
    // Each set with its own regularizers.
    let weighs = |arm: usize, name: &str| !first["arms"][arm]["regularizers"][name].is_null();
    let found = [0, 1, 2].map(|arm| [weighs(arm, "l2"), weighs(arm, "consistency")]);
    assert_eq!(found, [[false, false], [true, false], [true, true]]);
    let fd = &arm["values"]["fd40_randconv"];
    let of = |arm: &Value, seed: usize| {
        arm["trials"][seed]["metrics"]["fd40_randconv"]["value"].as_f64().unwrap()
    };
    let mean = (of(arm, 0) + of(arm, 1)) / 2.0;
    assert!((fd["value"].as_f64().unwrap() - mean).abs() < 1e-9);
    let none = &first["arms"][0];
    let difference = (of(arm, 0) - of(none, 0) + of(arm, 1) - of(none, 1)) / 2.0;
    assert!((fd["difference"]["value"].as_f64().unwrap() - difference).abs() < 1e-9);
    assert!(none["values"]["fd40_randconv"]["difference"].is_null());
    let page = std::fs::read_to_string(place.path("c/report.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("l2=0.01"));
    for words in ["no regularizer", "l2 = 0.01", "consistency = {", "training.augment = "] {
        assert!(page.contains(words), "{words}");
    }
    let markdown = std::fs::read_to_string(place.path("c/report.md")).unwrap();
    assert!(markdown.contains("| ours |") && markdown.contains("| set |"));
    assert!(image::open(place.path("c/samples.png")).unwrap().height() > 3 * 30);
    // A trial is a run like any other, made again by its recipe.
    place.ok("train --recipe c/trials/none-s1.toml --out again --quiet");
    assert_same_run(&place.path("again"), &place.path("c/trials/none-s1"));

    // What is done stays as it is; a seed more is trained.
    let stamp = |run: &str| {
        std::fs::metadata(place.path(run).join("sheet.png")).unwrap().modified().unwrap()
    };
    let before = stamp("c/trials/none-s0");
    place.ok("compare --resume c --seeds 3 --jobs 2");
    assert_eq!(stamp("c/trials/none-s0"), before);
    let second = report(&place, "c");
    assert_eq!(second["arms"][2]["trials"].as_array().unwrap().len(), 3);
    assert_eq!(second["arms"][0]["trials"][0]["metrics"], none["trials"][0]["metrics"]);
}

#[test]
fn sets_with_dots_in_their_names_are_trained_each_with_its_own_weight() {
    let place = Workplace::new();
    let arms = "--arm l2=0.001 --arm l2=0.5 --arm 'more: l2=0.001 + training.critic-steps=5 + stop.steps=2'";
    let said = place.ok(&format!("{TINY} {arms} --seeds 2 --jobs 2 --out c"));
    let trained = |trial: &str| {
        let path = place.path(&format!("c/trials/{trial}/config.toml"));
        let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        table["regularizers"]["l2"].as_float().unwrap()
    };
    for seed in ["s0", "s1"] {
        assert_eq!(trained(&format!("l2-0.001-{seed}")), 0.001);
        assert_eq!(trained(&format!("l2-0.5-{seed}")), 0.5);
    }
    // Sets may have steps of their own, and then this is said.
    assert!(said.out.contains("Steps per trial: l2=0.001 3, l2=0.5 3, more 2."), "{}", said.out);
    // What was trained with another configuration is not this set's.
    let config = place.path("c/trials/l2-0.5-s1/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("l2 = 0.5", "l2 = 0.25")).unwrap();
    let said = place.ok("compare --resume c");
    let words = "different configuration (regularizers.l2 from 0.5 to 0.25)";
    assert!(said.out.contains(words), "{}", said.out);
}

#[test]
fn what_was_steered_by_the_pictures_measured_against_is_said() {
    let place = Workplace::new();
    let line = "--arm none --arm 'adaptive: consistency=1,schedule=adaptive' --seeds 1";
    let said = place.ok(&format!("{TINY} {line} --out c"));
    assert!(said.out.contains("values may be optimistic"), "{}", said.out);
    assert!(said.out.contains("(adaptive)"), "{}", said.out);
    let said = place.ok(&format!("{TINY} --arm none --arm l2 --seeds 1 --out d"));
    assert!(!said.out.contains("optimistic"), "{}", said.out);
}

#[test]
fn a_comparison_that_was_cut_off_goes_on() {
    let place = Workplace::new();
    let line = format!("{TINY} --arm none --arm consistency --seeds 1");
    place.ok(&format!("{line} --out whole"));
    place.ok(&format!("{line} --out c"));
    // As a kill leaves it: a trial whose start had only begun, and one not measured.
    let none = place.path("c/trials/none-s0");
    let [status, about] = ["run.json", "data.json"].map(|f| std::fs::read(none.join(f)).unwrap());
    std::fs::remove_dir_all(&none).unwrap();
    for folder in ["samples", "checkpoints"] {
        std::fs::create_dir_all(none.join(folder)).unwrap();
    }
    for (file, bytes) in [("run.json", status), ("data.json", about), ("lock", Vec::new())] {
        std::fs::write(none.join(file), bytes).unwrap();
    }
    std::fs::remove_file(place.path("c/trials/consistency-s0/trial-evaluation.json")).unwrap();
    std::fs::remove_file(place.path("c/report.json")).unwrap();
    place.ok("compare --resume c");
    let (whole, resumed) = (report(&place, "whole"), report(&place, "c"));
    for arm in 0..2 {
        assert_eq!(
            whole["arms"][arm]["trials"][0]["metrics"],
            resumed["arms"][arm]["trials"][0]["metrics"]
        );
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_the_comparison_goes_on_to_the_same_numbers() {
    let place = Workplace::new();
    let line = TINY.replace("--steps 3", "--steps 150") + " --arm none --arm l2 --seeds 1 --jobs 2";
    let child = place.start(&format!("{line} --out c"));
    // Both at once: the second has begun although the first is not done.
    let begun = |arm: &str| place.path(&format!("c/trials/{arm}-s0/checkpoints")).exists();
    until("both trials are begun", || begun("none") && begun("l2"));
    interrupt(&child);
    let said = wait(child);
    said.is_one_error(1, &line, &["interrupted", "softreg compare --resume c"]);
    place.ok("compare --resume c");
    place.ok(&format!("{line} --out whole"));
    for arm in ["none", "l2"] {
        let run = |folder: &str| place.path(&format!("{folder}/trials/{arm}-s0"));
        assert_same_run(&run("c"), &run("whole"));
    }
    // One process alone may write.
    let lock = std::fs::File::open(place.path("c/lock")).unwrap();
    lock.try_lock().unwrap();
    place.refuses(1, "compare --resume c --seeds 2", &["another process"]);
}

#[test]
fn what_is_compared_is_measured_in_one_way_on_the_same_pictures() {
    let place = Workplace::new();
    crate::pictures::folder(&place.path("art"), 60, 16, 16, false);
    let line = TINY.replace("motif --limit 60", "art") + " --arm none --arm l2 --seeds 1";
    place.ok(&format!("{line} --out c"));
    let first = report(&place, "c");
    // What a person measures in a trial's folder in another way is not the comparison's.
    place.ok("evaluate c/trials/l2-s0 --reference motif --reference-limit 30 --count 20");
    place.ok("compare --resume c");
    assert_eq!(report(&place, "c")["arms"], first["arms"]);
    // The report is made again without pictures, and no seed is added with others.
    std::fs::rename(place.path("art/007.png"), place.path("one.png")).unwrap();
    place.ok("compare --resume c");
    place.fails(1, "compare --resume c --seeds 2", &["differ from those used at the start"]);
}

#[test]
fn a_set_that_fails_is_reported_and_the_others_count() {
    let place = Workplace::new();
    let arms = "--arm none --arm 'wild: l2=1e38'";
    let line = TINY.replace("--steps 3", "--steps 30");
    let said = place.ok(&format!("{line} {arms} --seeds 1 --out c"));
    assert!(said.out.contains("wild (1 failed)"), "{}", said.out);
    assert!(said.err.contains("wild-s0: failed: "), "{}", said.err);
    assert!(report(&place, "c")["arms"][1]["trials"][0]["failed"].is_string());
}

#[test]
fn wrong_requests_are_refused_before_anything_is_trained() {
    let place = Workplace::new();
    for (code, line, words) in [
        (2, "compare motif --arm consistancy", &["did you mean `consistency`?"][..]),
        (2, "compare motif --arm l2=-1", &["--arm `l2=-1`"]),
        (2, "compare motif --arm l2 --arm l2", &["twice"]),
        (2, "compare motif --metric coverag", &["did you mean `coverage`?"]),
        (2, "compare motif --features resnet56", &["resnet56", "pass the file"]),
        (1, "compare --resume nowhere", &["not a comparison"]),
        (2, "compare --resume nowhere --arm l2", &["cannot be used with"]),
        (2, "compare --resume nowhere --steps 9", &["--steps", "cannot be used with"]),
        (2, "compare --resume nowhere --features x", &["--features", "cannot be used with"]),
        (2, "compare motif --arm 'none + data.flip=true'", &["the same for every set"]),
        (2, "compare motif --arm none --seed 9223372036854775807", &["seed"]),
        (1, "compare gone-pictures", &["gone-pictures"]),
    ] {
        place.fails(code, line, words);
    }
    assert!(!place.path("comparisons").exists());
}

#[test]
fn what_is_in_the_way_of_a_trial_stays() {
    let place = Workplace::new();
    place.ok(&format!("{TINY} --seeds 1 --arm none --out c"));
    let status = place.path("c/trials/none-s0/run.json");
    let text = std::fs::read_to_string(&status).unwrap();
    let newer = text.replace("softreg-run/1", "softreg-run/9");
    assert!(newer != text, "{text}");
    std::fs::write(&status, newer).unwrap();
    std::fs::write(place.path("c/trials/none-s0/notes.txt"), "precious").unwrap();
    place.fails(1, "compare --resume c", &["no trial produced a result", "newer"]);
    assert!(place.path("c/trials/none-s0/notes.txt").is_file());
    assert!(place.path("c/trials/none-s0/metrics.jsonl").is_file());
    // A folder that is no run at all; the rest of a start that was killed goes.
    std::fs::rename(place.path("c/trials/none-s0"), place.path("away")).unwrap();
    std::fs::create_dir_all(place.path("c/trials/none-s0/checkpoints")).unwrap();
    std::fs::write(place.path("c/trials/none-s0/lock"), "").unwrap();
    std::fs::write(place.path("c/trials/none-s0/notes.txt"), "precious").unwrap();
    place.fails(1, "compare --resume c", &["does not belong to this trial"]);
    assert!(place.path("c/trials/none-s0/notes.txt").is_file());
    std::fs::remove_file(place.path("c/trials/none-s0/notes.txt")).unwrap();
    // A start that was killed while it wrote.
    let half = place.path("c/trials/none-s0/.run.json.4000000000.abcdef.softreg-tmp");
    std::fs::write(&half, "{").unwrap();
    place.ok("compare --resume c");
    // A run that has lost its status alone is not taken for one.
    std::fs::remove_file(place.path("c/trials/none-s0/run.json")).unwrap();
    place.fails(1, "compare --resume c", &["does not belong to this trial"]);
    for file in ["config.toml", "data.json", "metrics.jsonl"] {
        assert!(place.path("c/trials/none-s0").join(file).is_file(), "{file}");
    }
    place.refuses(1, &format!("{TINY} --arm none --reference nowhere --out d"), &["nowhere"]);
}

#[test]
fn trials_that_learned_from_other_pictures_have_failed_and_stay_so() {
    let place = Workplace::new();
    crate::pictures::folder(&place.path("art"), 40, 16, 16, false);
    let line = TINY.replace("motif --limit 60", "art") + " --set data.validation=0.5 --arm none";
    place.ok(&format!("{line} --seeds 2 --out c"));
    // As if a picture had been another one while the second was trained.
    let about = place.path("c/trials/none-s1/data.json");
    let mut found: Value = serde_json::from_str(&std::fs::read_to_string(&about).unwrap()).unwrap();
    found["fingerprint"] = "0".repeat(64).into();
    std::fs::write(&about, found.to_string()).unwrap();
    for _ in 0..2 {
        let said = place.ok("compare --resume c");
        assert!(said.out.contains("differ from those used at the start"), "{said:?}");
    }
}

/// As a new build does with its own file.
#[cfg(target_os = "linux")]
#[test]
fn a_program_that_is_replaced_meanwhile_finishes_what_it_began() {
    let place = Workplace::new();
    let program = place.path("softreg");
    std::fs::copy(env!("CARGO_BIN_EXE_softreg"), &program).unwrap();
    let line = format!(
        "{} --arm none --seeds 2 --jobs 1 --out c",
        TINY.replace("--steps 3", "--steps 60")
    );
    let mut command = std::process::Command::new(&program);
    command.args(line.split_whitespace()).current_dir(place.path(""));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the first trial is begun", || place.path("c/trials/none-s0/checkpoints").exists());
    std::fs::remove_file(&program).unwrap();
    let said = wait(child);
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(place.path("c/trials/none-s1/trial-evaluation.json").is_file(), "{said:#?}");
}

/// Each seed makes stacks of its own, as it draws ornaments of its own.
#[test]
fn stacks_are_compared_over_several_seeds() {
    let place = Workplace::new();
    pictures::idx(&place.path("digits"), 12);
    let line = "compare stacked:digits --size 16 --width 4 --batch 4 --threads 1 --steps 2 --arm none --seeds 2";
    let said = place.ok(&format!("{line} --count 16 --reference stacked:digits --out c"));
    assert!(!said.err.contains("failed"), "{said:?}");
    for seed in ["none-s0", "none-s1"] {
        assert!(place.path(&format!("c/trials/{seed}/sheet.png")).is_file(), "{said:?}");
    }
}

/// What no design said before there was a choice.
#[test]
fn a_comparison_from_before_self_modulation_stays_without() {
    let place = Workplace::new();
    let arms = "--arm none --set network.self-modulation=false --seeds 1";
    place.ok(&format!("{TINY} {arms} --out c"));
    let design = place.path("c/comparison.json");
    let text = std::fs::read_to_string(&design).unwrap();
    let mut older: Value = serde_json::from_str(&text).unwrap();
    let network = older.pointer_mut("/arms/0/config/network").unwrap().as_object_mut().unwrap();
    assert_eq!(network.remove("self-modulation"), Some(false.into()));
    std::fs::write(&design, older.to_string()).unwrap();
    let first = place.path("c/trials/none-s0/config.toml");
    let text = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, text.replace("\nself-modulation = false", "\n")).unwrap();
    let said = place.ok("compare --resume c --seeds 2");
    assert!(!said.err.contains("failed"), "{said:?}");
    let trained = std::fs::read_to_string(place.path("c/trials/none-s1/config.toml")).unwrap();
    assert!(trained.contains("\nself-modulation = false"), "{trained}");
}
