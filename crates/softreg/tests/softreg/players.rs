//! A generator and a critic small enough for hundreds of random cases, and every term of the
//! registry evaluated on them the way adversarial training does.

use crate::golden::floats;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use proptest::prelude::*;
use rand::RngExt;
use softreg::hard;
use softreg::pairing::PairingError;
use softreg::registry::{Entry, REGULARIZERS, SettingKind};
use softreg::site::{Player, Site};
use softreg::spec::{self, Body, Spec, Term, Value};
use softreg::{Purpose, Seed};
use std::collections::BTreeMap;

const LATENTS: usize = 3;

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

/// One layer that can play either part.
#[derive(Module, Debug)]
struct Network {
    layer: Linear,
}

impl Network {
    fn generate(&self, z: Tensor<2>, [_, channels, height, width]: Shape) -> Tensor<4> {
        let n = z.dims()[0];
        self.layer.forward(z).tanh().reshape([n, channels, height, width])
    }

    /// Not linear, so that a regularizer's gradient depends on the picture.
    fn score(&self, pictures: Tensor<4>) -> Tensor<2> {
        self.layer.forward(pictures.flatten(1, 3)).tanh()
    }

    /// The gradients of weights and biases in a row; `None` where neither was reached.
    fn gradient(&self, gradients: &Gradients) -> Option<Vec<f32>> {
        let weight = self.layer.weight.grad(gradients).map(floats);
        let bias = self.layer.bias.as_ref().unwrap().grad(gradients).map(floats);
        match (weight, bias) {
            (None, None) => None,
            (weight, bias) => Some([weight, bias].into_iter().flatten().flatten().collect()),
        }
    }
}

/// Both networks.
pub(crate) struct Players {
    generator: Network,
    critic: Network,
    shape: Shape,
    seed: u64,
}

impl Players {
    pub(crate) fn new(shape: Shape, seed: u64) -> Self {
        let pixels = shape[1..].iter().product();
        let generator = Network { layer: layer(LATENTS, pixels, seed) };
        let critic = Network { layer: layer(pixels, 1, seed + 10) };
        Self { generator, critic, shape, seed }
    }

    /// A generator that makes the same picture of every latent, and a critic that scores all alike.
    pub(crate) fn collapsed(shape: Shape) -> Self {
        let mut players = Self::new(shape, 0);
        for network in [&mut players.generator, &mut players.critic] {
            let weight = network.layer.weight.val().zeros_like();
            network.layer.weight = Param::from_tensor(weight);
        }
        players
    }

    /// `R` of a term. The pictures that a critic's term sees are cut off from the generator, as they
    /// are in a critic's step.
    pub(crate) fn evaluate(&self, term: &Term) -> Result<Tensor<1>, PairingError> {
        let composition = match &term.body {
            Body::Hard { penalty, player } => {
                let network = match player {
                    Player::Generator => &self.generator,
                    Player::Critic => &self.critic,
                };
                return Ok(hard::penalty(network, penalty.as_ref()).expect("it has weights"));
            }
            Body::Soft(composition) => composition,
        };
        let mut rng = Seed(self.seed).rng(Purpose::Partner, 0);
        let z = noise([self.shape[0], LATENTS], self.seed + 20);
        let generate = |z| self.generator.generate(z, self.shape);
        let score = |x| self.critic.score(x);
        match composition.site {
            Site::Image => {
                let y = generate(z.clone());
                composition.penalty(&z, &y, None, &mut { generate }, &mut rng)
            }
            Site::FakeScore => {
                let x = generate(z).detach();
                composition.penalty(&x, &score(x.clone()), None, &mut { score }, &mut rng)
            }
            Site::RealScore | Site::Output => {
                let x = noise(self.shape, self.seed + 30);
                composition.penalty(&x, &score(x.clone()), None, &mut { score }, &mut rng)
            }
        }
    }
}

