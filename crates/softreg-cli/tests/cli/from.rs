//! Runs that begin with the networks of earlier ones.

use crate::pictures;
use crate::program::{TINY, Workplace, assert_same_run, setting, whole};
use softreg_run::checkpoint;
use std::path::{Path, PathBuf};

const OTHER: &str = "--batch 8 --threads 1";

#[test]
fn a_run_begins_with_what_an_earlier_one_has_learned() {
    let place = Workplace::new();
    place.ok(&format!("train motif {TINY} --network residual --steps 4 --out a"));
    pictures::folder(&place.path("few"), 8, 40, 40, false);
    // Size and networks need not be said.
    let said = place.ok(&format!("train few {OTHER} --from a --steps 3 --out b"));
    let step_4 = place.path("a/checkpoints").join(checkpoint::file_name(4));
    let step_4 = whole(step_4);
    let words = [&format!("starting from the networks of {step_4}"), "at 16x16", "width 4"];
    assert!(words.iter().all(|word| said.err.contains(*word)), "{said:?}");
    let config = std::fs::read_to_string(place.path("b/config.toml")).unwrap();
    assert_eq!(setting(place.path("b/config.toml"), "network", "from"), step_4);
    for line in ["size = \"16x16\"", "\"residual\"", "width = 4"] {
        assert!(config.contains(line), "{line}: {config}");
    }
    let weights = |path: PathBuf| {
        let tensors = checkpoint::read(path).unwrap().tensors.into_iter();
        let own = |name: &str| name.starts_with("generator/") || name.starts_with("critic/");
        tensors.filter(|(name, _)| own(name)).collect::<Vec<_>>()
    };
    let at = |step| place.path("b/checkpoints").join(checkpoint::file_name(step));
    assert!(weights(at(0)) == weights(step_4.clone().into()));
    assert!(weights(at(3)) != weights(at(0)));

    // The same again from its configuration, and by the checkpoint's name; another way from new networks.
    place.ok("train --recipe b/config.toml --out again");
    place.ok(&format!("train few {OTHER} --from {step_4} --steps 3 --out named"));
    let new = "--size 16 --width 4 --network residual";
    place.ok(&format!("train few {OTHER} {new} --steps 3 --out new"));
    let last =
        |run: &str| weights(place.path(&format!("{run}/checkpoints/{}", checkpoint::file_name(3))));
    assert!(last("b") == last("again") && last("b") == last("named"));
    assert!(last("b") != last("new"));

    // It goes on without the earlier run, and every trial of an experiment begins there too.
    place.ok(&format!(
        "compare few {OTHER} --from a --steps 2 --arm none --seeds 1 --count 16 --set data.validation=0.5 --out c"
    ));
    assert_eq!(setting(place.path("c/trials/none-s0/config.toml"), "network", "from"), step_4);
    std::fs::remove_dir_all(place.path("a")).unwrap();
    place.ok("train --resume b --steps 5");
    place.refuses(
        1,
        "train --recipe b/config.toml --out more",
        &["no networks to start from", "step-00000004"],
    );
}

#[test]
fn networks_of_another_form_are_refused_before_anything_is_written() {
    let place = Workplace::new();
    place.ok(&format!("train motif {TINY} --steps 2 --out a"));
    pictures::folder(&place.path("few"), 8, 20, 20, false);
    pictures::zip(&place.path("zoo.zip"), 8);
    let other = ["the networks of", "of width 4", "16x16", "no labels", "this run needs"];
    for (options, differs) in [
        ("--width 6", "of width 6"),
        ("--size 20", "20x20"),
        ("--network residual", "residual"),
        ("--set network.latent=8", "8 latent values"),
        ("--set data.channels=rgba", "4 channels"),
    ] {
        let line = format!("train few {OTHER} --from a --steps 1 {options}");
        place.refuses(2, &line, &[&other[..], &[differs]].concat());
    }
    place.refuses(2, "train zoo.zip --conditional --from a", &["2 labels", "no labels"]);
    place.refuses(2, "plan few --set network.from=a", &["20x20", "with --from RUN"]);
    place.refuses(1, "train few --from b", &["b", "name a run folder"]);
    place.refuses(1, "train few --from few", &["run.json"]);
    place.refuses(1, "train few --from few/00000.png", &["run"]);
    // What a run begins with belongs to what it is.
    place.refuses(2, "train --resume a --from a", &["--resume"]);

    place.ok(&format!("train zoo.zip {TINY} --conditional --steps 1 --out z"));
    place.refuses(2, "train few --from z", &["has none", "without labels"]);
    place.ok(&format!("train zoo.zip {OTHER} --from z --steps 1 --out y"));
}

