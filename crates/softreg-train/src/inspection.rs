//! A checkpoint looked at from inside: what the critic says, and how steep both networks are.

use crate::checkpoint;
use crate::config::Checked;
use crate::draw::unit_pictures;
use crate::error::Error;
use crate::sample::{self, PictureSet};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use softreg::hard::SpectralNorm;
use softreg::{Purpose, Seed};
use softreg_image::Collection;
use softreg_net::{Critic, Generator, Shape, latent, parameters};
use softreg_run::checkpoint as container;
use std::path::Path;

/// Generator and critic of a checkpoint, without gradients.
pub struct Inspection {
    /// Steps done.
    pub step: u64,
    critic: Critic,
    generator: Generator,
    shape: Shape,
    device: Device,
}

/// How far inputs are moved to see how outputs follow, as a length; pictures are in −1..1. Smaller
/// steps lose digits of single precision, larger ones cross the kinks of activations.
pub const STEP: f32 = 0.05;
/// Iterations that find the largest singular values.
const ITERATIONS: usize = 100;
/// Rows of a pass.
const CHUNK: usize = 64;

impl Inspection {
    /// Opens a checkpoint of a run with this configuration.
    ///
    /// # Errors
    /// [`Error`] where it cannot be read, or is of another run.
    pub fn open(
        path: &Path,
        checked: &Checked,
        fingerprint: &str,
        device: &Device,
    ) -> Result<Self, Error> {
        let file = container::read(path)?;
        let painter = checkpoint::averaged_generator(path, file.clone(), checked.shape(), device)?;
        let (players, progress) = checkpoint::restore(path, file, checked, fingerprint, device)?;
        Ok(Self {
            step: progress.step,
            critic: players.effective_critic(checked).valid(),
            generator: painter,
            shape: *checked.shape(),
            device: device.clone().without_autodiff(),
        })
    }

    /// The critic's scores of pictures of a collection, as they are, without augmentation.
    pub fn scores(&self, collection: &Collection, indices: &[usize]) -> Vec<f64> {
        let labels = collection.labels.as_deref();
        let chunks = indices.chunks(CHUNK).map(|chunk| {
            let chosen: Vec<(usize, bool)> = chunk.iter().map(|i| (*i, false)).collect();
            let of = |i: &usize| labels.map_or(0, |labels| labels[*i]);
            (unit_pictures(collection, &chosen), chunk.iter().map(of).collect::<Vec<u32>>())
        });
        chunks.flat_map(|(pixels, labels)| self.judge(&pixels, &labels)).collect()
    }

    /// The critic's scores of what the latents become.
    pub fn scores_of_generated(&self, latents: &[f32], labels: Option<&[u32]>) -> Vec<f64> {
        self.generated(latents, labels).flat_map(|(p, l)| self.judge(&p, &l)).collect()
    }

    /// `‖∇ₓD(x)‖` of each picture of a collection, by finite differences along a direction `u` drawn
    /// evenly: `√d·|D(x + h·u) − D(x)|/h`, whose square is unbiased for the square of the slope (as far as
    /// the critic is linear within `h` = [`STEP`]), since `E[(uᵀ∇)²] = ‖∇‖²/d`.
    pub fn critic_slopes(
        &self,
        collection: &Collection,
        indices: &[usize],
        rng: &mut dyn Rng,
    ) -> Vec<f64> {
        let labels = collection.labels.as_deref();
        let area = collection.picture(0).len();
        let mut slopes = Vec::new();
        for chunk in indices.chunks(CHUNK) {
            let chosen: Vec<(usize, bool)> = chunk.iter().map(|i| (*i, false)).collect();
            let of = |i: &usize| labels.map_or(0, |labels| labels[*i]);
            let labels: Vec<u32> = chunk.iter().map(of).collect();
            let pixels = unit_pictures(collection, &chosen);
            let moved = moved(&pixels, area, rng);
            let (here, there) = (self.judge(&pixels, &labels), self.judge(&moved, &labels));
            let root = (area as f64).sqrt();
            slopes.extend(
                here.iter().zip(there).map(|(a, b)| root * (a - b).abs() / f64::from(STEP)),
            );
        }
        slopes
    }

