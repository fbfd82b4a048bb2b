//! A trained generator, opened from a run folder: configuration and one checkpoint, no pictures.
//!
//! Reading needs no lock, so this works beside a run that is still training.

use crate::failure::usage;
use anyhow::Context;
use burn::tensor::Device;
use softreg::{Purpose, Seed};
use softreg_net::{Generator, Geometry, Shape, latent};
use softreg_run::{Checkpoint, RunFolder, checkpoint};
use softreg_train::config::parse;
use softreg_train::sample::{self, PictureSet};
use softreg_train::{RunConfig, checkpoint as weights};
use std::io::ErrorKind;
use std::path::PathBuf;

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The newest that can be read.
    Latest,
    /// The one with the best validation value.
    Best,
    /// The one of this step.
    Step(u64),
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            "best" => Ok(Self::Best),
            step => step
                .parse()
                .map(Self::Step)
                .map_err(|_| "write latest, best, or the step of a checkpoint".to_owned()),
        }
    }
}

/// A generator that is ready to make pictures.
pub(crate) struct Trained {
    /// The names of the labels; empty where the generator is not conditional.
    pub labels: Vec<String>,
    /// The step of the checkpoint.
    pub step: u64,
    /// The fingerprint of the pictures that it was trained on, and of those held out.
    pub pictures: String,
    /// Why the pictures that its configuration holds out are not those that the run did, where they are not.
    pub other_split: Option<softreg_train::Error>,
    /// What a person should know about the choice of the checkpoint.
    pub notes: Vec<String>,
    shape: Shape,
    generator: Generator,
    device: Device,
}

impl Trained {
    /// Opens the averaged generator of a run.
    pub(crate) fn open(folder: &RunFolder, which: Which, device: &Device) -> anyhow::Result<Self> {
        let config = configuration(folder)?;
        let labels = match config.network.conditional {
            true => labels(folder)?,
            false => Vec::new(),
        };
        let shape = shape(&config, labels.len())?;
        let mut notes = Vec::new();
        let (step, path, file) = find(folder, which, &mut notes)?;
        let pictures = file.text("pictures")?.to_owned();
        let other_split = weights::check_split(&file, &config).err();
        let generator = weights::averaged_generator(&path, file, &shape, device)?;
        let device = device.clone().without_autodiff();
        Ok(Self { labels, step, pictures, other_split, notes, shape, generator, device })
    }

    /// Numbers in a latent vector.
    pub(crate) fn latent(&self) -> usize {
        self.shape.latent
    }

    /// Channels of the pictures.
    pub(crate) fn channels(&self) -> usize {
        self.shape.channels
    }

