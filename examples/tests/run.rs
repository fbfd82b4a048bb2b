//! Both examples, a few steps each: they run, repeat, and refuse what they cannot use.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is tests")]

use std::process::{Command, Output};

fn run(program: &str, arguments: &[&str]) -> Output {
    let path = match program {
        "classifier" => env!("CARGO_BIN_EXE_classifier"),
        _ => env!("CARGO_BIN_EXE_recurrent"),
    };
    Command::new(path).args(arguments).output().unwrap()
}

fn table(program: &str, arguments: &[&str]) -> Vec<String> {
    let output = run(program, arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    // The last column is time, which differs from run to run.
    let without_time = |line: &str| match line.trim_end().strip_suffix('x') {
        Some(line) => line.rsplit_once(' ').unwrap().0.trim_end().to_owned(),
        None => line.to_owned(),
    };
    text.lines().map(without_time).collect()
}

#[test]
fn every_variant_has_a_row_and_a_seed_repeats() {
    for (program, arguments) in [
        ("classifier", &["--steps", "2", "--seeds", "2", "--pictures", "40", "--test", "30"][..]),
        ("recurrent", &["--steps", "2", "--seeds", "2", "--letters", "200"]),
    ] {
        let lines = table(program, arguments);
        let soft = if program == "classifier" { "consistency" } else { "noise" };
        for name in ["none", "dropout", "L1", "L2", "R-Drop ", soft, "R-Drop + "] {
            let row = lines.iter().find(|line| line.starts_with(name)).unwrap();
            let numbers: Vec<f64> =
                row.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            assert!(numbers.len() >= 4 && numbers.iter().all(|v| v.is_finite()), "{row}");
            assert!(!row.contains("NaN") && !row.contains("inf"), "{row}");
        }
        assert!(lines.last().unwrap().starts_with("Best on test data: "), "{lines:?}");
        assert_eq!(lines, table(program, arguments), "{program} repeats");
    }
}

#[test]
fn what_cannot_be_used_is_refused_in_a_sentence() {
    for (program, arguments, code, words) in [
        ("classifier", &["no-such-folder"][..], 1, "no-such-folder"),
        ("classifier", &["--pictures", "1"], 1, "--pictures"),
        ("recurrent", &["--letters", "10"], 1, "--letters"),
        ("recurrent", &["--seeds", "0"], 2, "seeds"),
    ] {
        let output = run(program, arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{program} {arguments:?}: {text}");
        assert!(text.contains(words) && !text.contains("panicked"), "{text}");
    }
}

#[test]
fn digits_are_read_from_their_files() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/mnist/train-images-idx3-ubyte.gz");
    if !std::path::Path::new(path).exists() {
        println!("skipped: no MNIST at {path}");
        return;
    }
    let arguments = [path, "--steps", "2", "--seeds", "1", "--pictures", "40", "--test", "30"];
    let lines = table("classifier", &arguments);
    assert!(lines[0].starts_with("10 classes"), "{lines:?}");
}
