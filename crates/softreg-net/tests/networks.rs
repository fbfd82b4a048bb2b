//! What every pair of networks has to hold, whatever its size.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use proptest::prelude::*;
use softreg::{Purpose, Seed};
use softreg_kernel::OneThread;
use softreg_net::architecture::{ARCHITECTURES, Architecture};
use softreg_net::parameters::{self, LoadError};
use softreg_net::{Critic, Generator, Geometry, Shape, average, flat, latent};
use std::collections::BTreeMap;

fn shape(architecture: Architecture, width: usize, height: usize, channels: usize) -> Shape {
    let geometry = Geometry::new(width, height).unwrap();
    Shape {
        architecture,
        geometry,
        channels,
        width: 4,
        latent: 8,
        self_modulation: true,
        classes: None,
    }
}

fn pair(shape: &Shape, seed: u64, device: &Device) -> (Generator, Critic) {
    let rng = |player| Seed(seed).rng(Purpose::Weights, player);
    (Generator::new(shape, &mut rng(0), device), Critic::new(shape, &mut rng(1), device))
}

fn latents(n: usize, shape: &Shape, device: &Device) -> Tensor<2> {
    let mut rng = Seed(5).rng(Purpose::Latents, 0);
    latent::tensor(latent::draw(n, shape.latent, None, &mut rng), shape.latent, device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn pictures_have_the_size_that_was_asked_for(
        which in 0..ARCHITECTURES.len(), w in 4usize..=12, h in 4usize..=12, channels in 1usize..=4,
    ) {
        let shape = shape(ARCHITECTURES[which].architecture, 4 * w, 4 * h, channels);
        let device = Device::flex();
        let (generator, critic) = pair(&shape, 1, &device);
        let pictures = generator.forward(latents(3, &shape, &device), None);
        prop_assert_eq!(pictures.dims(), [3, channels, 4 * h, 4 * w]);
        prop_assert!(numbers(pictures.clone()).iter().all(|x| x.abs() <= 1.0));
        let scores = critic.forward(pictures, None);
        prop_assert_eq!(scores.dims(), [3, 1]);
        prop_assert!(numbers(scores).iter().all(|x| x.is_finite()));
    }
}

#[test]
fn one_seed_fixes_the_weights_and_their_identifiers() {
    for entry in ARCHITECTURES {
        let shape = shape(entry.architecture, 16, 16, 3);
        let device = Device::flex();
        let of = |seed| parameters::collect(&pair(&shape, seed, &device).0);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let mut ids: Vec<u64> = of(1).iter().map(|p| p.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), of(1).len(), "{}: every weight has its own identifier", entry.name);
    }
}

#[test]
fn every_trainable_weight_gets_a_gradient() {
    for entry in ARCHITECTURES {
        let mut shape = shape(entry.architecture, 16, 16, 3);
        shape.classes = Some(3);
        let device = Device::flex().autodiff();
        let (generator, critic) = pair(&shape, 1, &device);
        let labels = latent::one_hot(&[0, 1, 2, 0], 3, &device);
        let pictures = generator.forward(latents(4, &shape, &device), Some(labels.clone()));
        let gradients = critic.forward(pictures, Some(labels)).square().sum().backward();
        let mut gradients = gradients;
        let of_generator = burn::optim::GradientsParams::from_module(&mut gradients, &generator);
        let of_critic = burn::optim::GradientsParams::from_module(&mut gradients, &critic);
        let standing = |name: &str| name.contains("standing");
        let trainable =
            |all: Vec<parameters::Parameter>| all.iter().filter(|p| !standing(&p.name)).count();
        assert_eq!(
            of_generator.len(),
            trainable(parameters::collect(&generator)),
            "{}",
            entry.name
        );
        assert_eq!(of_critic.len(), trainable(parameters::collect(&critic)), "{}", entry.name);
    }
}

#[test]
fn scores_start_near_variance_one() {
    // Equalised layers keep the variance: a wrong gain shows as a factor per layer.
    for entry in ARCHITECTURES {
        let mut shape = shape(entry.architecture, 32, 32, 3);
        shape.width = 16;
        let device = Device::flex();
        let (_, critic) = pair(&shape, 3, &device);
        let mut rng = Seed(9).rng(Purpose::Latents, 0);
        // Smooth as pictures are: means over neighbours would take white noise away.
        let coarse = latent::draw(64, 3 * 4 * 4, None, &mut rng);
        let coarse: Tensor<6> =
            latent::tensor(coarse, 3 * 4 * 4, &device).reshape([64, 3, 4, 1, 4, 1]);
        let pictures: Tensor<4> =
            coarse.expand::<6, _>([64, 3, 4, 8, 4, 8]).reshape([64, 3, 32, 32]);
        let features = numbers(critic.features(pictures));
        let square = features.iter().map(|x| x * x).sum::<f32>() / features.len() as f32;
        assert!((0.1..5.0).contains(&square), "{}: mean square {square}", entry.name);
    }
}

