//! What a user may ask of a training run.
//!
//! The way is one-directional: text is parsed into a [`RunConfig`] ([`parse`]), the pictures settle
//! what was left open ([`RunConfig::settle`]), and [`RunConfig::check`] turns it into a [`Checked`]
//! one, the only kind that runs. [`keys`] documents every key; the printed configuration is made
//! from it.

mod check;
pub mod keys;
pub mod pace;
pub mod parse;
pub mod settings;

pub use check::{Checked, ConfigError};

use serde::{Deserialize, Serialize};
use softreg::spec::Spec;
use softreg_image::{Background, Channels, Collection, Fit, LoadOptions, Size};
use softreg_net::Geometry;
use softreg_net::architecture::Architecture;
use std::collections::BTreeMap;

/// A configuration as written; may hold anything that its types allow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RunConfig {
    /// Fixes every random draw of the run.
    pub seed: u64,
    /// Which pictures.
    pub data: Data,
    /// Which networks.
    pub network: Network,
    /// How they are trained.
    pub training: Training,
    /// How weights are updated.
    pub optimizer: Optimizer,
    /// The regularizers, by name.
    pub regularizers: BTreeMap<String, Spec>,
    /// How the generator is measured on held-out pictures while it is trained.
    pub validation: Measure,
    /// When training ends: at the first condition that holds.
    pub stop: Stop,
    /// What is written, and how often.
    pub output: Output,
}

/// Section `[data]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Data {
    /// `motif`, or the path of a folder, archive or data file.
    pub source: String,
    /// `auto`, `32` or `48x64` (width x height).
    pub size: String,
    /// Channels of the pictures.
    pub channels: Channels,
    /// How other shapes are brought to the size.
    pub fit: Fit,
    /// What shows through transparent pixels.
    pub background: Background,
    /// Use only the first pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Mirror half of the pictures left to right.
    pub flip: bool,
    /// Share of the pictures held out for the validation measure.
    pub validation: f64,
    /// A training picture, by number, in whose place its neighbour is shown twice: a run that differs
    /// from another one in this picture alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<usize>,
}

/// Section `[network]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Network {
    /// The pair of generator and critic.
    pub architecture: Architecture,
    /// Feature maps next to the picture; see [`Network::width`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Numbers in a latent vector.
    pub latent: usize,
    /// Generate by label.
    pub conditional: bool,
    /// Whether the generator's input scales and shifts its normalised layers; see [`Network::self_modulation`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_modulation: Option<bool>,
    /// Half-life of the moving average of the generator, in images.
    pub average_half_life: f64,
    /// Networks to begin with in place of new ones: a checkpoint of an earlier run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Section `[training]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Training {
    /// The adversarial loss.
    pub loss: String,
    /// Pictures per step.
    pub batch: usize,
    /// Updates of the critic per update of the generator.
    pub critic_steps: usize,
    /// Differentiable augmentation of what the critic sees.
    pub augment: Vec<String>,
    /// With which probability each augmentation changes a picture.
    pub augment_probability: f64,
    /// The overfitting on training pictures to keep to, by an adaptive probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment_target: Option<f64>,
    /// Pictures in which the adaptive probability goes from 0 to 1.
    pub augment_speed: u64,
    /// In which numbers the convolutions multiply.
    pub precision: Precision,
    /// Worker threads; 0 takes one per core, or per graphics processor, or for each of several processes.
    pub threads: usize,
}

/// In which numbers the convolutions of a training multiply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// bfloat16, where the device multiplies in it: sums, weights and what the optimiser does stay in single
    /// precision, and so do passes in which small differences are measured.
    Bf16,
}

/// Section `[optimizer]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Optimizer {
    /// Which one.
    pub name: String,
    /// Learning rate of the generator.
    pub generator_rate: f64,
    /// Learning rate of the critic.
    pub critic_rate: f64,
    /// Decay of the mean gradient.
    pub beta_1: f64,
    /// Decay of the mean squared gradient.
    pub beta_2: f64,
}

/// Section `[validation]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Measure {
    /// The measures with commas between them, the first of which decides: `swd`, or those of features
    /// such as `kd` and `coverage`.
    pub measure: String,
    /// The features, by name or file.
    pub features: String,
}

/// Section `[stop]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Stop {
    /// After so many steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// After so many real pictures, repeats counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// After so many minutes of training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// After so many checks of the validation measure without improvement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Steps between two checks of the validation measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_every: Option<u64>,
}

