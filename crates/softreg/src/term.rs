//! One checked term `λ·R` of the objective.

use crate::composition::Composition;
use crate::hard::{GradientPenalty, Point, WeightPenalty};
use crate::memory::Memory;
use crate::schedule::Schedule;
use crate::site::{Player, Site};
use std::sync::Arc;

/// What a term is made of.
#[derive(Clone, Debug)]
pub enum Body {
    /// Compares outputs.
    Soft(Composition),
    /// Limits the weights of one player.
    Weights {
        /// The penalty.
        penalty: Arc<dyn WeightPenalty>,
        /// Whose weights.
        player: Player,
    },
    /// Limits the exact gradient of the critic.
    Gradient(GradientPenalty),
    /// Divides every weight matrix of the critic by its spectral norm, and multiplies it by λ. Nothing is
    /// added to the objective.
    Spectral,
}

impl Body {
    /// Whether the passes that it is made of must be in single precision: slopes are measured, whose differences the
    /// rounding of less would hide.
    pub fn needs_single_precision(&self) -> bool {
        match self {
            Self::Soft(composition) => composition.pairing.needs_single_precision(),
            Self::Gradient(_) => true,
            Self::Weights { .. } | Self::Spectral => false,
        }
    }

    /// The player that the gradient reaches; `None` outside adversarial training.
    pub fn player(&self) -> Option<Player> {
        match self {
            Body::Soft(composition) => composition.site.player(),
            Body::Weights { player, .. } => Some(*player),
            Body::Gradient(_) | Body::Spectral => Some(Player::Critic),
        }
    }

    /// What it looks at, in one word.
    pub(crate) fn subject(&self) -> &'static str {
        match self {
            Body::Soft(composition) => composition.site.subject(),
            Body::Weights { .. } | Body::Spectral => "weights",
            Body::Gradient(penalty) => match penalty.point {
                Point::Real => "real",
                Point::Fake => "fake",
                Point::Between => "between",
            },
        }
    }

    /// The composition, where it is one.
    pub fn composition(&self) -> Option<&Composition> {
        match self {
            Body::Soft(composition) => Some(composition),
            _ => None,
        }
    }
}

/// One checked term `λ·R` of the objective.
#[derive(Clone, Debug)]
pub struct Term {
    /// Name in metrics: the regularizer's name, and behind a dot, where it has several terms, the
    /// player (`l2.critic`), or, where one player has several, what each looks at
    /// (`balanced.real`).
    pub name: String,
    /// λ, finite and at least 0.
    pub weight: f64,
    /// How λ changes over the run.
    pub schedule: Arc<dyn Schedule>,
    /// The term is evaluated in every so many steps, with a weight as many times greater; at least 1.
    pub every: u64,
    /// Share of the batch that it looks at, in 0..=1.
    pub share: f64,
    /// How R is computed.
    pub body: Body,
}

impl Term {
    /// Whether it is evaluated at `step`: in its turn, and with a weight above 0.
    pub fn due(&self, step: u64, memory: &Memory) -> bool {
        step.is_multiple_of(self.every) && self.lambda(step, memory) > 0.0
    }

    /// λ at `step`, averaged over the steps in which a lazy term rests.
    pub fn lambda(&self, step: u64, memory: &Memory) -> f64 {
        self.weight * self.schedule.factor(step, memory.control(&self.name).unwrap_or(1.0))
    }

    /// Samples that it looks at in a batch of `n`: as few as pairs can be made of, or its share.
    pub fn rows(&self, n: usize) -> usize {
        let least = n.min(2);
        ((self.share * n as f64).ceil() as usize).clamp(least, n.max(1))
    }

    /// What it compares at, for [`Body::Soft`].
    pub(crate) fn site(&self) -> Option<Site> {
        self.body.composition().map(|composition| composition.site)
    }
}
