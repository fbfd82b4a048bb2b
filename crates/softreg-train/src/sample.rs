//! Pictures from a generator, as bytes.

use burn::tensor::Device;
use softreg_net::{Generator, Shape, latent};

/// Pictures as bytes, planar: picture by picture, channel by channel, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureSet {
    /// Channels of a picture.
    pub channels: usize,
    /// Rows of a picture.
    pub height: usize,
    /// Columns of a picture.
    pub width: usize,
    /// `n·channels·height·width` bytes.
    pub pixels: Vec<u8>,
}

impl PictureSet {
    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.area()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// The pictures, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.pixels.chunks_exact(self.area())
    }

    fn area(&self) -> usize {
        self.channels * self.height * self.width
    }
}

/// Pictures of the latents `[n, latent]` (and labels, where the generator is conditional), made 64 at
/// a time. Values −1..1 become bytes by `round((x + 1)·127.5)`.
pub fn pictures(
    generator: &Generator,
    shape: &Shape,
    latents: &[f32],
    labels: Option<&[u32]>,
    device: &Device,
) -> PictureSet {
    bytes(shape, &values(generator, shape, latents, labels, device))
}

/// The values −1..1 of [`pictures`], not rounded to bytes.
pub fn values(
    generator: &Generator,
    shape: &Shape,
    latents: &[f32],
    labels: Option<&[u32]>,
    device: &Device,
) -> Vec<f32> {
    const CHUNK: usize = 64;
    let mut values = Vec::new();
    for (i, rows) in latents.chunks(CHUNK * shape.latent).enumerate() {
        let n = rows.len() / shape.latent;
        let labels = labels.filter(|_| generator.classes() > 0).map(|labels| {
            latent::one_hot(&labels[i * CHUNK..i * CHUNK + n], generator.classes(), device)
        });
        let made = generator.generate(latent::tensor(rows.to_vec(), shape.latent, device), labels);
        values.extend(made.into_data().iter::<f32>());
    }
    values
}

/// Values −1..1 as bytes.
pub fn bytes(shape: &Shape, values: &[f32]) -> PictureSet {
    PictureSet {
        channels: shape.channels,
        height: shape.geometry.height(),
        width: shape.geometry.width(),
        pixels: values.iter().map(|x| ((x + 1.0) * 127.5).round() as u8).collect(),
    }
}

/// Labels for `n` pictures, each label in turn; `None` where the generator is not conditional.
pub fn labels_in_turn(n: usize, classes: Option<usize>) -> Option<Vec<u32>> {
    classes.map(|classes| (0..n).map(|i| (i % classes) as u32).collect())
}