/// Section `[output]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Output {
    /// Steps between two lines of metrics; [`pace::Pace::LINES`] without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_every: Option<u64>,
    /// Steps between two sample sheets; [`pace::Pace::SHEETS`] without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet_every: Option<u64>,
    /// Pictures on a sheet.
    pub sheet_count: usize,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
    /// Checkpoints that are kept.
    pub keep: usize,
}

impl Network {
    /// Feature maps next to the picture: as many as are asked for, else as pictures of this size usually have.
    pub fn width(&self, geometry: &Geometry) -> usize {
        self.width.unwrap_or_else(|| geometry.usual_width())
    }

    /// Whether the generator is self-modulated: every new run's is unless its configuration says otherwise, which
    /// [`RunConfig::settle`] writes down; where nothing is written, the run is older than that.
    pub fn self_modulation(&self) -> bool {
        self.self_modulation.unwrap_or(false)
    }

    /// Writes down what an older configuration leaves unsaid.
    pub fn say_self_modulation(&mut self) {
        self.self_modulation = Some(self.self_modulation());
    }
}

impl Default for Data {
    fn default() -> Self {
        Self {
            source: "motif".to_owned(),
            size: "auto".to_owned(),
            channels: Channels::Auto,
            fit: Fit::Crop,
            background: Background::default(),
            limit: None,
            flip: false,
            validation: 0.0,
            replaced: None,
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            architecture: Architecture::Dcgan,
            width: None,
            latent: 64,
            conditional: false,
            self_modulation: None,
            average_half_life: 10_000.0,
            from: None,
        }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            loss: "logistic".to_owned(),
            batch: 32,
            critic_steps: 1,
            augment: Vec::new(),
            augment_probability: 1.0,
            augment_target: None,
            augment_speed: 500_000,
            precision: Precision::F32,
            threads: 0,
        }
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            name: "adam".to_owned(),
            generator_rate: 0.01,
            critic_rate: 0.02,
            beta_1: 0.5,
            beta_2: 0.99,
        }
    }
}

impl Default for Measure {
    fn default() -> Self {
        Self { measure: "swd".to_owned(), features: "randconv".to_owned() }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self { log_every: None, sheet_every: None, sheet_count: 64, checkpoint_every: 250, keep: 2 }
    }
}

impl RunConfig {
    /// How the pictures are to be read.
    ///
    /// # Errors
    /// [`ConfigError`] where the size is no size.
    pub fn load_options(&self) -> Result<LoadOptions, ConfigError> {
        let size = match self.data.size.as_str() {
            "auto" => None,
            text => Some(text.parse::<Size>().map_err(ConfigError::NoSize)?),
        };
        Ok(LoadOptions {
            size,
            channels: self.data.channels,
            fit: self.data.fit,
            background: self.data.background,
            limit: self.data.limit,
            skip: 0,
            seed: self.seed,
        })
    }

    /// The pictures to train on and those held out, as indices.
    pub fn parts(&self, pictures: &Collection) -> (Vec<usize>, Vec<usize>) {
        let (mut training, held_out) = pictures.split(self.data.validation, self.seed);
        if let Some(replaced) = self.data.replaced.filter(|replaced| *replaced < training.len()) {
            training[replaced] = training[(replaced + 1) % training.len()];
        }
        (training, held_out)
    }

    /// Settles what was left to the pictures, to the machine and to us: size, channels, threads (`workers`,
    /// unless a number was asked for), width and self-modulation.
    pub fn settle(&mut self, pictures: &Collection, workers: usize) {
        self.network.self_modulation.get_or_insert(true);
        self.data.size = pictures.size.to_string();
        // One that no network makes is refused later.
        if let Ok(geometry) = self.geometry() {
            self.network.width = Some(self.network.width(&geometry));
        }
        self.data.channels = Channels::of(pictures.channels);
        if self.training.threads == 0 {
            self.training.threads = workers.max(1);
        }
        self.settle_mirrors();
    }

    /// Regularizers mirror no pictures where training does not: a critic that is told to score mirrored copies alike would let
    /// the generator mirror.
    pub fn settle_mirrors(&mut self) {
        if !self.data.flip {
            for (name, spec) in &mut self.regularizers {
                spec.without_mirror(name);
            }
        }
    }
}
