//! Agreement with formulas written independently in PyTorch: `reference/softreg_math.py`.

use crate::golden::{Golden, floats};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::{conv2d, linear};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use rand::Rng;
use softreg::adversarial::LOSSES;
use softreg::aim::{Aim, Attract, Diversify, Margin, Repel, Slope, Spread};
use softreg::augment::{Colour, ColourDraws, Cutout, Translation};
use softreg::composition::Composition;
use softreg::distance::{Bernoulli, DISTANCES, Distance, Huber, JensenShannon, Kl};
use softreg::hard::{self, SpectralNorm, WeightPenalty};
use softreg::knob::Scale;
use softreg::memory::{Anchor, Memory};
use softreg::pairing::{Augment, Pairing, PairingError, Partners, Samples};
use softreg::site::Input;
use softreg::spec;
use softreg::term::{Body, Term};
use softreg::{Batch, Purpose, Seed};
use std::sync::Arc;

#[test]
fn adversarial_losses() {
    let mut golden = Golden::open("adversarial/");
    for loss in LOSSES {
        for batch in ["ordinary", "extreme", "critic-wins", "critic-loses"] {
            let case = format!("adversarial/{}/{batch}/critic", loss.name());
            let real = golden.leaf(&format!("{case}/real"));
            let fake = golden.leaf(&format!("{case}/fake"));
            let value = loss.critic(real.clone(), fake.clone());
            let gradients = value.backward();
            golden.compare(&format!("{case}/value"), value);
            golden.compare_gradient(&format!("{case}/real"), &real, &gradients);
            golden.compare_gradient(&format!("{case}/fake"), &fake, &gradients);

            let case = format!("adversarial/{}/{batch}/generator", loss.name());
            let fake = golden.leaf(&format!("{case}/fake"));
            let real = loss.pairs_players().then(|| golden.leaf(&format!("{case}/real")));
            let value = loss.generator(fake.clone(), real.clone());
            let gradients = value.backward();
            golden.compare(&format!("{case}/value"), value);
            golden.compare_gradient(&format!("{case}/fake"), &fake, &gradients);
            if let Some(real) = real {
                golden.compare_gradient(&format!("{case}/real"), &real, &gradients);
            }
        }
    }
    golden.finish();
}

#[test]
fn distances() {
    let mut golden = Golden::open("distance/");
    let registered: Vec<_> = DISTANCES.iter().map(|part| part.with_defaults()).collect();
    let defaults = registered.iter().map(|distance| (distance.name(), distance.as_ref()));
    let others: [(&str, &dyn Distance); 4] = [
        ("bernoulli-extreme", &Bernoulli),
        ("huber-quarter", &Huber { delta: 0.25 }),
        ("jensen-shannon-extreme", &JensenShannon),
        ("kl-extreme", &Kl),
    ];
    for (name, distance) in defaults.chain(others) {
        let case = format!("distance/{name}");
        let a = golden.leaf(&format!("{case}/a"));
        let b = golden.leaf(&format!("{case}/b"));
        let value = distance.per_pair(a.clone(), b.clone());
        let weights = golden.tensor::<1>(&format!("{case}/weights"));
        let gradients = (value.clone() * weights).sum().backward();
        golden.compare(&format!("{case}/value"), value);
        golden.compare_gradient(&format!("{case}/a"), &a, &gradients);
        golden.compare_gradient(&format!("{case}/b"), &b, &gradients);
    }
    golden.finish();
}

#[test]
fn aims() {
    let mut golden = Golden::open("aim/");
    let usual = Repel { epsilon: Repel::EPSILON };
    let cases: [(&str, &dyn Aim, bool); 11] = [
        ("aim/attract", &Attract, false),
        ("aim/diversify", &Diversify { tau: Diversify::TAU }, true),
        ("aim/diversify-clipped", &Diversify { tau: 0.4 }, true),
        ("aim/margin", &Margin { margin: Margin::MARGIN }, false),
        ("aim/margin-quarter", &Margin { margin: 0.25 }, false),
        ("aim/repel", &usual, true),
        ("aim/repel-epsilon", &Repel { epsilon: 0.5 }, true),
        ("aim/repel-near-collapse", &usual, true),
        ("aim/repel-outputs-only", &usual, false),
        ("aim/slope", &Slope, true),
        ("aim/spread", &Spread, false),
    ];
    for (case, aim, with_inputs) in cases {
        let outputs = golden.leaf(&format!("{case}/outputs"));
        let inputs = with_inputs.then(|| golden.leaf(&format!("{case}/inputs")));
        let value = aim.value(outputs.clone(), inputs.clone());
        let gradients = value.backward();
        golden.compare(&format!("{case}/value"), value);
        golden.compare_gradient(&format!("{case}/outputs"), &outputs, &gradients);
        if let Some(inputs) = inputs {
            golden.compare_gradient(&format!("{case}/inputs"), &inputs, &gradients);
        }
    }
    golden.finish();
}

