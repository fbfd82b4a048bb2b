//! `softreg devices`: what there is to compute on, and how fast it is.

use crate::backend::{self, BACKENDS, Found};
use crate::terminal::{Row, Table, line_to_stdout};
use burn::tensor::{Device, Tensor};
use clap::Args;
use serde_json::json;
use softreg::{Purpose, Seed};
use softreg_kernel::{Precision, bfloat16_is_on, in_precision};
use softreg_net::{Critic, Geometry, Shape};
use softreg_train::RunConfig;
use std::time::{Duration, Instant};

/// List usable devices on this machine, with a one-second speed test of each.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg devices
  softreg train --device vulkan:1")]
pub(crate) struct Devices {
    /// Print a JSON array of objects
    #[arg(long)]
    json: bool,
}

/// Of each of the measurements.
const TIME: Duration = Duration::from_millis(500);
/// Rows and columns of the matrices that are multiplied.
const SIDE: usize = 1024;
/// Pictures that the critic sees at once.
const BATCH: usize = 32;

/// What was measured.
struct Speed {
    /// Billions of operations a second, of a product of f32 matrices.
    product: f64,
    /// Pictures a second, of the default critic forwards and backwards: what training feels.
    critic: f64,
    /// The same in bfloat16 (`training.precision`), where the device multiplies in it.
    critic_bfloat16: Option<f64>,
}

impl Speed {
    fn of(device: &Device) -> anyhow::Result<Self> {
        Ok(Self {
            product: product(device),
            critic: critic(device)?,
            critic_bfloat16: match bfloat16_is_on(device) {
                true => Some(in_precision(Precision::Bfloat16, || critic(device))?),
                false => None,
            },
        })
    }
}

impl Devices {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        // One whose memory is full adds two numbers and fails at more.
        let rows = backend::found().map(|found| {
            let speed = backend::quietly(|| Speed::of(&found.device)).transpose()?;
            Ok((found, speed))
        });
        let rows = rows.collect::<anyhow::Result<Vec<_>>>()?;
        let text = if self.json { as_json(&rows)? } else { as_table(&rows) };
        Ok(line_to_stdout(text.trim_end())?)
    }
}

fn as_json(rows: &[(Found, Option<Speed>)]) -> anyhow::Result<String> {
    let object = |(found, speed): &(Found, Option<Speed>)| {
        json!({
            "device": found.name, "what": what(found),
            "product_gflops": speed.as_ref().map(|s| s.product),
            "critic_images_per_second": speed.as_ref().map(|s| s.critic),
            "critic_images_per_second_bf16": speed.as_ref().and_then(|s| s.critic_bfloat16),
        })
    };
    Ok(serde_json::to_string_pretty(&rows.iter().map(object).collect::<Vec<_>>())?)
}

fn as_table(rows: &[(Found, Option<Speed>)]) -> String {
    let heads = ["device", "matrix product", "default critic", "in bf16", "what it is"];
    let row = |(found, speed): &(Found, Option<Speed>)| {
        let [product, critic, less] = match speed {
            Some(speed) => [
                format!("{:.0} GFLOP/s", speed.product),
                format!("{:.0} images/s", speed.critic),
                match speed.critic_bfloat16 {
                    Some(rate) => format!("{rate:.0} images/s"),
                    None => "no".to_owned(),
                },
            ],
            None => ["failed", "(is its", "memory full?)"].map(str::to_owned),
        };
        Row {
            cells: vec![found.name.clone(), product, critic, less, what(found)],
            below: Vec::new(),
        }
    };
    let table =
        Table { heads: heads.map(str::to_owned).to_vec(), rows: rows.iter().map(row).collect() };
    let absent: Vec<&str> = BACKENDS
        .iter()
        .filter(|b| !rows.iter().any(|(found, _)| found.backend.name == b.name))
        .map(|b| b.name)
        .collect();
    let absent = match absent.as_slice() {
        [] => String::new(),
        names => format!("Not present, or no driver: {}.\n", names.join(", ")),
    };
    format!("{table}{absent}`--device auto` uses the first.")
}

/// Its name, as far as it tells.
fn what(found: &Found) -> String {
    #[cfg(feature = "gpu")]
    if let Some(identity) = found.device.identity() {
        return identity.name;
    }
    match found.backend.graphics {
        true => "graphics processor".to_owned(),
        false => format!("processor, {} cores", backend::cores()),
    }
}

/// Billions of operations a second.
fn product(device: &Device) -> f64 {
    let x = Tensor::<2>::ones([SIDE, SIDE], device);
    let operations = 2.0 * (SIDE as f64).powi(3);
    // The sum is read, so that the product is certainly done.
    operations
        * rate(|| {
            let _: f32 = x.clone().matmul(x.clone()).sum().into_scalar();
        })
        / 1e9
}

/// Pictures a second.
fn critic(device: &Device) -> anyhow::Result<f64> {
    let network = RunConfig::default().network;
    let geometry = Geometry::new(32, 32)?;
    let shape = Shape {
        architecture: network.architecture,
        geometry,
        channels: 3,
        width: network.width(&geometry),
        latent: network.latent,
        self_modulation: false,
        classes: None,
    };
    let device = device.clone().autodiff();
    let critic = Critic::new(&shape, &mut Seed(0).rng(Purpose::Weights, 1), &device);
    let pictures = Tensor::<4>::ones([BATCH, 3, 32, 32], &device);
    let pass = || {
        let score = critic.forward(pictures.clone(), None).sum();
        let gradients = score.backward();
        drop((gradients, score.into_scalar::<f32>()));
        // Gradients are not read: whatever is still being computed is waited for.
        let _ = device.sync();
    };
    Ok(BATCH as f64 * rate(pass))
}

/// How often `f` is done in a second, after it was done for the first times.
fn rate(f: impl Fn()) -> f64 {
    for _ in 0..2 {
        f();
    }
    let (start, mut count) = (Instant::now(), 0u32);
    while start.elapsed() < TIME {
        f();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
