use super::{Kept, first};
use crate::draw::Shard;
use burn::tensor::Tensor;
use softreg::hard::{self, WeightPenalty};
use softreg::scene::{Inputs, Pass, Scene, rows};
use softreg::site::{Input, Site};
use softreg_net::{Critic, Generator, Trace};

/// The generator's update on one worker; the critic is frozen.
pub(crate) struct GeneratorScene<'a> {
    pub generator: &'a Generator,
    pub critic: &'a Critic,
    pub shard: &'a Shard,
    pub fresh: Option<&'a Shard>,
    /// The generated pictures, before augmentation.
    pub pictures: &'a Tensor<4>,
    /// The critic's features of them, after augmentation.
    pub features: Tensor<2>,
    /// As the critic's.
    pub augment: &'a dyn Fn(bool, Tensor<4>) -> Tensor<4>,
    /// Pictures that the critic's update made already.
    pub kept: Kept,
}

impl GeneratorScene<'_> {
    fn pass(&self, pass: &Pass<'_>) -> Vec<Tensor<2>> {
        let hot = self.shard.latent_labels.as_ref().map(|(_, hot)| hot.clone());
        let labels = first(&hot, pass.rows.dims()[0]);
        let kept = self.kept.iter().find(|(key, _)| key == pass.key);
        let made = match kept {
            Some((_, made)) => made.clone(),
            None => self.generator.forward(pass.rows.clone(), labels.clone()),
        };
        let site = |site: &Site| match site {
            Site::ImageFeatures => {
                let seen = (self.augment)(pass.of_samples, made.clone());
                self.critic.judge(seen, labels.clone(), None, &mut Trace::none()).features
            }
            _ => rows(made.clone()),
        };
        pass.sites.iter().map(site).collect()
    }
}

impl Scene for GeneratorScene<'_> {
    fn inputs(&self, _input: Input) -> Inputs {
        let latents = &self.shard.latents;
        let groups = self.shard.latent_labels.as_ref().map(|(labels, _)| labels.clone());
        Inputs { rows: latents.clone(), shape: latents.dims().to_vec(), groups }
    }

    fn outputs(&mut self, site: Site) -> Tensor<2> {
        match site {
            Site::ImageFeatures => self.features.clone(),
            _ => rows(self.pictures.clone()),
        }
    }

    fn passes(&mut self, passes: &[Pass<'_>]) -> Vec<Vec<Tensor<2>>> {
        // One by one: a generator's batch normalisation sees which pictures are made together.
        passes.iter().map(|pass| self.pass(pass)).collect()
    }

    fn fresh(&mut self, _input: Input, n: usize) -> Option<Tensor<2>> {
        first(&self.fresh.map(|fresh| fresh.latents.clone()), n)
    }

    fn weights(&self, penalty: &dyn WeightPenalty) -> Option<Tensor<1>> {
        hard::penalty(self.generator, penalty)
    }
}
