//! A generator and a critic small enough for hundreds of random cases, and a batch of theirs the way
//! adversarial training has it.

use crate::golden::floats;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use softreg::hard::{self, Point, WeightPenalty};
use softreg::memory::Memory;
use softreg::perturbation::Perturbation;
use softreg::plan::{Plan, PlanError};
use softreg::scene::{Inputs, Pass, Scene, rows};
use softreg::site::{Input, Player, Site};
use softreg::term::Term;
use softreg::{Purpose, Seed};

pub(crate) const LATENTS: usize = 3;
const FEATURES: usize = 5;

/// `[n, channels, height, width]`.
pub(crate) type Shape = [usize; 4];

/// Sizes of a random batch.
pub(crate) fn shapes(smallest_batch: usize) -> impl Strategy<Value = Shape> {
    (smallest_batch..=9, prop::sample::select(vec![1usize, 3, 4]), 1usize..=6, 1usize..=6)
        .prop_filter("not square", |(.., height, width)| height != width)
        .prop_map(|(n, channels, height, width)| [n, channels, height, width])
}

/// Numbers in −1..1 that depend on nothing but the arguments.
pub(crate) fn noise<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    let mut rng = Seed(seed).rng(Purpose::Latents, 0);
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
}

fn layer(from: usize, to: usize, seed: u64) -> Linear {
    Linear {
        weight: Param::from_tensor(noise([from, to], seed)),
        bias: Some(Param::from_tensor(noise([to], seed + 1))),
    }
}

/// Latents to pictures.
#[derive(Module, Debug)]
pub(crate) struct Generator {
    layer: Linear,
}

impl Generator {
    pub(crate) fn generate(&self, z: Tensor<2>, [_, channels, height, width]: Shape) -> Tensor<4> {
        let n = z.dims()[0];
        self.layer.forward(z).tanh().reshape([n, channels, height, width])
    }
}

/// Pictures to features to scores; not linear, so that a regularizer's gradient depends on the picture.
#[derive(Module, Debug)]
struct Critic {
    hidden: Linear,
    score: Linear,
}

impl Critic {
    fn features(&self, pictures: Tensor<2>) -> Tensor<2> {
        self.hidden.forward(pictures).tanh()
    }

    /// `∇ₓ Σₖ vₖ·mₖ·tanh(wₖx + bₖ) = Σₖ vₖ·mₖ·(1 − tanh²)·wₖ`.
    fn input_gradient(&self, pictures: Tensor<2>, mask: Option<Tensor<2>>) -> Tensor<2> {
        let slopes = self.features(pictures).square().neg().add_scalar(1.0);
        let v: Tensor<2> = self.score.weight.val().transpose();
        let rows = slopes * v;
        let rows = match mask {
            Some(mask) => rows * mask,
            None => rows,
        };
        rows.matmul(self.hidden.weight.val().transpose())
    }
}

/// The gradients of some layers in a row; `None` where none was reached.
fn gradient(layers: &[&Linear], gradients: &Gradients) -> Option<Vec<f32>> {
    let of = |layer: &&Linear| {
        let weight = layer.weight.grad(gradients).map(floats);
        let bias = layer.bias.as_ref().unwrap().grad(gradients).map(floats);
        [weight, bias]
    };
    let found: Vec<Vec<f32>> = layers.iter().flat_map(of).flatten().collect();
    (!found.is_empty()).then(|| found.concat())
}

/// Index, weight and raw value of every term, and the passes that were made for them.
pub(crate) type Evaluated = (Vec<(usize, f64, Tensor<1>)>, Vec<String>);

/// Both networks, and a batch.
pub(crate) struct Players {
    pub(crate) generator: Generator,
    critic: Critic,
    teacher: Critic,
    pub(crate) shape: Shape,
    seed: u64,
    pub(crate) real: Tensor<4>,
    pub(crate) latents: Tensor<2>,
    pub(crate) memory: Memory,
}

