//! One step: the definition of soft regularization, written out.
//!
//! Draw a batch and its partners at random; move the critic, then the generator, down the gradient
//! of `J = L + Σ λ·R`; let the moving average follow.

use crate::config::Checked;
use crate::draw::{Draws, Shard};
use crate::error::Error;
use crate::objective::{Objective, Parts};
use crate::players::{Players, replica};
use crate::replica::{Workers, combine};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use rand::Rng;
use softreg::hard;
use softreg::pairing::PairingError;
use softreg::site::{Player, Site};
use softreg::spec::{Body, Term};
use softreg::{Purpose, Seed};
use softreg_image::{Collection, Sampler};
use softreg_net::{Critic, Generator};
use std::collections::BTreeMap;

/// What does not change from step to step.
pub(crate) struct Trainer<'a> {
    checked: &'a Checked,
    pictures: &'a Collection,
    sampler: Sampler,
    workers: Workers,
    device: Device,
}

/// What one worker starts an update with.
struct Work {
    number: u64,
    generator: Generator,
    shard: Shard,
    rows: usize,
}

/// What one worker knows after the critic's update, for the generator's.
struct Made {
    work: Work,
    /// Generated pictures, with the graph that leads back to the generator's weights.
    pictures: Tensor<4>,
}

/// One worker's results for one player.
struct Gradients {
    rows: usize,
    of_weights: GradientsParams,
    parts: Parts,
    /// Mean scores of real and generated pictures; the critic's only.
    scores: Option<[f64; 2]>,
}

impl<'a> Trainer<'a> {
    /// Prepares for training on the pictures that `sampler` chooses.
    pub(crate) fn new(
        checked: &'a Checked,
        pictures: &'a Collection,
        sampler: Sampler,
        device: &Device,
    ) -> Result<Self, Error> {
        let training = &checked.config().training;
        let workers = Workers::new(training.threads, training.batch)?;
        Ok(Self { checked, pictures, sampler, workers, device: device.clone() })
    }

    /// Takes step number `step` (from 0); returns the players and every part of their objectives.
    pub(crate) fn step(
        &mut self,
        mut players: Players,
        step: u64,
    ) -> Result<(Players, BTreeMap<String, f64>), Error> {
        let config = self.checked.config();
        let critic_steps = config.training.critic_steps as u64;
        let mut values = BTreeMap::new();
        let mut made = Vec::new();
        for inner in 0..critic_steps {
            // The generator's update reuses the pictures of the critic's last one.
            let last = inner + 1 == critic_steps;
            let work = self.share_out(&players.generator, step * critic_steps + inner, last);
            let critic = &players.critic;
            let results = self
                .workers
                .map(work, |worker, work| self.critic_gradients(&replica(critic), worker, work));
            let (gradients, pictures): (Vec<_>, Vec<_>) =
                results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
            made = pictures;
            let gradients = self.whole(critic, gradients, Player::Critic, step, &mut values)?;
            players.critic = players.critic_optimizer.update(players.critic, gradients);
        }
        let critic = &players.critic;
        let results = self.workers.map(made, |worker, made| {
            self.generator_gradients(&replica(critic).no_grad(), worker, made)
        });
        let gradients = results.into_iter().collect::<Result<_, _>>()?;
        let generator = &players.generator;
        let gradients = self.whole(generator, gradients, Player::Generator, step, &mut values)?;
        players.generator = players.generator_optimizer.update(players.generator, gradients);
        let images_seen = (step + 1) * critic_steps * config.training.batch as u64;
        Ok((players.follow(self.checked, images_seen), values))
    }

    /// Draws what update `number` needs and splits it over the workers.
    fn share_out(&mut self, generator: &Generator, number: u64, with_graph: bool) -> Vec<Work> {
        let seed = Seed(self.checked.config().seed);
        let shape = self.checked.shape();
        let draws = Draws::new(seed, number, shape, self.pictures, &mut self.sampler);
        let device = self.device.clone().autodiff();
        let replica = || match with_graph {
            true => replica(generator),
            false => replica(generator).no_grad(),
        };
        self.workers
            .rows()
            .into_iter()
            .map(|rows| Work {
                number,
                generator: replica(),
                rows: rows.len(),
                shard: draws.shard(rows, shape, &device),
            })
            .collect()
    }

    /// `∂J/∂critic` on one worker's share of the batch.
    fn critic_gradients(
        &self,
        critic: &Critic,
        worker: usize,
        work: Work,
    ) -> Result<(Gradients, Made), Error> {
        let shard = &work.shard;
        let labels_of_fake = || shard.latent_labels.as_ref().map(|(_, hot)| hot.clone());
        let pictures = work.generator.forward(shard.latents.clone(), labels_of_fake());
        let mut augmentation = self.rng(Purpose::Augmentation, work.number, worker);
        let policy = self.checked.policy();
        let real = policy.apply(shard.real.clone(), &mut augmentation);
        let fake = policy.apply(pictures.clone().detach(), &mut augmentation);
        let score = |x, labels: Option<Tensor<2>>| critic.forward(x, labels);
        let real_score = score(real.clone(), shard.real_labels.clone());
        let fake_score = score(fake.clone(), labels_of_fake());
        let loss = self.checked.loss().critic(column(&real_score), column(&fake_score));
        let scores = [mean(&real_score), mean(&fake_score)];
        let mut objective = Objective::new(loss);
        let mut partners = self.rng(Purpose::Partner, work.number, worker);
        self.regularize(&mut objective, Player::Critic, critic, &mut |term, site| {
            let rng: &mut dyn Rng = &mut partners;
            match site {
                Site::RealScore => term.penalty(
                    &real,
                    &real_score,
                    None,
                    &mut |x| score(x, shard.real_labels.clone()),
                    rng,
                ),
                _ => {
                    term.penalty(&fake, &fake_score, None, &mut |x| score(x, labels_of_fake()), rng)
                }
            }
        })?;
        let gradients = Gradients {
            rows: work.rows,
            of_weights: GradientsParams::from_grads(objective.total().backward(), critic),
            parts: objective.parts(),
            scores: Some(scores),
        };
        Ok((gradients, Made { work, pictures }))
    }

