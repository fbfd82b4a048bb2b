//! Ten optimisation steps of a small GAN with every regularizer follow PyTorch's: the same weights to
//! begin with, the same pictures and draws (`reference/softreg_steps.py`).

use crate::golden::{Golden, floats};
use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use softreg::adversarial::{AdversarialLoss, Logistic};
use softreg::hard::{self, Point, SpectralNorm, WeightPenalty};
use softreg::knob::Scale;
use softreg::memory::Memory;
use softreg::pairing::{Pairing, PairingError, Partners, Samples};
use softreg::plan::Plan;
use softreg::registry::REGULARIZERS;
use softreg::scene::{Inputs, Pass, Scene, rows};
use softreg::site::{Input, Player, Site};
use softreg::term::{Body, Term};
use softreg::{Composition, Purpose, Seed, spec};
use std::sync::Arc;

const STEPS: usize = 10;
const BATCH: usize = 6;
const SIDE: usize = 6;
/// Greatest relative deviation of an objective.
const TOLERANCE: f64 = 1e-4;

#[derive(Module, Debug)]
struct Generator {
    matrix: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Generator {
    fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        let n = z.dims()[0];
        let y = z.matmul(self.matrix.val()) + self.bias.val().unsqueeze();
        y.tanh().reshape([n, 3, SIDE, SIDE])
    }
}

#[derive(Module, Debug)]
struct Critic {
    conv: Param<Tensor<4>>,
    conv_bias: Param<Tensor<1>>,
    matrix: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Critic {
    fn before_activation(&self, x: Tensor<4>) -> Tensor<4> {
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        conv2d(x, self.conv.val(), Some(self.conv_bias.val()), options)
    }

    fn scores(&self, x: Tensor<4>, mask: Option<Tensor<2>>) -> Tensor<2> {
        let h: Tensor<2> = leaky_relu(self.before_activation(x), 0.2).flatten(1, 3);
        let h = match mask {
            Some(mask) => h * mask,
            None => h,
        };
        h.matmul(self.matrix.val()) + self.bias.val().unsqueeze()
    }

    /// `∇ₓD`, the layers backwards.
    fn input_gradient(&self, x: Tensor<4>) -> Tensor<4> {
        let h = self.before_activation(x);
        let slopes = h.clone().detach().greater_elem(0.0).float().mul_scalar(0.8).add_scalar(0.2);
        let last = self.matrix.val().reshape([1, 8, SIDE, SIDE]).expand(h.dims());
        let options = ConvTransposeOptions::new([1, 1], [1, 1], [0, 0], [1, 1], 1);
        conv_transpose2d(last * slopes, self.conv.val(), None, options)
    }
}

/// What chance decided in one step.
#[derive(Clone, Debug)]
struct Draws {
    cycle: Vec<usize>,
    picture_noise: Vec<f32>,
    latent_noise: Vec<f32>,
    moves: Vec<[i64; 3]>,
    mixture: Vec<usize>,
    share: f64,
}

impl Draws {
    fn of(golden: &Golden, step: usize) -> Self {
        let integers = |name: &str| {
            let all = golden.integers(name);
            let count = all.len() / STEPS;
            all[step * count..(step + 1) * count].to_vec()
        };
        let rows = |name: &str| integers(name).into_iter().map(|row| row as usize).collect();
        Self {
            cycle: rows("draw/cycle"),
            picture_noise: floats(golden.part::<4>("draw/picture_noise", step)),
            latent_noise: floats(golden.part::<2>("draw/latent_noise", step)),
            moves: integers("draw/moves").as_chunks().0.to_vec(),
            mixture: rows("draw/mixture"),
            share: f64::from(golden.floats("draw/share")[step]),
        }
    }
}

/// A pairing whose partners were drawn elsewhere.
#[derive(Clone, Debug)]
struct Given {
    instead_of: Arc<dyn Pairing>,
    draws: Arc<Draws>,
}

impl Pairing for Given {
    fn name(&self) -> &'static str {
        self.instead_of.name()
    }

    fn extra_pass(&self) -> bool {
        self.instead_of.extra_pass()
    }

    fn needs_teacher(&self) -> bool {
        self.instead_of.needs_teacher()
    }

    fn identity(&self) -> String {
        self.instead_of.identity()
    }

