//! Batch normalisation without a gain and a shift of its own.

use crate::fresh::{fresh, written};
use pulp::Arch;

/// What batch normalisation made.
#[derive(Debug)]
pub(crate) struct Normalized {
    /// `(x − μ)/√(σ² + ε)`.
    pub(crate) values: Vec<f32>,
    /// `1/√(σ² + ε)` of every channel.
    pub(crate) scale: Vec<f32>,
}

/// Normalises pixels of `channels` values by each channel's mean and variance over all pixels.
pub(crate) fn normalize(values: &[f32], channels: usize, epsilon: f32) -> Normalized {
    let count = (values.len() / channels) as f64;
    let mean: Vec<f32> =
        sums(values, channels, |x, _| x, &[]).iter().map(|s| (s / count) as f32).collect();
    let squares = sums(values, channels, |x, m| (x - m) * (x - m), &mean);
    let scale: Vec<f32> =
        squares.iter().map(|s| (1.0 / (s / count + f64::from(epsilon)).sqrt()) as f32).collect();
    let mut out = fresh(values.len());
    Arch::new().dispatch(|| {
        let pixels = values.chunks_exact(channels);
        for (out, pixel) in out.chunks_exact_mut(channels).zip(pixels) {
            for (((out, x), mean), scale) in out.iter_mut().zip(pixel).zip(&mean).zip(&scale) {
                out.write((*x - mean) * scale);
            }
        }
    });
    // SAFETY: whole pixels, of which every channel was written.
    #[allow(unsafe_code)]
    let values = unsafe { written(out) };
    Normalized { values, scale }
}

/// The gradient of the input, `scale·(g − mean(g) − y·mean(g·y))`, from that of the output `g` and the output `y`.
pub(crate) fn pull_back(gradient: &[f32], output: &[f32], scale: &[f32]) -> Vec<f32> {
    let channels = scale.len();
    assert!(
        gradient.len() == output.len() && output.len().is_multiple_of(channels),
        "the gradient of another output"
    );
    let count = (output.len() / channels) as f64;
    let average = |sums: Vec<f64>| sums.iter().map(|s| (s / count) as f32).collect::<Vec<_>>();
    let mean = average(sums(gradient, channels, |g, _| g, &[]));
    let along = average(products(gradient, output, channels));
    let mut out = fresh(gradient.len());
    Arch::new().dispatch(|| {
        let pixels = gradient.chunks_exact(channels).zip(output.chunks_exact(channels));
        for (out, (gradient, output)) in out.chunks_exact_mut(channels).zip(pixels) {
            for c in 0..channels {
                out[c].write(scale[c] * (gradient[c] - mean[c] - output[c] * along[c]));
            }
        }
    });
    // SAFETY: whole pixels, of which every channel was written.
    #[allow(unsafe_code)]
    unsafe {
        written(out)
    }
}

/// Pixels that are summed in f32 before they go into a sum in f64.
const BLOCK: usize = 64;

/// The sum of `f(x, parameter of the channel)` of every channel.
fn sums(
    values: &[f32],
    channels: usize,
    f: impl Fn(f32, f32) -> f32 + Copy,
    parameters: &[f32],
) -> Vec<f64> {
    let zeros = vec![0.0; channels];
    let parameters = if parameters.is_empty() { &zeros } else { parameters };
    total(channels, values.chunks(BLOCK * channels), |block, part| {
        for pixel in block.chunks_exact(channels) {
            for ((sum, x), parameter) in part.iter_mut().zip(pixel).zip(parameters) {
                *sum += f(*x, *parameter);
            }
        }
    })
}

/// The sum of `a·b` of every channel.
fn products(a: &[f32], b: &[f32], channels: usize) -> Vec<f64> {
    let blocks = a.chunks(BLOCK * channels).zip(b.chunks(BLOCK * channels));
    total(channels, blocks, |(a, b), part| {
        for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
            for ((sum, a), b) in part.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
    })
}

fn total<T>(
    channels: usize,
    blocks: impl Iterator<Item = T>,
    add: impl Fn(T, &mut [f32]),
) -> Vec<f64> {
    let (mut total, mut part) = (vec![0.0f64; channels], vec![0.0f32; channels]);
    for block in blocks {
        part.fill(0.0);
        Arch::new().dispatch(|| add(block, &mut part));
        total.iter_mut().zip(&part).for_each(|(total, part)| *total += f64::from(*part));
    }
    total
}
