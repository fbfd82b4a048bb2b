//! Gradients of what stands behind the product: the activation and the bias.

use super::lanes;
use crate::activation::Activation;
use crate::fresh::{fresh, written};
use crate::geometry::Extent;
use crate::tile::store;
use crate::view::View;
use pulp::{Arch, Simd, WithSimd};
use std::borrow::Cow;
use std::mem::MaybeUninit;

/// The gradient in front of an activation, channels innermost, and its sum over all pixels: the gradient of the bias.
#[derive(Debug)]
pub(crate) struct Front<'a> {
    pub(crate) gradient: Cow<'a, [f32]>,
    pub(crate) of_bias: Vec<f32>,
}

/// [`Front`] from the `gradient` behind the activation and the `output` there.
pub(crate) fn through<'a>(
    activation: Activation,
    extent: &Extent,
    gradient: &View<'a>,
    output: &View<'_>,
    count: usize,
) -> Front<'a> {
    let mut sums = Sums::new(extent);
    let dense = gradient.dense(extent, count);
    if let (Some(gradient), Activation::None) = (dense, activation) {
        gradient.chunks_exact(extent.len()).for_each(|picture| sums.add(picture));
        return Front { gradient: gradient.into(), of_bias: sums.total() };
    }
    let dense = dense.zip(output.dense(extent, count));
    if let (Some((gradient, output)), Some(slope)) = (dense, activation.slope()) {
        let mut out = fresh(count * extent.len());
        let length = extent.len();
        let pictures = gradient.chunks_exact(length).zip(output.chunks_exact(length));
        for (out, (gradient, output)) in out.chunks_exact_mut(length).zip(pictures) {
            let sums = sums.next_picture();
            Arch::new().dispatch(Below { slope, gradient, output, out, sums });
        }
        // SAFETY: every picture was written, to its last pixel.
        #[allow(unsafe_code)]
        let gradient = unsafe { written(out) };
        return Front { gradient: gradient.into(), of_bias: sums.total() };
    }
    let mut out = vec![0.0; count * extent.len()];
    let row = extent.width * extent.channels;
    let mut outputs = vec![0.0; row];
    for (n, picture) in out.chunks_exact_mut(extent.len()).enumerate() {
        for (y, row) in picture.chunks_exact_mut(row).enumerate() {
            gradient.read(extent, [n, y], extent.channels, row);
            if activation != Activation::None {
                output.read(extent, [n, y], extent.channels, &mut outputs);
                activation.pull_back(&outputs, row);
            }
        }
        sums.add(picture);
    }
    Front { gradient: out.into(), of_bias: sums.total() }
}

/// Sums of every channel: over the pixels of a picture first, then over the pictures, which takes fewer roundings in a
/// row.
struct Sums {
    total: Vec<f32>,
    /// Of pixels apart, as many as it takes to fill vectors.
    picture: Vec<f32>,
}

impl Sums {
    fn new(extent: &Extent) -> Self {
        let (channels, lanes) = (extent.channels, lanes());
        let pixels = (1..=lanes).find(|pixels| (pixels * channels).is_multiple_of(lanes));
        let pixels = pixels.filter(|pixels| *pixels <= extent.height * extent.width).unwrap_or(1);
        Self { total: vec![0.0; channels], picture: vec![0.0; channels * pixels] }
    }

    /// Where the next picture's sums go.
    fn next_picture(&mut self) -> &mut [f32] {
        for pixel in self.picture.chunks_exact(self.total.len()) {
            self.total.iter_mut().zip(pixel).for_each(|(total, sum)| *total += sum);
        }
        self.picture.fill(0.0);
        &mut self.picture
    }

    fn add(&mut self, picture: &[f32]) {
        let sums = self.next_picture();
        Arch::new().dispatch(|| {
            for pixels in picture.chunks(sums.len()) {
                sums.iter_mut().zip(pixels).for_each(|(sum, value)| *sum += value);
            }
        });
    }

    fn total(mut self) -> Vec<f32> {
        self.next_picture();
        self.total
    }
}

/// Multiplies the gradients of one picture by `slope` where the output is not above 0, and adds them to the sums of
/// their channels. In vectors by hand: the compiler makes a branch of the comparison, which is mispredicted every other
/// time.
struct Below<'a> {
    slope: f32,
    gradient: &'a [f32],
    output: &'a [f32],
    out: &'a mut [MaybeUninit<f32>],
    sums: &'a mut [f32],
}

impl WithSimd for Below<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { slope, gradient, output, out, sums } = self;
        let length = sums.len();
        let (zero, slopes) = (simd.splat_f32s(0.0), simd.splat_f32s(slope));
        let (sum_vectors, sum_rest) = S::as_mut_simd_f32s(sums);
        let pixels = gradient.chunks(length).zip(output.chunks(length));
        for (out, (gradient, output)) in out.chunks_mut(length).zip(pixels) {
            let (gradients, gradient_rest) = S::as_simd_f32s(gradient);
            let (outputs, output_rest) = S::as_simd_f32s(output);
            let (out, out_rest) = out.split_at_mut(gradients.len() * S::F32_LANES);
            let out = out.chunks_exact_mut(S::F32_LANES);
            let both = gradients.iter().zip(outputs);
            for ((out, sum), (gradient, output)) in out.zip(&mut *sum_vectors).zip(both) {
                let above = simd.greater_than_f32s(*output, zero);
                let below = simd.mul_f32s(*gradient, slopes);
                let value = simd.select_f32s(above, *gradient, below);
                *sum = simd.add_f32s(*sum, value);
                store::<S, 1>(out, &[value]);
            }
            // Behind the whole vectors: of the sums, and of the last pixels that do not reach as far.
            let sums: &mut [f32] = bytemuck::cast_slice_mut(&mut sum_vectors[gradients.len()..]);
            let sums = sums.iter_mut().chain(&mut *sum_rest);
            let both = gradient_rest.iter().zip(output_rest);
            for ((out, sum), (gradient, output)) in out_rest.iter_mut().zip(sums).zip(both) {
                let value = gradient * if *output > 0.0 { 1.0 } else { slope };
                *sum += value;
                out.write(value);
            }
        }
    }
}
