//! Whole runs, small ones, on the built-in pictures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changed;
mod players;
mod validation;

use burn::tensor::Device;
use softreg_image::Collection;
use softreg_run::checkpoint::{self, Checkpoint, Data};
use softreg_run::{RunFolder, State};
use softreg_train::checkpoint::Start;
use softreg_train::config::{Checked, RunConfig, keys, parse};
use softreg_train::observer::Observer;
use softreg_train::{Alone, Error, OPTIMIZERS, Outcome, Run, Validation};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A tiny run with what `more` says on top.
fn config(more: &str) -> RunConfig {
    let base = RunConfig::default();
    let small = [
        "data.source=motif:40",
        "data.size=16",
        "network.width=4",
        "network.latent=8",
        "training.batch=16",
        "training.threads=2",
        "output.log-every=1",
        "output.sheet-count=4",
        "output.checkpoint-every=2",
        "stop.steps=5",
    ];
    let all = small.into_iter().chain(more.split_whitespace());
    all.fold(base, |config, line| parse::set(&config, line).unwrap())
}

fn prepare(mut config: RunConfig) -> (Checked, Collection) {
    let options = config.load_options().unwrap();
    let pictures = softreg_image::open(&config.data.source, &options).unwrap();
    config.settle(&pictures, 2);
    (config.check(&pictures).unwrap(), pictures)
}

fn train(
    folder: &RunFolder,
    config: RunConfig,
    validation: Option<Arc<dyn Validation>>,
    observer: &mut dyn Observer,
    resume: bool,
) -> Result<Outcome, Error> {
    let (checked, pictures) = prepare(config);
    let config = checked.config();
    let (training, held_out) = pictures.split(config.data.validation, config.seed);
    softreg_run::atomic::write(folder.config(), keys::with_comments(config).as_bytes()).unwrap();
    Run {
        folder,
        checked: &checked,
        pictures: &pictures,
        training,
        held_out,
        device: Device::flex(),
        beside: Vec::new(),
        start: config.network.from.as_ref().filter(|_| !resume).map(|path| origin(Path::new(path))),
        validation,
        observer,
        interrupt: &AtomicBool::new(false),
        versions: Default::default(),
        group: &mut Alone,
    }
    .train(resume)
}

/// A checkpoint to begin with.
fn origin(path: &Path) -> Start {
    let text =
        std::fs::read_to_string(path.ancestors().nth(2).unwrap().join("config.toml")).unwrap();
    let config = parse::parse(&text, "config.toml").unwrap();
    Start { path: path.to_owned(), file: checkpoint::read(path).unwrap(), config }
}

fn fresh(parent: &Path, name: &str) -> RunFolder {
    RunFolder::create(parent.join(name)).unwrap()
}

fn newest(folder: &RunFolder) -> (u64, Checkpoint) {
    let latest = checkpoint::latest_valid(folder.checkpoints()).unwrap();
    (latest.step, latest.checkpoint)
}

#[test]
fn every_optimizer_goes_on_to_the_same_weights() {
    let parent = tempfile::tempdir().unwrap();
    for entry in OPTIMIZERS {
        // Small rates: plain gradient descent has to stay finite too.
        let settings = format!(
            "optimizer.name={} optimizer.generator-rate=0.001 optimizer.critic-rate=0.001",
            entry.name
        );
        let straight = fresh(parent.path(), &format!("{}-straight", entry.name));
        train(&straight, config(&settings), None, &mut (), false).unwrap();

        let parted = fresh(parent.path(), &format!("{}-parted", entry.name));
        train(&parted, config(&format!("{settings} stop.steps=2")), None, &mut (), false).unwrap();
        train(&parted, config(&settings), None, &mut (), true).unwrap();

        let ((a, straight), (b, parted)) = (newest(&straight), newest(&parted));
        assert_eq!((a, b), (5, 5));
        assert!(straight.tensors == parted.tensors, "{}: weights differ", entry.name);
        let states = straight.tensors.keys().filter(|name| name.starts_with("optimizer."));
        assert!(states.count() > 0 || entry.name == "sgd", "{} keeps a state", entry.name);
    }
}

