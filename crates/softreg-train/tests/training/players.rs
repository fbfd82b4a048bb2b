//! What players begin with, and what follows them.

use crate::{config, fresh, newest, regularized, train};
use softreg_run::checkpoint::{self, Checkpoint, Data, Tensor};
use std::collections::BTreeMap;

/// Weights come along, and neither optimiser nor counters; what is derived from weights is derived from these.
#[test]
fn a_run_begins_with_the_networks_of_another_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let earlier = fresh(parent.path(), "earlier");
    train(&earlier, config("seed=1"), None, &mut (), false).unwrap();
    let (_, of_earlier) = newest(&earlier);

    // With a teacher.
    let terms = ["interpolation=1"];
    let base = format!("output.keep=9 network.from={}", earlier.checkpoint(5).display());
    let later = fresh(parent.path(), "later");
    train(&later, regularized(&base, &terms), None, &mut (), false).unwrap();
    let first = checkpoint::read(later.checkpoint(0)).unwrap();
    let of = |file: &Checkpoint, group: &str| {
        let group = format!("{group}/");
        let own = file.tensors.iter().filter_map(|(name, tensor)| {
            name.strip_prefix(&group).map(|name| (name.to_owned(), tensor.data().clone()))
        });
        own.collect::<Vec<_>>()
    };
    for player in ["generator", "critic"] {
        assert!(!of(&first, player).is_empty());
        assert_eq!(of(&first, player), of(&of_earlier, player), "{player}");
        assert_eq!(of(&first, &format!("optimizer.{player}")), [], "{player}");
    }
    // Its standing statistics are those of other latents.
    let weights = |file| {
        let all = of(file, "average").into_iter();
        all.filter(|(name, _)| !name.contains("standing")).collect::<Vec<_>>()
    };
    assert_eq!(weights(&first), weights(&of_earlier));
    assert_eq!(of(&first, "teacher"), of(&first, "critic"));
    assert_eq!((first.text("step").unwrap(), first.text("images").unwrap()), ("0", "0"));

    // It goes on without the earlier one.
    let parted = fresh(parent.path(), "parted");
    let part = regularized(&format!("{base} stop.steps=2"), &terms);
    train(&parted, part, None, &mut (), false).unwrap();
    let whole = newest(&later).1;
    std::fs::remove_dir_all(earlier.root()).unwrap();
    train(&parted, regularized(&base, &terms), None, &mut (), true).unwrap();
    assert!(newest(&parted).1.tensors == whole.tensors);
}

/// The step-0 values of a teacher that is as the critic is are near 0, also where the critic's weights are normalised.
#[test]
fn a_teacher_is_normalised_as_the_critic_is() {
    let parent = tempfile::tempdir().unwrap();
    let first = |name: &str, terms: &[&str]| {
        let folder = fresh(parent.path(), name);
        let base = "network.width=16 training.loss=hinge stop.steps=20";
        train(&folder, regularized(base, terms), None, &mut (), false).unwrap();
        let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
        let of = |row: &softreg_run::metrics::Row| row.get("reg/interpolation/raw").unwrap();
        (of(&rows[0]), rows.iter().map(of).fold(0.0, f64::max))
    };
    let interpolation = "interpolation=1,schedule=constant";
    let (alone, _) = first("alone", &[interpolation]);
    let (beside, largest) = first("beside", &[interpolation, "spectral=1"]);
    assert!(beside < alone, "{beside} {alone}");
    assert!(largest < 10.0, "{largest}");
}

/// The average sees all pictures of a step, of every update of the critic.
#[test]
fn the_average_counts_the_pictures_of_all_updates() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "several");
    let settings = "training.critic-steps=5 stop.steps=1 output.keep=9";
    train(&folder, config(settings), None, &mut (), false).unwrap();
    let [before, after] =
        [0, 1].map(|step| checkpoint::read(folder.checkpoint(step)).unwrap().tensors);
    let values = |file: &BTreeMap<String, Tensor>, player: &str| {
        let base = |name: &String| name.starts_with(player) && name.ends_with("base.weight");
        match file.iter().find(|(name, _)| base(name)).unwrap().1.data() {
            Data::F32(values) => values.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (old, new) = (values(&before, "generator"), values(&after, "generator"));
    let average = values(&after, "average");
    // ½^(images of the step over 5 % of all so far): ½²⁰.
    for ((old, new), average) in old.iter().zip(&new).zip(&average) {
        assert!((average - new).abs() <= 1e-4 * (old - new).abs() + 1e-7, "{old} {new} {average}");
    }
}

/// Independent partners are as far apart as any two, also in what is done to them.
#[test]
fn fresh_partners_are_augmented_by_draws_of_their_own() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "augmented");
    let base = "stop.steps=150 optimizer.generator-rate=0 optimizer.critic-rate=0 \
        training.augment=[\"colour\",\"translation\",\"cutout\"]";
    let terms = [
        "fresh l2 attract fake-score name=fresh weight=0.000001",
        "shuffle l2 attract fake-score name=shuffled weight=0.000001",
    ];
    train(&folder, regularized(base, &terms), None, &mut (), false).unwrap();
    let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
    let mean = |name: &str| {
        let values = rows.iter().map(|row| row.get(&format!("reg/{name}/raw")).unwrap());
        values.sum::<f64>() / rows.len() as f64
    };
    let (fresh, shuffled) = (mean("fresh"), mean("shuffled"));
    assert!((fresh / shuffled - 1.0).abs() < 0.25, "{fresh} {shuffled}");
}
