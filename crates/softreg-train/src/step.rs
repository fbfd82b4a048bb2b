//! One step: the definition of soft regularization, written out.
//!
//! Draw a batch and its partners at random; move the critic, then the generator, down the gradient
//! of `J = L + Σ λ·R`; let the moving averages follow.

use crate::batches::{Batches, Drawn};
use crate::config::{self, Checked};
use crate::draw::{Shard, unit_pictures};
use crate::error::Error;
use crate::gradient::WeightGradients;
use crate::group::{Group, sum_numbers};
use crate::objective::{Objective, Parts, record};
use crate::players::{Players, effective, frozen, replica};
use crate::replica::Workers;
use crate::scene::{CriticScene, GeneratorScene, Kept, Masks, Pictures};
use crate::transfer::sent;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use softreg::hard::SpectralNorm;
use softreg::memory::Memory;
use softreg::overfitting::{self, Signs};
use softreg::plan::Plan;
use softreg::site::{Input, Player};
use softreg::term::{Body, Term};
use softreg::{Purpose, Seed};
use softreg_image::Collection;
use softreg_kernel::{Precision, in_precision};
use softreg_net::{Critic, Generator, Trace, latent};
use std::collections::BTreeMap;
use std::ops::Range;

/// What does not change from step to step.
pub(crate) struct Trainer<'a> {
    checked: &'a Checked,
    pictures: &'a Collection,
    batches: Batches<'a>,
    held_out: Vec<usize>,
    workers: Workers,
    /// Worker `i` of this process computes on device `i` modulo their number; the first has the players.
    devices: Vec<Device>,
}

/// What one worker starts an update with.
struct Work {
    number: u64,
    generator: Generator,
    shard: Shard,
    fresh: Option<Shard>,
    rows: usize,
}

/// What one worker knows after the critic's update, for the generator's.
struct Made {
    work: Work,
    /// Generated pictures, with the graph that leads back to the generator's weights.
    pictures: Tensor<4>,
    /// The same of partners.
    kept: Kept,
}

/// One worker's results for one player.
struct Gradients {
    rows: usize,
    of_weights: WeightGradients,
    parts: Parts,
    /// Scores of real and generated pictures; the critic's only.
    scores: Option<Scores>,
}

/// The results of all workers for one player.
struct Whole {
    gradients: WeightGradients,
    loss: f64,
    /// The critic's only.
    scores: Scores,
}

/// Means over a batch, or a part of one.
#[derive(Clone, Copy, Debug, Default)]
struct Scores {
    real: f64,
    /// Of the signs of the scores of real pictures.
    sign: f64,
    fake: f64,
}

/// The critic as the workers run it.
struct Judge<'a> {
    /// On every device.
    critics: Vec<Critic>,
    /// On every device, where there is one.
    teachers: Option<Vec<Critic>>,
    spectral: Option<(&'a SpectralNorm, f64)>,
}

impl<'a> Trainer<'a> {
    /// Prepares for training on the pictures `training`, with those `held_out` to look at, as one of `group`.
    pub(crate) fn new(
        checked: &'a Checked,
        pictures: &'a Collection,
        training: &[usize],
        held_out: &[usize],
        devices: Vec<Device>,
        group: &dyn Group,
    ) -> Result<Self, Error> {
        let config = checked.config();
        let batch = config.training.batch;
        let workers = Workers::new(config.training.threads, batch, group.rank(), group.size())?;
        Ok(Self {
            checked,
            pictures,
            batches: Batches::new(checked, pictures, training)?,
            held_out: held_out.to_vec(),
            workers,
            devices,
        })
    }