    /// `‖∂G/∂z‖` (Frobenius) at each latent, by finite differences as [`Inspection::critic_slopes`]:
    /// `√latent·‖G(z + h·u) − G(z)‖/h`.
    pub fn generator_slopes(
        &self,
        latents: &[f32],
        labels: Option<&[u32]>,
        rng: &mut dyn Rng,
    ) -> Vec<f64> {
        let n = self.shape.latent;
        let moved = moved(latents, n, rng);
        let mut slopes = Vec::new();
        for ((here, _), (there, _)) in
            self.generated(latents, labels).zip(self.generated(&moved, labels))
        {
            let area =
                self.shape.channels * self.shape.geometry.height() * self.shape.geometry.width();
            for (a, b) in here.chunks(area).zip(there.chunks(area)) {
                let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
                slopes.push((n as f64 * squares.sum::<f64>()).sqrt() / f64::from(STEP));
            }
        }
        slopes
    }

    /// The largest singular value of every weight of the critic as it is run, by name, in the order of
    /// the layers. Convolutions count as the matrix `[outputs, inputs·height·width]` (arXiv 1802.05957,
    /// section 2.1), which is not the norm of the convolution itself.
    pub fn spectral_norms(&self, rng: &mut dyn Rng) -> Vec<(String, f64)> {
        let Some(critic) = self.trainable_critic() else { return Vec::new() };
        let mut norm = SpectralNorm::new(&critic, rng);
        (0..ITERATIONS).for_each(|_| norm.iterate(&critic));
        let (values, scales) = (norm.values(&critic), critic.scales());
        let named = |parameter: parameters::Parameter| {
            let value = values.get(&parameter.id)?;
            Some((parameter.name, value * scales.get(&parameter.id).copied().unwrap_or(1.0)))
        };
        parameters::collect(&critic).into_iter().filter_map(named).collect()
    }

    /// The pictures of latents, as bytes.
    pub fn pictures(&self, latents: &[f32], labels: Option<&[u32]>) -> PictureSet {
        sample::pictures(&self.generator, &self.shape, latents, labels, &self.device)
    }

    /// The length of the difference of all weights of two generators, as a share of the length of these.
    pub fn weight_distance(&self, other: &Self) -> f64 {
        let (mut difference, mut own) = (0.0, 0.0);
        let pairs = parameters::collect(&self.generator)
            .into_iter()
            .zip(parameters::collect(&other.generator));
        for (a, b) in pairs {
            for (a, b) in a.values.iter().zip(&b.values) {
                difference += f64::from(a - b).powi(2);
                own += f64::from(*a).powi(2);
            }
        }
        (difference / own).sqrt()
    }

    /// Pictures in −1..1 of latents, with their labels, part by part.
    fn generated<'a>(
        &'a self,
        latents: &'a [f32],
        labels: Option<&'a [u32]>,
    ) -> impl Iterator<Item = (Vec<f32>, Vec<u32>)> + 'a {
        let n = self.shape.latent;
        latents.chunks(CHUNK * n).enumerate().map(move |(i, rows)| {
            let count = rows.len() / n;
            let labels = match labels {
                Some(labels) => labels[i * CHUNK..i * CHUNK + count].to_vec(),
                None => vec![0; count],
            };
            let latents = latent::tensor(rows.to_vec(), n, &self.device);
            let made = self.generator.generate(latents, self.hot(&labels));
            (made.into_data().iter::<f32>().collect(), labels)
        })
    }

    /// The critic with its weights as they are run, as those of training: only such count for a norm.
    fn trainable_critic(&self) -> Option<Critic> {
        let device = self.device.clone().autodiff();
        let mut rng = Seed(0).rng(Purpose::Weights, 0);
        let fresh = Critic::new(&self.shape, &mut rng, &device);
        let weights = parameters::collect(&self.critic).into_iter();
        let weights = weights.map(|p| (p.name, (p.shape, p.values))).collect();
        // The same network, so that its weights fit.
        parameters::load(fresh, weights).ok()
    }

    fn judge(&self, pixels: &[f32], labels: &[u32]) -> Vec<f64> {
        let geometry = self.shape.geometry;
        let shape = [labels.len(), self.shape.channels, geometry.height(), geometry.width()];
        let pictures =
            Tensor::<4>::from_data(TensorData::new(pixels.to_vec(), shape), &self.device);
        let scores = self.critic.forward(pictures, self.hot(labels));
        scores.into_data().iter::<f32>().map(f64::from).collect()
    }

    fn hot(&self, labels: &[u32]) -> Option<Tensor<2>> {
        self.shape.classes.map(|classes| latent::one_hot(labels, classes, &self.device))
    }
}

