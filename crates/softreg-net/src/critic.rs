//! Picture → score.

use crate::architecture::{Architecture, Shape};
use crate::layer::{GAIN_LINEAR, Init, Linear};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::Rng;
use std::collections::BTreeMap;

mod dcgan;
mod residual;
mod trace;

use dcgan::Dcgan;
use residual::Residual;
pub use trace::Trace;

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

/// What a critic thinks of pictures.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// Scores `[n, 1]`.
    pub score: Tensor<2>,
    /// The features before the last layer, `[n, features]`, as the network made them.
    pub features: Tensor<2>,
}

impl Critic {
    /// A new critic with weights drawn from `rng`.
    pub fn new<R: Rng>(shape: &Shape, rng: &mut R, device: &Device) -> Self {
        let init = &mut Init::new(rng, device);
        let network = match shape.architecture {
            Architecture::Dcgan => Network::Dcgan(Dcgan::new(shape, init)),
            Architecture::Residual => Network::Residual(Residual::new(shape, init)),
        };
        let features = features(shape);
        let score = Linear::new(init, features, 1, GAIN_LINEAR);
        // A one-hot row picks one weight: √classes undoes the layer's 1/√classes.
        let projection = shape
            .classes
            .map(|classes| Linear::new(init, classes, features, (classes as f64).sqrt()));
        Self { network, score, projection, features }
    }

    /// Scores every picture.
    pub fn forward(&self, pictures: Tensor<4>, labels: Option<Tensor<2>>) -> Tensor<2> {
        self.judge(pictures, labels, None, &mut Trace::none()).score
    }

    /// Scores and features of every picture.
    ///
    /// `mask` `[n, features]` is what the features are multiplied with before they are scored (dropout,
    /// modulation); `trace` notes the slopes of the activations for [`Critic::input_gradient`].
    pub fn judge(
        &self,
        pictures: Tensor<4>,
        labels: Option<Tensor<2>>,
        mask: Option<Tensor<2>>,
        trace: &mut Trace,
    ) -> Opinion {
        let features = self.maps(pictures, trace);
        let score = self.score_of(features.clone(), labels, mask);
        Opinion { score, features }
    }

    /// The scores of known features; a second draw of a mask needs no second pass through the network.
    pub fn score_of(
        &self,
        features: Tensor<2>,
        labels: Option<Tensor<2>>,
        mask: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let features = match mask {
            Some(mask) => features * mask,
            None => features,
        };
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
        self.maps(pictures, &mut Trace::none())
    }

    /// `∇ₓD(x)` of every picture, `[n, channels, height, width]`, as a function of the weights, to be
    /// differentiated once more: the layers backwards, with the slopes of the activations, which do not
    /// change in the neighbourhood of a picture, as constants. Exact wherever no activation is at its kink.
    ///
    /// `trace` is of the same pictures and these weights; `labels` and `mask` are as they were.
    ///
    /// # Panics
    /// Where `trace` noted nothing.
    pub fn input_gradient(
        &self,
        trace: &Trace,
        labels: Option<Tensor<2>>,
        mask: Option<Tensor<2>>,
    ) -> Tensor<4> {
        let slopes = trace.slopes();
        let shape = slopes.last().map_or([1; 4], |slopes| slopes.dims());
        let row = self.score.pull_back().repeat_dim(0, shape[0]);
        let row = match (&self.projection, labels) {
            (Some(projection), Some(labels)) => {
                let scale = 1.0 / (self.features as f64).sqrt();
                row + projection.forward(labels).mul_scalar(scale)
            }
            _ => row,
        };
        let row = match mask {
            Some(mask) => row * mask,
            None => row,
        };
        let gradient = row.reshape(shape);
        match &self.network {
            Network::Dcgan(network) => network.pull_back(slopes, gradient),
            Network::Residual(network) => network.pull_back(slopes, gradient),
        }
    }

    /// The constants by which layers multiply their weights at run time, by parameter.
    pub fn scales(&self) -> BTreeMap<u64, f64> {
        let convs = match &self.network {
            Network::Dcgan(network) => network.convs(),
            Network::Residual(network) => network.convs(),
        };
        let of_convs = convs.into_iter().map(|conv| conv.scale());
        let of_linears = [&self.score].into_iter().chain(&self.projection).map(Linear::scale);
        of_convs.chain(of_linears).collect()
    }

    /// Number of features before the last layer.
    pub fn feature_count(&self) -> usize {
        self.features
    }

    fn maps(&self, pictures: Tensor<4>, trace: &mut Trace) -> Tensor<2> {
        let n = pictures.dims()[0];
        let maps = match &self.network {
            Network::Dcgan(network) => network.forward(pictures, trace),
            Network::Residual(network) => network.forward(pictures, trace),
        };
        maps.reshape([n, self.features])
    }
}

/// Number of features before the last layer.
fn features(shape: &Shape) -> usize {
    let geometry = shape.geometry;
    let maps = geometry.channels(shape.width, geometry.doublings);
    maps * geometry.base_height * geometry.base_width
}

/// Multiplications of one picture's score.
pub(crate) fn multiplications(shape: &Shape) -> u64 {
    let network = match shape.architecture {
        Architecture::Dcgan => dcgan::multiplications(shape),
        Architecture::Residual => residual::multiplications(shape),
    };
    let heads = if shape.classes.is_some() { 2 } else { 1 };
    network + heads * features(shape) as u64
}
