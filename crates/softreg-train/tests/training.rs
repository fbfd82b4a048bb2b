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
    // With one worker or two the first critic loss differs only by rounding and by what depends on a
    // worker's share of the batch, which without normalised generators' pictures is nothing.
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
