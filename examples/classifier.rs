//! A convolutional classifier on few pictures: R-Drop and consistency against L1, L2 and dropout.
//!
//! ```sh
//! cargo run --release -p softreg-examples --bin classifier
//! cargo run --release -p softreg-examples --bin classifier -- train-images-idx3-ubyte.gz
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]

use anyhow::{Context, ensure};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use clap::Parser;
use rand::Rng;
use rand::seq::SliceRandom;
use softreg::aim::Attract;
use softreg::distance::{Kl, SquaredL2};
use softreg::hard::{self, L1, L2};
use softreg::pairing::{Again, Augment, PartnerInput};
use softreg::perturbation::Perturbation;
use softreg::site::Site;
use softreg::{Batch, Composition, Purpose, Seed};
use softreg_examples::report::{Better, compare, report};
use softreg_examples::variant::Variant;
use softreg_image::{Collection, LoadOptions};
use std::process::ExitCode;
use std::sync::Arc;

/// Trains a classifier on few pictures in seven ways and compares them.
#[derive(Debug, Parser)]
struct Arguments {
    /// `motif`, or a folder of class folders, MNIST-like IDX or CIFAR-10 .bin files
    #[arg(default_value = "motif")]
    source: String,
    /// Runs per variant; each has other weights, other pictures and another order
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=20))]
    seeds: u64,
    /// Updates per run
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Pictures to train on
    #[arg(long, default_value_t = 200)]
    pictures: usize,
    /// Pictures to test on, others than those
    #[arg(long, default_value_t = 1000)]
    test: usize,
}

/// Two convolutions, two linear layers.
#[derive(Module, Debug)]
struct Classifier {
    first: Conv2d,
    second: Conv2d,
    hidden: Linear,
    logits: Linear,
}

const HIDDEN: usize = 64;

impl Classifier {
    fn new([channels, height, width]: [usize; 3], classes: usize, device: &Device) -> Self {
        let conv = |from, to| {
            let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
            Conv2dConfig::new([from, to], [3, 3]).with_padding(padding).init(device)
        };
        let features = 32 * (height / 4) * (width / 4);
        Self {
            first: conv(channels, 16),
            second: conv(16, 32),
            hidden: LinearConfig::new(features, HIDDEN).init(device),
            logits: LinearConfig::new(HIDDEN, classes).init(device),
        }
    }

    /// Logits `[n, classes]`; `mask` is what dropout leaves of the hidden layer.
    fn forward(&self, pictures: Tensor<4>, mask: Option<Tensor<2>>) -> Tensor<2> {
        let halve = |x| MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(x);
        let x = halve(relu(self.first.forward(pictures)));
        let x = halve(relu(self.second.forward(x)));
        let x = relu(self.hidden.forward(x.flatten::<2>(1, 3)));
        self.logits.forward(match mask {
            Some(mask) => x * mask,
            None => x,
        })
    }
}

/// `J = L + Σ λ·R`: all there is to soft regularization.
fn objective(
    model: &Classifier,
    x: &Tensor<4>,
    labels: Tensor<1, Int>,
    variant: &Variant,
    [partners, masks]: [&mut dyn Rng; 2],
) -> anyhow::Result<Tensor<1>> {
    let dropout = Perturbation::Dropout { rate: variant.dropout };
    let shape = [x.dims()[0], HIDDEN];
    let mut draw = || (variant.dropout > 0.0).then(|| dropout.draw(shape, masks, &x.device()));
    let own = draw();
    let y = model.forward(x.clone(), own.clone());
    let mut j = CrossEntropyLossConfig::new().init(&y.device()).forward(y.clone(), labels);
    for (weight, regularizer) in &variant.soft {
        // The same picture again is seen through another mask; a moved copy through the picture's own, or dropout would be
        // part of what is compared.
        let again = regularizer.pairing.partner_input() == PartnerInput::Same;
        let mask = if again { draw() } else { own.clone() };
        let mut f = |x| model.forward(x, mask.clone());
        let r = regularizer.penalty(&Batch::new(x, &y), &mut f, partners)?;
        j = j + r.mul_scalar(*weight);
    }
    if let Some((weight, penalty)) = &variant.hard {
        let r = hard::penalty(model, penalty.as_ref()).context("the model has weights")?;
        j = j + r.mul_scalar(*weight);
    }
    Ok(j)
}

fn variants(mirror: bool) -> Vec<Variant> {
    // R-Drop: the same picture again, with another draw of the model's own dropout.
    let r_drop = Composition::new(Again { perturbation: None }, Kl, Attract, Site::Output);
    let moved = Augment { shift: 0.125, flip: mirror };
    let consistency = Composition::new(moved, SquaredL2, Attract, Site::Output);
    let variant = |name| Variant { name, ..Variant::none() };
    vec![
        Variant::none(),
        Variant { dropout: 0.5, ..variant("dropout") },
        Variant { hard: Some((1e-4, Arc::new(L1))), ..variant("L1") },
        Variant { hard: Some((1e-3, Arc::new(L2))), ..variant("L2") },
        Variant { dropout: 0.5, soft: vec![(0.3, r_drop.clone())], ..variant("R-Drop") },
        Variant { soft: vec![(0.3, consistency.clone())], ..variant("consistency") },
        Variant {
            dropout: 0.5,
            soft: vec![(0.3, r_drop), (0.3, consistency)],
            ..variant("R-Drop + consistency")
        },
    ]
}