#[test]
fn with_standing_statistics_a_picture_does_not_depend_on_its_batch() {
    for entry in ARCHITECTURES {
        let shape = shape(entry.architecture, 16, 16, 3);
        let device = Device::flex();
        let (generator, _) = pair(&shape, 1, &device);
        let z = latents(6, &shape, &device);
        let generator = generator.with_standing_statistics([(z.clone(), None)]);
        let together = generator.generate(z.clone(), None);
        let alone = generator.generate(z.clone().narrow(0, 2, 1), None);
        let difference = numbers(together.clone().narrow(0, 2, 1) - alone);
        assert!(difference.iter().all(|d| d.abs() < 1e-5), "{}", entry.name);
        // Measured on this very batch, standing statistics are the batch's own.
        let difference = numbers(together - generator.forward(z, None));
        assert!(difference.iter().all(|d| d.abs() < 1e-4), "{}", entry.name);
    }
}

#[test]
fn a_label_changes_picture_and_score() {
    for entry in ARCHITECTURES {
        let mut shape = shape(entry.architecture, 16, 16, 3);
        shape.classes = Some(2);
        let device = Device::flex();
        let (generator, critic) = pair(&shape, 1, &device);
        let z = latents(2, &shape, &device);
        let hot = |label: u32| Some(latent::one_hot(&[label, label], 2, &device));
        let (a, b) = (generator.forward(z.clone(), hot(0)), generator.forward(z, hot(1)));
        assert_ne!(numbers(a.clone()), numbers(b));
        assert_ne!(numbers(critic.forward(a.clone(), hot(0))), numbers(critic.forward(a, hot(1))));
    }
}

#[test]
fn weights_survive_a_round_trip_and_foreign_ones_are_refused() {
    let shape = shape(Architecture::Dcgan, 16, 16, 3);
    let device = Device::flex();
    let (generator, _) = pair(&shape, 1, &device);
    let weights = |generator: &Generator| -> BTreeMap<_, _> {
        parameters::collect(generator).into_iter().map(|p| (p.name, (p.shape, p.values))).collect()
    };
    let (other, _) = pair(&shape, 2, &device);
    let loaded = parameters::load(other.clone(), weights(&generator)).unwrap();
    assert_eq!(parameters::collect(&loaded), parameters::collect(&generator));

    let mut missing = weights(&generator);
    let name = missing.keys().next().unwrap().clone();
    let first = missing.remove(&name).unwrap();
    assert_eq!(
        parameters::load(other.clone(), missing.clone()).unwrap_err(),
        LoadError::Missing { name: name.clone() }
    );
    missing.insert(name.clone(), (vec![1], vec![0.0]));
    assert!(matches!(
        parameters::load(other.clone(), missing.clone()).unwrap_err(),
        LoadError::Shape { .. }
    ));
    missing.insert(name, first);
    missing.insert("alien".to_owned(), (vec![1], vec![0.0]));
    assert_eq!(
        parameters::load(other, missing).unwrap_err(),
        LoadError::Foreign { name: "alien".to_owned() }
    );
}

#[test]
fn the_average_moves_by_its_decay() {
    let shape = shape(Architecture::Dcgan, 16, 16, 3);
    let device = Device::flex();
    let (a, _) = pair(&shape, 1, &device);
    let (b, _) = pair(&shape, 2, &device);
    let moved = average::update(a.valid(), &b, 0.75, &OneThread);
    let values = |g: &Generator| -> Vec<f32> {
        parameters::collect(g).into_iter().flat_map(|p| p.values).collect()
    };
    for ((a, b), moved) in values(&a).into_iter().zip(values(&b)).zip(values(&moved)) {
        assert!((0.75 * a + 0.25 * b - moved).abs() < 1e-6);
    }
    // After one half-life in images the old average counts half; early on it follows faster.
    assert!((average::decay(10_000, 10_000.0, 10_000_000) - 0.5).abs() < 1e-12);
    assert!(average::decay(64, 10_000.0, 640) < average::decay(64, 10_000.0, 64_000));
}

#[test]
fn weights_are_taken_out_and_come_back_as_they_were() {
    #[derive(Default, PartialEq, Debug)]
    struct Tracked(Vec<[bool; 2]>);
    impl ModuleVisitor for Tracked {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push([param.val().is_autodiff(), param.val().is_require_grad()]);
        }
    }
    let tracked = |network: &Generator| {
        let mut found = Tracked::default();
        network.visit(&mut found);
        found
    };
    let (made, _) = pair(&shape(Architecture::Residual, 16, 16, 3), 1, &Device::flex().autodiff());
    for network in [made.clone(), made.clone().no_grad(), made.valid()] {
        let before = parameters::collect(&network);
        let moved = flat::map(network.clone(), |rows| {
            for (row, weight) in rows.iter().zip(&before) {
                let values: Vec<f32> = row.values.clone().into_data().iter().collect();
                let found = (&row.path, &row.shape, &values);
                assert_eq!(found, (&weight.name, &weight.shape, &weight.values));
            }
            assert_eq!(rows.len(), before.len());
            rows.into_iter().map(|row| row.values.mul_scalar(2.0)).collect()
        });
        assert_eq!(tracked(&moved), tracked(&network));
        for (now, before) in parameters::collect(&moved).into_iter().zip(before) {
            let doubled = before.values.iter().map(|value| 2.0 * value).collect();
            assert_eq!(now, parameters::Parameter { values: doubled, ..before });
        }
    }
    let all = tracked(&made);
    assert!(all.0.contains(&[true, true]) && all.0.contains(&[true, false]), "{all:?}");
}
