//! A run that is killed at any moment goes on to the same numbers, bit for bit.

use crate::pictures;
use crate::program::{
    TINY, Workplace, assert_same_run, copy, has_leftovers, interrupt, numbers, setting, signal,
    until, wait, whole,
};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

const OFTEN: &str = "--set output.checkpoint-every=3 --set output.log-every=1 --set output.sheet-every=10 --set output.sheet-count=16";

/// Small random numbers; the seed is printed, so that a failure can be seen again.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let seed = now.as_nanos() as u64 | 1;
        println!("seed of the kills: {seed}");
        Self(seed)
    }

    /// 0..limit
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

/// Trains `a` in one go, and `b` through at least `kills` kills.
fn killed_again_and_again(options: &str, kills: u32) {
    let place = Workplace::new();
    let whole = format!("train {options} {OFTEN} --steps 60");
    let start = Instant::now();
    place.ok(&format!("{whole} --out a"));
    let duration_us = start.elapsed().as_micros() as u64;
    let mut chance = Chance::new();
    let (run, mut killed, mut lines, mut last) = (place.path("b"), 0, Vec::new(), 0);
    loop {
        let (first, line) = match run.join("config.toml").is_file() {
            true => (false, "train --resume b".to_owned()),
            false => {
                if run.exists() {
                    // Killed before there was anything to go on from: said so, and nothing lost.
                    place.fails(1, "train --resume b", &["b "]);
                    std::fs::remove_dir_all(&run).unwrap();
                }
                (true, format!("{whole} --out b"))
            }
        };
        let mut child = place.start(&line);
        if killed < kills {
            // The first ones right at the start, the others anywhere.
            let limit = if first { duration_us / 8 } else { duration_us / 2 };
            std::thread::sleep(Duration::from_micros(chance.below(limit)));
            killed += u32::from(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
        }
        let said = wait(child);
        let log = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
        let rows = log.matches('\n').count();
        lines.push((rows, said.code));
        // No session takes back more than the steps since the last checkpoint.
        assert!(rows + 3 >= last, "{lines:?}");
        last = rows;
        match said.code {
            None => continue,
            Some(1) if cfg!(windows) => continue,
            Some(0) if killed >= kills => break,
            // Ended before the kill: start over, to be killed again.
            Some(0) => std::fs::remove_dir_all(&run).map(|()| last = 0).unwrap(),
            Some(_) => panic!("{said:#?} after {lines:?}"),
        }
    }
    println!("rows and exit after each session: {lines:?}");
    assert!(!has_leftovers(&run));
    assert_same_run(&place.path("a"), &run);
}

#[test]
fn a_killed_run_goes_on_bit_for_bit() {
    killed_again_and_again(&format!("motif {TINY}"), 12);
}

#[test]
fn a_killed_run_on_two_threads_goes_on_bit_for_bit() {
    killed_again_and_again("motif --limit 32 --size 16 --width 4 --batch 16 --threads 2", 8);
}

#[test]
fn a_killed_conditional_run_with_held_out_pictures_goes_on_bit_for_bit() {
    let options = "--conditional --set data.validation=0.2 --reg l1 --reg pair --network residual --loss relativistic --set optimizer.name=rmsprop --set optimizer.beta-1=0.5 --set training.critic-steps=2";
    killed_again_and_again(&format!("motif {TINY} {options}"), 5);
}

#[test]
fn a_configuration_that_was_changed_by_hand_is_said_to_be() {
    let place = Workplace::new();
    place.ok(&format!("train motif {TINY} --steps 4 --out a --reg consistency=2"));
    let said = |more: &str| place.ok(&format!("train --resume a {more}")).err;
    let word = "note: config.toml has changed since step ";
    assert!(!said("--steps 6 --set output.keep=3").contains(word));
    let file = place.path("a/config.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, before.replace("weight = 2.0 }", "weight = 5.0 }")).unwrap();
    let told = said("--steps 8");
    assert!(told.contains(&format!("{word}6, so")), "{told}");
    let (was, is) = ("{ flip = false, weight = 2.0 }", "{ flip = false, weight = 5.0 }");
    let words = format!("regularizers.consistency from {was} to {is}");
    assert!(told.contains(&words), "{told}");
    // From then on it is what it is.
    assert!(!said("--steps 10").contains(word));
}

