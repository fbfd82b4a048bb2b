//! Training: every kind of pictures, every choice of parts, and the files of a run.

use crate::pictures;
use crate::program::{TINY, Workplace, assert_same_run, has_leftovers, numbers, said};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

fn dimensions(path: impl AsRef<Path>) -> (u32, u32) {
    let picture = image::open(path.as_ref()).unwrap();
    (picture.width(), picture.height())
}

fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_folder_holds_everything() {
    let place = Workplace::new();
    let said = place.ok(&format!(
        "train motif {TINY} --steps 20 --out r --set output.log-every=5 --set output.sheet-every=10 --set output.checkpoint-every=8"
    ));
    assert_eq!(said.out, "Picture sheet: r/sheet.png\n");
    assert!(said.err.contains("softreg train --resume r"), "{said:?}");
    let run = place.path("r");
    let config = std::fs::read_to_string(run.join("config.toml")).unwrap();
    let config = softreg_train::config::parse::parse(&config, "config.toml").unwrap();
    assert_eq!((config.data.size.as_str(), config.training.threads), ("16x16", 1));
    let steps: Vec<Value> = numbers(&run).iter().map(|row| row["step"].clone()).collect();
    assert_eq!(steps, [5, 10, 15, 20]);
    let row = &numbers(&run)[0];
    assert_eq!(row["images"], 40);
    for key in ["loss/critic", "loss/generator", "reg/consistency/raw", "reg/mode-seeking/share"] {
        assert!(row[key].is_number(), "{key} in {row}");
    }
    let kept = softreg_run::checkpoint::list(run.join("checkpoints")).unwrap();
    assert_eq!(kept, [16, 20]);
    for step in ["00", "10", "20"] {
        let sheet = run.join(format!("samples/step-000000{step}.png"));
        assert_eq!(dimensions(sheet), dimensions(run.join("sheet.png")));
    }
    assert!(dimensions(run.join("sheet.png")).0 >= 64 * 2);
    assert!(dimensions(run.join("losses.png")).0 >= 400);
    let status = json(run.join("run.json"));
    assert_eq!((&status["state"], &status["step"]), (&"finished".into(), &20.into()), "{status}");
    let data = json(run.join("data.json"));
    assert_eq!((&data["pictures"], &data["channels"]), (&32.into(), &3.into()));
    let events = std::fs::read_dir(&run)
        .unwrap()
        .map(|e| e.unwrap())
        .find(|entry| entry.file_name().to_string_lossy().starts_with("events.out.tfevents."));
    assert!(events.unwrap().metadata().unwrap().len() > 1000);
    assert!(!has_leftovers(&run));
}

#[test]
fn runs_are_numbered_after_their_pictures() {
    let place = Workplace::new();
    pictures::folder(&place.path("my birds"), 4, 16, 16, false);
    let mut command = place.command(&format!("train {TINY} --steps 1 -q"));
    let output = command.arg("my birds").output().unwrap();
    assert_eq!(said(output).out, "runs/my-birds-001/sheet.png\n");
    assert_eq!(place.ok(&format!("train {TINY} --steps 1 -q")).out, "runs/motif-001/sheet.png\n");
    assert_eq!(place.ok(&format!("train {TINY} --steps 1 -q")).out, "runs/motif-002/sheet.png\n");
}

#[test]
fn large_pictures_are_made_smaller_unless_asked_for() {
    let place = Workplace::new();
    pictures::folder(&place.path("large"), 8, 96, 96, false);
    let tiny = "--width 4 --batch 4 --threads 1 --steps 1";
    let said = place.ok(&format!("train large {tiny} --out r"));
    assert_eq!(json(place.path("r/data.json"))["size"], "64x64");
    let note = "note: the pictures have 96x96 pixels but are trained at 64x64: --size 96x96";
    assert!(said.err.contains(note) && said.err.contains("1.5 times as long"), "{said:?}");
    let checked = place.ok("data check large").out;
    let words = checked.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("The pictures have 96x96 pixels but are trained at 64x64"), "{checked}");
    assert!(!place.ok("data check large --size 96").out.contains("times as long"));
    let said = place.ok(&format!("train large {tiny} --size 96 --out own"));
    assert_eq!(json(place.path("own/data.json"))["size"], "96x96");
    assert!(!said.err.contains("times as long"), "{said:?}");
}

