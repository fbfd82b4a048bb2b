//! Pictures from a generator, as bytes.

use burn::tensor::Device;
use rand::{Rng, RngExt};
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

/// How many there are of every label below `classes`.
pub fn count_labels(labels: impl IntoIterator<Item = usize>, classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    for label in labels {
        if let Some(count) = counts.get_mut(label) {
            *count += 1;
        }
    }
    counts
}

/// Labels for `n` pictures of a conditional generator, each as often as it was `shown` (a number for every label), as evenly as
/// may be. All in turn where none was shown.
///
/// Number `i` is the label at the share `φ·(i + ½)` of all that were shown, without its whole part; `φ` is the golden ratio's,
/// so that any stretch of them holds labels by their shares as nearly as may be (a Kronecker sequence).
pub fn labels_as_shown(n: usize, shown: &[u64]) -> Vec<u32> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let all: u64 = shown.iter().sum();
    if all == 0 {
        return labels_in_turn(n, Some(shown.len().max(1))).unwrap_or_default();
    }
    let ends = ends(shown);
    let label = |i: usize| {
        let place = (GOLDEN * (i as f64 + 0.5)).fract() * all as f64;
        let label = ends.partition_point(|end| *end as f64 <= place);
        label.min(shown.len() - 1) as u32
    };
    (0..n).map(label).collect()
}

/// Labels for `n` pictures of a conditional generator, each drawn by itself, as probably as it was `shown` (all alike where none
/// was): what is measured of them counts on independent pictures.
pub fn labels_at_random(n: usize, shown: &[u64], rng: &mut dyn Rng) -> Vec<u32> {
    let alike = vec![1; shown.len().max(1)];
    let shown = if shown.iter().any(|count| *count > 0) { shown } else { &alike };
    let ends: Vec<u64> = ends(shown);
    let all = ends.last().copied().unwrap_or(1);
    let mut label = |_| {
        let place = rng.random_range(0..all);
        ends.partition_point(|end| *end <= place) as u32
    };
    (0..n).map(&mut label).collect()
}

/// Running sums.
fn ends(shown: &[u64]) -> Vec<u64> {
    let sums = shown.iter().scan(0, |end, count| {
        *end += count;
        Some(*end)
    });
    sums.collect()
}

/// Labels for `n` pictures, each label in turn; `None` where the generator is not conditional.
pub fn labels_in_turn(n: usize, classes: Option<usize>) -> Option<Vec<u32>> {
    classes.map(|classes| (0..n).map(|i| (i % classes) as u32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use softreg::{Purpose, Seed};

    #[test]
    fn labels_are_given_in_the_proportions_that_were_shown() {
        let labels = labels_as_shown(5000, &[6, 0, 2, 0]);
        for start in [0, 17, 4000] {
            for length in [8, 64, 1000] {
                let part = &labels[start..start + length];
                let count = |label| part.iter().filter(|l| **l == label).count() as f64;
                assert!((count(0) - 0.75 * length as f64).abs() < 3.0, "{start} {length}");
                assert_eq!((count(1), count(3)), (0.0, 0.0));
            }
        }
        // More kinds than pictures: from all over.
        let few = labels_as_shown(64, &[5; 128]);
        let [low, high] =
            [few.iter().filter(|l| **l < 64).count(), few.iter().filter(|l| **l >= 64).count()];
        assert!(low.abs_diff(high) <= 4, "{low} {high}");
        assert_eq!(count_labels([2, 0, 2, 9], 3), [1, 0, 2]);
        assert_eq!(Some(labels_as_shown(7, &[0; 3])), labels_in_turn(7, Some(3)));
    }

    #[test]
    fn labels_at_random_are_independent() {
        let mut rng = Seed(1).rng(Purpose::Labels, 0);
        let labels = labels_at_random(20_000, &[6, 0, 2, 0], &mut rng);
        let count = |part: &[u32], label| part.iter().filter(|l| **l == label).count();
        assert!(count(&labels, 0).abs_diff(15_000) < 250, "{}", count(&labels, 0));
        assert_eq!(count(&labels, 0) + count(&labels, 2), 20_000);
        // Of 16 draws the number varies by 16·¾·¼.
        let squares = labels.chunks(16).map(|part| (count(part, 0) as f64 - 12.0).powi(2));
        let variance = squares.sum::<f64>() / 1250.0;
        assert!((variance - 3.0).abs() < 0.5, "{variance}");
        let alike = labels_at_random(3000, &[0; 3], &mut rng);
        assert!((0..3).all(|label| count(&alike, label).abs_diff(1000) < 120));
    }
}
