//! Choosing settings on held-out pictures.

use crate::pictures;
use crate::program::{Workplace, until, wait};
use serde_json::Value;
use softreg_study::{Address, Rung, STALE, Store};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const TINY: &str = "tune motif --limit 60 --size 16 --width 4 --batch 8 --count 40 \
                    --set output.sheet-count=4";

fn report(place: &Workplace, folder: &str) -> Value {
    let text = std::fs::read_to_string(place.path(folder).join("report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn trials(report: &Value) -> &Vec<Value> {
    report["trials"].as_array().unwrap()
}

#[test]
fn a_grid_is_tried_whole_and_the_winner_is_a_recipe() {
    let place = Workplace::new();
    let said = place.ok(&format!(
        "{TINY} --vary l2=0.001..0.1 --vary training.loss=logistic,hinge --method grid --points 2 \
         --metric coverage --steps 3 --out s"
    ));
    for word in ["TRIAL", "l2", "training.loss", "Best: ", "softreg train --recipe s/winner.toml"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    let report = report(&place, "s");
    assert_eq!(trials(&report).len(), 4);
    // More is better: the winner has the highest value.
    let value = |trial: &Value| trial["value"].as_f64().unwrap();
    let highest = trials(&report).iter().map(value).fold(f64::MIN, f64::max);
    assert_eq!(report["winner"]["value"].as_f64().unwrap(), highest);
    let winner = std::fs::read_to_string(place.path("s/winner.toml")).unwrap();
    let l2 = report["winner"]["parameters"]["l2"].as_str().unwrap();
    assert!(winner.contains(&format!("l2 = {l2}")), "{l2}: {winner}");
    assert!(winner.contains("validation = 0.2"), "{winner}");
    // Trials have a thread each; the winner is trained alone.
    assert!(winner.contains("threads = 0"), "{winner}");
    place.ok("train --recipe s/winner.toml --quiet --out r");
    assert!(image::open(place.path("s/response.png")).unwrap().width() >= 1000);
    let page = std::fs::read_to_string(place.path("s/report.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("training.loss"));
    // Nothing is left to do, and nothing changes.
    let before = report["trials"].clone();
    place.ok("tune --resume s");
    assert_eq!(self::report(&place, "s")["trials"], before);
}

#[test]
fn halving_goes_on_with_the_runs_that_promise_most() {
    let place = Workplace::new();
    place.ok(&format!(
        "{TINY} --vary consistency=0.1..10 --trials 6 --reduction 2 --rungs 3 --steps 8 --out s"
    ));
    let report = report(&place, "s");
    let with = |budget: f64| {
        let of = trials(&report)
            .iter()
            .filter(|t| (t["budget"].as_f64().unwrap() - budget).abs() < 1e-9);
        of.collect::<Vec<_>>()
    };
    let (first, last) = (with(0.25), with(1.0));
    assert_eq!(first.len(), 6);
    assert!(!last.is_empty() && last.len() < 6);
    assert_eq!(first[0]["about"]["runs"][0]["steps"], 2);
    assert_eq!(last[0]["about"]["runs"][0]["steps"], 8);
    // The same run, gone on with, is the one that was never stopped.
    let trial = last[0]["trial"].as_u64().unwrap();
    let folder = format!("s/trials/{trial:04}-s0");
    let recipe = format!("{folder}.toml");
    place.ok(&format!("train --recipe {recipe} --steps 8 --quiet --out straight"));
    let sheet = |run: &str| std::fs::read(place.path(run).join("sheet.png")).unwrap();
    assert_eq!(sheet("straight"), sheet(&folder));
}

fn kill(id: u32, signal: &str) {
    Command::new("kill").args([signal, &id.to_string()]).status().unwrap();
}

/// Processes of trials that outlived their study.
fn orphans(folder: &Path) -> Vec<u32> {
    let name = folder.display().to_string();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(&name).then_some(id)
    });
    all.collect()
}

#[cfg(target_os = "linux")]
#[test]
fn several_processes_share_a_study_and_a_kill_loses_nothing() {
    let place = Workplace::new();
    let study = place.path("s");
    let line = format!(
        "{TINY} --vary l2=0.001..0.1 --method random --trials 6 --steps 40 --jobs 1 --out {}",
        study.display()
    );
    let mut first = place.start(&line);
    until("the study is there", || study.join("study.sqlite").exists());
    let second = place.start(&format!("tune --resume {} --jobs 1", study.display()));
    until("a trial is begun", || study.join("trials/0000-s0/checkpoints").exists());
    kill(first.id(), "-KILL");
    first.wait().unwrap();
    // Its trial may go on by itself; a machine that goes down takes that too.
    orphans(&study.join("trials/0000-s0")).into_iter().for_each(|id| kill(id, "-KILL"));
    // The second one waits for the first until it counts as dead: the minute that this takes is over at once here.
    let database = rusqlite::Connection::open(study.join("study.sqlite")).unwrap();
    database.busy_timeout(Duration::from_secs(30)).unwrap();
    let later = "UPDATE task SET heard = heard - ?1 WHERE trial = 0 AND state = 'running'";
    assert_eq!(database.execute(later, [STALE + 1.0]).unwrap(), 1);
    until("the second has done the rest", || {
        (1..6).all(|i| study.join(format!("trials/{i:04}-s0/trial-evaluation.json")).exists())
    });
    let said = wait(second);
    assert_eq!(said.code, Some(0), "{said:#?}");
    let report = report(&place, "s");
    assert_eq!(trials(&report).len(), 6);
    assert!(trials(&report).iter().all(|trial| trial["state"] == "done"), "{report:#}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let place = Workplace::new();
    let child = place.start(&format!(
        "{TINY} --vary l2=0.001..0.1 --method random --trials 2 --steps 3000 --jobs 1 --out s"
    ));
    until("a trial is begun", || place.path("s/trials/0000-s0/metrics.jsonl").exists());
    kill(child.id(), "-INT");
    let said = wait(child);
    said.is_one_error(1, "tune", &["softreg tune --resume s"]);
    let status = std::fs::read_to_string(place.path("s/trials/0000-s0/run.json")).unwrap();
    assert!(status.contains("interrupted"), "{status}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_study_goes_on_with_the_pictures_that_it_was_begun_with() {
    let place = Workplace::new();
    let files = place.path("files");
    pictures::folder(&files, 60, 16, 16, false);
    let tiny = TINY.replace("motif", "files");
    let study = place.path("s");
    let child = place.start(&format!(
        "{tiny} --vary l2=0.001..0.1 --method random --trials 2 --steps 3000 --jobs 1 --out {}",
        study.display()
    ));
    until("a trial is begun", || place.path("s/trials/0000-s0/metrics.jsonl").exists());
    kill(child.id(), "-INT");
    wait(child);
    let there = std::fs::read_dir(&files).unwrap().next().unwrap().unwrap().path();
    let away = place.path("away.png");
    std::fs::rename(&there, &away).unwrap();
    place.fails(1, "tune --resume s", &["differ from those used at the start", "the same files"]);
    std::fs::rename(&away, &there).unwrap();
    let child = place.start(&format!("tune --resume {} --jobs 1", study.display()));
    let second = study.join("trials/0001-s0");
    until("it goes on", || second.join("metrics.jsonl").exists());
    // A trial that fails where the pictures are not there is for another host.
    std::fs::rename(&there, &away).unwrap();
    orphans(&second).into_iter().for_each(|id| kill(id, "-KILL"));
    let said = wait(child);
    said.is_one_error(
        1,
        "tune",
        &["trial 1 failed here (its process was killed", "differ from those used at the start"],
    );
    let states = || {
        let address = Address::File(study.join("study.sqlite"));
        let mut store = Store::open(&address, |_| (), || false).unwrap().0;
        store.history().unwrap().iter().map(|one| one.rung).collect::<Vec<_>>()
    };
    assert!(matches!(states()[..], [Rung::Done(_), Rung::Running]), "{:?}", states());
    // Where all is there, nobody knows whether it would end again: it is left for later, and not given up.
    std::fs::rename(&away, &there).unwrap();
    let child = place.start(&format!("tune --resume {} --jobs 1", study.display()));
    until("it trains", || !orphans(&second).is_empty());
    orphans(&second).into_iter().for_each(|id| kill(id, "-KILL"));
    let said = wait(child);
    said.is_one_error(1, "tune", &["trial 1 is not finished", "from outside", "tune --resume"]);
    // It does: the others are not to wait for ever.
    let child = place.start(&format!("tune --resume {} --jobs 1", study.display()));
    until("it trains again", || !orphans(&second).is_empty());
    orphans(&second).into_iter().for_each(|id| kill(id, "-KILL"));
    assert_eq!(wait(child).code, Some(0));
    assert!(matches!(states()[..], [Rung::Done(_), Rung::Failed]), "{:?}", states());
}

/// Nothing that is varied could help it.
#[test]
fn where_the_first_trials_all_fail_a_study_stops_and_divergence_is_no_such_failure() {
    let place = Workplace::new();
    pictures::folder(&place.path("files"), 60, 16, 16, false);
    let line = TINY.replace("motif", "files");
    let line = format!("{line} --method grid --steps 2 --jobs 1");
    let modes = "--vary l2=0.001,0.002,0.003,0.004 --metric modes --out s";
    let all = ["the first 3 trials here all failed", "cannot be measured", "tune --resume s"];
    place.fails(1, &format!("{line} {modes}"), &all);
    let states = || {
        let address = Address::File(place.path("s/study.sqlite"));
        let mut store = Store::open(&address, |_| (), || false).unwrap().0;
        store.history().unwrap().len()
    };
    assert_eq!(states(), 3);
    place.fails(1, "tune --resume s", &["no trial produced a value"]);
    assert_eq!(states(), 4);
    let far = "--vary l2=1e39,2e39,3e39,4e39 --out d";
    place.fails(1, &format!("{line} {far}"), &["no trial produced a value"]);
}

/// Another host may have none.
#[test]
fn weights_that_are_missing_are_told_before_anything_is_trained() {
    let place = Workplace::new();
    let file = place.path("own.toml");
    let definition =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../softreg-feature/definitions/randconv.toml");
    std::fs::copy(definition, &file).unwrap();
    let line =
        format!("{TINY} --vary l2=0.001..0.1 --method random --trials 2 --steps 2000 --jobs 1");
    let child = place.start(&format!("{line} --features own.toml --out s"));
    until("a trial is begun", || place.path("s/trials/0000-s0/metrics.jsonl").exists());
    kill(child.id(), "-INT");
    wait(child);
    std::fs::rename(&file, place.path("away.toml")).unwrap();
    place.fails(1, "tune --resume s", &["own.toml"]);
}

/// A host's share of a cluster's job is begun by its launcher.
#[test]
fn trials_are_no_part_of_what_a_launcher_started() {
    let place = Workplace::new();
    let line = format!("{TINY} --vary l2=0.001,0.1 --method grid --steps 2 --jobs 1 --out s");
    for launcher in ["OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"] {
        let mut command = place.command(&line.replace("--out s", &format!("--out {launcher}")));
        let output = command.env(launcher, "4").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report = report(&place, launcher);
        assert!(trials(&report).iter().all(|trial| trial["state"] == "done"), "{report:#}");
    }
}

#[test]
fn wrong_requests_are_refused_before_anything_is_trained() {
    let place = Workplace::new();
    for (code, line, words) in [
        (2, "tune motif", &["nothing to vary", "--vary"][..]),
        (2, "tune motif --vary l2", &["KEY=LOW..HIGH"]),
        (2, "tune motif --vary l2=1..0.1", &["below the second"]),
        (2, "tune motif --vary consistancy=1..2", &["did you mean `consistency`?"]),
        (2, "tune motif --vary l2=-1..1", &["--vary l2, at -1"]),
        (2, "tune motif --vary training.bach=8,16", &["did you mean `training.batch`?"]),
        (2, "tune motif --vary seed=1,2", &["the same for every trial"]),
        (2, "tune motif --vary l2=1..2 --vary l2=3,4", &["twice"]),
        (2, "tune motif --vary l2=1..2 --metric prdc", &["names 4 values"]),
        (2, "tune motif --vary l2=1..2 --metric density", &["neither more nor less"]),
        (2, "tune motif --vary l2=1..2 --reference motif", &["remain for a test"]),
        (2, "tune motif --vary l2=1..2 --trials 0", &["it must be from 1"]),
        (2, "tune motif --vary l2=1..2 --method grid --points 2000", &["from 1 to 1000"]),
        (1, "tune --resume nowhere", &["nowhere"]),
        (2, "tune --resume nowhere --trials 9", &["--trials", "cannot be used with"]),
        (2, "tune --resume nowhere --steps 9", &["--steps", "cannot be used with"]),
        (2, "tune --resume nowhere --metric kd", &["--metric", "cannot be used with"]),
        (2, "tune motif --vary l2=0.1..1 --rungs 9 --steps 10", &["less than one of 10 steps"]),
        (2, "tune motif --vary lecam=0.01..10 --steps 2000", &["the first 222 steps", "--rungs"]),
        (2, "tune motif --vary l2=1..2 --steps 9 --seed 9223372036854775807 --seeds 2", &["seed"]),
    ] {
        place.fails(code, line, words);
    }
    assert!(!place.path("studies").exists());
}
