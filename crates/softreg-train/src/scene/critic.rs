use super::{Kept, Masks, first, pictures};
use crate::draw::Shard;
use burn::tensor::{Tensor, TensorData};
use judge::{Judged, judge};
use rand::Rng;
use softreg::hard::{self, Point, WeightPenalty};
use softreg::pairing::mixture;
use softreg::scene::{Inputs, Pass, Scene, rows};
use softreg::site::{Input, Site};
use softreg_net::{Critic, Generator, Opinion, Trace};

mod judge;

pub(crate) use judge::Pictures;

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
    /// What the critic thinks of both, once it has seen them.
    pub judged: Vec<Judged>,
    /// Whether slopes of its activations will be wanted.
    pub traced: bool,
    pub masks: Masks<R>,
    /// Augments pictures: those that stand in for samples by the draws which the generated ones of the batch had, others by
    /// draws of their own.
    pub augment: &'a dyn Fn(bool, Tensor<4>) -> Tensor<4>,
    /// Whether the pictures of this pass will be wanted for the generator's update.
    pub keeps: &'a dyn Fn(&str) -> bool,
    pub kept: Kept,
}

impl<R: Rng> CriticScene<'_, R> {
    fn of(&self, input: Input) -> &Pictures {
        if input == Input::Real { &self.real } else { &self.fake }
    }

    /// The scores of the real and of the generated pictures, `[n, 1]`.
    pub(crate) fn scores(&mut self) -> [Tensor<2>; 2] {
        [Input::Real, Input::Fake].map(|input| self.judged(input).opinion.score)
    }

    /// A latent is judged by the picture which was made of it.
    fn judged(&mut self, input: Input) -> Judged {
        if self.judged.is_empty() {
            self.judge(vec![]);
        }
        self.judged[usize::from(input != Input::Real)].clone()
    }

    /// Shows pictures to the critic; the batch too, unless it was seen before.
    fn judge(&mut self, further: Vec<Pictures>) -> Vec<Judged> {
        let unseen = self.judged.is_empty();
        let batch = [&self.real, &self.fake].into_iter().filter(|_| unseen).cloned();
        let sets: Vec<Pictures> = batch.chain(further).collect();
        let mut judged = judge(self.critic, &sets, self.traced);
        let further = judged.split_off(if unseen { 2 } else { 0 });
        self.judged.extend(judged);
        further
    }

    /// The pictures of a pass.
    fn pictures(&mut self, pass: &Pass<'_>) -> Pictures {
        let pixels = if pass.input == Input::Latent {
            let made = self.generate(pass.rows.clone());
            if (self.keeps)(pass.key) {
                self.kept.push((pass.key.to_owned(), made.clone()));
            }
            (self.augment)(pass.of_samples, made.detach())
        } else {
            pictures(pass.rows.clone(), &self.real.pixels)
        };
        Pictures { pixels, labels: self.labels(pass), mask: self.mask(pass) }
    }

    /// The same pictures with another mask: up to their last features the network is the same.
    fn again(&mut self, pass: &Pass<'_>) -> Opinion {
        let (labels, mask) = (self.labels(pass), self.mask(pass));
        let features = self.judged(pass.input).opinion.features;
        let features = features.narrow(0, 0, pass.rows.dims()[0]);
        let score = self.critic.score_of(features.clone(), labels, mask);
        Opinion { score, features }
    }

    /// A partner that stands in for a sample is seen with the sample's mask, or the mask and not what makes it a partner would
    /// be most of what tells them apart.
    fn mask(&mut self, pass: &Pass<'_>) -> Option<Tensor<2>> {
        if pass.of_samples && !pass.same_input && pass.mixed.is_none() {
            return first(&self.of(pass.input).mask, pass.rows.dims()[0]);
        }
        self.masks.draw(self.critic, pass.rows.dims()[0], &pass.rows.device())
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
                Some(mixture(labels, partners, share))
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
        at(&self.judged(site.input()).opinion, site)
    }

    fn passes(&mut self, passes: &[Pass<'_>]) -> Vec<Vec<Tensor<2>>> {
        let further = passes.iter().filter(|pass| !pass.same_input);
        let further = further.map(|pass| self.pictures(pass)).collect();
        let mut further = self.judge(further).into_iter();
        let mut outputs = |pass: &Pass<'_>| {
            let again = pass.same_input.then(|| self.again(pass));
            let opinion = again.or_else(|| Some(further.next()?.opinion));
            let at = |site: &Site| Some(at(opinion.as_ref()?, *site));
            pass.sites.iter().filter_map(at).collect()
        };
        passes.iter().map(&mut outputs).collect()
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
            Input::Fake => Some(rows((self.augment)(false, self.generate(latents()?).detach()))),
            _ => {
                let real = fresh.real.clone().narrow(0, 0, n);
                Some(rows((self.augment)(false, real)))
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
                let trace = self.judged(input).trace.rows(0..n);
                let pictures = self.of(input);
                let (labels, mask) = (first(&pictures.labels, n), first(&pictures.mask, n));
                self.critic.input_gradient(&trace, labels, mask)
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