impl Players {
    pub(crate) fn new(shape: Shape, seed: u64) -> Self {
        let pixels = shape[1..].iter().product();
        let critic = |seed| Critic {
            hidden: layer(pixels, FEATURES, seed),
            score: layer(FEATURES, 1, seed + 5),
        };
        let mut memory = Memory::default();
        for of in [Input::Real, Input::Fake] {
            let mean = if of == Input::Real { 0.3 } else { -0.2 };
            memory.observe(&softreg::memory::Anchor { of, decay: 0.99 }, &[mean]);
        }
        Self {
            generator: Generator { layer: layer(LATENTS, pixels, seed) },
            critic: critic(seed + 10),
            teacher: critic(seed + 40),
            shape,
            seed,
            real: noise(shape, seed + 30),
            latents: noise([shape[0], LATENTS], seed + 20),
            memory,
        }
    }

    /// A generator that makes the same picture of every latent, and a critic that scores all alike.
    pub(crate) fn collapsed(shape: Shape) -> Self {
        let mut players = Self::new(shape, 0);
        let Players { generator, critic, .. } = &mut players;
        for layer in [&mut generator.layer, &mut critic.hidden, &mut critic.score] {
            layer.weight = Param::from_tensor(layer.weight.val().zeros_like());
        }
        players
    }

    pub(crate) fn gradients(&self, gradients: &Gradients) -> [Option<Vec<f32>>; 2] {
        let critic = gradient(&[&self.critic.hidden, &self.critic.score], gradients);
        [critic, gradient(&[&self.generator.layer], gradients)]
    }

    fn scene(&self, player: Player, perturbation: Option<Perturbation>) -> TestScene<'_> {
        let fake = self.generator.generate(self.latents.clone(), self.shape);
        let fake = if player == Player::Critic { fake.detach() } else { fake };
        let mut scene = TestScene {
            players: self,
            player,
            fake: fake.clone(),
            perturbation,
            masks: Seed(self.seed).rng(Purpose::Perturbation, 1),
            own_masks: [None, None],
            passes: Vec::new(),
        };
        // The critic's look at the batch, for the loss.
        scene.own_masks = [scene.mask(), scene.mask()];
        scene
    }

    /// `R` and its weight, of every term of a plan that is due at `step`.
    pub(crate) fn evaluate(&self, plan: &Plan, step: u64) -> Result<Evaluated, PlanError> {
        let perturbation = plan.perturbations().first().map(|(wanted, _)| *wanted);
        let (mut values, mut passes) = (Vec::new(), Vec::new());
        for player in [Player::Critic, Player::Generator] {
            let mut scene = self.scene(player, perturbation);
            let mut rng = |name: &str| Seed(self.seed).named_rng(Purpose::Partner, step, 0, name);
            let found = plan.evaluate(Some(player), step, &self.memory, &mut scene, &mut rng)?;
            values.extend(found.into_iter().map(|c| (c.term, c.weight, c.raw)));
            passes.extend(scene.passes);
        }
        values.sort_by_key(|(term, ..)| *term);
        Ok((values, passes))
    }

    /// `R` of one term.
    pub(crate) fn value(&self, term: &Term) -> Result<Tensor<1>, PlanError> {
        let (mut values, _) = self.evaluate(&Plan::new(vec![term.clone()]), 0)?;
        Ok(values.pop().expect("it is due").2)
    }
}

struct TestScene<'a> {
    players: &'a Players,
    player: Player,
    fake: Tensor<4>,
    perturbation: Option<Perturbation>,
    masks: ChaCha8Rng,
    own_masks: [Option<Tensor<2>>; 2],
    passes: Vec<String>,
}