/// A partner that was decided beforehand; a pairing of somebody else's making.
#[derive(Clone, Debug)]
enum Given {
    /// Sample `i` is paired with this row of the batch.
    Rows(Vec<usize>),
    /// Pixel `p` of the partner of sample `i` is pixel `source[i][p]` of the sample.
    Pixels(Vec<i64>),
    /// The partner is the sample with these numbers added.
    Added(Vec<f32>),
    /// The sample is mixed with this row of the batch, and so much of itself stays.
    Mixed(Vec<usize>, f64),
}

impl Pairing for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn extra_pass(&self) -> bool {
        !matches!(self, Given::Rows(_))
    }

    fn draw(&self, samples: &Samples<'_>, _rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        let n = samples.shape[0];
        Ok(match self {
            Given::Rows(rows) => {
                Partners::InBatch { samples: (0..n).collect(), partners: rows.clone() }
            }
            Given::Pixels(source) => {
                let (channels, area) = (samples.shape[1], source.len() / n);
                let device = samples.rows.device();
                let source = TensorData::new(source.clone(), [n, 1, area]);
                let source = Tensor::<3, Int>::from_data(source, &device).repeat_dim(1, channels);
                let pictures = samples.rows.clone().reshape([n, channels, area]);
                Partners::Inputs(pictures.gather(2, source).reshape([n, channels * area]))
            }
            Given::Mixed(partners, share) => {
                let index: Vec<i64> = partners.iter().map(|row| *row as i64).collect();
                let index = TensorData::new(index, [n]);
                let index = Tensor::<1, Int>::from_data(index, &samples.rows.device());
                let others = samples.rows.clone().select(0, index).mul_scalar(1.0 - share);
                let inputs = samples.rows.clone().mul_scalar(*share) + others;
                Partners::Mixed { inputs, partners: partners.clone(), share: *share }
            }
            Given::Added(numbers) => {
                let numbers = TensorData::new(numbers.clone(), samples.rows.dims());
                let numbers = Tensor::from_data(numbers, &samples.rows.device());
                Partners::Inputs(samples.rows.clone() + numbers)
            }
        })
    }
}

/// The terms of the regularizer that `text` asks for, with λ and with a given partner.
fn registered_terms(text: &str, pairing: Given) -> Vec<(f64, Composition)> {
    let (name, spec) = spec::parse(text).unwrap();
    let pairing = Arc::new(pairing);
    let terms = spec::check(&name, &spec).unwrap().terms(&Scale::REFERENCE).unwrap().into_iter();
    let given = |term: Term| match term.body {
        Body::Soft(composition) => {
            (term.weight, Composition { pairing: pairing.clone(), ..composition })
        }
        _ => panic!("{name} compares no outputs"),
    };
    terms.map(given).collect()
}

/// As [`registered_terms`], where there is one term.
fn registered(text: &str, pairing: Given) -> Composition {
    let [(_, composition)] = registered_terms(text, pairing).try_into().unwrap();
    composition
}

struct Critic {
    conv: Tensor<4>,
    conv_bias: Tensor<1>,
    linear: Tensor<2>,
    linear_bias: Tensor<1>,
}

impl Critic {
    fn of(golden: &Golden, case: &str) -> Self {
        Self {
            conv: golden.leaf(&format!("{case}/conv")),
            conv_bias: golden.leaf(&format!("{case}/conv_bias")),
            linear: golden.leaf(&format!("{case}/linear")),
            linear_bias: golden.leaf(&format!("{case}/linear_bias")),
        }
    }

    fn scores(&self, x: Tensor<4>) -> Tensor<2> {
        self.masked(x, None)
    }

    /// The scores of features that are multiplied with a mask first.
    fn masked(&self, x: Tensor<4>, mask: Option<Tensor<2>>) -> Tensor<2> {
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let h = conv2d(x, self.conv.clone(), Some(self.conv_bias.clone()), options);
        let h: Tensor<2> = leaky_relu(h, 0.2).flatten(1, 3);
        let h = match mask {
            Some(mask) => h * mask,
            None => h,
        };
        linear(h, self.linear.clone().transpose(), Some(self.linear_bias.clone()))
    }

