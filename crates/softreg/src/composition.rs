//! One soft regularizer: pairing × distance × aim × site.

use crate::aim::Aim;
use crate::distance::{self, Distance, Domain};
use crate::memory::Memory;
use crate::pairing::{Pairing, PairingError, PartnerInput};
use crate::pairs::Pairs;
use crate::scene::{self, Batch, OwnScene, Scene};
use crate::site::{Input, Player, Site, Values};
use burn::tensor::Tensor;
use rand::Rng;
use std::sync::Arc;

/// `R = φ(D(f(x), f(x')), D(x, x'))` with `x' ~ Q(·|x)`.
#[derive(Clone, Debug)]
pub struct Composition {
    /// How the partner is drawn.
    pub pairing: Arc<dyn Pairing>,
    /// How far apart two outputs (and, for some aims, two inputs) are.
    pub distance: Arc<dyn Distance>,
    /// What is asked of the pairs.
    pub aim: Arc<dyn Aim>,
    /// Which output is compared.
    pub site: Site,
}

/// Why four choices do not make a regularizer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompositionError {
    /// A distribution over classes is compared where there are no classes.
    #[error(
        "distance `{distance}` compares class distributions, but {site} holds {values}: use it on a classifier's logits; for scores, use `squared-l2` or, with the logistic loss, `bernoulli`"
    )]
    NotLogits {
        /// The distance.
        distance: &'static str,
        /// The site.
        site: &'static str,
        /// What is there.
        values: &'static str,
    },
    /// Odds are compared where there are none.
    #[error(
        "distance `{distance}` compares yes/no odds, but {site} holds {values}: use `squared-l2`, `l1` or `cosine` there"
    )]
    NotOdds {
        /// The distance.
        distance: &'static str,
        /// The site.
        site: &'static str,
        /// What is there.
        values: &'static str,
    },
    /// A direction is asked of a single number.
    #[error(
        "distance `{distance}` compares directions, but {site} holds a single score, which has none: use `squared-l2`, or the site with features"
    )]
    NoDirection {
        /// The distance.
        distance: &'static str,
        /// The site.
        site: &'static str,
    },
    /// The distance of the inputs is needed, and it is 0 or not there.
    #[error(
        "aim `{aim}` divides by the distance between the inputs, but with pairing `{pairing}` {why}: use `attract`, or a pairing such as `noise`"
    )]
    NoInputDistance {
        /// The aim.
        aim: &'static str,
        /// The pairing.
        pairing: &'static str,
        /// Why there is none.
        why: &'static str,
    },
    /// Pictures are needed, and latents are there.
    #[error(
        "pairing `{pairing}` transforms pictures, but {site} is a function of latents: use `noise` or `shuffle` there"
    )]
    NotPictures {
        /// The pairing.
        pairing: &'static str,
        /// The site.
        site: &'static str,
    },
    /// The network has not what the pairing needs of it.
    #[error("pairing `{pairing}` cannot be used at {site}: {why}")]
    Network {
        /// The pairing.
        pairing: &'static str,
        /// The site.
        site: &'static str,
        /// Why, and the way out.
        why: &'static str,
    },
}

impl Composition {
    /// Composes a regularizer; [`Composition::check`] says whether it makes sense.
    pub fn new(
        pairing: impl Pairing + 'static,
        distance: impl Distance + 'static,
        aim: impl Aim + 'static,
        site: Site,
    ) -> Self {
        Self { pairing: Arc::new(pairing), distance: Arc::new(distance), aim: Arc::new(aim), site }
    }

    /// Refuses combinations that cannot mean anything.
    ///
    /// # Errors
    /// [`CompositionError`], with the reason.
    pub fn check(&self) -> Result<(), CompositionError> {
        self.check_distance()?;
        self.check_inputs()?;
        self.check_network()
    }

    fn check_distance(&self) -> Result<(), CompositionError> {
        let (distance, site) = (self.distance.name(), self.site.name());
        let values = match self.site.values() {
            Values::Any => return Ok(()),
            Values::Score => "a single unbounded score",
            Values::Pixels => "pixels",
            Values::Features => "activations",
        };
        match (self.distance.domain(), self.site.values()) {
            (Domain::Logits, _) => Err(CompositionError::NotLogits { distance, site, values }),
            (Domain::LogOdds, Values::Pixels | Values::Features) => {
                Err(CompositionError::NotOdds { distance, site, values })
            }
            (Domain::Directions, Values::Score) => {
                Err(CompositionError::NoDirection { distance, site })
            }
            _ => Ok(()),
        }
    }

    fn check_inputs(&self) -> Result<(), CompositionError> {
        let (pairing, site) = (self.pairing.name(), self.site.name());
        let why = match self.pairing.partner_input() {
            PartnerInput::Other => None,
            PartnerInput::Same => Some("that distance is always 0"),
            PartnerInput::None => Some("the partner has no input"),
        };
        if let Some(why) = why.filter(|_| self.aim.needs_input_distance()) {
            let aim = self.aim.name();
            return Err(CompositionError::NoInputDistance { aim, pairing, why });
        }
        if self.pairing.pictures_only() && self.site.input() == Input::Latent {
            return Err(CompositionError::NotPictures { pairing, site });
        }
        Ok(())
    }

