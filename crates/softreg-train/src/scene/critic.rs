use super::{Kept, Masks, first, pictures};
use crate::draw::Shard;
use burn::tensor::{Int, Tensor, TensorData};
use rand::Rng;
use softreg::hard::{self, Point, WeightPenalty};
use softreg::scene::{Inputs, Pass, Scene, rows};
use softreg::site::{Input, Site};
use softreg_net::{Critic, Generator, Opinion, Trace};

/// Pictures that the critic has judged.
pub(crate) struct Pictures {
    /// As the critic saw them, without a graph that leads to the generator.
    pub pixels: Tensor<4>,
    pub labels: Option<Tensor<2>>,
    pub mask: Option<Tensor<2>>,
    pub opinion: Opinion,
    pub trace: Trace,
}

/// The critic's update on one worker.
pub(crate) struct CriticScene<'a, R> {
    /// As it is run: its weights may be functions of the raw ones.
    pub critic: &'a Critic,
    /// The raw weights.
    pub weights: &'a Critic,
    pub teacher: Option<&'a Critic>,
    pub generator: &'a Generator,
    pub shard: &'a Shard,
    pub fresh: Option<&'a Shard>,
    pub real: Pictures,
    pub fake: Pictures,
    pub masks: Masks<R>,
    /// Augments pictures that come from the generator, by the draws that the batch's own had.
    pub augment: &'a dyn Fn(Tensor<4>) -> Tensor<4>,
    /// Whether the pictures of this pass will be wanted for the generator's update.
    pub keeps: &'a dyn Fn(&str) -> bool,
    pub kept: Kept,
}

impl<R: Rng> CriticScene<'_, R> {
    fn of(&self, input: Input) -> &Pictures {
        if input == Input::Real { &self.real } else { &self.fake }
    }

    /// The labels of the first `n` latents.
    fn latent_labels(&self, n: usize) -> Option<Tensor<2>> {
        first(&self.shard.latent_labels.as_ref().map(|(_, hot)| hot.clone()), n)
    }

    fn generate(&self, latents: Tensor<2>) -> Tensor<4> {
        let labels = self.latent_labels(latents.dims()[0]);
        self.generator.forward(latents, labels)
    }

    /// The labels that the rows of a pass have.
    fn labels(&self, pass: &Pass<'_>) -> Option<Tensor<2>> {
        let n = pass.rows.dims()[0];
        match (pass.input, self.fresh) {
            (Input::Real, Some(fresh)) if !pass.of_samples => first(&fresh.real_labels, n),
            (Input::Latent, _) => self.latent_labels(n),
            (input, _) => {
                let labels = first(&self.of(input).labels, n)?;
                let Some((partners, share)) = pass.mixed else { return Some(labels) };
                let index: Vec<i64> = partners.iter().map(|row| *row as i64).collect();
                let index = TensorData::new(index, [n]);
                let index = Tensor::<1, Int>::from_data(index, &labels.device());
                let others = labels.clone().select(0, index).mul_scalar(1.0 - share);
                Some(labels.mul_scalar(share) + others)
            }
        }
    }
}

/// What an opinion says at a site.
fn at(opinion: &Opinion, site: Site) -> Tensor<2> {
    match site {
        Site::RealFeatures | Site::FakeFeatures => opinion.features.clone(),
        _ => opinion.score.clone(),
    }
}

impl<R: Rng> Scene for CriticScene<'_, R> {
    fn inputs(&self, input: Input) -> Inputs {
        if input == Input::Latent {
            let latents = &self.shard.latents;
            let groups = self.shard.latent_labels.as_ref().map(|(labels, _)| labels.clone());
            return Inputs { rows: latents.clone(), shape: latents.dims().to_vec(), groups };
        }
        let pixels = &self.of(input).pixels;
        Inputs { rows: rows(pixels.clone()), shape: pixels.dims().to_vec(), groups: None }
    }

    fn outputs(&mut self, site: Site) -> Tensor<2> {
        // A latent's score is that of the picture which was made of it.
        at(&self.of(site.input()).opinion, site)
    }

    fn pass(&mut self, pass: &Pass<'_>) -> Vec<Tensor<2>> {
        let (n, labels) = (pass.rows.dims()[0], self.labels(pass));
        if pass.same_input {
            // The network is the same up to its last features: only their mask is drawn anew.
            let mask = self.masks.draw(self.critic, n, &pass.rows.device());
            let features = self.of(pass.input).opinion.features.clone().narrow(0, 0, n);
            let score = self.critic.score_of(features.clone(), labels, mask);
            let opinion = Opinion { score, features };
            return pass.sites.iter().map(|site| at(&opinion, *site)).collect();
        }
        let pixels = if pass.input == Input::Latent {
            let made = self.generate(pass.rows.clone());
            if (self.keeps)(pass.key) {
                self.kept.push((pass.key.to_owned(), made.clone()));
            }
            (self.augment)(made.detach())
        } else {
            pictures(pass.rows.clone(), &self.real.pixels)
        };
        let mask = self.masks.draw(self.critic, n, &pixels.device());
        let opinion = self.critic.judge(pixels, labels, mask, &mut Trace::none());
        pass.sites.iter().map(|site| at(&opinion, *site)).collect()
    }

    fn teacher(&mut self, sites: &[Site], n: usize) -> Option<Vec<Tensor<2>>> {
        let pictures = self.of(sites.first()?.input());
        let pixels = pictures.pixels.clone().narrow(0, 0, n).inner();
        let labels = first(&pictures.labels, n).map(Tensor::inner);
        let opinion = self.teacher?.judge(pixels, labels, None, &mut Trace::none());
        Some(sites.iter().map(|site| Tensor::from_inner(at(&opinion, *site))).collect())
    }

    fn fresh(&mut self, input: Input, n: usize) -> Option<Tensor<2>> {
        let fresh = self.fresh?;
        let latents = || first(&Some(fresh.latents.clone()), n);
        match input {
            Input::Latent => latents(),
            Input::Fake => Some(rows((self.augment)(self.generate(latents()?).detach()))),
            _ => {
                let real = fresh.real.clone().narrow(0, 0, n);
                Some(rows((self.augment)(real)))
            }
        }
    }

    fn weights(&self, penalty: &dyn WeightPenalty) -> Option<Tensor<1>> {
        hard::penalty(self.weights, penalty)
    }

    fn input_gradient(&mut self, point: Point, shares: &[f32], n: usize) -> Option<Tensor<2>> {
        let gradient = match point {
            Point::Real | Point::Fake => {
                let input = if point == Point::Real { Input::Real } else { Input::Fake };
                let pictures = self.of(input);
                let (labels, mask) = (first(&pictures.labels, n), first(&pictures.mask, n));
                self.critic.input_gradient(&pictures.trace.first(n), labels, mask)
            }
            Point::Between => {
                let device = self.real.pixels.device();
                let share = TensorData::new(shares.to_vec(), [n, 1, 1, 1]);
                let share = Tensor::<4>::from_data(share, &device);
                let [real, fake] =
                    [&self.real, &self.fake].map(|p| p.pixels.clone().narrow(0, 0, n));
                let between = fake.clone() + (real - fake) * share;
                let labels = first(&self.real.labels, n);
                let mask = self.masks.draw(self.critic, n, &device);
                let mut trace = Trace::new();
                self.critic.judge(between, labels.clone(), mask.clone(), &mut trace);
                self.critic.input_gradient(&trace, labels, mask)
            }
        };
        Some(rows(gradient))
    }
}