    fn draw(&self, samples: &Samples<'_>, rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        let (x, draws) = (&samples.rows, &self.draws);
        let constant = |values: Vec<f32>| {
            Tensor::<2>::from_data(TensorData::new(values, x.dims()), &x.device())
        };
        let pictures = samples.shape.len() == 4;
        Ok(match self.name() {
            "shuffle" => Partners::InBatch {
                samples: (0..samples.shape[0]).collect(),
                partners: draws.cycle.clone(),
            },
            "noise" => {
                let noise = if pictures { &draws.picture_noise } else { &draws.latent_noise };
                Partners::Inputs(x.clone() + constant(noise.clone()))
            }
            "augment" => Partners::Inputs(constant(moved(&floats(x.clone()), &draws.moves))),
            "mix" => {
                let values = floats(x.clone());
                let row = |row: usize| &values[row * x.dims()[1]..(row + 1) * x.dims()[1]];
                let share = draws.share as f32;
                let mix = |(i, other): (usize, &usize)| {
                    let pairs = row(i).iter().zip(row(*other));
                    pairs.map(|(a, b)| share * a + (1.0 - share) * b).collect::<Vec<_>>()
                };
                let inputs = draws.mixture.iter().enumerate().flat_map(mix).collect();
                Partners::Mixed {
                    inputs: constant(inputs),
                    partners: draws.mixture.clone(),
                    share: draws.share,
                }
            }
            _ => return self.instead_of.draw(samples, rng),
        })
    }
}

/// Pictures mirrored, and shifted around their edges.
fn moved(pictures: &[f32], moves: &[[i64; 3]]) -> Vec<f32> {
    let side = SIDE as i64;
    let of_picture = |(picture, [mirror, down, right]): (&[f32], &[i64; 3])| {
        let pixel = |p: i64| {
            let (plane, y, x) = (p / (side * side), p / side % side, p % side);
            let (y, x) = ((y - down).rem_euclid(side), (x - right).rem_euclid(side));
            let x = if *mirror > 0 { side - 1 - x } else { x };
            picture[((plane * side + y) * side + x) as usize]
        };
        (0..3 * side * side).map(pixel).collect::<Vec<_>>()
    };
    pictures.chunks_exact(3 * SIDE * SIDE).zip(moves).flat_map(of_picture).collect()
}

/// One player's update.
struct Update<'a> {
    golden: &'a Golden,
    step: usize,
    player: Player,
    generator: &'a Generator,
    /// As it is run.
    critic: &'a Critic,
    weights: &'a Critic,
    teacher: &'a Critic,
    made: Tensor<4>,
    masked: bool,
}

impl Update<'_> {
    fn real(&self) -> Tensor<4> {
        self.golden.part("draw/real", self.step)
    }

    fn latents(&self) -> Tensor<2> {
        self.golden.part("draw/latents", self.step)
    }

    /// The pictures that the critic looks at.
    fn pictures(&self, input: Input) -> Tensor<4> {
        if input == Input::Real { self.real() } else { self.made.clone() }
    }

    fn mask(&self, index: usize) -> Option<Tensor<2>> {
        let all: Tensor<3> = self.golden.part("draw/masks", self.step);
        let mask = all.narrow(0, index, 1).squeeze_dim(0);
        self.masked.then_some(mask)
    }

    fn scores(&self, input: Input) -> Tensor<2> {
        let mask = self.mask(usize::from(input != Input::Real));
        self.critic.scores(self.pictures(input), mask)
    }
}

impl Update<'_> {
    fn pass(&mut self, pass: &Pass<'_>) -> Vec<Tensor<2>> {
        let pictures = match pass.input {
            Input::Latent => {
                let made = self.generator.forward(pass.rows.clone());
                if self.player == Player::Critic { made.detach() } else { made }
            }
            _ => pass.rows.clone().reshape([BATCH, 3, SIDE, SIDE]),
        };
        let mask = self.mask(if pass.input == Input::Real { 2 } else { 3 });
        let output = match pass.sites[0] {
            Site::Image => rows(pictures),
            _ => self.critic.scores(pictures, mask),
        };
        vec![output; pass.sites.len()]
    }
}

