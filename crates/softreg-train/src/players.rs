//! Generator and critic, the generator's moving average, and their optimisers.

use crate::config::Checked;
use crate::optimizer::PlayerOptimizer;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use softreg::{Purpose, Seed};
use softreg_net::{Critic, Generator, average};

/// Everything that learns.
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
        Self {
            average: generator.valid(),
            generator_optimizer: PlayerOptimizer::new(
                &config.optimizer,
                config.optimizer.generator_rate,
            ),
            critic_optimizer: PlayerOptimizer::new(&config.optimizer, config.optimizer.critic_rate),
            generator,
            critic,
        }
    }

    /// Moves the average towards the generator.
    pub(crate) fn follow(mut self, checked: &Checked, images_seen: u64) -> Self {
        let config = checked.config();
        let beta =
            average::decay(config.training.batch, config.network.average_half_life, images_seen);
        self.average = average::update(self.average, &self.generator, beta);
        self
    }
}

/// A copy that shares the weights' memory but has leaves of its own in the graph of derivatives, so
/// that copies on several threads do not wait for each other.
pub(crate) fn replica<M: Module>(module: &M) -> M {
    struct Leaves;
    impl ModuleMapper for Leaves {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|weight| Tensor::from_inner(weight.inner()).require_grad())
        }
    }
    module.clone().map(&mut Leaves)
}