    fn compare(&self, golden: &mut Golden, case: &str, gradients: &Gradients) {
        golden.compare_gradient(&format!("{case}/conv"), &self.conv, gradients);
        golden.compare_gradient(&format!("{case}/conv_bias"), &self.conv_bias, gradients);
        golden.compare_gradient(&format!("{case}/linear"), &self.linear, gradients);
        golden.compare_gradient(&format!("{case}/linear_bias"), &self.linear_bias, gradients);
    }
}

fn on_critic(name: &str, pairing: impl FnOnce(&Golden, &str) -> Given) {
    let case = format!("composition/{name}");
    let mut golden = Golden::open(&case);
    let critic = Critic::of(&golden, &case);
    let x: Tensor<4> = golden.leaf(&format!("{case}/x"));
    let composition = registered(name, pairing(&golden, &case));
    let passes = std::cell::Cell::new(0);
    let mut f = |x| {
        passes.set(passes.get() + 1);
        critic.scores(x)
    };
    let y = critic.scores(x.clone());
    let mut rng = Seed(1).rng(Purpose::Partner, 0);
    let value = composition.penalty(&Batch::new(&x, &y), &mut f, &mut rng).unwrap();
    assert_eq!(passes.get(), usize::from(composition.pairing.extra_pass()));
    let gradients = value.backward();
    golden.compare(&format!("{case}/value"), value);
    golden.compare_gradient(&format!("{case}/x"), &x, &gradients);
    critic.compare(&mut golden, &case, &gradients);
    golden.finish();
}

fn partner_rows(golden: &Golden, case: &str) -> Given {
    let rows = golden.integers(&format!("{case}/partners"));
    Given::Rows(rows.into_iter().map(|row| row as usize).collect())
}

#[test]
fn composition_pair() {
    on_critic("pair", partner_rows);
}

#[test]
fn composition_consistency() {
    on_critic("consistency", |golden, case| {
        Given::Pixels(golden.integers(&format!("{case}/source")))
    });
}

#[test]
fn composition_slope_real() {
    on_critic("slope-real", |golden, case| Given::Added(golden.floats(&format!("{case}/noise"))));
}

/// The halves of a regularizer of real and of generated pictures, with their weights, as they enter
/// the critic's objective.
fn on_both_sorts(case: &str, mut golden: Golden, halves: Vec<(f64, Composition)>, memory: &Memory) {
    let critic = Critic::of(&golden, case);
    let mut total: Option<Tensor<1>> = None;
    let mut pictures = vec![];
    for (weight, composition) in halves {
        let name = format!("{case}/{}", composition.site.subject());
        let x: Tensor<4> = golden.leaf(&name);
        let y = critic.scores(x.clone());
        let batch = Batch::new(&x, &y).memory(memory);
        let mut rng = Seed(1).rng(Purpose::Partner, 0);
        let half = composition.penalty(&batch, &mut |x| critic.scores(x), &mut rng).unwrap();
        let half = half.mul_scalar(weight);
        total = Some(total.map_or_else(|| half.clone(), |total| total + half.clone()));
        pictures.push((name, x));
    }
    let total = total.unwrap();
    let gradients = total.backward();
    golden.compare(&format!("{case}/value"), total);
    for (name, x) in &pictures {
        golden.compare_gradient(name, x, &gradients);
    }
    critic.compare(&mut golden, case, &gradients);
    golden.finish();
}

#[test]
fn composition_balanced() {
    let case = "composition/balanced";
    let golden = Golden::open(case);
    let pairing = Given::Pixels(golden.integers(&format!("{case}/source")));
    on_both_sorts(case, golden, registered_terms("balanced", pairing), &Memory::default());
}

#[test]
fn composition_mode_seeking() {
    on_generator("composition/mode-seeking", "mode-seeking");
}

#[test]
fn composition_diversity() {
    on_generator("composition/diversity", "diversity,tau=0.5");
}

