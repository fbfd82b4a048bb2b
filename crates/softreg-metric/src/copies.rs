//! Copy detector: whether generated pictures repeat training pictures.
//!
//! Of every generated picture the nearest training picture is sought, by Euclidean distance between
//! feature vectors. How near is too near is shown by pictures that are no copies: held-out ones. A
//! generated picture nearer to its training picture than all but 1 in 20 of these is a *near-copy*, so
//! that an honest generator has about 5 % of them, by construction.
//!
//! ```text
//! near-copies  share of generated pictures with d(g, T) < 5 % quantile of d(h, T), draw number 0.05·(n + 1) of n
//! nearer       P[d(g, T) < d(h, T)] + ½·P[d(g, T) = d(h, T)],   g generated, h held out
//! ```
//!
//! `nearer` is about ½ without copying and 1 where every generated picture is nearer to the training set
//! than every held-out one; it is the Mann-Whitney statistic of the data-copying test of arXiv
//! 2004.05675, without its division of space into cells.
//!
//! Training pictures that were also shown mirrored (`data.flip`) are looked for in both views, and the nearer one counts, for
//! generated and for honest pictures alike: the mirror image of a training picture is a copy too.
//!
//! Held-out pictures that equal a training picture do not count: with such doubles every copy would be
//! honest. Where fewer than 20 are left, each training picture is held against the *other* training
//! pictures in their stead, equal ones left out for the same reason.

use crate::distances::{nearest, squared};
use crate::interval::{Interval, deviation};
use crate::{Error, Features};

/// The share of held-out pictures below the threshold.
pub const EXPECTED_SHARE: f64 = 0.05;

/// A generated picture and the training picture nearest to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Number of the generated picture, from 0.
    pub generated: usize,
    /// Number of the training picture, from 0; the first where several are as near.
    pub training: usize,
    /// In which view that one is nearest: 0 as it is, 1 mirrored.
    pub view: usize,
    /// Euclidean distance between their feature vectors, at least 0.
    pub distance: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Copies {
    /// Every generated picture with its nearest training picture, the nearest first.
    pub pairs: Vec<Pair>,
    /// Below this distance a picture is a near-copy.
    pub threshold: f64,
    /// Share of near-copies, 0 to 1.
    pub share: Interval,
    /// How often a generated picture is nearer to the training set than a held-out one, 0 to 1.
    pub nearer: Interval,
    /// Whether held-out pictures gave the threshold, or training pictures among themselves.
    pub held_out: bool,
}

impl Copies {
    /// Looks for copies. `training` are the training pictures in every view in which they were shown: as they are, and then
    /// mirrored where they were, row by row the same pictures. `held_out` are pictures of the same source that were not
    /// trained on.
    ///
    /// # Errors
    /// [`Error::TooFew`] without a generated picture, or below 20 held-out and 20 different training
    /// pictures, of which a twentieth is none; [`Error::Width`] where features are not the same ones, and
    /// [`Error::Views`] where views are not of as many pictures.
    pub fn detect(
        training: &[&Features],
        held_out: Option<&Features>,
        generated: &Features,
    ) -> Result<Self, Error> {
        let measure = "the copy detector";
        let views = Views::new(training, measure)?;
        let training = &views.rows;
        generated.check_against(training, measure, 1)?;
        let needed = (1.0 / EXPECTED_SHARE).round() as usize;
        let mut usual = Vec::new();
        if let Some(held_out) = held_out {
            held_out.check_against(training, measure, 0)?;
            let distances =
                nearest(held_out, training).into_iter().map(|(_, squared)| squared.sqrt());
            usual.extend(distances.filter(|distance| *distance > 0.0));
        }
        let held_out = usual.len() >= needed;
        if !held_out {
            usual = views.to_nearest_other();
        }
        if usual.len() < needed {
            return Err(Error::TooFew { measure, needed, found: usual.len() });
        }
        usual.sort_unstable_by(f64::total_cmp);
        let threshold = quantile(&usual);
        let pair = |(generated, (training, squared)): (usize, (usize, f64))| Pair {
            generated,
            training: training % views.pictures,
            view: training / views.pictures,
            distance: squared.sqrt(),
        };
        let mut pairs: Vec<Pair> =
            nearest(generated, training).into_iter().enumerate().map(pair).collect();
        let near: Vec<f64> = pairs.iter().map(|p| f64::from(p.distance < threshold)).collect();
        let distances: Vec<f64> = pairs.iter().map(|pair| pair.distance).collect();
        let nearer = nearer(&distances, &usual);
        pairs.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let share = with_the_threshold(Interval::of_share(&near), usual.len());
        Ok(Self { pairs, threshold, share, nearer, held_out })
    }
}

