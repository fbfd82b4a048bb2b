//! Modes: how many of the known kinds of a labelled source the generated pictures show, and how evenly.
//!
//! ```text
//! found       kinds with a generated picture at least
//! divergence  KL(q ‖ p) = Σ q_k·ln(q_k/p_k), q shares of generated, p of reference pictures, in nats
//! ```
//!
//! Source: arXiv 1611.02163 (stacked MNIST, 1,000 kinds). Deviation: the kind of a generated
//! picture is that of its nearest labelled picture among feature vectors, where the paper trains a
//! classifier; [`accuracy`] says how often this is right.

use crate::distances::{nearest, squared};
use crate::interval::{Interval, deviation};
use crate::{Error, Features, Pictures};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamplings behind an interval.
const RESAMPLINGS: usize = 20;

/// The label of the nearest labelled vector, for each vector; one label to each labelled vector.
///
/// # Errors
/// [`Error::TooFew`] where nothing is labelled, [`Error::Width`] where features are not the same ones.
///
/// # Panics
/// Where there are not as many labels as labelled vectors.
pub fn labels(
    features: &Features,
    labelled: &Features,
    labels: &[usize],
) -> Result<Vec<usize>, Error> {
    assert_eq!(labelled.len(), labels.len(), "a label to each vector");
    features.check_against(labelled, "a class", 1)?;
    Ok(nearest(features, labelled).into_iter().map(|(i, _)| labels[i]).collect())
}

/// How often the nearest *other* labelled vector has the same label, 0 to 1.
///
/// # Errors
/// [`Error::TooFew`] below 2 vectors.
///
/// # Panics
/// Where there are not as many labels as vectors.
pub fn accuracy(labelled: &Features, labels: &[usize]) -> Result<Interval, Error> {
    assert_eq!(labelled.len(), labels.len(), "a label to each vector");
    labelled.check_against(labelled, "a class", 2)?;
    let right = told(labelled, labels, 1).into_iter().map(f64::from);
    Ok(Interval::of_share(&right.collect::<Vec<_>>()))
}

/// For each vector: whether the nearest one of another picture, of `parts` vectors each, has its label.
fn told(labelled: &Features, labels: &[usize], parts: usize) -> Vec<bool> {
    let mut right = Vec::with_capacity(labels.len());
    squared(labelled, labelled, |i, distances| {
        let others = distances.iter().enumerate().filter(|(j, _)| j / parts != i / parts);
        let other = others.min_by(|a, b| a.1.total_cmp(b.1)).map(|(j, _)| labels[j]);
        right.push(other == Some(labels[i]));
    });
    right
}

/// The kinds of stacked pictures: three grey pictures of known kinds, one in each channel, the first of
/// them the leading digit of the label.
#[derive(Clone, Debug, PartialEq)]
pub struct Stacked {
    /// Of each generated picture, from the nearest labelled channel (by pixels) of each of its channels.
    pub shown: Vec<usize>,
    /// The share that each stack of kinds should have: the product of those of its channels, which are
    /// drawn apart from each other. The reference need not hold every stack.
    pub shares: Vec<f64>,
    /// How often the nearest channels of other pictures tell all three kinds rightly, 0 to 1.
    pub accuracy: Interval,
}

/// Tells the kinds of stacked pictures channel by channel, which takes far fewer labelled pictures than
/// there are kinds of stacks. `labels` are those of the reference, `kinds` those of a channel.
///
/// # Errors
/// As [`labels`] and [`accuracy`]; pictures have three channels.
pub fn stacked(
    generated: &Pictures<'_>,
    reference: &Pictures<'_>,
    labels_of: &[usize],
    kinds: usize,
) -> Result<Stacked, Error> {
    let channels = |pictures: &Pictures<'_>| -> Result<Features, Error> {
        let width = pictures.height * pictures.width;
        Features::new(width, pictures.pixels.iter().map(|p| f32::from(*p) / 255.0).collect())
    };
    let digit = |label: usize, place: usize| label / kinds.pow(2 - place as u32) % kinds;
    let digits: Vec<usize> =
        labels_of.iter().flat_map(|label| (0..3).map(|place| digit(*label, place))).collect();
    let (of_generated, of_reference) = (channels(generated)?, channels(reference)?);
    let of_channels = labels(&of_generated, &of_reference, &digits)?;
    let whole = |digits: &[usize]| digits.iter().fold(0, |sum, digit| sum * kinds + digit);
    let shown = of_channels.chunks_exact(3).map(whole).collect();
    let right = told(&of_reference, &digits, 3);
    let all: Vec<f64> =
        right.chunks_exact(3).map(|three| f64::from(three.iter().all(|r| *r))).collect();
    let of_channel = shares(&digits, kinds);
    let of_stack = |label: usize| (0..3).map(|place| of_channel[digit(label, place)]).product();
    let shares = (0..kinds.pow(3)).map(of_stack).collect();
    Ok(Stacked { shown, shares, accuracy: Interval::of_share(&all) })
}

/// The share of each label below `most`.
fn shares(labels: &[usize], most: usize) -> Vec<f64> {
    let mut shares = vec![0f64; most];
    labels.iter().for_each(|label| shares[*label] += 1.0);
    shares.iter_mut().for_each(|share| *share /= labels.len() as f64);
    shares
}

/// How the kinds are met.
#[derive(Clone, Debug, PartialEq)]
pub struct Modes {
    /// Kinds there are in the reference.
    pub kinds: usize,
    /// Kinds found, 1 to `kinds`, with an interval for the draw of generated pictures.
    pub found: Interval,
    /// Divergence in nats, 0 where the shares are those of the reference, at most −ln of the smallest
    /// share. It is above 0, about `(kinds − 1)/2n`, for n pictures drawn with these very shares.
    pub divergence: Interval,
    /// Kinds not found, in order.
    pub missing: Vec<usize>,
}

