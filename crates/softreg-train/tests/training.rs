//! Whole runs, small ones, on the built-in pictures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use burn::tensor::Device;
use softreg_image::Collection;
use softreg_run::checkpoint::{self, Checkpoint};
use softreg_run::{RunFolder, State};
use softreg_train::config::{Checked, RunConfig, keys, parse};
use softreg_train::observer::{Event, Observer};
use softreg_train::sample::PictureSet;
use softreg_train::train::Validation;
use softreg_train::{Error, OPTIMIZERS, Outcome, Run};
use std::path::Path;
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
    validation: Option<&mut dyn Validation>,
    observer: &mut dyn Observer,
    resume: bool,
) -> Result<Outcome, Error> {
    let (checked, pictures) = prepare(config);
    let config = checked.config();
    let (training, _) = pictures.split(config.data.validation, config.seed);
    softreg_run::atomic::write(folder.config(), keys::with_comments(config).as_bytes()).unwrap();
    Run {
        folder,
        checked: &checked,
        pictures: &pictures,
        training,
        device: Device::flex(),
        validation: validation.map(|v| v as &mut dyn Validation),
        observer,
        interrupt: &AtomicBool::new(false),
        versions: Default::default(),
    }
    .train(resume)
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

/// A measure that follows a script.
struct Script(Vec<f64>);

impl Validation for Script {
    fn name(&self) -> String {
        "script".to_owned()
    }
    fn measure(&mut self, generated: &PictureSet) -> f64 {
        assert_eq!(generated.len(), 5);
        self.0.remove(0)
    }
    fn pictures(&self) -> usize {
        5
    }
}

#[derive(Default)]
struct Log(Vec<(u64, f64, bool)>);

impl Observer for Log {
    fn notice(&mut self, event: Event) {
        if let Event::Validation { step, value, best, .. } = event {
            self.0.push((step, value, best));
        }
    }
}

#[test]
fn patience_ends_the_run_and_the_best_checkpoint_is_kept() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    let settings =
        "stop.steps=100 stop.patience=2 stop.check-every=3 data.validation=0.2 output.keep=1";
    let mut log = Log::default();
    let mut script = Script(vec![5.0, 3.0, 4.0, 3.0]);
    let outcome = train(&folder, config(settings), Some(&mut script), &mut log, false).unwrap();
    assert_eq!(outcome.step, 12);
    assert!(outcome.finished && outcome.reason.contains("no improvement"), "{}", outcome.reason);
    assert_eq!(log.0, [(3, 5.0, true), (6, 3.0, true), (9, 4.0, false), (12, 3.0, false)]);
    assert_eq!(checkpoint::list(folder.checkpoints()).unwrap(), [6, 12]);
    assert_eq!(folder.read_status().unwrap().state, State::Finished);
    let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
    assert_eq!(rows[2].get("validation/script"), Some(5.0));
    assert_eq!(rows[3].get("validation/script"), None);
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
}