#[test]
fn a_file_ends_a_run_as_ctrl_c_does() {
    let place = Workplace::new();
    let line = format!("train motif {TINY} {OFTEN} --steps 100000 --stop-file end --out b");
    let child = place.start(&line);
    until("it trains", || place.path("b/checkpoints/step-00000003.safetensors").exists());
    std::fs::write(place.path("end"), "").unwrap();
    wait(child).is_one_error(1, &line, &["interrupted after", "softreg train --resume b"]);
    let status = std::fs::read_to_string(place.path("b/run.json")).unwrap();
    assert!(status.contains("\"stopped\"") && status.contains("interrupted"), "{status}");
    assert!(place.path("b/sheet.png").is_file() && !has_leftovers(&place.path("b")));
    // It would end what begins now.
    place.fails(2, "train --resume b --stop-file end", &["end already exists"]);
    std::fs::remove_file(place.path("end")).unwrap();
    let steps = std::fs::read_to_string(place.path("b/metrics.jsonl")).unwrap().lines().count() + 7;
    place.ok(&format!("train --resume b --steps {steps} --stop-file end"));
    place.ok(&format!("train motif {TINY} {OFTEN} --out a --steps {steps}"));
    assert_same_run(&place.path("a"), &place.path("b"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let place = Workplace::new();
    let line = format!("train motif {TINY} {OFTEN} --out b");
    let child = place.start(&format!("{line} --steps 100000"));
    let rows = |run: &Path| {
        std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default().lines().count()
    };
    until("there are some rows", || rows(&place.path("b")) > 20);
    interrupt(&child);
    let said = wait(child);
    said.is_one_error(1, &line, &["interrupted after", "softreg train --resume b"]);
    let status = std::fs::read_to_string(place.path("b/run.json")).unwrap();
    assert!(status.contains("\"stopped\"") && status.contains("interrupted"), "{status}");
    assert!(place.path("b/sheet.png").is_file() && !has_leftovers(&place.path("b")));
    let steps = rows(&place.path("b")) + 13;
    place.ok(&format!("train --resume b --steps {steps}"));
    place.ok(&format!("train motif {TINY} {OFTEN} --out a --steps {steps}"));
    assert_same_run(&place.path("a"), &place.path("b"));
    assert_eq!(
        std::fs::read(place.path("a/config.toml")).unwrap(),
        std::fs::read(place.path("b/config.toml")).unwrap()
    );
}

/// A shell may hand on what the system sends as well.
#[cfg(unix)]
#[test]
fn a_terminal_that_is_closed_twice_over_is_saved_once() {
    let place = Workplace::new();
    let line = format!("train motif {TINY} {OFTEN} --out b");
    for name in ["HUP", "TERM"] {
        let child = place.start(&format!("{line}-{name} --steps 100000"));
        let folder = place.path(&format!("b-{name}"));
        until("it trains", || folder.join("metrics.jsonl").exists());
        (0..3).for_each(|_| signal(&child, name));
        let said = wait(child);
        said.is_one_error(1, &line, &["interrupted after", "softreg train --resume"]);
        assert!(folder.join("sheet.png").is_file());
    }
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_at_once() {
    let place = Workplace::new();
    // One step of these takes far longer than the test waits.
    let child = place.start(
        "train motif --limit 64 --size 32 --width 16 --threads 1 --batch 64 --steps 9 --set training.critic-steps=100 --out r",
    );
    until("training has begun", || {
        let status = std::fs::read_to_string(place.path("r/run.json")).unwrap_or_default();
        status.contains("running")
    });
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    interrupt(&child);
    std::thread::sleep(Duration::from_millis(200));
    interrupt(&child);
    assert_eq!(wait(child).code, Some(1));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    place.ok("generate r --count 2");
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let place = Workplace::new();
    let line = format!("train motif {TINY} {OFTEN}");
    place.ok(&format!("{line} --steps 30 --out a"));
    place.ok(&format!("{line} --steps 20 --out whole"));
    for (name, damage) in [
        ("cut", (|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2)) as fn(&mut Vec<u8>)),
        ("flipped", |bytes| bytes[100_000] ^= 4),
        ("header", |bytes| bytes[20] ^= 1),
        ("empty", Vec::clear),
    ] {
        let run = place.path(name);
        copy(&place.path("whole"), &run);
        let newest = run.join("checkpoints/step-00000020.safetensors");
        let mut bytes = std::fs::read(&newest).unwrap();
        damage(&mut bytes);
        std::fs::write(&newest, bytes).unwrap();
        let told = place.ok(&format!("generate {name} --count 2"));
        assert!(told.err.contains("step 20") && told.err.contains("step 18"), "{told:?}");
        assert!(told.out.contains("after 18 steps"), "{told:?}");
        let said = place.ok(&format!("train --resume {name} --steps 30"));
        assert!(said.err.contains("skipping the checkpoint of step 20"), "{said:?}");
        assert_same_run(&place.path("a"), &run);
    }
    for step in [18, 20] {
        let file = place.path(&format!("whole/checkpoints/step-{step:08}.safetensors"));
        std::fs::write(file, "no checkpoint").unwrap();
    }
    let words = ["no usable checkpoint", "step 20", "step 18"];
    place.refuses(1, "generate whole", &words);
    place.refuses(1, "train --resume whole --steps 21", &words);
    place.refuses(1, "generate whole --checkpoint 20", &["step-00000020", "give a step-"]);
}

#[test]
fn a_finished_run_goes_on_and_only_its_end_may_change() {
    let place = Workplace::new();
    pictures::folder(&place.path("art"), 12, 16, 16, false);
    let line = "train art --width 4 --batch 8 --threads 1 --set output.log-every=1";
    place.ok(&format!("{line} --steps 7 --out r"));
    place.ok(&format!("{line} --steps 11 --out a"));
    for change in [
        "--width 8",
        "--seed 3",
        "--batch 4",
        "--loss hinge",
        "--flip",
        "--reg l2",
        "--size 32",
        "--threads 2",
        "--augment none",
        "--set data.validation=0.1",
        "--conditional",
    ] {
        place.refuses(
            2,
            &format!("train --resume r --steps 11 {change}"),
            &["--resume", "new run"],
        );
    }
    place.refuses(2, "train --recipe default --resume r", &["--resume"]);
    let lock = std::fs::File::open(place.path("r/lock")).unwrap();
    lock.try_lock().unwrap();
    place.refuses(1, "train --resume r --steps 11", &["r", "another process", "try again"]);
    place.ok("generate r --count 1 -q");
    drop(lock);
    place.ok("train --resume r");
    assert_eq!(numbers(&place.path("r")).len(), 7);
    // From another working folder: the run knows where its pictures are.
    let from = place.path("elsewhere");
    std::fs::create_dir(&from).unwrap();
    let mut command = place.command("train --resume ../r --steps 11");
    assert!(command.current_dir(&from).output().unwrap().status.success());
    assert_same_run(&place.path("a"), &place.path("r"));

    std::fs::write(place.path("art/new.png"), pictures::png(&pictures::blob(40, 16, 16, false)))
        .unwrap();
    let named = ["art", "have changed", "1 added (new.png)", "restore them", "--from r"];
    place.refuses(1, "train --resume r --steps 12", &named);
    std::fs::remove_file(place.path("art/new.png")).unwrap();

    // Pictures that are the same may be anywhere.
    std::fs::rename(place.path("art"), place.path("moved")).unwrap();
    place.refuses(1, "train --resume r --steps 12", &["art", "no such file"]);
    place.ok("train moved --resume r --steps 12");
    place.ok("train --resume r --steps 13");
    let source = setting(place.path("r/config.toml"), "data", "source");
    assert_eq!(source, whole(place.path("moved")));
    let first = std::fs::read_dir(place.path("moved")).unwrap().next().unwrap().unwrap();
    std::fs::write(first.path(), "").unwrap();
    let name = first.file_name().into_string().unwrap();
    let named = ["1 missing", &name, "is empty"];
    place.refuses(1, "train --resume r --steps 14", &named);
    std::fs::remove_dir_all(place.path("moved")).unwrap();
    place.refuses(1, "train --resume r --steps 12", &["moved", "no such file"]);
    place.ok("generate r --count 1 -q");
}

#[test]
fn what_is_no_run_is_not_resumed() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::write(place.path("file"), "x").unwrap();
    for command in ["train --resume", "generate"] {
        place.refuses(
            1,
            &format!("{command} nowhere"),
            &["nowhere is not a run folder", "spelling"],
        );
        place.refuses(1, &format!("{command} empty"), &["empty is not a run folder", "run.json"]);
        place.refuses(1, &format!("{command} file"), &["file is not a run folder", "folder"]);
    }
    place.ok(&format!("train {TINY} --steps 1 --out r"));
    std::fs::remove_file(place.path("r/config.toml")).unwrap();
    for command in ["train --resume", "generate"] {
        place.refuses(1, &format!("{command} r"), &["r has no config.toml", "start a new run"]);
    }
}

#[test]
fn a_killed_run_that_waits_for_improvement_goes_on_bit_for_bit() {
    let place = Workplace::new();
    let line = format!(
        "train motif {TINY} {OFTEN} --steps 40 --set data.validation=0.3 --set stop.patience=100 --set stop.check-every=4"
    );
    place.ok(&format!("{line} --out a"));
    let mut child = place.start(&format!("{line} --out b"));
    let checkpoints = place.path("b/checkpoints");
    until("some checks are done", || {
        softreg_run::checkpoint::list(&checkpoints).is_ok_and(|steps| steps.last() > Some(&9))
    });
    child.kill().unwrap();
    wait(child);
    place.ok("train --resume b");
    assert_same_run(&place.path("a"), &place.path("b"));
    let facts = |run: &str| {
        let latest = softreg_run::checkpoint::latest_valid(place.path(run).join("checkpoints"));
        let file = latest.unwrap().checkpoint;
        ["best", "best_step", "checks_without_improvement"].map(|key| file.metadata[key].clone())
    };
    assert_eq!(facts("a"), facts("b"));
    let [_, best, _] = facts("a");
    let said = place.ok("generate b --checkpoint best --count 1");
    assert!(said.out.contains(&format!("after {best} steps")), "{said:?}, {best}");
}

#[test]
#[cfg(unix)]
fn a_run_that_is_to_outlive_its_terminal_does() {
    let place = Workplace::new();
    let line = format!("train motif {TINY} {OFTEN} --out b --steps 100000");
    let mut command = std::process::Command::new("sh");
    let program = env!("CARGO_BIN_EXE_softreg");
    // As nohup does it.
    command.args(["-c", &format!("trap '' HUP; exec '{program}' {line}")]);
    command.current_dir(place.path("")).env("XDG_CACHE_HOME", place.path("cache"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let rows = || std::fs::read_to_string(place.path("b/metrics.jsonl")).unwrap_or_default();
    until("there are some rows", || rows().lines().count() > 5);
    signal(&child, "HUP");
    let before = rows().lines().count();
    until("it goes on", || rows().lines().count() > before + 50);
    signal(&child, "TERM");
    wait(child).is_one_error(1, &line, &["interrupted after"]);
}