    /// Takes step number `step` (from 0); returns the players and every part of their objectives.
    pub(crate) fn step(
        &self,
        mut players: Players,
        step: u64,
        group: &mut dyn Group,
    ) -> Result<(Players, BTreeMap<String, f64>), Error> {
        let config = self.checked.config();
        let critic_steps = config.training.critic_steps as u64;
        let precision = self.precision(step, &players.memory);
        let mut values = BTreeMap::new();
        let mut made = Vec::new();
        for inner in 0..critic_steps {
            // The generator's update reuses the pictures of the critic's last one.
            let last = inner + 1 == critic_steps;
            let number = step * critic_steps + inner;
            if let Some(spectral) = &mut players.spectral {
                spectral.iterate(&players.critic);
            }
            let drawn = self.batches.take(number, self.needs_fresh(step, &players.memory));
            // Replicas are gone before the optimiser writes to weights, or it would write to a copy.
            let results = {
                let (judge, memory) = (self.judge(&players), &players.memory);
                let generators = self.everywhere(&players.generator);
                let rows = self.workers.rows(config.training.batch);
                let work = |worker, rows| {
                    let work = self.share(worker, &drawn, rows, &generators, last);
                    in_precision(precision, || {
                        self.critic_gradients(&judge, worker, work, step, memory, last)
                    })
                };
                let next = number + 1;
                // As far as it is known now: what is missing later is drawn then.
                let fresh = self.needs_fresh(next / critic_steps, memory);
                self.batches.ahead(next, fresh, || self.workers.map(rows, work))
            };
            let (gradients, pictures): (Vec<_>, Vec<_>) =
                results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
            made = pictures;
            let Whole { gradients, loss, scores } =
                self.whole(gradients, Player::Critic, step, &mut players.memory, group)?;
            values.insert("score/real".to_owned(), scores.real);
            values.insert("score/fake".to_owned(), scores.fake);
            record(self.plan(), Player::Critic, step, &players.memory, loss, &mut values);
            players.critic =
                players.critic_optimizer.update(players.critic, gradients, &self.workers);
            players.teach(self.checked, number, &self.workers);
            self.remember(&mut players, scores, number, group);
        }
        let (judge, memory) = (self.judge(&players), &players.memory);
        let results = self.workers.map(made, |worker, made| {
            in_precision(precision, || self.generator_gradients(&judge, worker, made, step, memory))
        });
        let gradients = results.into_iter().collect::<Result<_, _>>()?;
        let Whole { gradients, loss, .. } =
            self.whole(gradients, Player::Generator, step, &mut players.memory, group)?;
        record(self.plan(), Player::Generator, step, &players.memory, loss, &mut values);
        players.generator =
            players.generator_optimizer.update(players.generator, gradients, &self.workers);
        for name in SIGNS {
            values.extend(players.memory.latest(name).map(|value| (name.to_owned(), value)));
        }
        let images_seen = (step + 1) * critic_steps * config.training.batch as u64;
        Ok((players.follow(self.checked, images_seen, &self.workers), values))
    }