impl TestScene<'_> {
    fn mask(&mut self) -> Option<Tensor<2>> {
        let shape = [self.players.shape[0], FEATURES];
        let device = self.fake.device();
        self.perturbation.map(|p| p.draw(shape, &mut self.masks, &device))
    }

    fn pixels(&self, input: Input) -> Tensor<2> {
        rows(if input == Input::Real { self.players.real.clone() } else { self.fake.clone() })
    }

    fn judge(&self, pixels: Tensor<2>, mask: Option<Tensor<2>>, site: Site) -> Tensor<2> {
        let critic = &self.players.critic;
        let n = pixels.dims()[0];
        match site {
            Site::Image => pixels,
            Site::RealFeatures | Site::FakeFeatures => critic.features(pixels),
            Site::ImageFeatures => critic.clone().no_grad().features(pixels),
            _ => {
                let features = critic.features(pixels);
                critic.score.forward(match mask {
                    Some(mask) => features * mask.narrow(0, 0, n),
                    None => features,
                })
            }
        }
    }
}

impl TestScene<'_> {
    fn pass(&mut self, pass: &Pass<'_>) -> Vec<Tensor<2>> {
        self.passes.push(pass.key.to_owned());
        let mask = self.mask();
        let pixels = match pass.input {
            Input::Latent => {
                let n = pass.rows.dims()[0];
                let [_, c, h, w] = self.players.shape;
                let made = self.players.generator.generate(pass.rows.clone(), [n, c, h, w]);
                let critic = self.player == Player::Critic;
                rows(if critic { made.detach() } else { made })
            }
            _ => pass.rows.clone(),
        };
        pass.sites.iter().map(|site| self.judge(pixels.clone(), mask.clone(), *site)).collect()
    }
}

impl Scene for TestScene<'_> {
    fn inputs(&self, input: Input) -> Inputs {
        match input {
            Input::Latent => Inputs {
                rows: self.players.latents.clone(),
                shape: self.players.latents.dims().to_vec(),
                groups: None,
            },
            _ => {
                let shape = self.players.shape.to_vec();
                Inputs { rows: self.pixels(input), shape, groups: None }
            }
        }
    }

    fn outputs(&mut self, site: Site) -> Tensor<2> {
        let [real, fake] = self.own_masks.clone();
        let mask = if site.input() == Input::Real { real } else { fake };
        self.judge(self.pixels(site.input()), mask, site)
    }

    fn passes(&mut self, passes: &[Pass<'_>]) -> Vec<Vec<Tensor<2>>> {
        passes.iter().map(|pass| self.pass(pass)).collect()
    }

    fn teacher(&mut self, sites: &[Site], n: usize) -> Option<Vec<Tensor<2>>> {
        let teacher = &self.players.teacher;
        let said = |site: &Site| {
            let features = teacher.features(self.pixels(site.input()).narrow(0, 0, n));
            match site {
                Site::RealFeatures | Site::FakeFeatures => features.detach(),
                _ => teacher.score.forward(features).detach(),
            }
        };
        Some(sites.iter().map(said).collect())
    }

    fn fresh(&mut self, input: Input, n: usize) -> Option<Tensor<2>> {
        let (seed, [_, c, h, w]) = (self.players.seed + 60, self.players.shape);
        match input {
            Input::Latent => Some(noise([n, LATENTS], seed)),
            _ => Some(rows(noise([n, c, h, w], seed))),
        }
    }

    fn weights(&self, penalty: &dyn WeightPenalty) -> Option<Tensor<1>> {
        match self.player {
            Player::Critic => hard::penalty(&self.players.critic, penalty),
            Player::Generator => hard::penalty(&self.players.generator, penalty),
        }
    }

    fn input_gradient(&mut self, point: Point, shares: &[f32], n: usize) -> Option<Tensor<2>> {
        let [real, fake] =
            [Input::Real, Input::Fake].map(|input| self.pixels(input).narrow(0, 0, n));
        let x = match point {
            Point::Real => real,
            Point::Fake => fake,
            Point::Between => {
                let share = TensorData::new(shares.to_vec(), [n, 1]);
                let share = Tensor::<2>::from_data(share, &fake.device());
                fake.clone() + (real - fake) * share
            }
        };
        Some(self.players.critic.input_gradient(x, None))
    }
}