/// bfloat16 multiplies less exactly, and nothing else changes: where a slope is measured, nothing at all.
#[test]
fn in_bfloat16_training_is_nearly_the_same_and_slopes_are_as_they_were() {
    let parent = tempfile::tempdir().unwrap();
    let trained = |name: &str, settings: &str| {
        let folder = fresh(parent.path(), name);
        train(&folder, config(settings), None, &mut (), false).unwrap();
        newest(&folder).1.tensors
    };
    let pair = |name: &str, settings: &str| {
        let less = format!("{settings} training.precision=bf16");
        [trained(name, settings), trained(&format!("{name}-bf16"), &less)]
    };
    // At every step, by noise and exactly.
    for (name, term) in [("noise", "slope-real=1"), ("exact", "r1=1")] {
        let [single, less] = pair(name, &format!("regularizers.{term}"));
        assert!(single == less, "{term} was in bfloat16");
    }
    let [single, less] = pair("consistency", "regularizers.consistency=1 optimizer.name=sgd");
    let has_it = softreg_kernel::bfloat16_is_on(&Device::flex());
    assert_eq!(single != less, has_it);
    // By plain gradient descent the weights differ as their gradients do.
    let mut compared = 0;
    for (name, single) in single.iter().filter(|(name, _)| name.starts_with("critic")) {
        let (Data::F32(single), Data::F32(less)) = (single.data(), less[name].data()) else {
            continue;
        };
        let apart: f32 = single.iter().zip(less).map(|(a, b)| (a - b).powi(2)).sum();
        let size: f32 = single.iter().map(|a| a.powi(2)).sum();
        assert!(apart <= 0.1f32.powi(2) * size, "{name}: {apart} of {size}");
        compared += 1;
    }
    assert!(compared > 4, "{compared} tensors");
}

#[test]
fn several_critic_steps_labels_and_hard_terms_go_on_too() {
    let parent = tempfile::tempdir().unwrap();
    let settings = "training.critic-steps=2 network.conditional=true training.batch=17 \
        regularizers.consistency=1 regularizers.mode-seeking=0.1 regularizers.pair=0.1 \
        regularizers.l2=0.00001 training.augment=[\"colour\",\"translation\",\"cutout\"]";
    let settings = format!("{settings} training.loss=relativistic network.architecture=residual");
    let straight = fresh(parent.path(), "straight");
    train(&straight, config(&settings), None, &mut (), false).unwrap();
    let parted = fresh(parent.path(), "parted");
    train(&parted, config(&format!("{settings} stop.steps=3")), None, &mut (), false).unwrap();
    train(&parted, config(&settings), None, &mut (), true).unwrap();
    assert!(newest(&straight).1.tensors == newest(&parted).1.tensors);

    let rows = softreg_run::metrics::read(straight.metrics()).unwrap();
    assert_eq!(rows.len(), 5);
    for row in &rows {
        for key in ["loss/critic", "loss/generator", "reg/l2.critic/raw", "reg/l2.generator/raw"] {
            assert!(row.get(key).is_some_and(f64::is_finite), "{key} in {row:?}");
        }
        for name in ["consistency", "mode-seeking", "pair"] {
            let value = |part: &str| row.get(&format!("reg/{name}/{part}")).unwrap();
            assert!(value("raw") > 0.0 && (0.0..1.0).contains(&value("share")));
        }
        assert_eq!(row.images, row.step * 2 * 17);
    }
}

/// `base` with the regularizers that `texts` ask for.
fn regularized(base: &str, texts: &[&str]) -> RunConfig {
    let mut config = config(base);
    for text in texts {
        let (name, spec) = softreg::spec::parse(text).unwrap();
        config.regularizers.insert(name, spec);
    }
    config
}

