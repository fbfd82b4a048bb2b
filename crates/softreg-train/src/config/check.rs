//! The check that stands between a configuration and a run.

use super::RunConfig;
use crate::optimizer::{self, OPTIMIZERS};
use softreg::adversarial::{self, AdversarialLoss, LOSSES};
use softreg::augment::{AUGMENTATIONS, Policy};
use softreg::spec::{self, SpecError, Term, did_you_mean};
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
    #[error("`{text}` sets nothing: write SECTION.KEY=VALUE, for example network.width=48")]
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
    terms: Vec<Term>,
}

impl Checked {
    /// The configuration, complete.
    pub fn config(&self) -> &RunConfig {
        &self.config
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
        &self.terms
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
        self.named_terms()?;
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
                return Err(ConfigError::Conflict {
                    reason: format!(
                        "network.conditional needs labels, and {} has none: put the pictures of each class into a folder of its own, or leave it out",
                        self.data.source
                    ),
                });
            }
            (true, classes) => Some(classes),
        };
        let held_out = (pictures.len() as f64 * self.data.validation).round() as usize;
        if self.stop.patience.is_some() && held_out < 2 {
            return Err(ConfigError::Conflict {
                reason: format!(
                    "stop.patience needs held-out pictures, and {} of {} is fewer than 2: set data.validation (for example 0.1)",
                    self.data.validation,
                    pictures.len()
                ),
            });
        }
        if pictures.len() - held_out < 2 {
            return Err(ConfigError::Conflict {
                reason: format!(
                    "{} picture(s) to train on: at least 2 are needed",
                    pictures.len() - held_out
                ),
            });
        }
        self.shape(pictures.channels, classes).and_then(|shape| {
            let (loss, policy, terms) =
                (self.named_loss()?, self.named_policy()?, self.named_terms()?);
            Ok(Checked { config: self, shape, loss, policy, terms })
        })
    }

    fn shape(&self, channels: usize, classes: Option<usize>) -> Result<Shape, ConfigError> {
        Ok(Shape {
            architecture: self.network.architecture,
            geometry: self.geometry()?,
            channels,
            width: self.network.width,
            latent: self.network.latent,
            classes,
        })
    }

    fn geometry(&self) -> Result<Geometry, ConfigError> {
        let size: Size = self.data.size.parse().map_err(ConfigError::NoSize)?;
        Ok(Geometry::new(size.width() as usize, size.height() as usize)?)
    }

    fn numbers(&self) -> Result<(), ConfigError> {
        let (network, training, optimizer, output) =
            (&self.network, &self.training, &self.optimizer, &self.output);
        whole("network.width", network.width as u64, 4, 512)?;
        whole("network.latent", network.latent as u64, 2, 1024)?;
        real("network.average-half-life", network.average_half_life, 1.0, 1e9)?;
        whole("training.batch", training.batch as u64, 2, 4096)?;
        whole("training.critic-steps", training.critic_steps as u64, 1, 100)?;
        whole("training.threads", training.threads as u64, 0, 1024)?;
        real("data.validation", self.data.validation, 0.0, 0.5)?;
        whole("data.limit", self.data.limit.unwrap_or(2) as u64, 2, u64::MAX)?;
        real("optimizer.generator-rate", optimizer.generator_rate, 0.0, 10.0)?;
        real("optimizer.critic-rate", optimizer.critic_rate, 0.0, 10.0)?;
        real("optimizer.beta-1", optimizer.beta_1, 0.0, 0.999_999)?;
        real("optimizer.beta-2", optimizer.beta_2, 0.0, 0.999_999)?;
        whole("output.log-every", output.log_every, 1, u64::MAX)?;
        whole("output.sheet-every", output.sheet_every, 1, u64::MAX)?;
        whole("output.sheet-count", output.sheet_count as u64, 1, 1024)?;
        whole("output.checkpoint-every", output.checkpoint_every, 1, u64::MAX)?;
        whole("output.keep", output.keep as u64, 1, u64::MAX)?;
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
        whole("stop.steps", stop.steps.unwrap_or(1), 1, u64::MAX)?;
        whole("stop.images", stop.images.unwrap_or(1), 1, u64::MAX)?;
        real("stop.minutes", stop.minutes.unwrap_or(1.0), 1e-6, 1e9)?;
        whole("stop.patience", stop.patience.unwrap_or(1), 1, u64::MAX)?;
        whole("stop.check-every", stop.check_every.unwrap_or(1), 1, u64::MAX)?;
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

    fn named_terms(&self) -> Result<Vec<Term>, ConfigError> {
        let mut terms = Vec::new();
        for (name, spec) in &self.regularizers {
            // A weight of 0 switches a regularizer off, so that a recipe's can be taken out.
            terms.extend(spec::check(name, spec)?.terms().into_iter().filter(|t| t.weight > 0.0));
        }
        Ok(terms)
    }
}

fn whole(key: &'static str, value: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let expected = match max {
        u64::MAX => format!("{min} or more"),
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