/// The network's own randomness: the loss has one mask, the further pass another.
#[test]
fn compositions_with_masks() {
    // Dropout with the given masks has a rate of ½; here the rate only names what is asked for.
    for (name, spec) in [("dropout", "dropout,rate=0.5"), ("modulated", "modulated")] {
        let case = format!("composition/{name}");
        let mut golden = Golden::open(&case);
        let critic = Critic::of(&golden, &case);
        let x: Tensor<4> = golden.leaf(&format!("{case}/x"));
        let mask = |name: &str| golden.tensor::<2>(&format!("{case}/{name}"));
        let (first, again) = (mask("mask"), mask("mask_again"));
        let (name, spec) = spec::parse(spec).unwrap();
        let terms = spec::check(&name, &spec).unwrap().terms(&Scale::REFERENCE).unwrap();
        let composition = terms[0].body.composition().unwrap();
        let y = critic.masked(x.clone(), Some(first));
        let mut rng = Seed(1).rng(Purpose::Partner, 0);
        let mut f = |x| critic.masked(x, Some(again.clone()));
        let value = composition.penalty(&Batch::new(&x, &y), &mut f, &mut rng).unwrap();
        let gradients = value.backward();
        golden.compare(&format!("{case}/value"), value);
        golden.compare_gradient(&format!("{case}/x"), &x, &gradients);
        critic.compare(&mut golden, &case, &gradients);
        golden.finish();
    }
}

#[test]
fn composition_interpolation() {
    let case = "composition/interpolation";
    let mut golden = Golden::open(case);
    let critic = Critic::of(&golden, case);
    let x: Tensor<4> = golden.leaf(&format!("{case}/x"));
    let Given::Rows(partners) = partner_rows(&golden, case) else { unreachable!() };
    let share = f64::from(golden.floats(&format!("{case}/share"))[0]);
    let composition = registered("interpolation", Given::Mixed(partners, share));
    let teacher: Tensor<2> = golden.tensor(&format!("{case}/teacher"));
    let y = critic.scores(x.clone());
    let batch = Batch::new(&x, &y).teacher(&teacher);
    let mut rng = Seed(1).rng(Purpose::Partner, 0);
    let value = composition.penalty(&batch, &mut |x| critic.scores(x), &mut rng).unwrap();
    let gradients = value.backward();
    golden.compare(&format!("{case}/value"), value);
    golden.compare_gradient(&format!("{case}/x"), &x, &gradients);
    critic.compare(&mut golden, case, &gradients);
    golden.finish();
}

#[test]
fn composition_lecam() {
    let case = "composition/lecam";
    let golden = Golden::open(case);
    let mut memory = Memory::default();
    let anchors = golden.floats(&format!("{case}/anchors"));
    for (of, value) in [Input::Real, Input::Fake].into_iter().zip(anchors) {
        memory.observe(&Anchor { of, decay: Anchor::DECAY }, &[f64::from(value)]);
    }
    let (name, spec) = spec::parse("lecam").unwrap();
    let terms = spec::check(&name, &spec).unwrap().terms(&Scale::REFERENCE).unwrap();
    // Values are R itself, without the weight.
    let half = |term: &Term| (1.0, term.body.composition().unwrap().clone());
    on_both_sorts(case, golden, terms.iter().map(half).collect(), &memory);
}

/// Both halves of `latent`: through generator and critic, and through the generator alone.
#[test]
fn composition_latent() {
    for (case, half) in [("composition/latent-critic", 0), ("composition/latent-generator", 1)] {
        let mut golden = Golden::open(case);
        let z: Tensor<2> = golden.leaf(&format!("{case}/x"));
        let matrix: Tensor<2> = golden.leaf(&format!("{case}/matrix"));
        let bias: Tensor<1> = golden.leaf(&format!("{case}/matrix_bias"));
        let critic = (half == 0).then(|| Critic::of(&golden, case));
        let mut f = |z: Tensor<2>| -> Tensor<2> {
            let n = z.dims()[0];
            let made = linear(z, matrix.clone().transpose(), Some(bias.clone())).tanh();
            match &critic {
                Some(critic) => critic.scores(made.reshape([n, 3, 6, 8])),
                None => made,
            }
        };
        let given = Given::Added(golden.floats(&format!("{case}/noise")));
        let (_, composition) = registered_terms("latent", given).remove(half);
        let y = f(z.clone());
        let mut rng = Seed(1).rng(Purpose::Partner, 0);
        let value = composition.penalty(&Batch::new(&z, &y), &mut f, &mut rng).unwrap();
        let gradients = value.backward();
        golden.compare(&format!("{case}/value"), value);
        golden.compare_gradient(&format!("{case}/x"), &z, &gradients);
        golden.compare_gradient(&format!("{case}/matrix"), &matrix, &gradients);
        golden.compare_gradient(&format!("{case}/matrix_bias"), &bias, &gradients);
        if let Some(critic) = &critic {
            critic.compare(&mut golden, case, &gradients);
        }
        golden.finish();
    }
}