/// Everything that a step hands to the next: averages of scores, a teacher, singular vectors, weights and a
/// probability that follow overfitting, and what lazy terms were last.
#[test]
fn whatever_regularizers_remember_goes_on_too() {
    let parent = tempfile::tempdir().unwrap();
    let sets: [&[&str]; 3] = [
        &["lecam=1,start=2", "interpolation=1,ramp=4", "spectral=2", "r1=0.01,every=3"],
        &["consistency=1,schedule=adaptive,speed=100,share=0.5", "dropout=1", "latent=5,every=2"],
        &[
            "fresh l1 repel image weight=0.1",
            "noise(0.05) l2 slope real every=2 weight=0.1",
            "modulated=1",
            "wgan-gp=0.1",
            "shuffle cosine attract image-features weight=0.1",
            "fresh l1 attract fake-features weight=0.1",
        ],
    ];
    let base = "stop.steps=12 data.validation=0.4 training.augment=[\"translation\"] \
        training.augment-target=0.1 training.augment-probability=0.5 training.augment-speed=400 \
        network.conditional=true";
    for (i, texts) in sets.iter().enumerate() {
        let straight = fresh(parent.path(), &format!("straight-{i}"));
        train(&straight, regularized(base, texts), None, &mut (), false).unwrap();
        let parted = fresh(parent.path(), &format!("parted-{i}"));
        let base_7 = format!("{base} stop.steps=7");
        train(&parted, regularized(&base_7, texts), None, &mut (), false).unwrap();
        train(&parted, regularized(base, texts), None, &mut (), true).unwrap();
        let [straight_file, parted_file] = [&straight, &parted].map(|folder| newest(folder).1);
        for (name, tensor) in &straight_file.tensors {
            assert!(parted_file.tensors.get(name) == Some(tensor), "{texts:?}: {name}");
        }
        let rows = [&straight, &parted].map(|f| softreg_run::metrics::read(f.metrics()).unwrap());
        for (a, b) in rows[0].iter().zip(&rows[1]) {
            assert_eq!(a.values, b.values, "{texts:?}");
        }
        let last = &rows[0][11];
        let terms = prepare(regularized(base, texts)).0.terms().to_vec();
        for term in terms.iter().filter(|term| term.name != "spectral") {
            let key = format!("reg/{}/raw", term.name);
            assert!(last.get(&key).is_some_and(f64::is_finite), "{key} in {last:?}");
        }
        assert!(last.get("overfitting/r_t").is_some(), "{last:?}");
        assert_ne!(last.get("augment/probability"), Some(0.5), "it follows");
    }
}

#[test]
fn an_adaptive_weight_moves_with_overfitting() {
    let parent = tempfile::tempdir().unwrap();
    let weight = |target: &str| {
        let folder = fresh(parent.path(), &format!("target{target}"));
        let text = format!("consistency=1,schedule=adaptive,speed=1000,target={target}");
        let base = "stop.steps=40 data.validation=0.2";
        train(&folder, regularized(base, &[&text]), None, &mut (), false).unwrap();
        let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
        let measured = rows[39].get("overfitting/r_v").unwrap();
        assert!(measured.is_finite());
        rows[39].get("reg/consistency/weight").unwrap()
    };
    // No critic overfits by more than everything or by less than nothing for long.
    assert!(weight("1") < 1.0 && weight("-1") > 1.0);
}

#[test]
fn lazy_terms_act_in_their_turn_alone() {
    let parent = tempfile::tempdir().unwrap();
    let run = |name: &str, texts: &[&str], steps: u64| {
        let folder = fresh(parent.path(), name);
        let base = format!("stop.steps={steps} training.threads=1");
        train(&folder, regularized(&base, texts), None, &mut (), false).unwrap();
        weights(&newest(&folder).1, "critic")
    };
    // Step 0 is a turn, step 1 is not.
    let lazy = "consistency=1,every=5";
    assert_ne!(run("none-1", &[], 1), run("lazy-1", &[lazy], 1));
    let threefold = run("threefold", &["consistency=5"], 1);
    assert_eq!(threefold, run("lazy", &[lazy], 1), "five times the weight, a fifth of the time");
    // A term that waits for its step changes nothing before it.
    let late = "lecam=1,schedule=warm-up,start=3";
    assert_eq!(run("none-3", &[], 3), run("late-3", &[late], 3));
    assert_ne!(run("none-5", &[], 5), run("late-5", &[late], 5));
}

