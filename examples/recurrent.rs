//! A recurrent language model on a short text: R-Drop and noise on the embeddings against L1, L2 and
//! dropout. The language is made up here: words, and brackets that have to be closed.
//!
//! ```sh
//! cargo run --release -p softreg-examples --bin recurrent
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]

use anyhow::{Context, ensure};
use burn::module::Module;
use burn::nn::gru::{Gru, GruConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use clap::Parser;
use rand::{Rng, RngExt};
use softreg::aim::Attract;
use softreg::distance::{Kl, PerPosition};
use softreg::hard::{self, L1, L2};
use softreg::pairing::{Again, Noise, PartnerInput};
use softreg::perturbation::Perturbation;
use softreg::site::Site;
use softreg::{Batch, Composition, Purpose, Seed};
use softreg_examples::report::{Better, compare, report};
use softreg_examples::variant::Variant;
use std::process::ExitCode;
use std::sync::Arc;

/// Trains a GRU to go on with a text, letter by letter, in seven ways and compares them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Runs per variant; each has other weights, another text and another order
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=20))]
    seeds: u64,
    /// Updates per run
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Letters to train on
    #[arg(long, default_value_t = 1000)]
    letters: usize,
}

/// The alphabet; a letter is its place.
const ALPHABET: &[u8] = b" abdegiklmnorstu()[].";
const WORDS: [&str; 12] = [
    "ring", "stone", "tree", "moon", "gold", "sun", "bird", "lake", "mist", "root", "star", "rose",
];

/// Letters in a window that the model reads at once.
const TIME: usize = 24;
const EMBEDDED: usize = 16;
const HIDDEN: usize = 64;
/// Letters to test on.
const TEST: usize = 4800;

/// A text of the language: sentences of words, some in brackets, which close in the order they must.
fn text(length: usize, rng: &mut dyn Rng) -> Vec<i64> {
    fn phrase(depth: usize, out: &mut String, rng: &mut dyn Rng) {
        for i in 0..rng.random_range(1..=3) {
            if i > 0 {
                out.push(' ');
            }
            match rng.random_range(0..6) {
                bracket @ 0..=1 if depth < 3 => {
                    let (open, close) = [('(', ')'), ('[', ']')][bracket];
                    out.push(open);
                    phrase(depth + 1, out, rng);
                    out.push(close);
                }
                _ => out.push_str(WORDS[rng.random_range(0..WORDS.len())]),
            }
        }
    }
    let mut out = String::new();
    while out.len() < length {
        phrase(0, &mut out, rng);
        out.push_str(". ");
    }
    let place = |letter: &u8| ALPHABET.iter().position(|l| l == letter).unwrap_or(0) as i64;
    out.as_bytes()[..length].iter().map(place).collect()
}

/// Letters to vectors to a GRU to the next letter.
#[derive(Module, Debug)]
struct Model {
    embedding: Embedding,
    gru: Gru,
    logits: Linear,
}

impl Model {
    fn new(device: &Device) -> Self {
        Self {
            embedding: EmbeddingConfig::new(ALPHABET.len(), EMBEDDED).init(device),
            gru: GruConfig::new(EMBEDDED, HIDDEN, true).init(device),
            logits: LinearConfig::new(HIDDEN, ALPHABET.len()).init(device),
        }
    }

    /// Logits `[n, time, letters]` from embedded letters `[n, time, features]`; `mask` is what dropout
    /// leaves of the hidden states.
    fn forward(&self, embedded: Tensor<3>, mask: Option<Tensor<3>>) -> Tensor<3> {
        let h = self.gru.forward(embedded, None);
        self.logits.forward(match mask {
            Some(mask) => h * mask,
            None => h,
        })
    }

    /// Cross-entropy of the next letter, in nats per letter.
    fn loss(&self, logits: Tensor<3>, next: Tensor<2, Int>) -> Tensor<1> {
        let device = logits.device();
        let [n, time, letters] = logits.dims();
        let (logits, next) = (logits.reshape([n * time, letters]), next.reshape([n * time]));
        CrossEntropyLossConfig::new().init(&device).forward(logits, next)
    }
}

