//! Noise → picture.

use crate::architecture::{Architecture, Shape};
use crate::layer::{Init, Statistics};
use crate::onnx::Builder;
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

    /// Makes one picture per latent, as training does: normalised by the batch's own statistics.
    pub fn forward(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<4> {
        self.pass(latents, labels, &mut Statistics::Batch)
    }

    /// Makes one picture per latent, each independent of the others: normalised by the standing
    /// statistics, which [`Generator::with_standing_statistics`] measures.
    pub fn generate(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<4> {
        self.pass(latents, labels, &mut Statistics::Standing)
    }

    /// The same generator with standing statistics: the mean of those of the given batches of
    /// latents and labels. Source: arXiv 1809.11096, appendix C.1.
    pub fn with_standing_statistics(
        mut self,
        batches: impl IntoIterator<Item = (Tensor<2>, Option<Tensor<2>>)>,
    ) -> Self {
        let mut sums: Vec<[Tensor<1>; 2]> = Vec::new();
        let mut count = 0;
        for (latents, labels) in batches {
            let mut noted = Vec::new();
            self.pass(latents, labels, &mut Statistics::Noted(&mut noted));
            sums = match count {
                0 => noted,
                _ => {
                    let add = |([a, b], [c, d]): ([_; 2], [_; 2])| [a + c, b + d];
                    sums.into_iter().zip(noted).map(add).collect()
                }
            };
            count += 1;
        }
        let norms = match &mut self.network {
            Network::Dcgan(network) => network.norms(),
            Network::Residual(network) => network.norms(),
        };
        for (norm, sum) in norms.into_iter().zip(sums) {
            norm.stand(sum.map(|sum| sum.div_scalar(count as f64)));
        }
        self
    }

    fn pass(
        &self,
        latents: Tensor<2>,
        labels: Option<Tensor<2>>,
        statistics: &mut Statistics<'_>,
    ) -> Tensor<4> {
        let input = match labels {
            // A one-hot row has length 1, a latent √latent: scaled, neither drowns the other.
            Some(labels) if self.classes > 0 => {
                let labels = labels.mul_scalar((self.latent as f64).sqrt());
                Tensor::cat(vec![latents, labels], 1)
            }
            _ => latents,
        };
        match &self.network {
            Network::Dcgan(network) => network.forward(input, statistics),
            Network::Residual(network) => network.forward(input, statistics),
        }
    }

    /// [`Generator::generate`] as an ONNX file; see [`crate::onnx`]. `picture` is channels, height and width; `about` goes into its
    /// properties.
    pub fn to_onnx(&self, picture: [usize; 3], about: &[(&str, String)]) -> Vec<u8> {
        let mut graph = Builder::default();
        let latents = graph.input("latents", self.latent);
        let input = match self.classes {
            0 => latents,
            classes => {
                let labels = graph.input("labels", classes);
                let labels = graph.scaled(&labels, (self.latent as f64).sqrt());
                graph.concat(&latents, &labels)
            }
        };
        let output = match &self.network {
            Network::Dcgan(network) => network.write(&mut graph, &input),
            Network::Residual(network) => network.write(&mut graph, &input),
        };
        graph.finish(output, picture, about)
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

/// How many numbers modulate the normalisation, where any do.
fn modulated_by(shape: &Shape) -> Option<usize> {
    shape.self_modulation.then(|| inputs(shape))
}

/// Multiplications for the gains and shifts of so many normalised channels of one picture.
fn modulation(shape: &Shape, channels: u64) -> u64 {
    2 * modulated_by(shape).unwrap_or(0) as u64 * channels
}

/// Multiplications of one picture.
pub(crate) fn multiplications(shape: &Shape) -> u64 {
    match shape.architecture {
        Architecture::Dcgan => dcgan::multiplications(shape),
        Architecture::Residual => residual::multiplications(shape),
    }
}
