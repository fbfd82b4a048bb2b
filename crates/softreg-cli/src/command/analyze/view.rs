//! What one checkpoint shows.

use super::Opened;
use rand::seq::index;
use softreg::{Purpose, Seed};
use softreg_feature::Extractor;
use softreg_metric::{Features, Interval, Pictures, frechet, kernel};
use softreg_net::latent;
use softreg_train::inspection::Inspection;

/// What one checkpoint shows.
pub(super) struct View {
    pub(super) step: u64,
    /// The critic's mean scores, without augmentation.
    pub(super) training: Interval,
    pub(super) held_out: Option<Interval>,
    pub(super) generated: Interval,
    /// `E[sign(D_train)]`.
    pub(super) r_t: f64,
    /// `(E[D_train] − E[D_held-out])/(E[D_train] − E[D_generated])`.
    pub(super) r_v: Option<f64>,
    /// Root mean square of `‖∇ₓD‖` at training and at held-out pictures.
    pub(super) critic_slope: f64,
    pub(super) critic_slope_held_out: Option<f64>,
    /// Root mean square of `‖∂G/∂z‖`.
    pub(super) generator_slope: f64,
    /// The largest singular value of each weight of the critic.
    pub(super) spectral: Vec<(String, f64)>,
    /// How far generated pictures are from training and from as many held-out pictures.
    pub(super) distances: Option<Distances>,
}

/// Distances from as many training as held-out pictures.
pub(super) struct Distances {
    pub(super) features: String,
    pub(super) pictures: usize,
    pub(super) kernel: [Interval; 2],
    /// How much farther held-out pictures are; the interval is over the draw of real pictures, the generated ones given.
    pub(super) nearer: Interval,
    pub(super) frechet: [Interval; 2],
}

/// Fewer pictures than this say little.
const FEWEST: usize = 20;

impl View {
    /// Looks at most `count` pictures of each kind.
    pub(super) fn of(
        inspection: &Inspection,
        run: &Opened,
        extractor: &Extractor,
        count: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let some = |indices: &[usize], count: usize, stream: u64| -> Vec<usize> {
            let mut rng = Seed(seed).rng(Purpose::Validation, stream);
            let chosen = index::sample(&mut rng, indices.len(), count.min(indices.len()));
            chosen.into_iter().map(|i| indices[i]).collect()
        };
        let training = some(&run.training, count, 1);
        let held_out = some(&run.held_out, count, 2);
        let shape = run.checked.shape();
        let mut rng = Seed(seed).rng(Purpose::Generate, 0);
        let latents = latent::draw(count, shape.latent, None, &mut rng);
        let labels = run.checked.random_labels(count, &mut rng);
        let labels = labels.as_deref();

        let of_training = inspection.scores(&run.pictures, &training);
        let of_held_out = inspection.scores(&run.pictures, &held_out);
        let of_generated = inspection.scores_of_generated(&latents, labels);
        let sign = |score: &f64| if *score == 0.0 { 0.0 } else { score.signum() };
        let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
        let gap = mean(&of_training) - mean(&of_generated);
        let r_v = (!of_held_out.is_empty() && gap > 0.0)
            .then(|| (mean(&of_training) - mean(&of_held_out)) / gap);
        let directions = |stream| Seed(seed).rng(Purpose::Perturbation, stream);
        let slope = |indices: &[usize]| {
            let mut rng = directions(1);
            root_mean_square(&inspection.critic_slopes(&run.pictures, indices, &mut rng))
        };
        let slopes = inspection.generator_slopes(&latents, labels, &mut directions(2));
        let fewest = training.len().min(held_out.len());
        let distances = match fewest >= FEWEST {
            true => {
                // As many of both: distances depend on the number of pictures.
                let sets = [&training[..fewest], &held_out[..fewest]];
                let made = inspection.pictures(&latents, labels);
                let pictures = Pictures {
                    channels: made.channels,
                    height: made.height,
                    width: made.width,
                    pixels: &made.pixels,
                };
                let generated = extractor.features(&pictures)?;
                let real = |indices: &[usize]| -> anyhow::Result<Features> {
                    let pixels = run.pictures.pictures(indices);
                    Ok(extractor.features(&Pictures { pixels: &pixels, ..pictures })?)
                };
                let [training, held_out] = [real(sets[0])?, real(sets[1])?];
                // The distance is the same from either side; the interval is over the draw of the other one.
                let over_real = |real: &Features| kernel::measure(&generated, real);
                let [of_training, of_held_out] = [over_real(&training)?, over_real(&held_out)?];
                Some(Distances {
                    nearer: of_held_out.beyond(&of_training),
                    features: extractor.definition().name.clone(),
                    pictures: fewest,
                    kernel: [
                        kernel::measure(&training, &generated)?,
                        kernel::measure(&held_out, &generated)?,
                    ],
                    frechet: [
                        frechet::measure(&training, &generated, seed)?,
                        frechet::measure(&held_out, &generated, seed)?,
                    ],
                })
            }
            false => None,
        };
        Ok(Self {
            step: inspection.step,
            r_t: mean(&of_training.iter().map(sign).collect::<Vec<_>>()),
            r_v,
            training: Interval::of(&of_training),
            held_out: (!of_held_out.is_empty()).then(|| Interval::of(&of_held_out)),
            generated: Interval::of(&of_generated),
            critic_slope: slope(&training),
            critic_slope_held_out: (!held_out.is_empty()).then(|| slope(&held_out)),
            generator_slope: root_mean_square(&slopes),
            spectral: inspection.spectral_norms(&mut directions(3)),
            distances,
        })
    }
}

pub(super) fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt()
}