/// Pictures with what is shown on them.
struct Data {
    pictures: Collection,
    labels: Vec<i64>,
    classes: usize,
    training: Vec<usize>,
    test: Vec<usize>,
}

impl Data {
    fn open(arguments: &Arguments) -> anyhow::Result<Self> {
        let needed = arguments.pictures + arguments.test;
        // The built-in collection can be had in any number.
        let source = match arguments.source.as_str() {
            "motif" => format!("motif:{}", needed.max(256)),
            other => other.to_owned(),
        };
        let options = LoadOptions { limit: Some(needed.max(256)), ..LoadOptions::default() };
        let pictures = softreg_image::open(&source, &options)?;
        let kinds = pictures.labels.clone().with_context(|| {
            format!(
                "{source} has no labels: put the pictures of each class into a folder of its own"
            )
        })?;
        // The many kinds of a built-in family differ in colour and detail: the family is the class.
        let family = |kind: &u32| {
            let name = pictures.classes.get(*kind as usize).map_or("", String::as_str);
            name.split('-').next().unwrap_or(name).to_owned()
        };
        let mut names: Vec<String> = kinds.iter().map(family).collect();
        let of_pictures = names.clone();
        names.sort();
        names.dedup();
        let place = |name: &String| names.binary_search(name).unwrap_or(0) as i64;
        let labels = of_pictures.iter().map(place).collect();
        ensure!(names.len() > 1, "{source} has one class: there is nothing to tell apart");
        let found = pictures.len();
        ensure!(
            arguments.pictures > 1 && found > arguments.pictures,
            "{source} has {found} pictures: set --pictures to 2 or more and fewer than that"
        );
        Ok(Self { classes: names.len(), pictures, labels, training: vec![], test: vec![] })
    }

    /// Other pictures to train on for every seed; the rest is there to test on.
    fn split(&mut self, arguments: &Arguments, seed: u64) {
        let mut order: Vec<usize> = (0..self.pictures.len()).collect();
        order.shuffle(&mut Seed(seed).rng(Purpose::HeldOut, 0));
        self.test = order.split_off(arguments.pictures);
        self.test.truncate(arguments.test);
        self.training = order;
    }

    fn shape(&self) -> [usize; 3] {
        let (height, width) = (self.pictures.size.height(), self.pictures.size.width());
        [self.pictures.channels, height as usize, width as usize]
    }

    fn tensors(&self, chosen: &[usize], device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
        let [c, h, w] = self.shape();
        let mut values = vec![0f32; chosen.len() * c * h * w];
        for (target, index) in values.chunks_exact_mut(c * h * w).zip(chosen) {
            self.pictures.write_unit(*index, false, target);
        }
        let labels: Vec<i64> = chosen.iter().map(|index| self.labels[*index]).collect();
        let n = chosen.len();
        (
            Tensor::from_data(TensorData::new(values, [n, c, h, w]), device),
            Tensor::from_data(TensorData::new(labels, [n]), device),
        )
    }
}

/// Share of the pictures that are told right, in percent.
fn accuracy(model: &Classifier, data: &Data, chosen: &[usize], device: &Device) -> f64 {
    let right: f64 = chosen
        .chunks(100)
        .map(|chosen| {
            let (x, labels) = data.tensors(chosen, device);
            let found = model.forward(x, None).argmax(1).squeeze_dim::<1>(1);
            f64::from(found.equal(labels).float().sum().into_scalar::<f32>())
        })
        .sum();
    100.0 * right / chosen.len() as f64
}

/// Accuracy on training and test pictures after training.
fn train(variant: &Variant, data: &Data, steps: u64, seed: u64) -> anyhow::Result<[f64; 2]> {
    const BATCH: usize = 32;
    let device = Device::flex().autodiff();
    device.seed(seed);
    let mut model = Classifier::new(data.shape(), data.classes, &device);
    let mut optimizer = AdamConfig::new().init();
    let mut order = data.training.clone();
    for step in 0..steps {
        order.shuffle(&mut Seed(seed).rng(Purpose::Pictures, step));
        let (x, labels) = data.tensors(&order[..BATCH.min(order.len())], &device);
        let [mut partners, mut masks] =
            [Purpose::Partner, Purpose::Perturbation].map(|p| Seed(seed).rng(p, step));
        let j = objective(&model, &x, labels, variant, [&mut partners, &mut masks])?;
        let gradients = GradientsParams::from_grads(j.backward(), &model);
        model = optimizer.step(1e-3, model, gradients);
    }
    let device = Device::flex();
    let model = model.valid();
    Ok([&data.training, &data.test].map(|chosen| accuracy(&model, data, chosen, &device)))
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut data = Data::open(arguments)?;
    // Letters and digits are not to be mirrored; ornaments are.
    let variants = variants(arguments.source == "motif");
    let rows = compare(variants, arguments.seeds, |variant, seed| {
        eprintln!("{} seed {seed}", variant.name);
        data.split(arguments, seed);
        train(variant, &data, arguments.steps, seed)
    })?;
    println!(
        "{} classes, {} pictures to train on, {} to test on, {} steps, {} seeds",
        data.classes,
        data.training.len(),
        data.test.len(),
        arguments.steps,
        arguments.seeds
    );
    print!("{}", report("%", Better::Higher, &rows));
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