/// Every term that a regularizer has with its defaults, and with each other word of a choice.
pub(crate) fn terms(entry: &Entry) -> Vec<Term> {
    let mut specs = vec![Spec { weight: None, settings: BTreeMap::new() }];
    for setting in entry.settings {
        if let SettingKind::Choice { of, .. } = setting.kind {
            specs.extend(of.iter().map(|word| {
                let value = Value::Text((*word).to_owned());
                Spec { weight: None, settings: [(setting.name.to_owned(), value)].into() }
            }));
        }
    }
    specs.iter().flat_map(|spec| spec::check(entry.name, spec).unwrap().terms()).collect()
}

fn all_terms() -> Vec<Term> {
    REGULARIZERS.iter().flat_map(terms).collect()
}

/// Whether the value falls below 0 for what is wanted, instead of rising above 0 for what is not.
fn rewards(term: &Term) -> bool {
    matches!(&term.body, Body::Soft(composition) if composition.aim.name() == "diversify")
}

fn finite(values: &[f32]) -> bool {
    values.iter().all(|v| v.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_term_is_finite_and_reaches_its_player_alone(shape in shapes(2), seed in 0u64..1 << 32) {
        let players = Players::new(shape, seed);
        for term in all_terms() {
            let value = players.evaluate(&term).unwrap();
            let gradients = value.backward();
            let value = floats(value);
            prop_assert!(value.len() == 1 && finite(&value), "{}: {value:?}", term.name);
            match rewards(&term) {
                true => prop_assert!(value[0] <= 0.0, "{}: {value:?}", term.name),
                false => prop_assert!(value[0] >= 0.0, "{}: {value:?}", term.name),
            }
            let critic = players.critic.gradient(&gradients);
            let generator = players.generator.gradient(&gradients);
            let (reached, spared) = match term.body.player().expect("a registered term has a player") {
                Player::Critic => (critic, generator),
                Player::Generator => (generator, critic),
            };
            prop_assert!(spared.is_none(), "{} reached the other player", term.name);
            let reached = reached.expect("its own player has a gradient");
            prop_assert!(finite(&reached), "{}: {reached:?}", term.name);
            // A lone pixel may not move at all; otherwise every term has something to say.
            if value[0] != 0.0 && shape[2] > 1 && shape[3] > 1 {
                prop_assert!(reached.iter().any(|g| *g != 0.0), "{} says nothing", term.name);
            }
        }
    }

    #[test]
    fn collapsed_players_have_finite_gradients(shape in shapes(2)) {
        let players = Players::collapsed(shape);
        for term in all_terms() {
            let value = players.evaluate(&term).unwrap();
            let gradients = value.backward();
            prop_assert!(finite(&floats(value)), "{}", term.name);
            for network in [&players.generator, &players.critic] {
                let gradient = network.gradient(&gradients).unwrap_or_default();
                prop_assert!(finite(&gradient), "{}: {gradient:?}", term.name);
            }
        }
    }

    #[test]
    fn same_seed_same_value(shape in shapes(2), seed in 0u64..1 << 32) {
        let value = |term: &Term| floats(Players::new(shape, seed).evaluate(term).unwrap());
        for term in all_terms() {
            prop_assert_eq!(value(&term), value(&term), "{}", term.name);
        }
    }
}

#[test]
fn a_lone_sample_has_no_partner_in_its_batch() {
    let players = Players::new([1, 3, 4, 5], 3);
    let mut refused = 0;
    for term in all_terms() {
        let in_batch = matches!(&term.body, Body::Soft(c) if c.pairing.name() == "shuffle");
        match players.evaluate(&term) {
            Ok(value) => assert!(!in_batch && finite(&floats(value)), "{}", term.name),
            Err(error) => {
                assert!(in_batch, "{}: {error}", term.name);
                assert_eq!(error, PairingError::NoPartner { pairing: "shuffle", batch: 1 });
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "no registered term draws partners from the batch");
}
