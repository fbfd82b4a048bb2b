//! The critics' gradients, written out by hand: against first-order autodiff everywhere, and their
//! derivatives against PyTorch's double backward (`reference/softreg_net.py`).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is tests")]

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use proptest::prelude::*;
use safetensors::SafeTensors;
use softreg::hard::{GradientPenalty, Point, Target};
use softreg::perturbation::Perturbation;
use softreg::scene::rows;
use softreg::{Purpose, Seed};
use softreg_net::architecture::{ARCHITECTURES, Architecture};
use softreg_net::{Critic, Geometry, Shape, Trace, latent, parameters};
use std::collections::BTreeMap;

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// `max|a − b| / max|b|`; the largest `|a|` where all of `b` is 0.
fn relative_error(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().all(|v| v.is_finite()));
    let scale = b.iter().fold(0f32, |m, v| m.max(v.abs()));
    let error = a.iter().zip(b).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
    if scale > 0.0 { error / scale } else { error }
}

fn noise(shape: [usize; 4], seed: u64, device: &Device) -> Tensor<4> {
    let mut rng = Seed(seed).rng(Purpose::Latents, 0);
    let values = latent::draw(shape.iter().product(), 1, None, &mut rng);
    Tensor::<1>::from_floats(values.as_slice(), device).reshape(shape)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every size, with and without labels, with and without noise on the features.
    #[test]
    fn the_gradient_written_out_is_the_gradient(
        which in 0..ARCHITECTURES.len(),
        w in 4usize..=10, h in 4usize..=10, channels in 1usize..=4, n in 1usize..=3,
        labelled: bool, masked: bool, seed in 0u64..1 << 32,
    ) {
        let shape = Shape {
            architecture: ARCHITECTURES[which].architecture,
            geometry: Geometry::new(4 * w, 4 * h).unwrap(),
            channels,
            width: 4,
            latent: 8,
            self_modulation: false,
            classes: labelled.then_some(3),
        };
        let device = Device::flex().autodiff();
        let critic = Critic::new(&shape, &mut Seed(seed).rng(Purpose::Weights, 1), &device);
        let pictures = noise([n, channels, 4 * h, 4 * w], seed, &device).require_grad();
        let labels: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
        let labels = labelled.then(|| latent::one_hot(&labels, 3, &device));
        let mut rng = Seed(seed).rng(Purpose::Perturbation, 0);
        let mask = masked.then(|| {
            let dropout = Perturbation::Dropout { rate: 0.3 };
            dropout.draw([n, critic.feature_count()], &mut rng, &device)
        });
        let mut trace = Trace::new();
        let opinion = critic.judge(pictures.clone(), labels.clone(), mask.clone(), &mut trace);
        let expected = pictures.grad(&opinion.score.sum().backward()).unwrap();
        let found = critic.input_gradient(&trace, labels, mask);
        prop_assert_eq!(found.dims(), pictures.dims());
        let error = relative_error(&numbers(found.detach()), &numbers(expected));
        prop_assert!(error < 1e-5, "relative error {error:e}");
        // The first of several pictures alone.
        let alone = critic.clone().input_gradient(&trace.rows(0..1), None, None);
        prop_assert_eq!(alone.dims()[0], 1);
    }
}

struct Golden(BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Golden {
    fn open() -> Self {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/golden/softreg_net.safetensors");
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
            let values = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
            (name.to_owned(), (view.shape().to_vec(), values.collect()))
        };
        Self(file.iter().map(tensor).collect())
    }

    fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, values) = &self.0[name];
        Tensor::from_data(TensorData::new(values.clone(), shape.clone()), device)
    }

    /// Everything whose name starts with `prefix`, without that start.
    fn group(&self, prefix: &str) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
        let own = |(name, value): (&String, &(Vec<usize>, Vec<f32>))| {
            Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
        };
        self.0.iter().filter_map(own).collect()
    }

    fn compare(&self, name: &str, found: &[f32]) {
        let error = relative_error(found, &self.0[name].1);
        assert!(error <= 1e-5, "{name}: relative error {error:e}");
        println!("{error:9.2e}  {name}");
    }
}

/// The gradient that reached every weight, by name; 0 where none did.
fn gradients(critic: &Critic, gradients: &Gradients) -> BTreeMap<String, Vec<f32>> {
    struct Collect<'a> {
        path: Vec<String>,
        gradients: &'a Gradients,
        found: BTreeMap<String, Vec<f32>>,
    }
    impl ModuleVisitor for Collect<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let weight = param.val();
            let gradient = weight.grad(self.gradients).unwrap_or(weight.inner().zeros_like());
            self.found.insert(self.path.join("."), numbers(gradient));
        }
    }
    let mut collect = Collect { path: Vec::new(), gradients, found: BTreeMap::new() };
    critic.visit(&mut collect);
    collect.found
}

#[test]
fn exact_penalties_agree_with_double_backward() {
    let golden = Golden::open();
    let device = Device::flex().autodiff();
    for (kind, architecture) in
        [("dcgan", Architecture::Dcgan), ("residual", Architecture::Residual)]
    {
        let shape = Shape {
            architecture,
            geometry: Geometry::new(16, 16).unwrap(),
            channels: 3,
            width: 4,
            latent: 8,
            self_modulation: false,
            classes: Some(3),
        };
        let critic = Critic::new(&shape, &mut Seed(0).rng(Purpose::Weights, 1), &device);
        let critic = parameters::load(critic, golden.group(&format!("{kind}/weight/"))).unwrap();
        let pictures: Tensor<4> = golden.tensor(&format!("{kind}/pictures"), &device);
        let labels: Tensor<2> = golden.tensor(&format!("{kind}/labels"), &device);
        let mut trace = Trace::new();
        let opinion = critic.judge(pictures, Some(labels.clone()), None, &mut trace);
        golden.compare(&format!("{kind}/score"), &numbers(opinion.score));
        let gradient = || critic.input_gradient(&trace, Some(labels.clone()), None);
        golden.compare(&format!("{kind}/gradient"), &numbers(gradient()));
        for (name, target) in [("r1", Target::Zero), ("wgan-gp", Target::One)] {
            let penalty = GradientPenalty { point: Point::Real, target };
            let value = penalty.of(rows(gradient()));
            let found = gradients(&critic, &value.backward());
            golden.compare(&format!("{kind}/{name}/value"), &numbers(value));
            let expected = golden.group(&format!("{kind}/{name}/grad/"));
            assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            for (weight, gradient) in found {
                golden.compare(&format!("{kind}/{name}/grad/{weight}"), &gradient);
            }
        }
    }
}