#[test]
fn every_kind_of_pictures_is_trained_on() {
    let place = Workplace::new();
    pictures::folder(&place.path("folder"), 10, 24, 20, false);
    pictures::folder(&place.path("glass"), 10, 16, 16, true);
    pictures::zip(&place.path("owls.zip"), 10);
    pictures::cifar(&place.path("batch.bin"), 12);
    pictures::idx(&place.path("digits"), 12);
    let common = "--width 4 --batch 8 --threads 1 --steps 3";
    for (source, options, size, channels, classes) in [
        ("folder", "", "24x20", 3, 0),
        ("folder", "--size 32x16 --set data.fit=pad", "32x16", 3, 0),
        ("glass", "--set data.channels=rgba", "16x16", 4, 0),
        ("glass", "", "16x16", 3, 0),
        ("owls.zip", "--conditional", "20x20", 3, 2),
        ("batch.bin", "--conditional --flip --network residual", "32x32", 3, 10),
        ("digits", "", "28x28", 1, 10),
    ] {
        let _ = std::fs::remove_dir_all(place.path("r"));
        place.ok(&format!("train {source} {common} {options} --out r"));
        let data = json(place.path("r/data.json"));
        assert_eq!(data["size"], size, "{source} {options}");
        assert_eq!(data["channels"], channels, "{source} {options}");
        assert_eq!(data["classes"].as_array().unwrap().len(), classes, "{source} {options}");
        place.ok("generate r --count 3 --out f --force");
        let (width, height) = size.split_once('x').unwrap();
        let made = image::open(place.path("f/00002.png")).unwrap();
        assert_eq!(
            (made.width().to_string(), made.height().to_string()),
            (width.into(), height.into())
        );
        assert_eq!(usize::from(made.color().channel_count()), channels);
    }
}

#[test]
fn pictures_of_an_odd_size_get_the_nearest_one() {
    let place = Workplace::new();
    pictures::folder(&place.path("odd"), 4, 50, 50, false);
    let said = place.ok("train odd --width 4 --batch 4 --threads 1 --steps 1 --out r");
    assert!(
        said.err.contains("note: no network makes pictures of 50x50")
            && said.err.contains("--size")
    );
    assert_eq!(json(place.path("r/data.json"))["size"], "52x52");
}

#[test]
fn every_combination_of_parts_takes_steps() {
    let place = Workplace::new();
    let names = |what: &str| -> Vec<String> {
        let list = place.ok(&format!("list {what} --json")).out;
        let list: Vec<Value> = serde_json::from_str(&list).unwrap();
        list.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    let (losses, optimizers) = (names("losses"), names("optimizers"));
    let (networks, regularizers) = (names("networks"), names("regularizers"));
    assert!(losses.len() >= 5 && optimizers.len() >= 4 && networks.len() >= 2);
    assert!(regularizers.len() >= 5);
    // Every regularizer with every loss and network; optimisers take turns.
    let mut turn = optimizers.iter().cycle();
    for (network, loss) in networks.iter().flat_map(|n| losses.iter().map(move |l| (n, l))) {
        for regularizer in &regularizers {
            let Some(optimizer) = turn.next() else { return };
            let rates = match optimizer.as_str() {
                "sgd" => "--set optimizer.critic-rate=0.0001",
                _ => "",
            };
            let _ = std::fs::remove_dir_all(place.path("r"));
            let line = format!(
                "train {TINY} --steps 2 --network {network} --loss {loss} --reg none --reg {regularizer} --set optimizer.name={optimizer} {rates} --set output.log-every=1 --set output.sheet-count=1 --out r"
            );
            if regularizer == "dropout" && loss != "logistic" {
                place.refuses(2, &line, &["log odds", loss]);
                continue;
            }
            // What begins later says nothing at first; `lecam` begins here when it remembers something.
            let line = line.replace("--reg lecam", "--reg lecam,start=1");
            place.ok(&line);
            let rows = numbers(&place.path("r"));
            let mut values = rows[1].as_object().unwrap().iter();
            assert!(rows.len() == 2 && values.all(|(_, value)| value.is_number()));
            let term = |key: &String| key.starts_with(&format!("reg/{regularizer}"));
            // A constraint on the weights is no term of the objective.
            let is_term = regularizer != "spectral";
            assert_eq!(rows[1].as_object().unwrap().keys().any(term), is_term, "{line}: {rows:?}");
        }
    }
}

#[test]
fn a_printed_configuration_is_the_same_run() {
    let place = Workplace::new();
    let options = format!(
        "{TINY} --steps 6 --reg consistency=5,shift=0.25 --reg l2 --loss hinge --seed 4 --set output.log-every=2 --set network.latent=7"
    );
    let printed = place.ok(&format!("train {options} --print-config")).out;
    assert!(printed.contains("latent = 7") && !printed.contains("# seed"));
    std::fs::write(place.path("my.toml"), &printed).unwrap();
    assert_eq!(place.ok("train --recipe my.toml --print-config").out, printed);
    place.ok(&format!("train {options} --out a"));
    place.ok("train --recipe my.toml --out b");
    assert_same_run(&place.path("a"), &place.path("b"));
    let settled = place.ok("train --resume a --print-config").out;
    std::fs::write(place.path("settled.toml"), settled).unwrap();
    place.ok("train --recipe settled.toml --out c");
    assert_same_run(&place.path("a"), &place.path("c"));
    place.ok(&format!("train {options} --set seed=5 --out d"));
    assert_ne!(numbers(&place.path("a")), numbers(&place.path("d")));
}

#[test]
fn json_is_one_object_a_line_and_a_closed_pipe_ends_nothing() {
    let place = Workplace::new();
    let said = place.ok(&format!("train {TINY} --steps 4 --json --out a"));
    let events: Vec<Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("step"), count("end")), (4, 1));
    assert_eq!(events.last().unwrap()["finished"], true);

    // As `| head -1` does: one line is read, then the pipe is closed.
    let mut command = place.command(&format!("train {TINY} --steps 30 --json --out b"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(json(place.path("b/run.json"))["step"], 30);
}
