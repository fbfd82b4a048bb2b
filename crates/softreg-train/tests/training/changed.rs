//! Runs that go on, or begin, with another configuration than that of their checkpoint.

use super::{config, fresh, newest, regularized, train};
use softreg_run::RunFolder;
use softreg_run::checkpoint::Data;
use softreg_train::sample::PictureSet;
use softreg_train::{Error, Measured, Validation};
use std::path::Path;
use std::sync::Arc;

/// What a run has learned at its last checkpoint.
fn learned(folder: &RunFolder) -> std::collections::BTreeMap<String, Data> {
    let tensors = newest(folder).1.tensors.into_iter();
    let weights = tensors.filter(|(name, _)| name.starts_with("generator/"));
    weights.map(|(name, tensor)| (name, tensor.into_parts().1)).collect()
}

#[test]
fn what_is_held_out_stays_held_out() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    train(&folder, config("data.validation=0.2 stop.steps=2"), None, &mut (), false).unwrap();
    let error =
        train(&folder, config("data.validation=0.4"), None, &mut (), true).unwrap_err().to_string();
    assert!(error.contains("data.validation = 0.2") && error.contains("now says 0.4"), "{error}");
    let other = config("data.validation=0.2 data.replaced=1");
    let error = train(&folder, other, None, &mut (), true).unwrap_err();
    assert!(matches!(error, Error::OtherSplit { key: "data.replaced", .. }), "{error}");
    train(&folder, config("data.validation=0.2"), None, &mut (), true).unwrap();
}

#[test]
fn the_probability_of_augmentation_is_that_of_the_configuration() {
    let parent = tempfile::tempdir().unwrap();
    let augmented = "training.augment=[\"translation\"] training.augment-probability";
    let resumed = |name: &str, then: &str| {
        let folder = fresh(parent.path(), name);
        let adaptive = format!("{augmented}=0.5 training.augment-target=0.1 stop.steps=9");
        train(&folder, config(&adaptive), None, &mut (), false).unwrap();
        train(&folder, config(&format!("{then} stop.steps=12")), None, &mut (), true).unwrap();
        folder
    };
    // What followed overfitting before does so no more.
    let [never, always] =
        ["0", "1"].map(|p| learned(&resumed(&format!("fixed-{p}"), &format!("{augmented}={p}"))));
    assert_ne!(never, always);
    // And one that begins to follow begins where it was.
    let folder = fresh(parent.path(), "later");
    train(&folder, config(&format!("{augmented}=0.7 stop.steps=2")), None, &mut (), false).unwrap();
    let adaptive = format!("{augmented}=0.7 training.augment-target=0.1 stop.steps=12");
    train(&folder, config(&adaptive), None, &mut (), true).unwrap();
    let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
    let first = rows.iter().find_map(|row| row.get("augment/probability")).unwrap();
    assert!((first - 0.7).abs() < 0.01, "{first}");
}

#[test]
fn a_regularizer_may_be_called_augment() {
    let parent = tempfile::tempdir().unwrap();
    let trained = |name: &str| {
        let folder = fresh(parent.path(), name);
        let text = format!(
            "augment l2 attract real-score weight=1 schedule=adaptive speed=20 name={name}"
        );
        let base = "stop.steps=12 data.validation=0.4 training.augment=[\"translation\"]";
        train(&folder, regularized(base, &[&text]), None, &mut (), false).unwrap();
        learned(&folder)
    };
    assert_eq!(trained("augment"), trained("other"));
}

struct Fixed(&'static str, f64, bool);

impl Validation for Fixed {
    fn name(&self) -> String {
        self.0.to_owned()
    }
    fn measure(&self, _: &PictureSet) -> Result<Measured, String> {
        Ok(Measured { value: self.1, ..Measured::default() })
    }
    fn pictures(&self) -> usize {
        4
    }
    fn higher_is_better(&self) -> bool {
        self.2
    }
}

#[test]
fn values_of_another_measure_are_not_the_best() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    let base = "data.validation=0.2 stop.check-every=2";
    let distance = Some(Arc::new(Fixed("distance", 150.0, false)) as Arc<dyn Validation>);
    let first = config(&format!("{base} stop.steps=6"));
    train(&folder, first, distance, &mut (), false).unwrap();
    let of = |folder: &RunFolder, entry: &str| newest(folder).1.text(entry).unwrap().to_owned();
    assert_eq!((of(&folder, "best"), of(&folder, "best_step")), ("150".into(), "2".into()));
    let share = Some(Arc::new(Fixed("share", 0.5, true)) as Arc<dyn Validation>);
    let then = config(&format!("{base} stop.steps=12 stop.patience=2"));
    train(&folder, then, share, &mut (), true).unwrap();
    assert_eq!(of(&folder, "best"), "0.5");
    assert!(of(&folder, "best_step").parse::<u64>().unwrap() >= 6);
}

#[test]
fn a_run_begins_with_the_critic_that_was_trained() {
    let parent = tempfile::tempdir().unwrap();
    let origin = fresh(parent.path(), "origin");
    train(&origin, regularized("stop.steps=5", &["spectral"]), None, &mut (), false).unwrap();
    let slope = |folder: &RunFolder, step: u64, checked: &softreg_train::Checked| {
        let pictures = softreg_image::open(
            &checked.config().data.source,
            &checked.config().load_options().unwrap(),
        )
        .unwrap();
        let path = folder.checkpoint(step);
        let device = burn::tensor::Device::flex();
        let looked = softreg_train::inspection::Inspection::open(
            &path,
            checked,
            &pictures.fingerprint,
            &device,
        )
        .unwrap();
        looked.scores(&pictures, &[0, 1, 2, 3])
    };
    let begun = |name: &str, texts: &[&str]| {
        let folder = fresh(parent.path(), name);
        let mut config = regularized("stop.steps=1 output.keep=9", texts);
        config.network.from = Some(path(&origin.checkpoint(5)));
        train(&folder, config.clone(), None, &mut (), false).unwrap();
        slope(&folder, 0, &super::prepare(config).0)
    };
    let trained = slope(&origin, 5, &super::prepare(regularized("", &["spectral"])).0);
    for (name, texts) in [("without", &[][..]), ("with", &["spectral"][..])] {
        let scores = begun(name, texts);
        for (a, b) in trained.iter().zip(&scores) {
            assert!((a - b).abs() < 1e-4 * (1.0 + a.abs()), "{name}: {trained:?} {scores:?}");
        }
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