#[test]
fn one_regularizer_does_not_change_what_another_draws() {
    // A term without a say (its λ is tiny) leaves the other's values as they are.
    let parent = tempfile::tempdir().unwrap();
    let values = |name: &str, texts: &[&str]| {
        let folder = fresh(parent.path(), name);
        train(&folder, regularized("stop.steps=1", texts), None, &mut (), false).unwrap();
        let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
        ["consistency", "mode-seeking"].map(|name| rows[0].get(&format!("reg/{name}/raw")).unwrap())
    };
    let alone = values("alone", &["consistency=1", "mode-seeking=0.1"]);
    let mute = "augment(0.1) l1 attract fake weight=1e-30 name=another";
    assert_eq!(alone, values("beside", &["consistency=1", "mode-seeking=0.1", mute]));
}

/// The generator's half of `latent` takes the pictures that the critic's half had made; alone it makes
/// them itself, of the same latents.
#[test]
fn pictures_of_partners_are_the_same_whoever_makes_them() {
    let parent = tempfile::tempdir().unwrap();
    let value = |name: &str, text: &str, key: &str| {
        let folder = fresh(parent.path(), name);
        train(&folder, regularized("stop.steps=1", &[text]), None, &mut (), false).unwrap();
        softreg_run::metrics::read(folder.metrics()).unwrap()[0].get(key).unwrap()
    };
    let shared = value("shared", "latent=5", "reg/latent.generator/raw");
    let alone = value("alone", "noise(0.05) l2 spread image name=alone", "reg/alone/raw");
    assert!(shared < 0.0 && shared == alone, "{shared} {alone}");
}

