//! What chance decides for one update: pictures, latents and labels.
//!
//! Drawn for the whole batch, a pure function of seed and update number, and only then split over
//! the workers: how many there are does not change what is drawn.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use softreg::{Purpose, Seed};
use softreg_image::{Collection, Sampler};
use softreg_net::{Shape, latent};
use std::ops::Range;

/// The draws of one update.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draws {
    pictures: Vec<f32>,
    picture_labels: Option<Vec<u32>>,
    latents: Vec<f32>,
    latent_labels: Option<Vec<u32>>,
}

/// The part of the draws that one worker gets, on its device.
pub(crate) struct Shard {
    /// Real pictures `[n, c, h, w]`.
    pub real: Tensor<4>,
    /// Their labels, one-hot.
    pub real_labels: Option<Tensor<2>>,
    /// Latents `[n, latent]`.
    pub latents: Tensor<2>,
    /// The labels asked for, as numbers and one-hot.
    pub latent_labels: Option<(Vec<u32>, Tensor<2>)>,
}

impl Draws {
    /// The draws of update `number`: the batch itself ([`Purpose::Latents`]), or a second one beside it
    /// ([`Purpose::Fresh`]), from a sampler of its own, for the same labels.
    pub(crate) fn new(
        seed: Seed,
        purpose: Purpose,
        number: u64,
        shape: &Shape,
        collection: &Collection,
        sampler: &mut Sampler,
    ) -> Self {
        let chosen = sampler.indices_of(number);
        let n = chosen.len();
        let pictures = unit_pictures(collection, &chosen);
        let conditional = |labels: Vec<u32>| shape.classes.map(|_| labels);
        let labels = collection.labels.as_deref().unwrap_or(&[]);
        let of_pictures =
            chosen.iter().map(|(i, _)| labels.get(*i).copied().unwrap_or(0)).collect();
        let mut rng = seed.rng(purpose, number);
        let latents = latent::draw(n, shape.latent, None, &mut rng);
        let mut rng = seed.rng(Purpose::Labels, number);
        // Those of pictures drawn at random: were kinds generated more often than they are shown, the critic would tell
        // generated pictures by their kind. They come in pairs of neighbours: partners must share the label that was asked for.
        let known = sampler.indices();
        let mut of_latents = Vec::with_capacity(n);
        while of_latents.len() < n {
            let picture = known[rng.random_range(0..known.len())];
            let label = labels.get(picture).copied().unwrap_or(0);
            of_latents.extend([label, label]);
        }
        if n % 2 == 1 {
            // An odd batch ends with a group of three.
            of_latents.truncate(n);
            of_latents[n - 1] = of_latents[n - 2];
        }
        Self {
            pictures,
            picture_labels: conditional(of_pictures),
            latents,
            latent_labels: conditional(of_latents),
        }
    }

    /// The draws in `rows`, as tensors on `device`.
    pub(crate) fn shard(&self, rows: Range<usize>, shape: &Shape, device: &Device) -> Shard {
        let n = rows.len();
        let (h, w) = (shape.geometry.height(), shape.geometry.width());
        let area = shape.channels * h * w;
        let classes = shape.classes.unwrap_or(1);
        let hot = |labels: &[u32]| latent::one_hot(labels, classes, device);
        let pictures = self.pictures[rows.start * area..rows.end * area].to_vec();
        let real = TensorData::new(pictures, [n, shape.channels, h, w]);
        let latents = self.latents[rows.start * shape.latent..rows.end * shape.latent].to_vec();
        Shard {
            real: Tensor::from_data(real, device),
            real_labels: self.picture_labels.as_ref().map(|labels| hot(&labels[rows.clone()])),
            latents: latent::tensor(latents, shape.latent, device),
            latent_labels: self
                .latent_labels
                .as_ref()
                .map(|labels| (labels[rows.clone()].to_vec(), hot(&labels[rows.clone()]))),
        }
    }
}

/// The chosen pictures in −1..1, mirrored where asked, one after the other.
pub(crate) fn unit_pictures(collection: &Collection, chosen: &[(usize, bool)]) -> Vec<f32> {
    let area = collection.picture(0).len();
    let mut pictures = vec![0f32; chosen.len() * area];
    for (target, (index, flip)) in pictures.chunks_exact_mut(area).zip(chosen) {
        collection.write_unit(*index, *flip, target);
    }
    pictures
}

#[cfg(test)]
mod tests {
    use super::*;
    use softreg_image::LoadOptions;
    use softreg_net::Geometry;
    use softreg_net::architecture::Architecture;

    #[test]
    fn kinds_are_asked_for_as_often_as_they_are_shown() {
        let options = LoadOptions { size: Some("16".parse().unwrap()), ..LoadOptions::default() };
        let mut pictures = softreg_image::open("motif:20", &options).unwrap();
        pictures.labels = Some((0..20).map(|i| u32::from(i < 10 || i == 15)).collect());
        let shape = Shape {
            architecture: Architecture::Dcgan,
            geometry: Geometry::new(16, 16).unwrap(),
            channels: 3,
            width: 4,
            latent: 4,
            self_modulation: false,
            classes: Some(2),
        };
        // One in ten of these is of the second kind, and the pictures held out, which all are, do not count.
        let mut sampler = Sampler::new((10..20).collect(), 8, 0, false).unwrap();
        let mut asked = [0usize; 2];
        for number in 0..500 {
            let draws =
                Draws::new(Seed(1), Purpose::Latents, number, &shape, &pictures, &mut sampler);
            let labels = draws.latent_labels.unwrap();
            assert!(labels.chunks(2).all(|pair| pair[0] == pair[1]));
            labels.iter().for_each(|label| asked[*label as usize] += 1);
        }
        let share = asked[1] as f64 / 4000.0;
        assert!((share - 0.1).abs() < 0.02, "{asked:?}");
    }
}
