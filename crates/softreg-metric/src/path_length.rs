//! Perceptual path length: how far the picture moves where the latent moves a little.
//!
//! ```text
//! PPL = E[|φ(G(z_t)) − φ(G(z_{t+ε}))|² / ε²],   z_t = slerp(z_1, z_2; t),  t ~ U(0, 1)
//! ```
//!
//! Source: arXiv 1812.04948, Eq. 2. Short paths are smooth; a generator that shows few pictures jumps
//! between them. Deviations: ε = 10⁻² where the paper has 10⁻⁴, below which single-precision features
//! have no digits left; φ are the features in use, where the paper has a learned distance, so that values
//! compare among the same features only.

use crate::interval::Interval;
use crate::{Error, Features};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// The step ε.
pub const STEP: f64 = 1e-2;
/// Percentiles beyond which steps are left out, as in the paper's program.
const TRIM: [f64; 2] = [0.01, 0.99];

/// Two neighbouring latents on the arc between two normal draws.
pub fn neighbours<R: Rng + ?Sized>(latent: usize, rng: &mut R) -> [Vec<f32>; 2] {
    let mut draw = || -> Vec<f64> { (0..latent).map(|_| rng.sample(StandardNormal)).collect() };
    let (a, b) = (draw(), draw());
    let t: f64 = rng.random();
    [arc(&a, &b, t), arc(&a, &b, t + STEP)]
}

/// The point at `t` on the arc from the direction of `a` to that of `b`, with the length of a typical
/// normal draw, √latent.
pub fn arc(a: &[f64], b: &[f64], t: f64) -> Vec<f32> {
    let length = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let (a_length, b_length) = (length(a), length(b));
    let angle = (dot / (a_length * b_length)).clamp(-1.0, 1.0).acos();
    let root = (a.len() as f64).sqrt();
    let [of_a, of_b] = match angle.sin() {
        // One direction, as is usual with a latent of one number.
        sine if sine < 1e-12 => [1.0 - t, t],
        sine => [((1.0 - t) * angle).sin() / sine, (t * angle).sin() / sine],
    };
    let point = |(x, y): (&f64, &f64)| (root * (of_a * x / a_length + of_b * y / b_length)) as f32;
    a.iter().zip(b).map(point).collect()
}

/// The mean over steps from `here` to `there`, row by row, without the longest and the shortest 1 %; its interval is that of a
/// trimmed mean, by the deviation of all steps with those that are left out as long as the last that are not (Tukey and
/// McLaughlin 1963).
///
/// # Errors
/// [`Error::TooFew`] below 2 steps, [`Error::Width`] where features are not the same ones.
///
/// # Panics
/// Where there are not as many ends as starts.
pub fn measure(here: &Features, there: &Features) -> Result<Interval, Error> {
    assert_eq!(here.len(), there.len(), "an end to each step");
    there.check_against(here, "the path length", 2)?;
    let step = |(a, b): (&[f32], &[f32])| {
        let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        squares.sum::<f64>() / (STEP * STEP)
    };
    let mut lengths: Vec<f64> = here.rows().zip(there.rows()).map(step).collect();
    lengths.sort_unstable_by(f64::total_cmp);
    // numpy's percentiles "lower" and "higher", as in the paper's program.
    let last = (lengths.len() - 1) as f64;
    let [low, high] = [(TRIM[0] * last).floor() as usize, (TRIM[1] * last).ceil() as usize];
    let kept = &lengths[low..=high];
    let mean = kept.iter().sum::<f64>() / kept.len() as f64;
    let winsorised: Vec<f64> =
        lengths.iter().map(|length| length.clamp(lengths[low], lengths[high])).collect();
    let share = kept.len() as f64 / lengths.len() as f64;
    let half = Interval::of(&winsorised).half.map(|half| half / share);
    Ok(Interval { mean, half })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn arcs_keep_their_length_and_a_linear_picture_moves_by_the_angle() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let steps: Vec<[Vec<f32>; 2]> = (0..400).map(|_| neighbours(64, &mut rng)).collect();
        for [a, b] in &steps {
            for point in [a, b] {
                let square: f32 = point.iter().map(|v| v * v).sum();
                assert!((square - 64.0).abs() < 0.01);
            }
        }
        let side = |i: usize| {
            Features::new(64, steps.iter().flat_map(|step| step[i].clone()).collect()).unwrap()
        };
        // Two draws of 64 numbers are at a right angle, about: (√64·π/2)².
        let expected = 64.0 * std::f64::consts::FRAC_PI_2.powi(2);
        let interval = measure(&side(0), &side(1)).unwrap();
        assert!((interval.mean / expected - 1.0).abs() < 0.05, "{interval} {expected}");
        assert_eq!(measure(&side(0), &side(0)).unwrap().mean, 0.0);
    }

    #[test]
    fn a_jump_in_a_hundred_is_left_out() {
        let here = Features::new(1, vec![0.0; 201]).unwrap();
        let mut ends = vec![0.01; 201];
        ends[..2].fill(50.0);
        let interval = measure(&here, &Features::new(1, ends).unwrap()).unwrap();
        assert!((interval.mean - 1.0).abs() < 1e-6, "{interval}");
    }

    #[test]
    fn the_interval_holds_the_trimmed_mean_of_all_steps_as_often_as_it_says() {
        // Lengths of a log-normal distribution, of which a million say where its trimmed mean is.
        let lengths = |n: usize, seed: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut length = || (rng.sample::<f64, _>(StandardNormal) * 1.5).exp().sqrt() * STEP;
            Features::new(1, (0..n).map(|_| length() as f32).collect()).unwrap()
        };
        let of = |n: usize, seed: u64| {
            measure(&Features::new(1, vec![0.0; n]).unwrap(), &lengths(n, seed)).unwrap()
        };
        let all = of(1_000_000, 0).mean;
        let held = (1..=1000).filter(|seed| of(500, *seed).contains(all)).count();
        assert!((915..=970).contains(&held), "{held} of 1000");
    }
}