    fn plan(&self) -> &'a Plan {
        self.checked.plan()
    }

    /// In which numbers the convolutions of a step multiply: those of the configuration, but where slopes are measured.
    fn precision(&self, step: u64, memory: &Memory) -> Precision {
        let measures = |term: &Term| term.due(step, memory) && term.body.needs_single_precision();
        match self.checked.config().training.precision {
            config::Precision::Bf16 if !self.plan().terms().iter().any(measures) => {
                Precision::Bfloat16
            }
            _ => Precision::Single,
        }
    }

    fn judge<'p>(&self, players: &'p Players) -> Judge<'p> {
        let teachers = players.teacher.as_ref().map(|teacher| self.everywhere(teacher));
        let critics = self.everywhere(&players.critic);
        Judge { critics, teachers, spectral: players.bounded(self.checked) }
    }

    /// A worker's critic, without gradients.
    fn frozen(&self, judge: &Judge<'_>, worker: usize) -> Critic {
        let place = self.place(worker);
        let weights = frozen(&judge.critics[place]);
        effective(&weights, judge.spectral)
    }

    /// Whether a step needs partners from outside the batch.
    fn needs_fresh(&self, step: u64, memory: &Memory) -> bool {
        self.plan().terms().iter().any(|term| {
            let fresh = term.body.composition().is_some_and(|c| c.pairing.needs_fresh());
            fresh && term.due(step, memory)
        })
    }

    /// Which device worker number `worker` of all processes has, if it is one of this process.
    fn place(&self, worker: usize) -> usize {
        self.workers.place(worker) % self.devices.len()
    }

    /// A replica on every device but the first, which has the module itself: sent by one thread, since what several send to
    /// one card at once may be mistaken there.
    fn everywhere<M: Module>(&self, module: &M) -> Vec<M> {
        let others = self.devices[1..].iter().map(|device| sent(module, device));
        std::iter::once(module.clone()).chain(others).collect()
    }

    /// One worker's share of what was drawn, with a generator of its own.
    fn share(
        &self,
        worker: usize,
        drawn: &Drawn,
        rows: Range<usize>,
        generators: &[Generator],
        with_graph: bool,
    ) -> Work {
        let shape = self.checked.shape();
        let place = self.place(worker);
        let copy = if with_graph { replica } else { frozen };
        let generator = copy(&generators[place]);
        let device = self.devices[place].clone().autodiff();
        Work {
            number: drawn.number,
            generator,
            rows: rows.len(),
            fresh: drawn.fresh.as_ref().map(|draws| draws.shard(rows.clone(), shape, &device)),
            shard: drawn.batch.shard(rows, shape, &device),
        }
    }

    /// `∂J/∂critic` on one worker's share of the batch.
    fn critic_gradients(
        &self,
        judge: &Judge<'_>,
        worker: usize,
        work: Work,
        step: u64,
        memory: &Memory,
        last: bool,
    ) -> Result<(Gradients, Made), Error> {
        let plan = self.plan();
        let place = self.place(worker);
        let weights = replica(&judge.critics[place]);
        let critic = effective(&weights, judge.spectral);
        let shard = &work.shard;
        let labels_of_fake = shard.latent_labels.as_ref().map(|(_, hot)| hot.clone());
        let pictures = work.generator.forward(shard.latents.clone(), labels_of_fake.clone());
        let mut masks = self.masks(work.number, worker);
        let traced = plan
            .terms()
            .iter()
            .any(|term| matches!(term.body, Body::Gradient(_)) && term.due(step, memory));
        let augment = |kind, x| self.augment(work.number, worker, kind, memory, x);
        let mut seen = |pixels: Tensor<4>, labels: Option<Tensor<2>>| {
            let mask = masks.draw(&critic, pixels.dims()[0], &pixels.device());
            Pictures { pixels, labels, mask }
        };
        let real = seen(augment("real", shard.real.clone()), shard.real_labels.clone());
        let fake = seen(augment("fake", pictures.clone().detach()), labels_of_fake);
        let keeps =
            |key: &str| last && plan.will_pass(Player::Generator, key, step, memory, work.rows);
        let mut scene = CriticScene {
            critic: &critic,
            weights: &weights,
            teacher: judge.teachers.as_ref().map(|teachers| &teachers[place]),
            generator: &work.generator,
            shard,
            fresh: work.fresh.as_ref(),
            real,
            fake,
            judged: Vec::new(),
            traced,
            masks,
            augment: &|of_samples, x| augment(draws(of_samples), x),
            keeps: &keeps,
            kept: Vec::new(),
        };
        let mut rng = |name: &str| self.partners(work.number, worker, name);
        let terms = plan.evaluate(Some(Player::Critic), step, memory, &mut scene, &mut rng)?;
        let scores = scene.scores().map(|scores| column(&scores));
        let loss = self.checked.loss().critic(scores[0].clone(), scores[1].clone());
        let kept = scene.kept;
        let objective = Objective::new(loss, terms);
        let of_weights = WeightGradients::of(&weights, objective.total().backward());
        let (parts, scores) = objective.read(&scores);
        let scores = Some(Scores::of(&scores[0], &scores[1]));
        let gradients = Gradients { rows: work.rows, of_weights, parts, scores };
        Ok((gradients, Made { work, pictures, kept }))
    }

    /// `∂J/∂generator` on one worker's share of the batch; the critic is frozen.
    fn generator_gradients(
        &self,
        judge: &Judge<'_>,
        worker: usize,
        made: Made,
        step: u64,
        memory: &Memory,
    ) -> Result<Gradients, Error> {
        let Made { work, pictures, kept } = made;
        let critic = self.frozen(judge, worker);
        let shard = &work.shard;
        let labels = shard.latent_labels.as_ref().map(|(_, hot)| hot.clone());
        // Draws of its own: the streams of the same update, past the workers of the critic.
        let stream = worker + GENERATOR_STREAMS;
        let augment = |kind, x| self.augment(work.number, stream, kind, memory, x);
        let mut masks = self.masks(work.number, stream);
        let mut judged = |pixels: Tensor<4>, labels| {
            let mask = masks.draw(&critic, pixels.dims()[0], &pixels.device());
            critic.judge(pixels, labels, mask, &mut Trace::none())
        };
        let opinion = judged(augment("fake", pictures.clone()), labels);
        let loss = self.checked.loss();
        let real_score = loss.pairs_players().then(|| {
            let real = augment("real", shard.real.clone());
            column(&judged(real, shard.real_labels.clone()).score)
        });
        let loss = loss.generator(column(&opinion.score), real_score);
        let mut scene = GeneratorScene {
            generator: &work.generator,
            critic: &critic,
            shard,
            fresh: work.fresh.as_ref(),
            pictures: &pictures,
            features: opinion.features,
            augment: &|of_samples, x| augment(draws(of_samples), x),
            kept,
        };
        // The same streams as the critic's: the same name is the same partner.
        let mut rng = |name: &str| self.partners(work.number, worker, name);
        let player = Some(Player::Generator);
        let terms = self.plan().evaluate(player, step, memory, &mut scene, &mut rng)?;
        let objective = Objective::new(loss, terms);
        let of_weights = WeightGradients::of(&work.generator, objective.total().backward());
        let (parts, _) = objective.read(&[]);
        Ok(Gradients { rows: work.rows, of_weights, parts, scores: None })
    }

    /// What the critic sees of pictures: augmented, with the probability that is in force.
    fn augment(
        &self,
        number: u64,
        stream: usize,
        kind: &str,
        memory: &Memory,
        x: Tensor<4>,
    ) -> Tensor<4> {
        let policy = self.checked.policy();
        if policy.is_empty() {
            return x;
        }
        let fixed = self.checked.config().training.augment_probability;
        let probability = memory.control(PROBABILITY).unwrap_or(fixed);
        let seed = Seed(self.checked.config().seed);
        let mut rng = seed.named_rng(Purpose::Augmentation, number, stream as u64, kind);
        policy.apply(x, probability, &mut rng)
    }

    fn masks(&self, number: u64, stream: usize) -> Masks<impl Rng + use<>> {
        let seed = Seed(self.checked.config().seed);
        Masks {
            perturbation: self.plan().perturbations().first().map(|(wanted, _)| *wanted),
            rng: seed.shard_rng(Purpose::Perturbation, number, stream as u64),
        }
    }

    fn partners(&self, number: u64, worker: usize, name: &str) -> rand_chacha::ChaCha8Rng {
        let seed = Seed(self.checked.config().seed);
        seed.named_rng(Purpose::Partner, number, worker as u64, name)
    }

    /// Joins the gradients of all workers of all processes, and refuses what is not finite before it
    /// reaches a weight; also the loss. The raw values of the terms are remembered.
    fn whole(
        &self,
        workers: Vec<Gradients>,
        player: Player,
        step: u64,
        memory: &mut Memory,
        group: &mut dyn Group,
    ) -> Result<Whole, Error> {
        let batch = self.checked.config().training.batch as f64;
        let share = |worker: &Gradients| worker.rows as f64 / batch;
        let terms = self.plan().terms().len();
        let own = |worker: &Gradients| -> Vec<f64> {
            let scores = worker.scores.unwrap_or_default();
            let all = worker.parts.numbers(terms).into_iter().chain(scores.numbers());
            all.map(|number| share(worker) * number).collect()
        };
        let numbers = sum_numbers(group, workers.iter().map(own).collect());
        let (numbers, scores) = numbers.split_at(1 + 2 * terms);
        let (parts, scores) = (Parts::of_sum(numbers), Scores::of_numbers(scores));
        if let Some((quantity, value)) = parts.not_finite(self.plan()) {
            let step = step + 1;
            let (last, everywhere) = (String::new(), true);
            return Err(Error::Diverged { player, quantity, value, step, last, everywhere });
        }
        for (index, raw) in &parts.terms {
            memory.set_latest(&self.plan().terms()[*index].name, *raw);
        }
        let gradients = workers.into_iter().map(|w| (share(&w), w.of_weights)).collect();
        let gradients = WeightGradients::combine(gradients, &self.devices[0], &self.workers);
        Ok(Whole { gradients: gradients.sum(group), loss: parts.loss, scores })
    }

    /// Takes an update's scores into what regularizers remember, and adjusts what follows signs of
    /// overfitting when it is time to.
    fn remember(&self, players: &mut Players, scores: Scores, number: u64, group: &mut dyn Group) {
        for anchor in self.plan().anchors() {
            let mean = if anchor.of == Input::Real { scores.real } else { scores.fake };
            players.memory.observe(&anchor, &[mean]);
        }
        let adaptive = self.checked.adaptive_probability();
        // Held-out pictures are looked at wherever there are any: that is how overfitting shows.
        let looks = !self.held_out.is_empty();
        if adaptive.is_none() && !looks {
            return;
        }
        let mut tally = players.memory.tally();
        tally.add(scores.real, scores.sign, scores.fake);
        if tally.batches() >= overfitting::INTERVAL {
            let held_out = looks.then(|| self.held_out_score(players, number, group));
            if let Some(score) = held_out {
                players.memory.set_latest(SIGNS[3], score);
            }
            if let Some(signs) = tally.signs(held_out) {
                let images = tally.batches() * self.checked.config().training.batch as u64;
                self.adjust(&mut players.memory, &signs, images);
            }
            tally = Default::default();
        }
        players.memory.set_tally(&tally);
    }

    fn adjust(&self, memory: &mut Memory, signs: &Signs, images: u64) {
        memory.set_latest(SIGNS[0], signs.r_t);
        if let Some(r_v) = signs.r_v {
            memory.set_latest(SIGNS[1], r_v);
        }
        for term in self.plan().terms().iter().filter(|term| term.schedule.follows_signs()) {
            let control = memory.control(&term.name).unwrap_or(1.0);
            memory.set_control(&term.name, term.schedule.adjust(control, signs, images));
        }
        if let Some(adaptive) = self.checked.adaptive_probability() {
            let fixed = self.checked.config().training.augment_probability;
            let before = memory.control(PROBABILITY).unwrap_or(fixed);
            let now = adaptive.adjust(before, signs, images);
            memory.set_control(PROBABILITY, now);
            memory.set_latest(SIGNS[2], now);
        }
    }

    /// The critic's mean score of some held-out pictures, seen the way it sees training pictures.
    fn held_out_score(&self, players: &Players, number: u64, group: &mut dyn Group) -> f64 {
        let config = self.checked.config();
        let mut rng = Seed(config.seed).rng(Purpose::HeldOut, number);
        let mut chosen = self.held_out.clone();
        let count = chosen.len().min(config.training.batch);
        let (chosen, _) = chosen.partial_shuffle(&mut rng, count);
        // As training shows its pictures.
        let chosen: Vec<(usize, bool)> =
            chosen.iter().map(|i| (*i, config.data.flip && rng.random())).collect();
        let labels = self.pictures.labels.as_deref().unwrap_or(&[]);
        let shape = self.checked.shape();
        let rows = self.workers.rows(count);
        let judge = self.judge(players);
        let score = |worker: usize, rows: Range<usize>| {
            let chosen = &chosen[rows];
            let device = self.devices[self.place(worker)].clone().autodiff();
            let values = unit_pictures(self.pictures, chosen);
            let (h, w) = (shape.geometry.height(), shape.geometry.width());
            let values = TensorData::new(values, [chosen.len(), shape.channels, h, w]);
            let hot = shape.classes.map(|classes| {
                let of = |(i, _): &(usize, bool)| labels.get(*i).copied().unwrap_or(0);
                latent::one_hot(&chosen.iter().map(of).collect::<Vec<_>>(), classes, &device)
            });
            let pixels = Tensor::from_data(values, &device);
            let pixels = self.augment(number, worker, "held-out", &players.memory, pixels);
            let critic = self.frozen(&judge, worker);
            let scores = critic.forward(pixels, hot);
            f64::from(scores.sum().into_scalar::<f32>())
        };
        let scores = self.workers.map(rows, score).into_iter();
        // A process may have no picture of a few: all the same it must be there.
        let scores = scores.chain([0.0]).map(|score| vec![score]).collect();
        sum_numbers(group, scores).iter().sum::<f64>() / count as f64
    }
}

