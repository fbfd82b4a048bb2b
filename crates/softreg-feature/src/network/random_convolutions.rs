//! Fixed random convolutions at three scales: features that need no download.
//!
//! Why: a random network with rectifiers keeps what tells pictures apart (edges, colours, textures and
//! where they are) and has learned nothing, so that its numbers can be had anywhere; they say less about
//! what a person would see than those of a trained network, and are comparable with nothing else.
//!
//! At each scale (the picture, its half and its quarter): 5x5 convolutions to 16 feature maps, each filter
//! of zero mean and unit length, a rectifier, 3x3 convolutions to 32 (variance 2/inputs, arXiv 1502.01852,
//! Eq. 10), a rectifier, and the means over the 2x2 cells of the picture. Layer: `cells`,
//! 3·32·4 = 384 numbers, and the mean colours of the cells, 12. The draw of the weights is part of the
//! definition: it never changes.

use super::{Build, Conv, Network, NetworkEntry};
use crate::Error;
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

pub(super) const ENTRY: NetworkEntry = NetworkEntry {
    name: "random-convolutions",
    summary: "fixed random convolutions at three scales, no download needed",
    layers: &["cells"],
    smallest: 8,
    batch: 64,
    signature: None,
    build: Build::Fixed(|device| Box::new(RandomConvolutions::new(device))),
};

const SEED: u64 = 20_201_125;
const SCALES: usize = 3;
const MAPS: [usize; 2] = [16, 32];
const CELLS: usize = 2;

struct RandomConvolutions {
    scales: Vec<[Conv; 2]>,
}

impl RandomConvolutions {
    fn new(device: &Device) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut filter = |count: usize| -> Vec<f32> {
            (0..count).map(|_| rng.sample::<f32, _>(StandardNormal)).collect()
        };
        let conv = |weight: Vec<f32>, shape: [usize; 4]| Conv {
            weight: Tensor::from_data(TensorData::new(weight, shape), device),
            bias: Tensor::zeros([shape[0]], device),
            stride: 1,
            padding: [shape[2] / 2; 2],
        };
        let mut scale = || {
            let mut edges = Vec::new();
            for _ in 0..MAPS[0] {
                let mut weights = filter(3 * 25);
                let mean = weights.iter().sum::<f32>() / weights.len() as f32;
                weights.iter_mut().for_each(|w| *w -= mean);
                let length = weights.iter().map(|w| w * w).sum::<f32>().sqrt();
                edges.extend(weights.iter().map(|w| w / length));
            }
            let inputs = 9 * MAPS[0];
            let deviation = (2.0 / inputs as f32).sqrt();
            let second = filter(inputs * MAPS[1]).iter().map(|w| deviation * w).collect();
            [conv(edges, [MAPS[0], 3, 5, 5]), conv(second, [MAPS[1], MAPS[0], 3, 3])]
        };
        Self { scales: (0..SCALES).map(|_| scale()).collect() }
    }
}

impl Network for RandomConvolutions {
    fn features(&self, pictures: Tensor<4>, _layer: &str) -> Result<Tensor<2>, Error> {
        let cells =
            |x: Tensor<4>| -> Tensor<2> { adaptive_avg_pool2d(x, [CELLS, CELLS]).flatten(1, 3) };
        let mut all = vec![cells(pictures.clone())];
        let mut picture = pictures;
        for [edges, second] in &self.scales {
            let [_, _, h, w] = picture.dims();
            all.push(cells(second.rectified(edges.rectified(picture.clone()))));
            picture = adaptive_avg_pool2d(picture, [h / 2, w / 2]);
        }
        Ok(Tensor::cat(all, 1))
    }
}