/// What no configuration said before there was a choice.
#[test]
fn a_run_from_before_self_modulation_stays_without() {
    let place = Workplace::new();
    let without = "--set network.self-modulation=false";
    place.ok(&format!("train motif {TINY} --steps 4 --out old {without}"));
    let file = place.path("old/config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let said = |line: &&str| !line.starts_with("self-modulation = ");
    let older: Vec<&str> = text.lines().filter(said).collect();
    assert_eq!(older.len() + 1, text.lines().count(), "{text}");
    std::fs::write(&file, older.join("\n")).unwrap();

    // It is repeated as it is.
    place.ok("train --recipe old/config.toml --out again");
    assert!(!self_modulation(&place.path("again")));

    // It goes on, makes pictures, and what begins with it is as it is.
    let said = place.ok("train --resume old --steps 8");
    assert!(!said.err.contains("has changed"), "{said:?}");
    assert!(!self_modulation(&place.path("old")));
    place.ok(&format!("train motif {TINY} --steps 8 --out same {without}"));
    assert_same_run(&place.path("old"), &place.path("same"));
    place.ok("generate old --count 2 --out made");
    place.ok(&format!("train motif {TINY} --from old --steps 1 --out begun"));
    place.ok(&format!("train motif {TINY} --set network.from=old --steps 1 --out named"));
    assert!(["begun", "named"].iter().all(|run| !self_modulation(&place.path(run))));
    std::fs::write(&file, older.join("\n")).unwrap();
    place.ok("analyze old --twin 3 --count 16");
    assert!(!self_modulation(&place.path("old/twin-3")));

    // A new run is self-modulated.
    place.ok(&format!("train motif {TINY} --steps 1 --out new"));
    assert!(self_modulation(&place.path("new")));
    place.refuses(
        2,
        &format!(
            "train motif {TINY} --set network.from=old --set network.self-modulation=true --out no"
        ),
        &["without self-modulation", "with self-modulation"],
    );
}

fn self_modulation(run: &Path) -> bool {
    let text = std::fs::read_to_string(run.join("config.toml")).unwrap();
    let config = softreg_train::config::parse::parse(&text, "config.toml").unwrap();
    config.network.self_modulation.unwrap()
}

#[test]
fn networks_that_have_seen_what_is_held_out_are_refused() {
    let place = Workplace::new();
    let tiny = TINY.replace("--limit 32", "--limit 60");
    let shared = "--set data.validation=0.2 --steps 2";
    place.ok(&format!("train motif {tiny} {shared} --out a"));
    place.ok(&format!("train motif --limit 60 {OTHER} {shared} --from a --out b"));
    let more = format!("train motif --limit 60 {OTHER} --steps 2 --from a");
    let words = ["of the 18 pictures held out", "--seed 0", "data.validation=0.2"];
    place.refuses(2, &format!("{more} --set data.validation=0.3"), &words);
    // Every seed of a comparison holds out others, unless it is told not to; and every set is looked at before any is trained.
    pictures::folder(&place.path("art"), 40, 16, 16, false);
    place.ok(&format!("train art {} {shared} --out seen", TINY.replace("--limit 32 ", "")));
    let compare = format!("compare art {OTHER} {shared} --count 12");
    place.refuses(
        2,
        &format!("{compare} --from seen --arm none --out d"),
        &["seed 1", "--reference"],
    );
    for (arm, words) in [("network.from=nowhere", "nowhere"), ("network.from=seen", "of width 4")] {
        let line = format!("{compare} --arm l2 --arm 'x: none + {arm}' --out d");
        assert!(place.run(&line).err.contains(words), "{arm}");
        assert!(!place.path("d").exists());
    }
    // Of another collection it is not known.
    let said = place.ok(&format!("train art {OTHER} {shared} --from a --out e"));
    assert!(said.err.contains("another collection"), "{said:?}");
    // Without any that are held out there is nothing to know.
    place.ok(&format!("{more} --out c"));
    place.fails(1, "analyze b --twin 3 --count 20", &["the picture that data.replaced removes"]);
    place.ok(&format!("train motif {tiny} --steps 2 --out all"));
    let all = more.replace("--from a", "--from all");
    place.refuses(2, &format!("{all} --set data.validation=0.2"), &["data.validation=0"]);
}
