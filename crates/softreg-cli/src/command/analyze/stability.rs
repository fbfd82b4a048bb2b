//! Algorithmic stability: how far two runs come apart that differ in one picture.

use super::Opened;
use super::view::root_mean_square;
use crate::failure::usage;
use crate::terminal::line_to_stderr;
use crate::trial::{Pool, Trial};
use burn::tensor::Device;
use rand::seq::{SliceRandom, index};
use softreg::{Purpose, Seed};
use softreg_feature::Extractor;
use softreg_metric::Pictures;
use softreg_net::latent;
use softreg_run::checkpoint;
use softreg_train::inspection::Inspection;
use softreg_train::sample::{self, PictureSet};
use std::collections::BTreeSet;

/// Two runs compared, at every step of which both have a checkpoint.
pub(super) struct Stability {
    /// The other run.
    pub(super) other: String,
    pub(super) at: Vec<Apart>,
}

/// How far two runs are apart.
pub(super) struct Apart {
    pub(super) step: u64,
    /// Root mean square difference of a pixel, 0..1, of pictures of the same latents.
    pub(super) pixels: f64,
    /// The same of pictures of different latents, whatever their labels, within the first run: what two unrelated pictures
    /// are apart.
    pub(super) unrelated: f64,
    /// The distance of features, and that of unrelated pictures.
    pub(super) features: f64,
    pub(super) unrelated_features: f64,
    /// Root mean square difference of the critics' scores of the same pictures, held-out ones where
    /// there are any.
    pub(super) scores: f64,
    /// Length of the difference of the generators' weights, as a share of their length.
    pub(super) weights: f64,
}

/// Trains the run that differs in one picture, as far as the first one went.
pub(super) fn twin(run: &Opened, number: usize, device: &str) -> anyhow::Result<Opened> {
    let mut config = run.checked.config().clone();
    if config.data.replaced.is_some() {
        return Err(usage(format!(
            "{} is itself such a run: analyze the original one with --twin",
            run.folder.root().display()
        )));
    }
    if number >= run.training.len() {
        return Err(usage(format!(
            "--twin {number}: the run has {} training pictures, numbered from 0",
            run.training.len()
        )));
    }
    config.data.replaced = Some(number);
    config.stop = softreg_train::config::Stop {
        steps: Some(run.folder.read_status()?.step),
        check_every: config.stop.check_every,
        ..Default::default()
    };
    // Checkpoints at the same steps.
    let folder = run.folder.root().join(format!("twin-{number}"));
    line_to_stderr(&format!(
        "training a run with picture {number} replaced by another, in {}",
        folder.display()
    ));
    let trial =
        Trial { folder: folder.clone(), config, device: device.to_owned(), fingerprint: None };
    let pool = Pool::new(1, 1, false);
    let watch = pool.watch("twin".to_owned());
    let trained = trial.train(&mut |stage| watch.stage(stage));
    watch.done();
    pool.end();
    match trained {
        Ok(_) => Opened::open(&folder),
        Err(failure) => match failure.reason() {
            None => anyhow::bail!("interrupted; run the same command to resume"),
            Some(reason) => anyhow::bail!("the second run failed: {reason}"),
        },
    }
}

impl Stability {
    pub(super) fn of(
        run: &Opened,
        other: &Opened,
        extractor: &Extractor,
        device: &Device,
        count: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        if run.checked.shape() != other.checked.shape() {
            return Err(usage(format!(
                "{} and {} have different networks, so the same latent does not mean the same in both: choose runs of the same networks",
                run.folder.root().display(),
                other.folder.root().display()
            )));
        }
        let steps = |run: &Opened| -> anyhow::Result<BTreeSet<u64>> {
            Ok(checkpoint::list(run.folder.checkpoints())?.into_iter().collect())
        };
        let both: Vec<u64> = steps(run)?.intersection(&steps(other)?).copied().collect();
        anyhow::ensure!(
            !both.is_empty(),
            "{} and {} have no checkpoint at the same step",
            run.folder.root().display(),
            other.folder.root().display()
        );
        let at = super::spread(both).into_iter().map(|step| {
            super::not_interrupted()?;
            let (a, b) = (run.inspect(step, device)?, other.inspect(step, device)?);
            apart(&a, &b, run, extractor, count, seed)
        });
        Ok(Self {
            other: other.folder.root().display().to_string(),
            at: at.collect::<anyhow::Result<_>>()?,
        })
    }
}

fn apart(
    a: &Inspection,
    b: &Inspection,
    run: &Opened,
    extractor: &Extractor,
    count: usize,
    seed: u64,
) -> anyhow::Result<Apart> {
    let shape = run.checked.shape();
    let mut rng = Seed(seed).rng(Purpose::Generate, 0);
    let latents = latent::draw(count, shape.latent, None, &mut rng);
    let labels = sample::labels_in_turn(count, shape.classes);
    // Each in turn once, so that none is its own other one; which label that has is left to chance.
    let mut circle: Vec<usize> = (0..count).collect();
    circle.shuffle(&mut rng);
    let mut others = vec![0; count];
    for (i, of) in circle.iter().enumerate() {
        others[*of] = circle[(i + 1) % count];
    }
    let made = [a, b].map(|run| run.pictures(&latents, labels.as_deref()));
    let features = |set: &PictureSet| {
        let PictureSet { channels, height, width, ref pixels } = *set;
        extractor.features(&Pictures { channels, height, width, pixels })
    };
    let [of_a, of_b] = [features(&made[0])?, features(&made[1])?];
    let known = if run.held_out.is_empty() { &run.training } else { &run.held_out };
    // They may lie by their kinds.
    let chosen = index::sample(&mut rng, known.len(), count.min(known.len()));
    let known: Vec<usize> = chosen.iter().map(|i| known[i]).collect();
    let (scores_a, scores_b) = (a.scores(&run.pictures, &known), b.scores(&run.pictures, &known));
    let differences: Vec<f64> = scores_a.iter().zip(&scores_b).map(|(a, b)| a - b).collect();
    let other = |i: usize| others[i];
    let rows = |i: usize, j: usize| (of_a.row(i), of_b.row(j), of_a.row(j));
    let distance = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    Ok(Apart {
        step: a.step,
        pixels: pixels_apart(&made[0], &made[1], |i| i),
        unrelated: pixels_apart(&made[0], &made[0], other),
        features: mean(
            (0..count)
                .map(|i| {
                    let (a, b, _) = rows(i, i);
                    distance(a, b)
                })
                .collect(),
        ),
        unrelated_features: mean(
            (0..count)
                .map(|i| {
                    let (a, _, c) = rows(i, other(i));
                    distance(a, c)
                })
                .collect(),
        ),
        scores: root_mean_square(&differences),
        weights: a.weight_distance(b),
    })
}

fn pixels_apart(a: &PictureSet, b: &PictureSet, other: impl Fn(usize) -> usize) -> f64 {
    let (rows, others): (Vec<&[u8]>, Vec<&[u8]>) = (a.iter().collect(), b.iter().collect());
    let squares = rows.iter().enumerate().flat_map(|(i, row)| {
        row.iter().zip(others[other(i)]).map(|(a, b)| (f64::from(a.abs_diff(*b)) / 255.0).powi(2))
    });
    (squares.sum::<f64>() / a.pixels.len() as f64).sqrt()
}