    /// Width and height of the pictures.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.shape.geometry.width() as u32, self.shape.geometry.height() as u32)
    }

    /// The generator as an ONNX file.
    pub(crate) fn to_onnx(&self) -> Vec<u8> {
        let (width, height) = self.size();
        let about = [
            ("step", self.step.to_string()),
            // In the order of the inputs.
            ("labels", serde_json::json!(self.labels).to_string()),
        ];
        self.generator.to_onnx([self.channels(), height as usize, width as usize], &about)
    }

    /// The generator's weights by name; what is needed to use them is JSON in the metadata, under `generator`.
    pub(crate) fn to_safetensors(&self) -> anyhow::Result<Vec<u8>> {
        use safetensors::{Dtype, tensor::TensorView};
        let parameters = softreg_net::parameters::collect(&self.generator);
        let bytes: Vec<Vec<u8>> = parameters
            .iter()
            .map(|p| p.values.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let views = parameters
            .iter()
            .zip(&bytes)
            .map(|(p, bytes)| Ok((&p.name, TensorView::new(Dtype::F32, p.shape.clone(), bytes)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let (width, height) = self.size();
        let about = serde_json::json!({
            "format": "softreg-generator/1",
            "network": self.shape.architecture.name(),
            "step": self.step,
            "latent": self.latent(),
            "maps": self.shape.width,
            "self_modulation": self.shape.self_modulation,
            "channels": self.channels(),
            "width": width,
            "height": height,
            "labels": self.labels,
            "premultiplied": self.channels() == 4,
        });
        // One entry: several come in a random order, and the same generator would make different files.
        let about = [("generator".to_owned(), about.to_string())].into();
        Ok(safetensors::serialize(views, Some(about))?)
    }

    /// The latents of pictures; each has a random stream of its own, so that picture `i` is the same
    /// one in any number of pictures.
    pub(crate) fn latents(
        &self,
        pictures: std::ops::Range<usize>,
        truncation: Option<f32>,
        seed: u64,
    ) -> Vec<f32> {
        let one = |i: usize| {
            let mut rng = Seed(seed).rng(Purpose::Generate, i as u64);
            latent::draw(1, self.latent(), truncation, &mut rng)
        };
        pictures.flat_map(one).collect()
    }

    /// One picture for each latent, the same one whatever comes with it: rounding may depend on the
    /// size of a batch, so every batch has the same size.
    pub(crate) fn pictures(&self, latents: &[f32], labels: Option<&[u32]>) -> PictureSet {
        sample::bytes(&self.shape, &self.values(latents, labels))
    }

    /// The values −1..1 of [`Trained::pictures`], not rounded to bytes.
    pub(crate) fn values(&self, latents: &[f32], labels: Option<&[u32]>) -> Vec<f32> {
        let geometry = self.shape.geometry;
        let area = self.shape.channels * geometry.height() * geometry.width();
        let (latent, mut values) = (self.latent(), Vec::new());
        for (i, rows) in latents.chunks(BATCH * latent).enumerate() {
            let n = rows.len() / latent;
            let mut padded = rows.to_vec();
            padded.resize(BATCH * latent, 0.0);
            let padded_labels = labels.map(|labels| {
                let mut part = labels[i * BATCH..i * BATCH + n].to_vec();
                part.resize(BATCH, 0);
                part
            });
            let labels = padded_labels.as_deref();
            let made = sample::values(&self.generator, &self.shape, &padded, labels, &self.device);
            values.extend_from_slice(&made[..n * area]);
        }
        values
    }
}

/// Pictures made at once.
const BATCH: usize = 16;

/// The configuration that the run was started with.
pub(crate) fn configuration(folder: &RunFolder) -> anyhow::Result<RunConfig> {
    let file = folder.config();
    let text = std::fs::read_to_string(&file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "{} has no config.toml, so nothing is known about the run: restore the file, or start a new run",
            folder.root().display()
        ),
        _ => anyhow::Error::new(error).context(format!("cannot read {}", file.display())),
    })?;
    let mut config = parse::parse(&text, &file.display().to_string())?;
    config.network.say_self_modulation();
    config.check_without_pictures().with_context(|| file.display().to_string())?;
    Ok(config)
}

/// The shape of the networks; `config` is that of a run, so size and channels are settled.
pub(crate) fn shape(config: &RunConfig, classes: usize) -> anyhow::Result<Shape> {
    let unsettled = |key: &str| {
        usage(format!("config.toml leaves {key} at auto: restore the run's original file"))
    };
    let size = config.load_options()?.size.ok_or_else(|| unsettled("data.size"))?;
    let geometry = Geometry::new(size.width() as usize, size.height() as usize)?;
    Ok(Shape {
        architecture: config.network.architecture,
        geometry,
        channels: config.data.channels.count().ok_or_else(|| unsettled("data.channels"))?,
        width: config.network.width(&geometry),
        latent: config.network.latent,
        self_modulation: config.network.self_modulation(),
        classes: config.network.conditional.then_some(classes),
    })
}

/// The names of the labels, from `data.json`.
pub(crate) fn labels(folder: &RunFolder) -> anyhow::Result<Vec<String>> {
    let file = folder.data();
    let names = || -> anyhow::Result<Vec<String>> {
        let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        Ok(serde_json::from_value(value["classes"].clone())?)
    };
    let names = names().with_context(|| {
        format!("cannot read the labels from {}: restore the run's original file", file.display())
    })?;
    anyhow::ensure!(
        !names.is_empty(),
        "{} names no labels, but the run is conditional: restore the run's original file",
        file.display()
    );
    Ok(names)
}

/// Step, path and content of the checkpoint that was asked for.
pub(crate) fn find(
    folder: &RunFolder,
    which: Which,
    notes: &mut Vec<String>,
) -> anyhow::Result<(u64, PathBuf, Checkpoint)> {
    let step = match which {
        Which::Step(step) => step,
        Which::Best => {
            let (_, _, newest) = find(folder, Which::Latest, notes)?;
            if newest.text("best")?.is_empty() {
                return Err(usage(format!(
                    "{} has no best checkpoint: it was trained without validation, or ended before the first check (stop.check-every): leave out --checkpoint best, or train longer with --set data.validation=0.1",
                    folder.root().display()
                )));
            }
            newest.text("best_step")?.parse().context("the best step is not a number")?
        }
        Which::Latest => {
            let latest = newest(folder)?;
            for (step, reason) in &latest.skipped {
                notes.push(format!(
                    "the checkpoint of step {step} cannot be used; using that of step {}: {reason}",
                    latest.step
                ));
            }
            return Ok((latest.step, latest.path, latest.checkpoint));
        }
    };
    let steps = checkpoint::list(folder.checkpoints())?;
    if !steps.contains(&step) {
        let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
        let kept = match steps.as_slice() {
            [] => "there are none".to_owned(),
            steps => format!("available steps: {}", steps.join(", ")),
        };
        return Err(usage(format!(
            "there is no checkpoint of step {step} in {}: {kept}",
            folder.checkpoints().display()
        )));
    }
    let path = folder.checkpoint(step);
    let file = checkpoint::read(&path)?;
    Ok((step, path, file))
}

/// The newest checkpoint that can be read. A run that is training may delete one between the look
/// into the folder and the reading: then there is a newer one.
fn newest(folder: &RunFolder) -> softreg_run::Result<checkpoint::Latest> {
    let gone = |error: &softreg_run::Error| matches!(error, softreg_run::Error::Io { source, .. } if source.kind() == ErrorKind::NotFound);
    for _ in 0..10 {
        let latest = checkpoint::latest_valid(folder.checkpoints());
        let skipped = match &latest {
            Ok(latest) => &latest.skipped,
            Err(softreg_run::Error::NoCheckpoint { skipped, .. }) => skipped,
            Err(_) => return latest,
        };
        if !skipped.iter().any(|(_, error)| gone(error)) {
            return latest;
        }
    }
    checkpoint::latest_valid(folder.checkpoints())
}