    /// `∂J/∂generator` on one worker's share of the batch; the critic is frozen.
    fn generator_gradients(
        &self,
        critic: &Critic,
        worker: usize,
        made: Made,
    ) -> Result<Gradients, Error> {
        let Made { work, pictures } = made;
        let shard = &work.shard;
        let groups = shard.latent_labels.as_ref().map(|(labels, _)| labels.as_slice());
        let labels = || shard.latent_labels.as_ref().map(|(_, hot)| hot.clone());
        // A draw of its own: the stream of the same update, past the workers of the critic.
        let mut augmentation =
            self.rng(Purpose::Augmentation, work.number, worker + GENERATOR_STREAMS);
        let policy = self.checked.policy();
        let fake = policy.apply(pictures.clone(), &mut augmentation);
        let fake_score = critic.forward(fake, labels());
        let loss = self.checked.loss();
        let real_score = loss.pairs_players().then(|| {
            let real = policy.apply(shard.real.clone(), &mut augmentation);
            column(&critic.forward(real, shard.real_labels.clone()))
        });
        let mut objective = Objective::new(loss.generator(column(&fake_score), real_score));
        let mut partners = self.rng(Purpose::Partner, work.number, worker + GENERATOR_STREAMS);
        self.regularize(&mut objective, Player::Generator, &work.generator, &mut |term, _| {
            term.penalty(
                &shard.latents,
                &pictures,
                groups,
                &mut |z| work.generator.forward(z, labels()),
                &mut partners,
            )
        })?;
        Ok(Gradients {
            rows: work.rows,
            of_weights: GradientsParams::from_grads(objective.total().backward(), &work.generator),
            parts: objective.parts(),
            scores: None,
        })
    }

    /// Adds `λ·R` for every regularizer of `player`.
    fn regularize<M: Module>(
        &self,
        objective: &mut Objective,
        player: Player,
        network: &M,
        soft: &mut dyn FnMut(
            &softreg::composition::Composition,
            Site,
        ) -> Result<Tensor<1>, PairingError>,
    ) -> Result<(), Error> {
        let of_player = |term: &&Term| term.body.player() == Some(player);
        for term in self.checked.terms().iter().filter(of_player) {
            let raw = match &term.body {
                Body::Soft(composition) => soft(composition, composition.site)
                    .map_err(|source| Error::Pairing { name: term.name.clone(), source })?,
                Body::Hard { penalty, .. } => match hard::penalty(network, penalty.as_ref()) {
                    Some(value) => value,
                    None => continue,
                },
            };
            objective.add(&term.name, term.weight, raw);
        }
        Ok(())
    }

    /// Joins the workers' gradients, and refuses what is not finite before it reaches a weight.
    fn whole<M: Module>(
        &self,
        network: &M,
        workers: Vec<Gradients>,
        player: Player,
        step: u64,
        values: &mut BTreeMap<String, f64>,
    ) -> Result<GradientsParams, Error> {
        let batch: usize = workers.iter().map(|worker| worker.rows).sum();
        let share = |worker: &Gradients| worker.rows as f64 / batch as f64;
        for (i, name) in ["score/real", "score/fake"].into_iter().enumerate() {
            let mean = |worker: &Gradients| worker.scores.map(|s| share(worker) * s[i]);
            if let Some(mean) = workers.iter().map(mean).sum::<Option<f64>>() {
                values.insert(name.to_owned(), mean);
            }
        }
        let parts: Vec<_> = workers.iter().map(|w| (share(w), w.parts.clone())).collect();
        let parts = Parts::combine(&parts);
        if let Some((quantity, value)) = parts.not_finite() {
            let step = step + 1;
            return Err(Error::Diverged { player, quantity, value, step, last: String::new() });
        }
        parts.record(&player.to_string(), values);
        let gradients = workers.into_iter().map(|w| (share(&w), w.of_weights)).collect();
        Ok(combine(network, gradients))
    }

    fn rng(&self, purpose: Purpose, number: u64, worker: usize) -> impl Rng + use<> {
        Seed(self.checked.config().seed).shard_rng(purpose, number, worker as u64)
    }
}

/// The generator's draws come from streams past those of any number of critic workers.
const GENERATOR_STREAMS: usize = 1 << 32;

/// `[n, 1] → [n]`.
fn column(scores: &Tensor<2>) -> Tensor<1> {
    scores.clone().squeeze_dim(1)
}

fn mean(scores: &Tensor<2>) -> f64 {
    f64::from(scores.clone().detach().mean().into_scalar::<f32>())
}