impl Modes {
    /// Counts labels of generated pictures against labels of reference pictures. A kind that the
    /// reference lacks does not occur, since the label of a picture is that of a reference picture.
    ///
    /// # Errors
    /// [`Error::TooFew`] without a picture on a side.
    pub fn count(reference: &[usize], generated: &[usize], seed: u64) -> Result<Self, Error> {
        let most = reference.iter().chain(generated).max().map_or(0, |most| most + 1);
        Self::against(&shares(reference, most), generated, seed)
    }

    /// Counts labels of generated pictures against the shares that kinds should have, from 0 on.
    ///
    /// # Errors
    /// [`Error::TooFew`] without a generated picture or a kind.
    ///
    /// # Panics
    /// Where a label is not below the number of shares.
    pub fn against(p: &[f64], generated: &[usize], seed: u64) -> Result<Self, Error> {
        if !p.iter().any(|share| *share > 0.0) || generated.is_empty() {
            return Err(Error::TooFew { measure: "the mode count", needed: 1, found: 0 });
        }
        let most = p.len();
        let shares =
            |labels: &mut dyn Iterator<Item = usize>| shares(&labels.collect::<Vec<usize>>(), most);
        let measure = |q: &[f64]| {
            let found = q.iter().zip(p).filter(|(q, p)| **q > 0.0 && **p > 0.0).count();
            let term = |(q, p): (&f64, &f64)| if *q > 0.0 { q * (q / p).ln() } else { 0.0 };
            // A sum of terms of both signs may end a rounding below 0.
            (found as f64, q.iter().zip(p).map(term).sum::<f64>().max(0.0))
        };
        let q = shares(&mut generated.iter().copied());
        let (found, divergence) = measure(&q);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = generated.len();
        let again = |_| measure(&shares(&mut (0..n).map(|_| generated[rng.random_range(0..n)])));
        let (counts, divergences): (Vec<f64>, Vec<f64>) = (0..RESAMPLINGS).map(again).unzip();
        let around = |mean, values: &[f64]| Interval { mean, half: Some(1.96 * deviation(values)) };
        Ok(Self {
            kinds: p.iter().filter(|share| **share > 0.0).count(),
            found: around(found, &counts),
            divergence: around(divergence, &divergences),
            missing: (0..most).filter(|kind| p[*kind] > 0.0 && q[*kind] == 0.0).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_told_channel_by_channel() {
        // Kinds 0 and 1 of a channel are dark and bright.
        let stack = |label: usize, noise: u8| {
            (0..3).flat_map(move |place| {
                let bright = label >> (2 - place) & 1 == 1;
                [if bright { 200 + noise } else { noise }; 4]
            })
        };
        let pixels = |noise: &[u8]| -> Vec<u8> {
            (0..8).flat_map(|label| noise.iter().flat_map(move |n| stack(label, *n))).collect()
        };
        let (seen, made) = (pixels(&[0, 9]), pixels(&[4]));
        let of = |pixels| Pictures { channels: 3, height: 2, width: 2, pixels };
        let known: Vec<usize> = (0..16).map(|i| i / 2).collect();
        let found = stacked(&of(&made), &of(&seen), &known, 2).unwrap();
        assert_eq!(found.shown, (0..8).collect::<Vec<_>>());
        assert_eq!(found.accuracy.mean, 1.0);
        assert_eq!(found.shares, [0.125; 8]);
        // A reference without some of the stacks knows their channels all the same.
        let some = found.shown.iter().filter(|label| [1, 3, 4, 6].contains(*label));
        let some: Vec<usize> = some.copied().collect();
        let part: Vec<u8> =
            some.iter().flat_map(|label| stack(*label, 0).chain(stack(*label, 9))).collect();
        let known: Vec<usize> = some.iter().flat_map(|label| [*label; 2]).collect();
        let found = stacked(&of(&made), &of(&part), &known, 2).unwrap();
        assert_eq!(found.shown, (0..8).collect::<Vec<_>>());
        let counted = Modes::against(&found.shares, &found.shown, 0).unwrap();
        assert_eq!((counted.kinds, counted.found.mean), (8, 8.0));
        assert!(counted.divergence.mean.abs() < 1e-12, "{counted:?}");
    }

    #[test]
    fn kinds_and_divergence_by_hand() {
        let reference = [0, 0, 1, 1, 4, 4];
        let modes = Modes::count(&reference, &[0, 1, 1, 1], 0).unwrap();
        assert_eq!((modes.kinds, modes.found.mean, modes.missing.as_slice()), (3, 2.0, &[4][..]));
        let expected = 0.25 * (0.75f64).ln() + 0.75 * (2.25f64).ln();
        assert!((modes.divergence.mean - expected).abs() < 1e-12);
        let same = Modes::count(&reference, &[4, 1, 0], 0).unwrap();
        assert_eq!((same.found.mean, same.divergence.mean), (3.0, 0.0));
        assert!(Modes::count(&reference, &[], 0).is_err());
    }

    #[test]
    fn the_nearest_labelled_picture_names_the_kind() {
        let labelled = Features::new(1, vec![0.0, 1.0, 10.0, 11.0, 10.4]).unwrap();
        let kinds = [7, 7, 8, 8, 7];
        let generated = Features::new(1, vec![-3.0, 10.1, 10.9]).unwrap();
        assert_eq!(labels(&generated, &labelled, &kinds).unwrap(), [7, 8, 8]);
        // Right of 0 and 1 only: 10 and 11 are nearer to 10.4, and that to 10.
        assert!((accuracy(&labelled, &kinds).unwrap().mean - 0.4).abs() < 1e-12);
    }
}