/// What a run refuses, and the way out that it names.
#[test]
fn wrong_combinations_are_refused_with_the_reason() {
    for (base, text, reason) in [
        ("", "shuffle l2 attract output", "outside adversarial training"),
        ("training.loss=hinge", "dropout=1", "use the logistic loss"),
        ("training.loss=relativistic", "noise bernoulli attract real", "use the logistic loss"),
        ("", "consistency=1,schedule=adaptive", "set data.validation"),
        ("training.augment-target=0.6", "consistency=1", "set training.augment"),
        (
            "training.augment-target=0.6 training.augment=[\"cutout\"] training.loss=wasserstein",
            "consistency=1",
            "depends on the sign of scores",
        ),
    ] {
        let error = regularized(base, &[text]).check_without_pictures().unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let error = regularized("", &["dropout=1", "modulated=1"]).check_without_pictures();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`dropout` and `modulated.real`"), "{error}");
}

/// The plan of passes is what is done: as many operations as the parts, shared ones once.
#[test]
fn shared_passes_are_counted_once() {
    let cost = |texts: &[&str]| {
        let (checked, _) = prepare(regularized("", texts));
        softreg_train::cost::StepCost::of(&checked)
    };
    let operations = |texts: &[&str]| {
        let cost = cost(texts);
        cost.operations(&cost.regularizers)
    };
    let none = cost(&[]);
    assert_eq!(none.regularizers, []);
    // 3 passes of the generator, and 8 of the critic.
    let picture = none.picture;
    let expected = 16.0 * (3.0 * picture.generator + 8.0 * picture.critic);
    assert_eq!(none.operations(&none.loss), expected);
    assert_eq!(operations(&["mode-seeking", "pair", "lecam", "l2", "dropout"]), 0.0);
    let pass = 3.0 * 16.0 * picture.critic;
    assert_eq!(operations(&["consistency"]), pass);
    assert_eq!(operations(&["consistency", "balanced"]), 2.0 * pass, "the real half is one pass");
    assert_eq!(operations(&["consistency", "slope-real"]), 2.0 * pass);
    assert_eq!(operations(&["consistency=1,every=4,share=0.5"]), pass / 8.0);
    assert_eq!(operations(&["r1=1,every=16"]), pass / 16.0);
    // The generator's pictures of noisy latents are made once for both halves.
    let latent = pass + 3.0 * 16.0 * picture.generator;
    assert_eq!(operations(&["latent"]), latent);
    let shared = cost(&["latent"]);
    assert_eq!(shared.operations(&shared.unshared), latent + 16.0 * picture.generator);
}

#[test]
fn the_number_of_workers_changes_no_draw() {
    // A critic looks at one picture at a time, so its mean score of the first batch is the same but for
    // rounding, however the batch is split.
    let parent = tempfile::tempdir().unwrap();
    let scores = |threads: usize| {
        let folder = fresh(parent.path(), &format!("threads-{threads}"));
        let settings = format!("training.threads={threads} training.batch=32 stop.steps=1");
        train(&folder, config(&settings), None, &mut (), false).unwrap();
        let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
        rows[0].get("score/real").unwrap()
    };
    assert!((scores(1) - scores(2)).abs() < 1e-5);
}

/// A run of `settings` in a folder of its own: its first checkpoint and its last.
fn before_and_after(settings: &str) -> (RunFolder, tempfile::TempDir, [Checkpoint; 2]) {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    train(&folder, config(&format!("output.keep=99 {settings}")), None, &mut (), false).unwrap();
    let first = checkpoint::read(folder.checkpoint(0)).unwrap();
    let last = newest(&folder).1;
    (folder, parent, [first, last])
}

fn weights(file: &Checkpoint, group: &str) -> Vec<f32> {
    let prefix = format!("{group}/");
    let names = file.tensors.keys().filter(|name| {
        name.starts_with(&prefix) && name.ends_with("weight") && !name.contains("standing")
    });
    names.flat_map(|name| file.f32(name).unwrap().1.to_vec()).collect()
}

fn length(values: &[f32]) -> f32 {
    values.iter().map(|v| v * v).sum::<f32>().sqrt()
}

#[test]
fn the_critic_learns_to_tell_pictures_from_a_generator_that_stands_still() {
    let settings = "optimizer.generator-rate=0 stop.steps=40";
    let (folder, _parent, [first, last]) = before_and_after(settings);
    assert_eq!(weights(&first, "generator"), weights(&last, "generator"));
    assert_ne!(weights(&first, "critic"), weights(&last, "critic"));
    let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
    let gap = |i: usize| rows[i].get("score/real").unwrap() - rows[i].get("score/fake").unwrap();
    assert!(gap(39) > gap(0) + 0.5, "{} {}", gap(0), gap(39));
}

#[test]
fn the_generator_learns_to_please_a_critic_that_stands_still() {
    let settings = "optimizer.critic-rate=0 stop.steps=40";
    let (folder, _parent, [first, last]) = before_and_after(settings);
    assert_eq!(weights(&first, "critic"), weights(&last, "critic"));
    assert_ne!(weights(&first, "generator"), weights(&last, "generator"));
    let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
    let loss = |i: usize| rows[i].get("loss/generator").unwrap();
    assert!(loss(39) < loss(0) - 0.05, "{} {}", loss(0), loss(39));
}

#[test]
fn the_average_follows_the_generator() {
    let (_folder, _parent, [first, last]) = before_and_after("stop.steps=20");
    let (start, average, now) =
        (weights(&first, "average"), weights(&last, "average"), weights(&last, "generator"));
    let far =
        |a: &[f32], b: &[f32]| length(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>());
    assert!(far(&start, &average) > 0.0 && far(&average, &now) > 0.0);
    assert!(far(&average, &now) < far(&start, &now));
    // With a half-life of one image nothing is left of a batch ago.
    let (_folder, _parent, [_, last]) = before_and_after("network.average-half-life=1");
    let (average, now) = (weights(&last, "average"), weights(&last, "generator"));
    assert!(far(&average, &now) < 1e-2 * length(&now), "{}", far(&average, &now));
}

#[test]
fn a_regularizer_reaches_the_weights_of_its_player_alone() {
    let with = |term: &str| {
        let settings = format!(
            "optimizer.name=sgd optimizer.beta-1=0 optimizer.critic-rate=0.01 \
             optimizer.generator-rate=0.01 regularizers.l2={{weight=1,player=\"{term}\"}}"
        );
        let (_folder, _parent, [_, last]) = before_and_after(&settings);
        [length(&weights(&last, "critic")), length(&weights(&last, "generator"))]
    };
    let [on_critic, on_generator] = [with("critic"), with("generator")];
    // Five steps of 1 − 2·0.01·λ each shrink the weights to 0.98⁵ ≈ 0.90.
    assert!(on_critic[0] < 0.95 * on_generator[0], "{on_critic:?} {on_generator:?}");
    assert!(on_generator[1] < 0.95 * on_critic[1], "{on_critic:?} {on_generator:?}");
}

#[test]
fn a_run_that_diverges_says_so_and_keeps_its_last_good_checkpoint() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    let settings = "training.loss=least-squares optimizer.name=sgd optimizer.critic-rate=10 \
        optimizer.generator-rate=10 stop.steps=200";
    let error = train(&folder, config(settings), None, &mut (), false).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("diverged") && text.contains("is kept"), "{text}");
    let (_, kept) = newest(&folder);
    for (name, tensor) in &kept.tensors {
        if let checkpoint::Data::F32(values) = tensor.data() {
            assert!(values.iter().all(|v| v.is_finite()), "{name}");
        }
    }
    assert_eq!(folder.read_status().unwrap().state, State::Stopped);
}

