//! Help, lists, versions and completions: what the program says about itself.

use crate::program::Workplace;
use serde_json::Value;
use std::process::Stdio;

const COMMANDS: &[&str] =
    &["", "train", "generate", "data", "data check", "data fetch", "plan", "list", "completions"];

#[test]
fn every_command_helps_with_examples() {
    let place = Workplace::new();
    for command in COMMANDS {
        let said = place.ok(&format!("{command} --help"));
        assert!(said.out.contains("Examples:"), "{command}");
        let short = place.ok(&format!("{command} -h")).out;
        for text in [said.out, short] {
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{command}: {text}");
        }
    }
    let said = place.run("");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("Usage: softreg"), "{said:?}");
}

#[test]
fn help_and_lists_come_from_the_registries() {
    let place = Workplace::new();
    let help: String = place.ok("train --help").out.split_whitespace().collect();
    for (what, in_help) in [
        ("regularizers", true),
        ("losses", true),
        ("networks", true),
        ("augmentations", true),
        ("optimizers", false),
        ("pairings", false),
        ("distances", false),
        ("aims", false),
        ("sites", false),
        ("schedules", false),
        ("recipes", false),
        ("sources", false),
        ("datasets", false),
    ] {
        let table = place.ok(&format!("list {what}")).out;
        assert!(table.starts_with("NAME") && table.lines().all(|l| l.chars().count() <= 100));
        let json = place.ok(&format!("list {what} --json")).out;
        let entries: Vec<Value> = serde_json::from_str(&json).unwrap();
        let names: Vec<&str> =
            entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
        assert!(!names.is_empty());
        for name in &names {
            assert!(table.lines().any(|line| line.split(' ').next() == Some(name)), "{name}");
        }
        assert_eq!(
            help.contains(&names.join(",")),
            in_help || names.len() == 1 && help.contains(names[0]),
            "{what}"
        );
    }
    place.refuses(2, "list everything", &["everything"]);
}

/// The table has what a person chooses by: formula, defaults, cost and source.
#[test]
fn regularizers_are_listed_with_formula_defaults_passes_and_source() {
    let place = Workplace::new();
    let json = place.ok("list regularizers --json").out;
    let entries: Vec<Value> = serde_json::from_str(&json).unwrap();
    let table: String = place.ok("list regularizers").out.split_whitespace().collect();
    for entry in &entries {
        for key in ["formula", "source", "passes"] {
            let text: String = entry[key].as_str().unwrap().split_whitespace().collect();
            assert!(!text.is_empty() && table.contains(&text), "{key}: {entry}");
        }
        for setting in entry["settings"].as_array().unwrap() {
            let name = setting["name"].as_str().unwrap();
            assert!(table.contains(&format!("{name}=")), "{name}");
        }
    }
    let names: Vec<&str> = entries.iter().map(|e| e["name"].as_str().unwrap()).collect();
    for name in ["balanced", "interpolation", "lecam", "modulated", "r1", "spectral", "wgan-gp"] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(table.contains("everyevaluate") && table.contains("sharefraction"), "common settings");
}

#[test]
fn a_plan_shows_what_regularizers_cost() {
    let place = Workplace::new();
    let plan = |regularizers: &str| -> Value {
        let line = format!("plan motif:40 --size 16 --width 4 --reg none {regularizers} --json");
        serde_json::from_str(&place.ok(&line).out).unwrap()
    };
    let of = |plan: &Value, what: &str| plan["operations"][what].as_f64().unwrap();
    let none = plan("");
    assert_eq!(of(&none, "without"), of(&none, "planned"));
    let both = plan("--reg consistency --reg balanced");
    assert_eq!(of(&both, "without"), of(&none, "without"));
    let (own, shared) = (of(&both, "unshared"), of(&both, "planned"));
    assert!(own > shared && shared > of(&none, "planned"), "{both}");
    let share = (shared - of(&none, "without")) / (own - of(&none, "without"));
    assert!((share - 2.0 / 3.0).abs() < 1e-9, "two passes instead of three: {both}");
    let text = place.ok("plan motif:40 --size 16 --width 4 --reg consistency=1,every=4").out;
    for part in ["NETWORK", "loss: real pictures", "consistency: real pictures", "as planned"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!place.path("runs").exists(), "nothing is written");
    place.refuses(2, "plan --reg consitency", &["consistency"]);
}

#[test]
fn the_version_names_the_backends() {
    let place = Workplace::new();
    let version = place.ok("--version").out;
    assert_eq!(version, place.ok("-V").out);
    let expected = format!("softreg {} (backends: ", env!("CARGO_PKG_VERSION"));
    assert!(version.starts_with(&expected) && version.trim_end().ends_with(')'), "{version}");
}

#[test]
fn every_shell_gets_completions() {
    let place = Workplace::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.ok(&format!("completions {shell}")).out;
        assert!(script.contains("generate") && script.contains("softreg"), "{shell}");
    }
    place.refuses(2, "completions tcsh", &["tcsh"]);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Workplace::new();
    for line in ["list regularizers", "completions bash", "train --print-config", "--help"] {
        let mut child =
            place.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
        assert_eq!(output.status.code(), Some(0), "{line}");
    }
}

#[test]
fn wrong_usage_is_one_error() {
    let place = Workplace::new();
    for line in [
        "trian",
        "generate",
        "data check",
        "data fetch",
        "list",
        "train --stepz 3",
        "train a b",
        "--quiet",
    ] {
        place.refuses(2, line, &[]);
    }
}