/// Every row of `width` numbers moved by [`STEP`] in a direction of its own.
fn moved(values: &[f32], width: usize, rng: &mut dyn Rng) -> Vec<f32> {
    let mut moved = Vec::with_capacity(values.len());
    for row in values.chunks(width) {
        let direction = latent::draw(1, width, None, rng);
        let length = direction.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        moved.extend(row.iter().zip(&direction).map(|(x, u)| x + STEP * u / length));
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunConfig;
    use crate::config::parse;
    use crate::players::Players;

    fn inspection() -> (Inspection, Collection) {
        let settings =
            ["data.source=motif:12", "data.size=16", "network.width=4", "network.latent=8"];
        let mut config = settings
            .iter()
            .fold(RunConfig::default(), |config, line| parse::set(&config, line).unwrap());
        config.stop.steps = Some(1);
        let options = config.load_options().unwrap();
        let pictures = softreg_image::open(&config.data.source, &options).unwrap();
        config.settle(&pictures, 1);
        let checked = config.check(&pictures).unwrap();
        let device = Device::flex();
        let players = Players::new(&checked, &device);
        let inspection = Inspection {
            step: 0,
            critic: players.effective_critic(&checked).valid(),
            generator: players.painter(&checked, &device),
            shape: *checked.shape(),
            device,
        };
        (inspection, pictures)
    }

    #[test]
    fn slopes_are_those_of_the_exact_gradient() {
        let (inspection, pictures) = inspection();
        let mut rng = Seed(1).rng(Purpose::Perturbation, 0);
        // One picture along many directions: the root mean square is the length of its gradient.
        let slopes = inspection.critic_slopes(&pictures, &[3; 600], &mut rng);
        let found = (slopes.iter().map(|s| s * s).sum::<f64>() / 600.0).sqrt();
        let device = Device::flex().autodiff();
        let pixels = unit_pictures(&pictures, &[(3, false)]);
        let shape = [1, inspection.shape.channels, 16, 16];
        let x = Tensor::<4>::from_data(TensorData::new(pixels, shape), &device).require_grad();
        let critic = inspection.trainable_critic().unwrap();
        let score = critic.forward(x.clone(), None);
        let gradient = x.grad(&score.sum().backward()).unwrap();
        let exact = f64::from(gradient.powi_scalar(2).sum().into_scalar::<f32>()).sqrt();
        // Kinks within a step, and 600 draws: a tenth.
        assert!((found / exact - 1.0).abs() < 0.1, "{found} and {exact}");
    }

    #[test]
    fn spectral_norms_are_largest_gains() {
        let (inspection, _) = inspection();
        let norms = inspection.spectral_norms(&mut Seed(1).rng(Purpose::PowerIteration, 0));
        let critic = &inspection.critic;
        let scales = critic.scales();
        let weights: Vec<_> =
            parameters::collect(critic).into_iter().filter(|p| p.shape.len() > 1).collect();
        assert_eq!(norms.len(), weights.len());
        for ((name, norm), weight) in norms.iter().zip(weights) {
            assert_eq!(name, &weight.name);
            // Between the length of the longest row and the length of the whole matrix.
            let scale = scales[&weight.id];
            let columns = weight.values.len() / weight.shape[0];
            let length = |values: &[f32]| {
                scale * values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
            };
            let longest = weight.values.chunks(columns).map(length).fold(0.0, f64::max);
            assert!(*norm >= longest * 0.999, "{name}: {norm} below {longest}");
            assert!(*norm <= length(&weight.values) * 1.001, "{name}: {norm}");
        }
    }

    #[test]
    fn scores_do_not_depend_on_what_comes_with_them_and_a_run_is_near_itself() {
        let (inspection, pictures) = inspection();
        let all: Vec<usize> = (0..12).collect();
        let together = inspection.scores(&pictures, &all);
        let alone = inspection.scores(&pictures, &[5]);
        assert!((together[5] - alone[0]).abs() < 1e-4);
        assert_eq!(inspection.weight_distance(&inspection), 0.0);
        let latents = latent::draw(3, 8, None, &mut Seed(2).rng(Purpose::Generate, 0));
        let mut rng = Seed(1).rng(Purpose::Perturbation, 0);
        let slopes = inspection.generator_slopes(&latents, None, &mut rng);
        assert!(slopes.len() == 3 && slopes.iter().all(|s| *s > 0.0));
        assert_eq!(inspection.scores_of_generated(&latents, None).len(), 3);
    }
}