/// The control that holds the probability of augmentation; no regularizer has a name with a dot.
pub(crate) const PROBABILITY: &str = "training.augment";

/// Names of what is measured from time to time.
const SIGNS: [&str; 4] =
    ["overfitting/r_t", "overfitting/r_v", "augment/probability", "score/held-out"];

/// Brings what a checkpoint remembers of the probability of augmentation in line with a configuration that may have been
/// changed since: none where it does not adapt, and that of the configuration to begin with where it did not before.
pub(crate) fn settle_probability(memory: &mut Memory, checked: &Checked) {
    if checked.adaptive_probability().is_none() {
        memory.remove_control(PROBABILITY);
        memory.remove_latest(SIGNS[2]);
        return;
    }
    // Earlier versions kept it under a name that a regularizer may have.
    let earlier = "augment";
    let taken = checked.plan().terms().iter().any(|term| term.name == earlier);
    let before = if taken { None } else { memory.remove_control(earlier) };
    if memory.control(PROBABILITY).is_none() {
        let fixed = checked.config().training.augment_probability;
        memory.set_control(PROBABILITY, before.unwrap_or(fixed));
    }
}

/// The generator's draws come from streams past those of any number of critic workers.
const GENERATOR_STREAMS: usize = 1 << 32;

/// By whose draws pictures are augmented that a partner needs: those that stand in for samples by the samples' own.
fn draws(of_samples: bool) -> &'static str {
    if of_samples { "fake" } else { "fresh" }
}

impl Scores {
    fn of(real: &[f64], fake: &[f64]) -> Self {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        // A score of 0 is neither: signum() has no such case.
        let sign = |v: &f64| if *v == 0.0 { 0.0 } else { v.signum() };
        let signs: Vec<f64> = real.iter().map(sign).collect();
        Self { real: mean(real), sign: mean(&signs), fake: mean(fake) }
    }

    fn numbers(&self) -> [f64; 3] {
        [self.real, self.sign, self.fake]
    }

    fn of_numbers(numbers: &[f64]) -> Self {
        Self { real: numbers[0], sign: numbers[1], fake: numbers[2] }
    }
}

/// `[n, 1] → [n]`.
fn column(scores: &Tensor<2>) -> Tensor<1> {
    scores.clone().squeeze_dim(1)
}