impl Scene for Update<'_> {
    fn inputs(&self, input: Input) -> Inputs {
        let (x, shape) = match input {
            Input::Latent => (self.latents(), vec![BATCH, 5]),
            _ => (rows(self.pictures(input)), vec![BATCH, 3, SIDE, SIDE]),
        };
        Inputs { rows: x, shape, groups: None }
    }

    fn outputs(&mut self, site: Site) -> Tensor<2> {
        match site {
            Site::Image => rows(self.made.clone()),
            _ => self.scores(site.input()),
        }
    }

    fn passes(&mut self, passes: &[Pass<'_>]) -> Vec<Vec<Tensor<2>>> {
        passes.iter().map(|pass| self.pass(pass)).collect()
    }

    fn teacher(&mut self, sites: &[Site], _rows: usize) -> Option<Vec<Tensor<2>>> {
        Some(vec![self.teacher.scores(self.real(), None).detach(); sites.len()])
    }

    fn weights(&self, penalty: &dyn WeightPenalty) -> Option<Tensor<1>> {
        match self.player {
            Player::Critic => hard::penalty(self.weights, penalty),
            Player::Generator => hard::penalty(self.generator, penalty),
        }
    }

    fn input_gradient(&mut self, point: Point, _shares: &[f32], _rows: usize) -> Option<Tensor<2>> {
        let x = match point {
            Point::Real => self.real(),
            Point::Fake => self.made.clone(),
            Point::Between => {
                let share: Tensor<1> = self.golden.part("draw/between", self.step);
                let share = share.reshape([BATCH, 1, 1, 1]);
                self.made.clone() + (self.real() - self.made.clone()) * share
            }
        };
        Some(rows(self.critic.input_gradient(x)))
    }
}

/// The terms that a name of the reference stands for, at their defaults; what waits for its time in a
/// long run does not wait here.
fn terms(name: &str) -> Vec<Term> {
    let one = |name: &str| {
        let text = match name {
            "lecam" => "lecam,start=0",
            "interpolation" => "interpolation,ramp=10",
            name => name,
        };
        let (name, spec) = spec::parse(text).unwrap();
        spec::check(&name, &spec).unwrap().terms(&Scale::REFERENCE).unwrap()
    };
    match name {
        "none" => Vec::new(),
        name => name.split('+').flat_map(one).collect(),
    }
}

/// `J = L + Σ λ·R` of the player whose update it is.
fn objective(plan: &Plan, memory: &Memory, loss: Tensor<1>, scene: &mut Update<'_>) -> Tensor<1> {
    let (player, step) = (scene.player, scene.step as u64);
    let mut rng = |name: &str| Seed(0).named_rng(Purpose::Partner, step, 0, name);
    let parts = plan.evaluate(Some(player), step, memory, scene, &mut rng).unwrap();
    parts.into_iter().fold(loss, |sum, part| sum + part.raw.mul_scalar(part.weight))
}

