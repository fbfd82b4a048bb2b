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
        let classes = shape.classes.unwrap_or(1) as u32;
        let mut rng = seed.rng(Purpose::Labels, number);
        // Labels come in pairs of neighbours: partners must share the label that was asked for.
        let mut of_latents = Vec::with_capacity(n);
        while of_latents.len() < n {
            let label = rng.random_range(0..classes);
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
