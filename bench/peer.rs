//! Ten steps of a pair of networks from given weights and draws, for `peer.py` to follow in PyTorch.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use anyhow::Context;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};
use safetensors::{Dtype, tensor::TensorView};
use softreg::{Purpose, Seed, adversarial};
use softreg_kernel::{Precision, in_precision};
use softreg_net::architecture::ARCHITECTURES;
use softreg_net::{Critic, Generator, Geometry, Shape, latent, parameters};
use std::collections::BTreeMap;

const STEPS: usize = 10;

fn main() -> anyhow::Result<()> {
    let usage = "peer FILE NETWORK WIDTH BATCH GENERATOR-RATE CRITIC-RATE DEVICE f32|bf16";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [.., precision] = arguments.as_slice() else { anyhow::bail!(usage) };
    let precision = match precision.as_str() {
        "f32" => Precision::Single,
        "bf16" => Precision::Bfloat16,
        _ => anyhow::bail!(usage),
    };
    in_precision(precision, || steps(&arguments[..arguments.len() - 1], usage))
}

fn steps(arguments: &[String], usage: &str) -> anyhow::Result<()> {
    let [path, network, width, batch, generator_rate, critic_rate, device] = arguments else {
        anyhow::bail!("{usage}");
    };
    let (width, batch): (usize, usize) = (width.parse()?, batch.parse()?);
    let (generator_rate, critic_rate): (f64, f64) = (generator_rate.parse()?, critic_rate.parse()?);
    let pair = ARCHITECTURES.iter().find(|pair| pair.name == network);
    let pair = pair.with_context(|| format!("there is no network `{network}`"))?;
    let shape = Shape {
        architecture: pair.architecture,
        geometry: Geometry::new(32, 32)?,
        channels: 3,
        width,
        latent: 64,
        classes: None,
    };
    let device = match device.as_str() {
        "cpu" => Device::flex(),
        #[cfg(feature = "cuda")]
        "cuda" => Device::cuda(0),
        #[cfg(feature = "vulkan")]
        "vulkan" => Device::vulkan(Default::default()),
        other => anyhow::bail!("there is no device `{other}` in this build"),
    };
    let device = device.autodiff();
    let mut generator = Generator::new(&shape, &mut Seed(1).rng(Purpose::Weights, 0), &device);
    let mut critic = Critic::new(&shape, &mut Seed(1).rng(Purpose::Weights, 1), &device);
    let mut file: BTreeMap<String, (Vec<usize>, Vec<f32>)> = BTreeMap::new();
    for (player, parameters) in
        [("generator", parameters::collect(&generator)), ("critic", parameters::collect(&critic))]
    {
        for parameter in parameters {
            let name = format!("{player}.{}", parameter.name);
            file.insert(name, (parameter.shape, parameter.values));
        }
    }
    let rng = &mut Seed(2).rng(Purpose::Latents, 0);
    let latents = latent::draw(STEPS * batch, shape.latent, None, rng);
    let real = pictures(STEPS * batch * 3 * 32 * 32, rng);
    let adam = || AdamConfig::new().with_beta_1(0.5).with_beta_2(0.99).with_epsilon(1e-8);
    let (mut of_generator, mut of_critic) = (adam().init(), adam().init());
    let loss = adversarial::named("logistic").context("the logistic loss")?;
    let score = |critic: &Critic, x: Tensor<4>| critic.forward(x, None).squeeze_dim::<1>(1);
    let (mut losses, mut first) = (Vec::new(), Vec::new());
    for step in 0..STEPS {
        let z = &latents[step * batch * 64..][..batch * 64];
        let z = Tensor::<2>::from_data(TensorData::new(z.to_vec(), [batch, 64]), &device);
        let x = &real[step * batch * 3072..][..batch * 3072];
        let x = Tensor::<4>::from_data(TensorData::new(x.to_vec(), [batch, 3, 32, 32]), &device);
        let made = generator.forward(z, None);
        if step == 0 {
            first = made.clone().into_data().iter::<f32>().collect();
        }
        let objective = loss.critic(score(&critic, x), score(&critic, made.clone().detach()));
        losses.push(objective.clone().into_scalar::<f32>());
        let gradients = GradientsParams::from_grads(objective.backward(), &critic);
        critic = of_critic.step(critic_rate, critic, gradients);
        let frozen = critic.clone().no_grad();
        let objective = loss.generator(score(&frozen, made), None);
        losses.push(objective.clone().into_scalar::<f32>());
        let gradients = GradientsParams::from_grads(objective.backward(), &generator);
        generator = of_generator.step(generator_rate, generator, gradients);
    }
    file.insert("latents".into(), (vec![STEPS, batch, 64], latents));
    file.insert("real".into(), (vec![STEPS, batch, 3, 32, 32], real));
    file.insert("made".into(), (vec![batch, 3, 32, 32], first));
    file.insert("losses".into(), (vec![STEPS, 2], losses));
    let bytes: BTreeMap<&String, (Vec<usize>, Vec<u8>)> = file
        .iter()
        .map(|(name, (shape, values))| {
            (name, (shape.clone(), values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        })
        .collect();
    let views = bytes
        .iter()
        .map(|(name, (shape, data))| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), data)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    safetensors::serialize_to_file(views, None, path.as_ref())?;
    Ok(())
}

/// Values in −1..1.
fn pictures(count: usize, rng: &mut impl Rng) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}