/// Both objectives at every step.
fn train(golden: &Golden, name: &str) -> Vec<[f64; 2]> {
    let mut generator = Generator {
        matrix: Param::from_tensor(golden.tensor("generator/matrix")),
        bias: Param::from_tensor(golden.tensor("generator/bias")),
    };
    let mut critic = Critic {
        conv: Param::from_tensor(golden.tensor("critic/conv")),
        conv_bias: Param::from_tensor(golden.tensor("critic/conv_bias")),
        matrix: Param::from_tensor(golden.tensor("critic/matrix")),
        bias: Param::from_tensor(golden.tensor("critic/bias")),
    };
    let mut teacher = critic.clone().no_grad();
    let mut norm = SpectralNorm::from_vectors(
        [("u_conv", critic.conv.id, 27), ("u_matrix", critic.matrix.id, 1)]
            .map(|(u, id, columns)| {
                (id.val(), [golden.floats(&format!("draw/{u}")), vec![0.0; columns]])
            })
            .into(),
    );
    let adam = AdamConfig::new().with_beta_1(0.5).with_beta_2(0.99).with_epsilon(1e-8);
    let (mut of_generator, mut of_critic) = (adam.init(), adam.init());
    let terms = terms(name);
    let mut memory = Memory::default();
    let mut objectives = Vec::new();
    for step in 0..STEPS {
        let draws = Arc::new(Draws::of(golden, step));
        let given = |term: &Term| match &term.body {
            Body::Soft(c) if c.pairing.anchor().is_none() && c.pairing.perturbation().is_none() => {
                let (instead_of, draws) = (c.pairing.clone(), draws.clone());
                let pairing: Arc<dyn Pairing> = Arc::new(Given { instead_of, draws });
                let body = Body::Soft(Composition { pairing, ..c.clone() });
                Term { body, ..term.clone() }
            }
            _ => term.clone(),
        };
        let plan = Plan::new(terms.iter().map(given).collect());
        let masked = !plan.perturbations().is_empty();
        let spectral = plan.spectral_norm();
        if spectral.is_some() {
            norm.iterate(&critic);
        }
        let run = |critic: &Critic| match spectral {
            Some(bound) => norm.normalized(critic.clone(), &|_| bound),
            None => critic.clone(),
        };
        let made = generator.forward(golden.part("draw/latents", step));

        let running = run(&critic);
        let mut scene = Update {
            golden,
            step,
            player: Player::Critic,
            generator: &generator,
            critic: &running,
            weights: &critic,
            teacher: &teacher,
            made: made.clone().detach(),
            masked,
        };
        let [real, fake] =
            [Input::Real, Input::Fake].map(|input| scene.scores(input).squeeze_dim(1));
        let means = [&real, &fake].map(|scores: &Tensor<1>| mean(scores));
        let for_critic = objective(&plan, &memory, Logistic.critic(real, fake), &mut scene);
        let gradients = GradientsParams::from_grads(for_critic.backward(), &critic);
        critic = of_critic.step(0.005, critic.clone(), gradients);
        for anchor in plan.anchors() {
            memory.observe(&anchor, &[means[usize::from(anchor.of == Input::Fake)]]);
        }
        teacher = follow(&teacher, &critic, (1.0 - 1.0 / (step + 1) as f64).min(0.999));

        let running = run(&critic);
        let mut scene = Update {
            golden,
            step,
            player: Player::Generator,
            generator: &generator,
            critic: &running,
            weights: &critic,
            teacher: &teacher,
            made,
            masked,
        };
        let fake = scene.scores(Input::Fake).squeeze_dim(1);
        let loss = Logistic.generator(fake, None);
        let for_generator = objective(&plan, &memory, loss, &mut scene);
        let gradients = GradientsParams::from_grads(for_generator.backward(), &generator);
        generator = of_generator.step(0.01, generator.clone(), gradients);
        objectives.push([mean(&for_critic), mean(&for_generator)]);
    }
    objectives
}

fn mean(values: &Tensor<1>) -> f64 {
    f64::from(values.clone().mean().into_scalar::<f32>())
}

/// `decay·teacher + (1 − decay)·critic`.
fn follow(teacher: &Critic, critic: &Critic, decay: f64) -> Critic {
    fn mix<const D: usize>(
        a: &Param<Tensor<D>>,
        b: &Param<Tensor<D>>,
        decay: f64,
    ) -> Param<Tensor<D>> {
        let (id, a, b) = (a.id, a.val().detach(), b.val().detach());
        Param::initialized(id, a.mul_scalar(decay) + b.mul_scalar(1.0 - decay))
    }
    Critic {
        conv: mix(&teacher.conv, &critic.conv, decay),
        conv_bias: mix(&teacher.conv_bias, &critic.conv_bias, decay),
        matrix: mix(&teacher.matrix, &critic.matrix, decay),
        bias: mix(&teacher.bias, &critic.bias, decay),
    }
}

#[test]
fn ten_steps_follow_the_reference_with_every_regularizer() {
    let golden = Golden::read("softreg_steps", "");
    let names: Vec<String> = golden
        .names("objective/")
        .into_iter()
        .map(|name| name["objective/".len()..].to_owned())
        .collect();
    for entry in REGULARIZERS {
        assert!(names.iter().any(|name| name == entry.name), "{} has no reference", entry.name);
    }
    for name in &names {
        let expected = golden.floats(&format!("objective/{name}"));
        let found = train(&golden, name);
        let mut worst = 0f64;
        for (step, (found, expected)) in found.iter().zip(expected.as_chunks::<2>().0).enumerate() {
            for (player, found, expected) in
                [("critic", found[0], expected[0]), ("generator", found[1], expected[1])]
            {
                let expected = f64::from(expected);
                let error = (found - expected).abs() / expected.abs().max(1.0);
                assert!(error <= TOLERANCE, "{name}, step {step}, {player}: {found} {expected}");
                worst = worst.max(error);
            }
        }
        println!("{worst:9.2e}  {name}");
    }
}