/// `W/σ(W)` after three power iterations, and its gradient with the singular vectors held constant.
#[test]
fn spectral_normalisation() {
    fn check<const D: usize>(name: &str) {
        #[derive(Module, Debug)]
        struct Lone<const D: usize> {
            weight: Param<Tensor<D>>,
        }
        let case = format!("spectral/{name}");
        let mut golden = Golden::open(&case);
        let lone =
            Lone { weight: Param::from_tensor(golden.tensor::<D>(&format!("{case}/weight"))) };
        let u = golden.floats(&format!("{case}/u"));
        let columns = golden.floats(&format!("{case}/weight")).len() / u.len();
        let vectors = [(lone.weight.id.val(), [u, vec![0.0; columns]])];
        let mut norm = SpectralNorm::from_vectors(vectors.into());
        (0..3).for_each(|_| norm.iterate(&lone));
        let value = norm.normalized(lone.clone(), &|_| 1.0).weight.val();
        let weights = golden.tensor::<D>(&format!("{case}/weights"));
        let gradients = (value.clone() * weights).sum().backward();
        golden.compare(&format!("{case}/value"), value);
        golden.compare_gradient(&format!("{case}/weight"), &lone.weight.val(), &gradients);
        golden.finish();
    }
    check::<2>("linear");
    check::<4>("conv");
}

fn on_generator(case: &str, spec: &str) {
    let mut golden = Golden::open(case);
    let z: Tensor<2> = golden.leaf(&format!("{case}/x"));
    let weights: Tensor<2> = golden.leaf(&format!("{case}/linear"));
    let bias: Tensor<1> = golden.leaf(&format!("{case}/linear_bias"));
    let generate = |z: Tensor<2>| -> Tensor<4> {
        let n = z.dims()[0];
        linear(z, weights.clone().transpose(), Some(bias.clone())).tanh().reshape([n, 3, 4, 6])
    };
    let pictures = generate(z.clone());
    let mut again = |_| -> Tensor<4> { panic!("partners inside the batch need no pass") };
    let value = registered(spec, partner_rows(&golden, case))
        .penalty(&Batch::new(&z, &pictures), &mut again, &mut Seed(1).rng(Purpose::Partner, 0))
        .unwrap();
    let gradients = value.backward();
    golden.compare(&format!("{case}/value"), value);
    golden.compare_gradient(&format!("{case}/x"), &z, &gradients);
    golden.compare_gradient(&format!("{case}/linear"), &weights, &gradients);
    golden.compare_gradient(&format!("{case}/linear_bias"), &bias, &gradients);
    golden.finish();
}

/// Every draw of the built-in pairing is one of the pictures that reflection padding, a crop and a
/// mirror can make, with the same gradient; all of them are drawn, none much more than others.
#[test]
fn augment_draws_exactly_the_reflected_moves() {
    let golden = Golden::open("augment/");
    let weights: Tensor<3> = golden.tensor("augment/weights");
    let moved: Tensor<4> = golden.tensor("augment/moved");
    let [candidates, channels, height, width] = moved.dims();
    let size = channels * height * width;
    let (moved, adjoints) = (floats(moved), golden.floats("augment/adjoints"));
    let batch = 100;
    let picture: Tensor<3> = golden.tensor("augment/picture");
    let mut counts = vec![0u32; candidates];
    for seed in 0..30 {
        let x = picture.clone().reshape([1, size]).repeat_dim(0, batch).detach().require_grad();
        let shape = [batch, channels, height, width];
        let samples = Samples { rows: x.clone(), shape: &shape, groups: None, fresh: None };
        let pairing = Augment { shift: 0.25, flip: true };
        let mut rng = Seed(seed).rng(Purpose::Partner, 0);
        let Partners::Inputs(partners) = pairing.draw(&samples, &mut rng).unwrap() else {
            panic!("moved copies are not in the batch");
        };
        let objective = partners.clone() * weights.clone().reshape([1, size]);
        let gradient = floats(x.grad(&objective.sum().backward()).unwrap());
        for (partner, gradient) in floats(partners).chunks(size).zip(gradient.chunks(size)) {
            let drawn = moved
                .chunks(size)
                .position(|candidate| candidate == partner)
                .expect("a move that reflection cannot make");
            let error = crate::golden::relative_error(gradient, &adjoints[drawn * size..][..size]);
            assert!(error <= 1e-6, "gradient of move {drawn}: relative error {error:e}");
            counts[drawn] += 1;
        }
    }
    // 100 draws of each are expected; five standard deviations are 50.
    assert!(counts.iter().all(|count| (50..150).contains(count)), "{counts:?}");
}