#[test]
fn other_pictures_are_refused_on_resume() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    train(&folder, config("stop.steps=2"), None, &mut (), false).unwrap();
    let error = train(&folder, config("data.source=motif:41"), None, &mut (), true).unwrap_err();
    assert!(matches!(error, Error::OtherPictures { .. }), "{error}");
    let error = train(&folder, config("seed=7"), None, &mut (), true).unwrap_err();
    assert!(matches!(error, Error::OtherSeed { found: 7, .. }), "{error}");
}

/// The last value of a metric.
fn last(folder: &RunFolder, key: &str) -> f64 {
    let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
    rows.iter().rev().find_map(|row| row.get(key)).unwrap()
}

#[test]
fn slopes_are_measured_through_one_mask() {
    let parent = tempfile::tempdir().unwrap();
    let slope = |name: &str, texts: &[&str]| {
        let folder = fresh(parent.path(), name);
        let base = "stop.steps=3 training.threads=1";
        train(&folder, regularized(base, texts), None, &mut (), false).unwrap();
        last(&folder, "reg/near/raw")
    };
    let near = "noise(0.01) l2 slope real weight=1e-9 name=near";
    let alone = slope("alone", &[near]);
    for masked in ["dropout=1e-9", "modulated=1e-9"] {
        let beside = slope(masked, &[near, masked]);
        // A mask changes the network; two masks would be all that is seen, a thousand times as much.
        assert!(beside < 5.0 * alone && beside > 0.1 * alone, "{masked}: {beside} {alone}");
    }
}

#[test]
fn a_damaged_checkpoint_of_a_later_step_pushes_none_out() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    train(&folder, config("stop.steps=4 output.keep=1"), None, &mut (), false).unwrap();
    softreg_run::atomic::write(folder.checkpoint(99), b"cut off").unwrap();
    train(&folder, config("stop.steps=6 output.keep=1"), None, &mut (), true).unwrap();
    assert_eq!(newest(&folder).0, 6);
}
