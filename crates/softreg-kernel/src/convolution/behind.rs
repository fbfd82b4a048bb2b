//! Gradients of what stands behind the product: the activation and the bias.

use crate::activation::Activation;
use crate::geometry::Extent;
use crate::view::View;
use pulp::Arch;

/// The gradient in front of an activation, from the `gradient` behind it and the `output` there; channels
/// innermost.
pub(crate) fn through(
    activation: Activation,
    extent: &Extent,
    gradient: &View<'_>,
    output: &View<'_>,
    count: usize,
) -> Vec<f32> {
    if let Some((gradient, output)) = gradient.dense(extent, count).zip(output.dense(extent, count))
    {
        let mut out = gradient.to_vec();
        activation.pull_back(output, &mut out);
        return out;
    }
    let mut out = vec![0.0; count * extent.len()];
    let row = extent.width * extent.channels;
    let mut outputs = vec![0.0; row];
    for (i, row) in out.chunks_exact_mut(row).enumerate() {
        let at = [i / extent.height, i % extent.height];
        gradient.read(extent, at, extent.channels, row);
        if activation != Activation::None {
            output.read(extent, at, extent.channels, &mut outputs);
            activation.pull_back(&outputs, row);
        }
    }
    out
}

/// The sum of every channel over all pixels: the gradient of a bias.
pub(crate) fn to_bias(extent: &Extent, gradient: &[f32]) -> Vec<f32> {
    let channels = extent.channels;
    let mut total = vec![0.0; channels];
    // Pictures first, then their sums: fewer roundings in a row.
    for picture in gradient.chunks_exact(extent.len()) {
        let mut sums = vec![0.0; channels];
        Arch::new().dispatch(|| {
            for pixel in picture.chunks_exact(channels) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
            }
        });
        total.iter_mut().zip(sums).for_each(|(total, sum): (&mut f32, f32)| *total += sum);
    }
    total
}
