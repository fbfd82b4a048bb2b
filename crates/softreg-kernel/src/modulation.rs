//! Pictures scaled and shifted channel by channel, each picture by factors of its own.

use crate::fresh::{fresh, written};
use pulp::Arch;

/// `x·(1 + γ) + β`, channels innermost; a row of `style` holds γ and then β of every channel of one picture.
pub(crate) fn modulate(values: &[f32], style: &[f32], channels: usize) -> Vec<f32> {
    let picture = picture(values, style, channels);
    let mut out = fresh(values.len());
    Arch::new().dispatch(|| {
        let pictures = out.chunks_exact_mut(picture).zip(values.chunks_exact(picture));
        for ((out, values), style) in pictures.zip(style.chunks_exact(2 * channels)) {
            let (gain, shift) = style.split_at(channels);
            let pixels = out.chunks_exact_mut(channels).zip(values.chunks_exact(channels));
            for (out, pixel) in pixels {
                for (((out, x), gain), shift) in out.iter_mut().zip(pixel).zip(gain).zip(shift) {
                    out.write(*x * (1.0 + gain) + shift);
                }
            }
        }
    });
    // SAFETY: whole pictures, of whole pixels, of which every channel was written.
    #[allow(unsafe_code)]
    unsafe {
        written(out)
    }
}

/// Pixels whose gradients are summed in f32 before they go into a sum in f64.
const BLOCK: usize = 64;

/// The gradients of the input, `g·(1 + γ)`, and of the style, `Σ g·x` and `Σ g` over the pixels of each picture.
pub(crate) fn pull_back(
    gradient: &[f32],
    values: &[f32],
    style: &[f32],
    channels: usize,
) -> (Vec<f32>, Vec<f32>) {
    assert_eq!(gradient.len(), values.len(), "the gradient of another output");
    let picture = picture(values, style, channels);
    let mut of_input = fresh(values.len());
    let mut of_style = vec![0.0f32; style.len()];
    let (mut part, mut total) = (vec![0.0f32; 2 * channels], vec![0.0f64; 2 * channels]);
    let pictures = of_input.chunks_exact_mut(picture).zip(of_style.chunks_exact_mut(2 * channels));
    let known = gradient.chunks_exact(picture).zip(values.chunks_exact(picture));
    let known = known.zip(style.chunks_exact(2 * channels));
    for ((of_input, of_style), ((gradient, values), style)) in pictures.zip(known) {
        let gain = &style[..channels];
        total.fill(0.0);
        let blocks = of_input.chunks_mut(BLOCK * channels);
        let blocks = blocks.zip(gradient.chunks(BLOCK * channels));
        for ((of_input, gradient), values) in blocks.zip(values.chunks(BLOCK * channels)) {
            part.fill(0.0);
            let (of_gain, of_shift) = part.split_at_mut(channels);
            Arch::new().dispatch(|| {
                let pixels =
                    of_input.chunks_exact_mut(channels).zip(gradient.chunks_exact(channels));
                for ((out, g), x) in pixels.zip(values.chunks_exact(channels)) {
                    for c in 0..channels {
                        out[c].write(g[c] * (1.0 + gain[c]));
                        of_gain[c] += g[c] * x[c];
                        of_shift[c] += g[c];
                    }
                }
            });
            total.iter_mut().zip(&part).for_each(|(total, part)| *total += f64::from(*part));
        }
        of_style.iter_mut().zip(&total).for_each(|(to, sum)| *to = *sum as f32);
    }
    // SAFETY: whole pictures, of whole pixels, of which every channel was written.
    #[allow(unsafe_code)]
    let of_input = unsafe { written(of_input) };
    (of_input, of_style)
}

/// How many values a picture has.
fn picture(values: &[f32], style: &[f32], channels: usize) -> usize {
    let count = style.len() / (2 * channels);
    let picture = values.len() / count;
    assert!(
        style.len() == count * 2 * channels
            && values.len() == count * picture
            && picture.is_multiple_of(channels),
        "a style for other pictures"
    );
    picture
}
