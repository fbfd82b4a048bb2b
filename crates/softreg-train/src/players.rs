//! Generator and critic, the generator's moving average, and their optimisers.

use crate::config::Checked;
use crate::optimizer::PlayerOptimizer;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use softreg::hard::SpectralNorm;
use softreg::memory::Memory;
use softreg::{Purpose, Seed};
use softreg_kernel::Crew;
use softreg_net::{Critic, Generator, average, latent};

/// Batches whose statistics are averaged into the standing ones.
const STANDING_BATCHES: u64 = 8;

/// Decay of the teacher, the moving average of the critic, per update. Source: arXiv 1903.03825, section
/// 3.2; until the average has seen as many updates, their plain mean (as in the authors' program).
const TEACHER_DECAY: f64 = 0.999;

/// Everything that learns, and whatever else a step hands to the next.
#[derive(Debug)]
pub struct Players {
    /// Noise → picture.
    pub generator: Generator,
    /// Picture → score.
    pub critic: Critic,
    /// Moving average of the generator, without gradients: what pictures are made with.
    pub average: Generator,
    pub(crate) generator_optimizer: PlayerOptimizer,
    pub(crate) critic_optimizer: PlayerOptimizer,
    /// Moving average of the critic as it is run, where a regularizer compares with one.
    pub(crate) teacher: Option<Critic>,
    /// The singular vectors of the critic's weights, where those are normalised.
    pub(crate) spectral: Option<SpectralNorm>,
    /// What regularizers remember.
    pub(crate) memory: Memory,
}

impl Players {
    /// Fresh players with the weights of the run's seed.
    pub fn new(checked: &Checked, device: &Device) -> Self {
        let config = checked.config();
        let device = device.clone().autodiff();
        // One stream per network, so that changing one network leaves the other's weights alone.
        let weights = |player| Seed(config.seed).rng(Purpose::Weights, player);
        let generator = Generator::new(checked.shape(), &mut weights(0), &device);
        let critic = Critic::new(checked.shape(), &mut weights(1), &device);
        Self::of(checked, generator.valid(), generator, critic, None)
    }

    /// Players of these networks that have not taken a step, with the singular vectors of the critic's weights where they are
    /// known.
    pub(crate) fn of(
        checked: &Checked,
        average: Generator,
        generator: Generator,
        critic: Critic,
        norm: Option<SpectralNorm>,
    ) -> Self {
        let (config, plan) = (checked.config(), checked.plan());
        let mut start = Seed(config.seed).rng(Purpose::PowerIteration, 0);
        let spectral = plan
            .spectral_norm()
            .map(|_| norm.unwrap_or_else(|| SpectralNorm::new(&critic, &mut start)));
        Self {
            average,
            teacher: plan.needs_teacher().then(|| match (&spectral, plan.spectral_norm()) {
                // With the vectors of the first step, which are found at its beginning.
                (Some(norm), Some(bound)) => {
                    let mut norm = norm.clone();
                    norm.iterate(&critic);
                    effective(&critic, Some((&norm, bound))).valid()
                }
                _ => critic.valid(),
            }),
            spectral,
            memory: checked.first_memory(),
            generator_optimizer: PlayerOptimizer::new(
                &config.optimizer,
                config.optimizer.generator_rate,
            ),
            critic_optimizer: PlayerOptimizer::new(&config.optimizer, config.optimizer.critic_rate),
            generator,
            critic,
        }
    }

    /// The averaged generator with standing statistics, measured with the same latents every time and with labels as often as
    /// training shows them: what is shown, measured and kept.
    pub(crate) fn painter(&self, checked: &Checked, device: &Device) -> Generator {
        let shape = checked.shape();
        let batch = checked.config().training.batch;
        let device = device.clone().without_autodiff();
        let labels = checked.labels(STANDING_BATCHES as usize * batch);
        let batches = (0..STANDING_BATCHES).map(|number| {
            let mut rng = Seed(checked.config().seed).rng(Purpose::Standing, number);
            let latents = latent::draw(batch, shape.latent, None, &mut rng);
            let labels = shape.classes.zip(labels.as_ref()).map(|(classes, labels)| {
                latent::one_hot(&labels[number as usize * batch..][..batch], classes, &device)
            });
            (latent::tensor(latents, shape.latent, &device), labels)
        });
        self.average.clone().with_standing_statistics(batches)
    }

    /// Moves the average towards the generator.
    pub(crate) fn follow(mut self, checked: &Checked, images_seen: u64, crew: &dyn Crew) -> Self {
        let config = checked.config();
        let images = config.training.batch * config.training.critic_steps;
        // A network that was not new changes no more quickly at first than later.
        let seen = if config.network.from.is_some() { u64::MAX } else { images_seen };
        let beta = average::decay(images, config.network.average_half_life, seen);
        self.average = average::update(self.average, &self.generator, beta, crew);
        self
    }
}

impl Players {
    /// The critic with the weights that it is run with.
    pub(crate) fn effective_critic(&self, checked: &Checked) -> Critic {
        effective(&self.critic, self.bounded(checked))
    }

    /// How the critic's weights are normalised, if they are, and to which norm.
    pub(crate) fn bounded(&self, checked: &Checked) -> Option<(&SpectralNorm, f64)> {
        self.spectral.as_ref().zip(checked.plan().spectral_norm())
    }

    /// Moves the teacher towards the critic as it is run, after update `number` of the critic (from 0).
    pub(crate) fn teach(&mut self, checked: &Checked, number: u64, crew: &dyn Crew) {
        let Some(teacher) = self.teacher.take() else { return };
        let decay = (1.0 - 1.0 / (number + 1) as f64).min(TEACHER_DECAY);
        let critic = self.effective_critic(checked).valid();
        self.teacher = Some(average::update(teacher, &critic, decay, crew));
    }
}

/// `raw` with the weights that it is run with.
pub(crate) fn effective(raw: &Critic, spectral: Option<(&SpectralNorm, f64)>) -> Critic {
    let Some((norm, bound)) = spectral else { return raw.clone() };
    let scales = raw.scales();
    norm.normalized(raw.clone(), &|id| bound / scales.get(&id).copied().unwrap_or(1.0))
}

/// A copy that has leaves of its own in the graph of derivatives, so that copies on several threads do not wait for each
/// other. It shares the memory of the weights.
pub(crate) fn replica<M: Module>(module: &M) -> M {
    module.clone().map(&mut Copies { tracked: true })
}

/// As [`replica`], without gradients: a leaf takes longer to make than all else.
pub(crate) fn frozen<M: Module>(module: &M) -> M {
    module.clone().map(&mut Copies { tracked: false })
}

struct Copies {
    tracked: bool,
}

impl ModuleMapper for Copies {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weight| {
            let tracked = self.tracked && weight.is_require_grad();
            let copy = weight.inner().autodiff();
            if tracked { copy.require_grad() } else { copy }
        })
    }
}
