//! The check that stands between a configuration and a run.

use super::RunConfig;
use crate::optimizer::{self, OPTIMIZERS};
use crate::replica::{check_devices, check_processes};
use crate::sample;
use crate::step::PROBABILITY;
use rand::Rng;
use softreg::adversarial::{self, AdversarialLoss, LOSSES};
use softreg::augment::{AUGMENTATIONS, Policy, Probability};
use softreg::distance::Domain;
use softreg::knob::Scale;
use softreg::memory::Memory;
use softreg::plan::Plan;
use softreg::spec::{self, SpecError, did_you_mean};
use softreg::term::Term;
use softreg_image::{Collection, Size};
use softreg_net::geometry::GeometryError;
use softreg_net::{Geometry, Shape};

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, or a value of the wrong type.
    #[error("{origin}:{line}: {reason}")]
    Syntax {
        /// File name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// What the reader said.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{place}unknown key `{key}`{nearest} (softreg train --print-config lists all keys)")]
    UnknownKey {
        /// `file:line: ` or nothing.
        place: String,
        /// The key.
        key: String,
        /// ` (did you mean …?)` or nothing.
        nearest: String,
    },
    /// Text that is no assignment.
    #[error("`{text}` is not an assignment: write SECTION.KEY=VALUE, for example network.width=48")]
    Assignment {
        /// The text.
        text: String,
    },
    /// An assignment with a value of the wrong type.
    #[error("{text}: {reason}")]
    Assigned {
        /// The assignment.
        text: String,
        /// What is wrong with the value.
        reason: String,
    },
    /// A value out of its range.
    #[error("{key} is {value}: it must be {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// No condition would ever end the run.
    #[error(
        "nothing would ever stop this run: set stop.steps, stop.images, stop.minutes or stop.patience"
    )]
    Endless,
    /// Two keys that contradict each other.
    #[error("{reason}")]
    Conflict {
        /// What does not go together, and the way out.
        reason: String,
    },
    /// A regularizer is wrong.
    #[error("[regularizers]: {0}")]
    Regularizer(#[from] SpecError),
    /// Text that is no picture size.
    #[error("data.size: {0}")]
    NoSize(#[source] softreg_image::Error),
    /// No network makes this size.
    #[error("data.size: {0}")]
    Size(#[from] GeometryError),
}

/// A configuration that can run: every name is resolved, every number within its range.
#[derive(Clone, Debug)]
pub struct Checked {
    config: RunConfig,
    shape: Shape,
    loss: &'static dyn AdversarialLoss,
    policy: Policy,
    plan: Plan,
    /// Of every label, on how many training pictures it is; of a conditional pair only.
    shown: Vec<u64>,
}

/// Whole numbers go up to here in TOML.
const MOST: u64 = i64::MAX as u64;

impl Checked {
    /// The configuration, complete.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Labels for `n` pictures of a conditional pair, each as often as among the training pictures
    /// ([`sample::labels_as_shown`]).
    pub fn labels(&self, n: usize) -> Option<Vec<u32>> {
        self.shape.classes.map(|_| sample::labels_as_shown(n, &self.shown))
    }

    /// The same drawn by `rng`, for what is measured of them ([`sample::labels_at_random`]).
    pub fn random_labels(&self, n: usize, rng: &mut dyn Rng) -> Option<Vec<u32>> {
        self.shape.classes.map(|_| sample::labels_at_random(n, &self.shown, rng))
    }

    /// Checks that a step has work for so many devices of one process.
    ///
    /// # Errors
    /// [`IdleDevices`](crate::Error::IdleDevices).
    pub fn check_devices(&self, devices: usize) -> Result<(), crate::Error> {
        check_devices(devices, self.config.training.threads, self.config.training.batch)
    }

    /// That the batch can be split over so many processes.
    ///
    /// # Errors
    /// [`crate::Error::TooManyProcesses`].
    pub fn check_processes(&self, processes: usize) -> Result<(), crate::Error> {
        check_processes(processes, self.config.training.batch)
    }

    /// The shape of the networks.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The adversarial loss.
    pub fn loss(&self) -> &'static dyn AdversarialLoss {
        self.loss
    }

    /// Differentiable augmentation.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The regularizing terms `λ·R` of the objective.
    pub fn terms(&self) -> &[Term] {
        self.plan.terms()
    }

    /// The terms with the passes that they share.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How the probability of augmentation follows overfitting, where it does.
    pub fn adaptive_probability(&self) -> Option<Probability> {
        let training = &self.config.training;
        let speed = training.augment_speed;
        training.augment_target.map(|target| Probability { target, speed })
    }

    /// What regularizers remember before the first step.
    pub(crate) fn first_memory(&self) -> Memory {
        let mut memory = Memory::default();
        if self.adaptive_probability().is_some() {
            memory.set_control(PROBABILITY, self.config.training.augment_probability);
        }
        memory
    }
}

impl RunConfig {
    /// Checks everything that does not depend on the pictures.
    ///
    /// # Errors
    /// The first [`ConfigError`].
    pub fn check_without_pictures(&self) -> Result<(), ConfigError> {
        self.load_options()?;
        if self.data.size != "auto" {
            self.geometry()?;
        }
        self.numbers()?;
        self.conditions()?;
        self.named_loss()?;
        self.named_policy()?;
        self.scores()?;
        self.plan(&Scale::REFERENCE)?;
        Ok(())
    }

    /// Checks a configuration that [`RunConfig::settle`] has completed for `pictures`.
    ///
    /// # Errors
    /// The first [`ConfigError`].
    pub fn check(self, pictures: &Collection) -> Result<Checked, ConfigError> {
        self.check_without_pictures()?;
        let classes = match (self.network.conditional, pictures.classes.len()) {
            (false, _) => None,
            (true, 0 | 1) => {
                let way_out = match &self.network.from {
                    Some(_) => "start from networks that were trained without labels",
                    None => "leave it out",
                };
                return Err(ConfigError::Conflict {
                    reason: format!(
                        "network.conditional needs labels, but {} has none: put the pictures of each class into a folder of its own, or {way_out}",
                        self.data.source
                    ),
                });
            }
            (true, classes) => Some(classes),
        };
        let (training, held_out) = self.parts(pictures);
        let labels = pictures.labels.as_deref().unwrap_or_default();
        let of_training = training.iter().filter_map(|i| labels.get(*i));
        let of_training = of_training.map(|label| *label as usize);
        let shown = sample::count_labels(of_training, classes.unwrap_or(0));
        let (held_out, training) = (held_out.len(), training.len());
        if self.stop.patience.is_some() && held_out < 2 {
            return Err(ConfigError::Conflict {
                reason: format!(
                    "stop.patience needs held-out pictures, but of {} pictures {held_out} would be held out (identical ones stay together): raise data.validation, which is {}",
                    pictures.len(),
                    self.data.validation
                ),
            });
        }
        if let Some(replaced) = self.data.replaced.filter(|replaced| *replaced >= training) {
            return Err(ConfigError::Conflict {
                reason: format!(
                    "data.replaced is {replaced}, but there are {training} pictures to train on: it must be from 0 to {}",
                    training.saturating_sub(1)
                ),
            });
        }
        if training < 2 {
            return Err(ConfigError::Conflict {
                reason: format!("{training} picture(s) to train on: at least 2 are needed"),
            });
        }
        let shape = self.shape(pictures.channels, classes)?;
        let plan = self.plan(&Scale {
            pixels: shape.geometry.height() * shape.geometry.width(),
            channels: shape.channels,
            batch: self.training.batch,
        })?;
        if let Some(name) = plan.follower().filter(|_| held_out < 2) {
            return Err(ConfigError::Conflict {
                reason: format!(
                    "the weight of `{name}` adapts to overfitting on held-out pictures, but there are {held_out}: set data.validation (for example 0.1)"
                ),
            });
        }
        let (loss, policy) = (self.named_loss()?, self.named_policy()?);
        Ok(Checked { config: self, shape, loss, policy, plan, shown })
    }

    fn shape(&self, channels: usize, classes: Option<usize>) -> Result<Shape, ConfigError> {
        let geometry = self.geometry()?;
        Ok(Shape {
            architecture: self.network.architecture,
            geometry,
            channels,
            width: self.network.width(&geometry),
            latent: self.network.latent,
            self_modulation: self.network.self_modulation(),
            classes,
        })
    }

    pub(super) fn geometry(&self) -> Result<Geometry, ConfigError> {
        let size: Size = self.data.size.parse().map_err(ConfigError::NoSize)?;
        Ok(Geometry::new(size.width() as usize, size.height() as usize)?)
    }

    fn numbers(&self) -> Result<(), ConfigError> {
        let (network, training, optimizer, output) =
            (&self.network, &self.training, &self.optimizer, &self.output);
        whole("seed", self.seed, 0, MOST)?;
        whole("network.width", network.width.unwrap_or(4) as u64, 4, 512)?;
        whole("network.latent", network.latent as u64, 2, 1024)?;
        real("network.average-half-life", network.average_half_life, 1.0, 1e9)?;
        whole("training.batch", training.batch as u64, 2, 65_536)?;
        whole("training.critic-steps", training.critic_steps as u64, 1, 100)?;
        real("training.augment-probability", training.augment_probability, 0.0, 1.0)?;
        real("training.augment-target", training.augment_target.unwrap_or(0.0), -1.0, 1.0)?;
        whole("training.augment-speed", training.augment_speed, 1, MOST)?;
        whole("training.threads", training.threads as u64, 0, 1024)?;
        real("data.validation", self.data.validation, 0.0, 0.5)?;
        whole("data.limit", self.data.limit.unwrap_or(2) as u64, 2, MOST)?;
        real("optimizer.generator-rate", optimizer.generator_rate, 0.0, 10.0)?;
        real("optimizer.critic-rate", optimizer.critic_rate, 0.0, 10.0)?;
        real("optimizer.beta-1", optimizer.beta_1, 0.0, 0.999_999)?;
        real("optimizer.beta-2", optimizer.beta_2, 0.0, 0.999_999)?;
        whole("output.log-every", output.log_every.unwrap_or(1), 1, MOST)?;
        whole("output.sheet-every", output.sheet_every.unwrap_or(1), 1, MOST)?;
        whole("output.sheet-count", output.sheet_count as u64, 1, 1024)?;
        whole("output.checkpoint-every", output.checkpoint_every, 1, MOST)?;
        whole("output.keep", output.keep as u64, 1, MOST)?;
        if optimizer::named(&optimizer.name).is_none() {
            return Err(one_of(
                "optimizer.name",
                &optimizer.name,
                OPTIMIZERS.iter().map(|o| o.name),
            ));
        }
        Ok(())
    }

    fn conditions(&self) -> Result<(), ConfigError> {
        let stop = &self.stop;
        whole("stop.steps", stop.steps.unwrap_or(1), 1, MOST)?;
        whole("stop.images", stop.images.unwrap_or(1), 1, MOST)?;
        real("stop.minutes", stop.minutes.unwrap_or(1.0), 1e-6, 1e9)?;
        whole("stop.patience", stop.patience.unwrap_or(1), 1, MOST)?;
        whole("stop.check-every", stop.check_every.unwrap_or(1), 1, MOST)?;
        let some = stop.steps.is_some() || stop.images.is_some() || stop.minutes.is_some();
        if !some && stop.patience.is_none() {
            return Err(ConfigError::Endless);
        }
        if stop.patience.is_some() && self.data.validation == 0.0 {
            return Err(ConfigError::Conflict {
                reason:
                    "stop.patience needs held-out pictures: set data.validation (for example 0.1)"
                        .to_owned(),
            });
        }
        Ok(())
    }

    fn named_loss(&self) -> Result<&'static dyn AdversarialLoss, ConfigError> {
        let name = &self.training.loss;
        adversarial::named(name)
            .ok_or_else(|| one_of("training.loss", name, LOSSES.iter().map(|l| l.name())))
    }

    fn named_policy(&self) -> Result<Policy, ConfigError> {
        Policy::named(self.training.augment.iter().map(String::as_str)).map_err(|name| {
            one_of("training.augment", &name, AUGMENTATIONS.iter().map(|a| a.name()))
        })
    }

    /// The largest singular value that the critic's weights have, where they are normalised; the same at every scale.
    pub(crate) fn spectral_bound(&self) -> Option<f64> {
        self.plan(&Scale::REFERENCE).ok()?.spectral_norm()
    }

    /// Whether the weight of a regularizer follows overfitting on held-out pictures.
    pub fn follows_held_out(&self) -> bool {
        self.plan(&Scale::REFERENCE).is_ok_and(|plan| plan.follower().is_some())
    }

    /// The regularizers, for pictures and batches of this scale.
    fn plan(&self, scale: &Scale) -> Result<Plan, ConfigError> {
        let mut terms = Vec::new();
        for (name, spec) in &self.regularizers {
            let of_name = spec::check(name, spec)?.terms(scale)?;
            // A weight of 0 switches a regularizer off, so that a recipe's can be taken out.
            terms.extend(of_name.into_iter().filter(|term| term.weight > 0.0));
        }
        for term in &terms {
            self.fits(term)?;
        }
        let plan = Plan::new(terms);
        if let [(_, first), (_, second), ..] = plan.perturbations()[..] {
            return Err(ConfigError::Conflict {
                reason: format!(
                    "regularizers `{first}` and `{second}` need different randomness in the critic, which supports only one: remove one of them, or give both the same"
                ),
            });
        }
        if let Some(name) = plan.follower().filter(|_| self.data.validation == 0.0) {
            return Err(ConfigError::Conflict {
                reason: format!(
                    "the weight of `{name}` adapts to overfitting on held-out pictures: set data.validation (for example 0.1)"
                ),
            });
        }
        Ok(plan)
    }

    /// Whether a term makes sense for the networks and the loss of this run.
    fn fits(&self, term: &Term) -> Result<(), ConfigError> {
        let refused = |reason: String| {
            let name = term.name.clone();
            Err(ConfigError::Regularizer(SpecError::Refused { name, reason }))
        };
        let Some(composition) = term.body.composition() else { return Ok(()) };
        if term.body.player().is_none() {
            let reason = "site `output` is for models outside adversarial training: use real-score, fake-score or image";
            return refused(reason.to_owned());
        }
        let odds = composition.distance.domain() == Domain::LogOdds;
        if odds && self.training.loss != "logistic" {
            return refused(format!(
                "distance `{}` interprets scores as log odds, but those of the {} loss are not: use the logistic loss, or the distance squared-l2",
                composition.distance.name(),
                self.training.loss
            ));
        }
        Ok(())
    }

    /// Whether scores have the zero that an adaptive probability reads.
    fn scores(&self) -> Result<(), ConfigError> {
        let loss = self.training.loss.as_str();
        if self.training.augment_target.is_none() {
            return Ok(());
        }
        let conflict = |reason: &str| Err(ConfigError::Conflict { reason: reason.to_owned() });
        if self.training.augment.is_empty() {
            return conflict(
                "training.augment-target needs augmentations to adapt: set training.augment",
            );
        }
        if matches!(loss, "relativistic" | "wasserstein") {
            return conflict(
                "training.augment-target depends on the sign of scores, which is meaningless with the relativistic and the wasserstein loss: use another loss, or a fixed training.augment-probability",
            );
        }
        Ok(())
    }
}

fn whole(key: &'static str, value: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let expected = match max {
        MOST if value < min => format!("{min} or more"),
        _ => format!("from {min} to {max}"),
    };
    Err(ConfigError::Value { key, value: value.to_string(), expected })
}

fn real(key: &'static str, value: f64, min: f64, max: f64) -> Result<(), ConfigError> {
    // NaN is in no range.
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Value {
        key,
        value: value.to_string(),
        expected: format!("a number from {min} to {max}"),
    })
}

fn one_of<'a>(
    key: &'static str,
    value: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> ConfigError {
    let nearest = did_you_mean(value, names.clone());
    let expected = format!("one of {}{nearest}", names.collect::<Vec<_>>().join(", "));
    ConfigError::Value { key, value: format!("`{value}`"), expected }
}