/// Training pictures in every view in which they were shown.
struct Views {
    /// View after view.
    rows: Features,
    /// Rows of each.
    pictures: usize,
}

impl Views {
    fn new(views: &[&Features], measure: &'static str) -> Result<Self, Error> {
        let none = Error::TooFew { measure, needed: 1, found: 0 };
        let (first, others) = views.split_first().ok_or(none)?;
        let mut values = first.values().to_vec();
        for other in others {
            other.check_against(first, measure, 0)?;
            if other.len() != first.len() {
                return Err(Error::Views { found: other.len(), expected: first.len() });
            }
            values.extend_from_slice(other.values());
        }
        let rows = Features::new(first.width(), values)?;
        Ok(Self { rows, pictures: first.len() })
    }

    /// Of every picture as it is, the distance to the nearest view of another that does not equal it in any view; none where
    /// all do.
    fn to_nearest_other(&self) -> Vec<f64> {
        let mut all = Vec::with_capacity(self.pictures);
        squared(&self.rows.first(self.pictures), &self.rows, |_, distances| {
            let of_picture = |i: usize| distances.iter().skip(i).step_by(self.pictures).copied();
            let nearest = (0..self.pictures).map(|i| of_picture(i).fold(f64::INFINITY, f64::min));
            let others = nearest.filter(|distance| *distance > 0.0);
            all.extend(others.min_by(f64::total_cmp).map(f64::sqrt));
        });
        all
    }
}

/// Where a twentieth of further draws is expected to lie below, from the sorted draws that there are, 20 at least: draw
/// number `0.05·(n + 1)`, since `n` draws divide what is drawn into `n + 1` parts that are equal on average.
fn quantile(sorted: &[f64]) -> f64 {
    let place = EXPECTED_SHARE * (sorted.len() + 1) as f64;
    // Of 20 or more, so that the place is past the first.
    let below = (place as usize).clamp(1, sorted.len());
    let [a, b] = [below - 1, below.min(sorted.len() - 1)].map(|i| sorted[i]);
    a + (place - below as f64) * (b - a)
}

/// The interval of the share below a threshold that is itself drawn: the share of an honest generator below draw number
/// `0.05·(n + 1)` of `n` has a beta distribution, of variance `0.05·0.95/(n + 2)`.
fn with_the_threshold(share: Interval, honest: usize) -> Interval {
    let variance = EXPECTED_SHARE * (1.0 - EXPECTED_SHARE) / (honest + 2) as f64;
    Interval { half: share.half.map(|half| half.hypot(1.96 * variance.sqrt())), ..share }
}

