//! Noise → picture.

use crate::architecture::{Architecture, Shape};
use crate::layer::Init;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::Rng;

mod dcgan;
mod residual;

use dcgan::Dcgan;
use residual::Residual;

/// A generator: latents `[n, latent]` (and one-hot labels `[n, classes]` where it is conditional) to
/// pictures `[n, channels, height, width]` in −1..1.
///
/// A conditional generator sees the label as the one-hot row, scaled to the length of a latent,
/// behind the latent.
#[derive(Module, Debug)]
pub struct Generator {
    network: Network,
    latent: usize,
    classes: usize,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Network {
    Dcgan(Dcgan),
    Residual(Residual),
}

impl Generator {
    /// A new generator with weights drawn from `rng`.
    pub fn new<R: Rng>(shape: &Shape, rng: &mut R, device: &Device) -> Self {
        let init = &mut Init::new(rng, device);
        let network = match shape.architecture {
            Architecture::Dcgan => Network::Dcgan(Dcgan::new(shape, init)),
            Architecture::Residual => Network::Residual(Residual::new(shape, init)),
        };
        Self { network, latent: shape.latent, classes: shape.classes.unwrap_or(0) }
    }

    /// Makes one picture per latent.
    pub fn forward(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<4> {
        let input = match labels {
            // A one-hot row has length 1, a latent √latent: scaled, neither drowns the other.
            Some(labels) if self.classes > 0 => {
                let labels = labels.mul_scalar((self.latent as f64).sqrt());
                Tensor::cat(vec![latents, labels], 1)
            }
            _ => latents,
        };
        match &self.network {
            Network::Dcgan(network) => network.forward(input),
            Network::Residual(network) => network.forward(input),
        }
    }

    /// Numbers in a latent vector.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// Number of labels; 0 where the generator is not conditional.
    pub fn classes(&self) -> usize {
        self.classes
    }
}

/// Numbers that come in: latent and label.
fn inputs(shape: &Shape) -> usize {
    shape.latent + shape.classes.unwrap_or(0)
}