#[derive(Module, Debug)]
struct Small {
    conv: Conv2d,
    linear: Linear,
}

#[test]
fn weight_penalties() {
    let mut golden = Golden::open("hard/");
    let cases: [(&str, &dyn WeightPenalty); 2] = [("hard/l1", &hard::L1), ("hard/l2", &hard::L2)];
    for (case, penalty) in cases {
        let mut conv = Conv2dConfig::new([3, 2], [3, 3]).init(golden.device());
        conv.weight = Param::from_tensor(golden.tensor(&format!("{case}/conv")));
        conv.bias = Some(Param::from_tensor(golden.tensor(&format!("{case}/conv_bias"))));
        // The transposed matrix is a leaf of its own: the penalty does not mind the order.
        let matrix: Tensor<2> = golden.tensor(&format!("{case}/linear"));
        let linear = Linear {
            weight: Param::from_tensor(matrix.transpose()),
            bias: Some(Param::from_tensor(golden.tensor(&format!("{case}/linear_bias")))),
        };
        let module = Small { conv, linear };
        let value = hard::penalty(&module, penalty).unwrap();
        let gradients = value.backward();
        golden.compare(&format!("{case}/value"), value);
        let matrix = module.linear.weight.grad(&gradients).unwrap();
        golden.compare(&format!("{case}/linear.grad"), matrix.transpose());
        golden.compare_gradient(&format!("{case}/conv"), &module.conv.weight, &gradients);
        let bias = module.conv.bias.as_ref().unwrap();
        golden.compare_gradient(&format!("{case}/conv_bias"), bias, &gradients);
        let bias = module.linear.bias.as_ref().unwrap();
        golden.compare_gradient(&format!("{case}/linear_bias"), bias, &gradients);
    }
    golden.finish();
}

fn compare_change(golden: &mut Golden, case: &str, change: impl FnOnce(Tensor<4>) -> Tensor<4>) {
    let x: Tensor<4> = golden.leaf(&format!("{case}/x"));
    let value = change(x.clone());
    let weights = golden.tensor::<4>(&format!("{case}/weights"));
    let gradients = (value.clone() * weights).sum().backward();
    golden.compare(&format!("{case}/value"), value);
    golden.compare_gradient(&format!("{case}/x"), &x, &gradients);
}

#[test]
fn differentiable_augmentation() {
    let mut golden = Golden::open("diffaugment/");
    for case in ["diffaugment/colour-1", "diffaugment/colour-3", "diffaugment/colour-4"] {
        let draws = ColourDraws {
            brightness: golden.floats(&format!("{case}/brightness")),
            saturation: golden.floats(&format!("{case}/saturation")),
            contrast: golden.floats(&format!("{case}/contrast")),
        };
        compare_change(&mut golden, case, |x| Colour::with_draws(x, &draws));
    }
    let case = "diffaugment/translation";
    let moves = golden.integer_pairs(&format!("{case}/moves"));
    compare_change(&mut golden, case, |x| Translation::with_moves(x, &moves));
    let case = "diffaugment/cutout";
    let centres = golden.integer_pairs(&format!("{case}/centres"));
    let cutout = Cutout { side: Cutout::SIDE };
    compare_change(&mut golden, case, |x| cutout.with_centres(x, &centres));
    golden.finish();
}

/// Far outside what training produces, a loss may be large but never undefined.
#[test]
fn losses_stay_finite_at_absurd_scores() {
    let device = Device::flex().autodiff();
    let scores = [1e4, -1e4, 200.0, -200.0, 0.0];
    for loss in LOSSES {
        for sign in [1.0, -1.0] {
            let real = Tensor::<1>::from_floats(scores, &device).require_grad();
            let fake = Tensor::<1>::from_floats(scores.map(|s| s * sign), &device).require_grad();
            let critic = loss.critic(real.clone(), fake.clone());
            let generator = loss.generator(fake.clone(), Some(real.clone()));
            let gradients = (critic.clone() + generator.clone()).backward();
            let all = [critic, generator, fake.grad(&gradients).unwrap()];
            for values in all.into_iter().chain(real.grad(&gradients)).map(floats) {
                assert!(values.iter().all(|v| v.is_finite()), "{}: {values:?}", loss.name());
            }
        }
    }
}
