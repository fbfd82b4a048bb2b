//! Picture → score.

use crate::architecture::{Architecture, Shape};
use crate::layer::{GAIN_LINEAR, Init, Linear};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::Rng;

mod dcgan;
mod residual;

use dcgan::Dcgan;
use residual::Residual;

/// A critic: pictures `[n, channels, height, width]` in −1..1 (and one-hot labels `[n, classes]`
/// where it is conditional) to scores `[n, 1]`, higher for pictures that look real.
///
/// A conditional critic adds the projection `⟨e(label), h(x)⟩/√features` of its features onto a
/// learnt vector per label (arXiv 1802.05637, Eq. 4; the scaling keeps equalised layers at
/// variance 1).
#[derive(Module, Debug)]
pub struct Critic {
    network: Network,
    score: Linear,
    projection: Option<Linear>,
    features: usize,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Network {
    Dcgan(Dcgan),
    Residual(Residual),
}

impl Critic {
    /// A new critic with weights drawn from `rng`.
    pub fn new<R: Rng>(shape: &Shape, rng: &mut R, device: &Device) -> Self {
        let init = &mut Init::new(rng, device);
        let network = match shape.architecture {
            Architecture::Dcgan => Network::Dcgan(Dcgan::new(shape, init)),
            Architecture::Residual => Network::Residual(Residual::new(shape, init)),
        };
        let geometry = shape.geometry;
        let maps = geometry.channels(shape.width, geometry.doublings);
        let features = maps * geometry.base_height * geometry.base_width;
        let score = Linear::new(init, features, 1, GAIN_LINEAR);
        // A one-hot row picks one weight: √classes undoes the layer's 1/√classes.
        let projection = shape
            .classes
            .map(|classes| Linear::new(init, classes, features, (classes as f64).sqrt()));
        Self { network, score, projection, features }
    }

    /// Scores every picture.
    pub fn forward(&self, pictures: Tensor<4>, labels: Option<Tensor<2>>) -> Tensor<2> {
        let features = self.features(pictures);
        let score = self.score.forward(features.clone());
        match (&self.projection, labels) {
            (Some(projection), Some(labels)) => {
                let product = (projection.forward(labels) * features).sum_dim(1);
                score + product.mul_scalar(1.0 / (self.features as f64).sqrt())
            }
            _ => score,
        }
    }

    /// The features before the last layer, `[n, features]`.
    pub fn features(&self, pictures: Tensor<4>) -> Tensor<2> {
        let n = pictures.dims()[0];
        let maps = match &self.network {
            Network::Dcgan(network) => network.forward(pictures),
            Network::Residual(network) => network.forward(pictures),
        };
        maps.reshape([n, self.features])
    }
}