/// The probability that one of `values` lies below one of `sorted`, ties by half, with the interval of
/// DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988). Where all of one side lie beyond the other, theirs has no width;
/// there it is that of a share of as many draws as the smaller side has.
fn nearer(values: &[f64], sorted: &[f64]) -> Interval {
    let mut own = values.to_vec();
    own.sort_unstable_by(f64::total_cmp);
    // Share of `others` above `value`.
    let above = |others: &[f64], value: f64| {
        let below = others.partition_point(|other| *other < value);
        let up_to = others.partition_point(|other| *other <= value);
        (others.len() as f64 - 0.5 * (below + up_to) as f64) / others.len() as f64
    };
    let of_values: Vec<f64> = own.iter().map(|value| above(sorted, *value)).collect();
    let of_sorted: Vec<f64> = sorted.iter().map(|value| 1.0 - above(&own, *value)).collect();
    let mean = of_values.iter().sum::<f64>() / own.len() as f64;
    let variance = |parts: &[f64]| deviation(parts).powi(2) / parts.len() as f64;
    let half = 1.96 * (variance(&of_values) + variance(&of_sorted)).sqrt();
    if mean == 0.0 || mean == 1.0 {
        return Interval::of_share(&vec![mean; own.len().min(sorted.len())]);
    }
    Interval { mean, half: Some(half) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    fn normal(n: usize, seed: u64) -> Features {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Features::new(6, (0..6 * n).map(|_| rng.sample(StandardNormal)).collect()).unwrap()
    }

    #[test]
    fn fresh_draws_are_no_copies_and_noisy_copies_are() {
        let (training, held_out, fresh) = (normal(400, 1), normal(400, 2), normal(400, 3));
        for reference in [Some(&held_out), None] {
            let honest = Copies::detect(&[&training], reference, &fresh).unwrap();
            assert!(honest.share.contains(EXPECTED_SHARE), "{}", honest.share);
            assert!(honest.nearer.contains(0.5), "{}", honest.nearer);
            // Every tenth a copy with a little noise.
            let mixed: Vec<f32> = fresh
                .rows()
                .enumerate()
                .flat_map(|(i, row)| match i % 10 {
                    0 => training.row(399 - i).iter().map(|v| v + 1e-3).collect::<Vec<_>>(),
                    _ => row.to_vec(),
                })
                .collect();
            let mixed = Features::new(6, mixed).unwrap();
            let copying = Copies::detect(&[&training], reference, &mixed).unwrap();
            assert!(copying.share.mean > 0.13, "{}", copying.share);
            let worst = copying.pairs[0];
            assert_eq!((worst.generated % 10, worst.training), (0, 399 - worst.generated));
        }
    }

    /// Over many honest generators: a twentieth on average, and intervals hold it, however few were held out.
    #[test]
    fn honest_generators_are_not_accused() {
        for honest in [20usize, 37, 100] {
            let mut rng = ChaCha8Rng::seed_from_u64(honest as u64);
            let (mut sum, mut held) = (0.0, 0);
            for _ in 0..400 {
                let mut usual: Vec<f64> = (0..honest).map(|_| rng.random()).collect();
                usual.sort_unstable_by(f64::total_cmp);
                let threshold = quantile(&usual);
                let near: Vec<f64> =
                    (0..1000).map(|_| f64::from(rng.random::<f64>() < threshold)).collect();
                let share = with_the_threshold(Interval::of_share(&near), honest);
                sum += share.mean / 400.0;
                held += usize::from(share.contains(EXPECTED_SHARE));
            }
            assert!((sum - EXPECTED_SHARE).abs() < 0.008, "{honest}: {sum}");
            assert!(held >= 360, "{honest}: {held} of 400");
        }
    }

    #[test]
    fn doubles_in_the_collection_do_not_hide_copies() {
        let training = Features::new(6, normal(50, 1).values().repeat(2)).unwrap();
        let copies = Copies::detect(&[&training], None, &normal(50, 1)).unwrap();
        assert_eq!((copies.share.mean, copies.nearer.mean), (1.0, 1.0));
        assert_eq!((copies.pairs[7].distance, copies.pairs[7].training), (0.0, 7));
        // Nor do held-out pictures that are training pictures.
        let held_out = Copies::detect(&[&training], Some(&training), &normal(50, 1)).unwrap();
        assert_eq!((held_out.share.mean, held_out.held_out), (1.0, false));
        let equal = Features::new(1, vec![1.0; 40]).unwrap();
        let error = Copies::detect(&[&equal], None, &equal).unwrap_err();
        assert!(matches!(error, Error::TooFew { needed: 20, found: 0, .. }), "{error}");
    }

    /// The mirror image has the numbers of a vector the other way round here.
    fn mirrored(features: &Features) -> Features {
        let turned = features.rows().flat_map(|row| row.iter().rev()).copied().collect();
        Features::new(features.width(), turned).unwrap()
    }

    #[test]
    fn mirror_images_of_what_was_shown_mirrored_are_copies() {
        let (training, held_out, fresh) = (normal(400, 1), normal(400, 2), normal(400, 3));
        let turned = mirrored(&training);
        let views: [&Features; 2] = [&training, &turned];
        for reference in [Some(&held_out), None] {
            let honest = Copies::detect(&views, reference, &mirrored(&fresh)).unwrap();
            assert!(honest.share.contains(EXPECTED_SHARE), "{}", honest.share);
            let copies = Copies::detect(&views, reference, &turned).unwrap();
            let pair = copies.pairs[7];
            assert_eq!((copies.share.mean, pair.training, pair.view), (1.0, 7, 1));
            let unturned = Copies::detect(&views[..1], reference, &turned).unwrap();
            assert!(unturned.share.mean < 0.2, "{}", unturned.share);
        }
        // A picture that is its own mirror image, or another's, is no neighbour of it.
        let values = training.first(20).values().to_vec();
        let both = [values.clone(), mirrored(&training.first(20)).values().to_vec()].concat();
        let (plain, both) = (Features::new(6, values).unwrap(), Features::new(6, both).unwrap());
        let threshold = |features: &Features| {
            Copies::detect(&[features, &mirrored(features)], None, &fresh).unwrap().threshold
        };
        let (plain, both) = (threshold(&plain), threshold(&both));
        assert!((plain - both).abs() < 1e-6, "{plain} {both}");
        let short = turned.first(399);
        let error = Copies::detect(&[&training, &short], None, &fresh).unwrap_err();
        assert_eq!(error, Error::Views { found: 399, expected: 400 });
    }
}