/// `J = L + Σ λ·R`: all there is to soft regularization.
fn objective(
    model: &Model,
    letters: Tensor<2, Int>,
    next: Tensor<2, Int>,
    variant: &Variant,
    [partners, masks]: [&mut dyn Rng; 2],
) -> anyhow::Result<Tensor<1>> {
    let x = model.embedding.forward(letters);
    let dropout = Perturbation::Dropout { rate: variant.dropout };
    let shape = [x.dims()[0], TIME, HIDDEN];
    let mut draw = || (variant.dropout > 0.0).then(|| dropout.draw(shape, masks, &x.device()));
    let own = draw();
    let y = model.forward(x.clone(), own.clone());
    let mut j = model.loss(y.clone(), next);
    for (weight, regularizer) in &variant.soft {
        // The same letters again are seen through another mask; noisy ones through their own, or dropout would be part of
        // what is compared.
        let again = regularizer.pairing.partner_input() == PartnerInput::Same;
        let mask = if again { draw() } else { own.clone() };
        let mut f = |x| model.forward(x, mask.clone());
        let r = regularizer.penalty(&Batch::new(&x, &y), &mut f, partners)?;
        j = j + r.mul_scalar(*weight);
    }
    if let Some((weight, penalty)) = &variant.hard {
        let r = hard::penalty(model, penalty.as_ref()).context("the model has weights")?;
        j = j + r.mul_scalar(*weight);
    }
    Ok(j)
}

fn variants() -> Vec<Variant> {
    // One distribution over letters at every position.
    let letters = PerPosition::new(TIME, Kl);
    let again = Again { perturbation: None };
    let r_drop = Composition::new(again, letters.clone(), Attract, Site::Output);
    let noise = Composition::new(Noise { sigma: 0.5 }, letters, Attract, Site::Output);
    let variant = |name| Variant { name, ..Variant::none() };
    vec![
        Variant::none(),
        Variant { dropout: 0.3, ..variant("dropout") },
        Variant { hard: Some((1e-5, Arc::new(L1))), ..variant("L1") },
        Variant { hard: Some((1e-4, Arc::new(L2))), ..variant("L2") },
        Variant { dropout: 0.3, soft: vec![(1.0, r_drop.clone())], ..variant("R-Drop") },
        Variant { soft: vec![(1.0, noise.clone())], ..variant("noise") },
        Variant {
            dropout: 0.3,
            soft: vec![(1.0, r_drop), (1.0, noise)],
            ..variant("R-Drop + noise")
        },
    ]
}

/// Windows of a text that begin at `starts`: their letters, and those that follow each.
fn windows(text: &[i64], starts: &[usize], device: &Device) -> [Tensor<2, Int>; 2] {
    [0, 1].map(|offset| {
        let window = |start: &usize| text[start + offset..start + offset + TIME].to_vec();
        let values: Vec<i64> = starts.iter().flat_map(window).collect();
        Tensor::from_data(TensorData::new(values, [starts.len(), TIME]), device)
    })
}

/// How many letters the model is undecided between on average, `exp(nats per letter)`.
fn perplexity(model: &Model, text: &[i64], device: &Device) -> f64 {
    let starts: Vec<usize> = (0..text.len() - TIME).step_by(TIME).collect();
    let [letters, next] = windows(text, &starts, device);
    let logits = model.forward(model.embedding.forward(letters), None);
    f64::from(model.loss(logits, next).into_scalar::<f32>()).exp()
}

/// Perplexity on the training text and on a test text, after training.
fn train(variant: &Variant, arguments: &Arguments, seed: u64) -> anyhow::Result<[f64; 2]> {
    const BATCH: usize = 16;
    let rng = |purpose, step| Seed(seed).rng(purpose, step);
    let training = text(arguments.letters, &mut rng(Purpose::Pictures, 0));
    let test = text(TEST, &mut rng(Purpose::HeldOut, 0));
    let device = Device::flex().autodiff();
    device.seed(seed);
    let mut model = Model::new(&device);
    let mut optimizer = AdamConfig::new().init();
    for step in 0..arguments.steps {
        let mut draws = rng(Purpose::Latents, step);
        let starts: Vec<usize> =
            (0..BATCH).map(|_| draws.random_range(0..training.len() - TIME)).collect();
        let [letters, next] = windows(&training, &starts, &device);
        let (mut partners, mut masks) =
            (rng(Purpose::Partner, step), rng(Purpose::Perturbation, step));
        let j = objective(&model, letters, next, variant, [&mut partners, &mut masks])?;
        let gradients = GradientsParams::from_grads(j.backward(), &model);
        model = optimizer.step(5e-3, model, gradients);
    }
    let (model, device) = (model.valid(), Device::flex());
    Ok([&training, &test].map(|text| perplexity(&model, text, &device)))
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(
        arguments.letters > 2 * TIME,
        "{} letters are too few: set --letters above {}",
        arguments.letters,
        2 * TIME
    );
    let rows = compare(variants(), arguments.seeds, |variant, seed| {
        eprintln!("{} seed {seed}", variant.name);
        train(variant, arguments, seed)
    })?;
    println!(
        "{} letters to train on, {TEST} to test on, {} steps, {} seeds",
        arguments.letters, arguments.steps, arguments.seeds
    );
    print!("{}", report("perplexity", Better::Lower, &rows));
    Ok(())
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
