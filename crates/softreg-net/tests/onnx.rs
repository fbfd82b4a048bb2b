//! What is written as ONNX makes the same pictures in a program that shares no code with this one: rten.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use burn::tensor::{Device, Tensor};
use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use softreg::{Purpose, Seed};
use softreg_net::architecture::ARCHITECTURES;
use softreg_net::{Generator, Geometry, Shape, latent};

#[test]
fn another_program_makes_the_same_pictures() {
    let device = Device::flex();
    for entry in ARCHITECTURES {
        for (width, height, channels, classes, self_modulation) in
            [(32, 32, 3, None, false), (16, 24, 1, Some(3), true), (48, 32, 4, None, true)]
        {
            let geometry = Geometry::new(width, height).unwrap();
            let architecture = entry.architecture;
            let shape = Shape {
                architecture,
                geometry,
                channels,
                width: 6,
                latent: 10,
                self_modulation,
                classes,
            };
            let mut rng = Seed(3).rng(Purpose::Weights, 0);
            let mut draws = Seed(3).rng(Purpose::Latents, 0);
            let mut latents = |n| {
                let values = latent::draw(n, shape.latent, None, &mut draws);
                latent::tensor(values, shape.latent, &device)
            };
            let hot = |n: usize| {
                let labels: Vec<u32> = (0..n).map(|i| (i % 3) as u32).collect();
                classes.map(|classes| latent::one_hot(&labels, classes, &device))
            };
            let generator = Generator::new(&shape, &mut rng, &device)
                .with_standing_statistics([(latents(32), hot(32))]);
            let z = latents(5);
            let expected = generator.generate(z.clone(), hot(5));
            assert_eq!(expected.dims(), [5, channels, height, width]);

            let model = Model::load(generator.to_onnx([channels, height, width], &[])).unwrap();
            let given = |x: Tensor<2>| NdTensor::from_data(x.dims(), numbers(x));
            let mut inputs = vec![(model.node_id("latents").unwrap(), given(z).into())];
            if let Some(labels) = hot(5) {
                inputs.push((model.node_id("labels").unwrap(), given(labels).into()));
            }
            let output = model.node_id("pictures").unwrap();
            let [made] = model.run_n(inputs, [output], None).unwrap();
            let made: rten_tensor::Tensor<f32> = made.try_into().unwrap();
            assert_eq!(made.shape(), [5, channels, height, width]);
            let worst = numbers(expected)
                .iter()
                .zip(made.to_vec())
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 1e-4, "{} {width}x{height}: {worst}", entry.name);
        }
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