    fn check_network(&self) -> Result<(), CompositionError> {
        let (player, input) = (self.site.player(), self.site.input());
        let same_input = self.pairing.partner_input() == PartnerInput::Same;
        let why = if self.pairing.needs_teacher() && input == Input::Latent {
            "only the critic has a teacher, and it takes pictures: use real-score or fake-score"
        } else if same_input && input == Input::Latent {
            "the generator has no randomness other than its latent: use `noise`"
        } else if same_input && player.is_some() && self.pairing.perturbation().is_none() {
            "the critic has no randomness of its own: write again(dropout=0.1) or again(modulation=0.3)"
        } else if same_input && self.site.values() == Values::Features {
            "features are taken before the noise, so both draws are identical: use real-score or fake-score"
        } else if let Some(anchor) = self.pairing.anchor() {
            match (player, anchor.of) {
                (None, Input::Own) => return Ok(()),
                (None, _) => "outside adversarial training, use the model's own past: past(of=own)",
                (Some(_), Input::Own) => {
                    "specify whose scores to remember: past(of=real) or past(of=fake)"
                }
                (Some(Player::Critic), _) if self.site.values() == Values::Score => return Ok(()),
                _ => "only scores can be remembered: use real-score or fake-score",
            }
        } else {
            return Ok(());
        };
        let (pairing, site) = (self.pairing.name(), self.site.name());
        Err(CompositionError::Network { pairing, site, why })
    }

    /// The raw value `R`, one number `[1]`, not yet multiplied by λ.
    ///
    /// `f` is called at most once, with the inputs of partners that are not in the batch, `[n, …]` like
    /// the batch's; where the pairing reads slopes they are in single precision, and so should the pass
    /// be. A network that drops features at random must drop the same ones for a sample and a partner that stands in for it
    /// (all pairings but [`crate::pairing::Again`]), or what is dropped is what is measured. Where the pairing remembers the past and there is none yet, the value is a constant 0.
    ///
    /// # Errors
    /// [`PairingError`] where the composition cannot mean anything ([`Composition::check`]), where no partner can be drawn, and
    /// where what a batch holds is not of the same samples.
    pub fn penalty<const I: usize, const O: usize>(
        &self,
        batch: &Batch<'_, I, O>,
        f: &mut dyn FnMut(Tensor<I>) -> Tensor<O>,
        rng: &mut dyn Rng,
    ) -> Result<Tensor<1>, PairingError> {
        let device = batch.device();
        batch.check_for(self)?;
        let empty = Memory::default();
        let memory = batch.memory.unwrap_or(&empty);
        let mut scene = OwnScene::new(batch, f);
        let rows = batch.len();
        let site = self.site;
        let sites = vec![site];
        let draw = scene::draw(&*self.pairing, site.input(), sites, rows, &mut scene, rng)?;
        let passed = draw.pass().and_then(|pass| scene.passes(&[pass]).pop());
        match draw.pairs(passed.unwrap_or_default(), memory, &mut scene)? {
            Some(mut of_sites) => self.value(&of_sites.remove(0)),
            None => Ok(Tensor::zeros([1], &device)),
        }
    }

    /// `φ` of pairs whose outputs are known, `[1]`. Distances are computed in single precision, whatever
    /// the network's.
    ///
    /// # Errors
    /// [`PairingError::Coincide`] where every pair's inputs are equal and the aim divides by their
    /// distance.
    pub fn value(&self, pairs: &Pairs) -> Result<Tensor<1>, PairingError> {
        let enough = |distance: &dyn Distance, found: usize| {
            let (name, needed) = (distance.name(), distance.min_features());
            let positions = distance.positions();
            match found < needed {
                true => Err(PairingError::TooFewFeatures { distance: name, needed, found }),
                false if found.is_multiple_of(positions) => Ok(()),
                false => Err(PairingError::Positions { distance: name, positions, found }),
            }
        };
        enough(&*self.distance, pairs.outputs.features())?;
        let between_outputs = pairs.outputs.apart_by(&*self.distance);
        if !self.aim.needs_input_distance() {
            return Ok(self.aim.value(between_outputs, None));
        }
        let of_inputs = distance::of_inputs(&*self.distance);
        if let Some(inputs) = &pairs.inputs {
            enough(of_inputs, inputs.features())?;
        }
        let between_inputs = pairs.inputs.as_ref().map(|inputs| inputs.apart_by(of_inputs));
        if let Some(inputs) = between_inputs.as_ref().filter(|_| !self.pairing.extra_pass()) {
            // Noise never coincides; samples of a collection may.
            let inputs = inputs.clone().detach().into_data();
            if inputs.iter::<f64>().all(|distance| distance == 0.0) {
                let (pairing, aim) = (self.pairing.name(), self.aim.name());
                return Err(PairingError::Coincide { pairing, aim });
            }
        }
        Ok(self.aim.value(between_outputs, between_inputs))
    }
}
