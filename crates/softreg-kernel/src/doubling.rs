//! Twice the rows and columns, each pixel four times, and the gradient of that.

#[cfg(feature = "flex")]
use crate::{geometry::Extent, kernels, share::for_each_share};
use burn::tensor::{
    Tensor,
    module::interpolate,
    ops::{InterpolateMode, InterpolateOptions},
};
#[cfg(feature = "flex")]
use pulp::Arch;

/// Nearest-neighbour doubling, `[n, c, h, w] → [n, c, 2h, 2w]`: `y[i, j] = x[⌊i/2⌋, ⌊j/2⌋]`.
pub fn upsample_nearest2d(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if kernels::of_processor_are_there(&x) {
        return kernels::double(x);
    }
    let [_, _, h, w] = x.dims();
    let mode = InterpolateMode::Nearest;
    interpolate(x, InterpolateOptions::new(mode).with_output_size([2 * h, 2 * w]))
}

/// The extent of doubled pictures.
#[cfg(feature = "flex")]
pub(crate) fn doubled(extent: &Extent) -> Extent {
    let Extent { height, width, channels } = *extent;
    Extent { height: 2 * height, width: 2 * width, channels }
}

/// The doubled pictures, channels innermost, from `x`, channels innermost too.
#[cfg(feature = "flex")]
pub(crate) fn run(x: &[f32], extent: &Extent) -> Vec<f32> {
    let (row, count) = (extent.width * extent.channels, x.len() / extent.len());
    let mut out = vec![0.0; 4 * x.len()];
    for_each_share(&mut out, count, 4 * extent.len(), |pictures, out| {
        let x = &x[pictures.start * extent.len()..pictures.end * extent.len()];
        for (x, out) in x.chunks_exact(row).zip(out.chunks_exact_mut(4 * row)) {
            let (first, second) = out.split_at_mut(2 * row);
            let pixels = x.chunks_exact(extent.channels);
            for (pixel, out) in pixels.zip(first.chunks_exact_mut(2 * extent.channels)) {
                let (left, right) = out.split_at_mut(extent.channels);
                left.copy_from_slice(pixel);
                right.copy_from_slice(pixel);
            }
            second.copy_from_slice(first);
        }
    });
    out
}

/// The gradient of pictures of this extent from that of the doubled ones, all with channels innermost.
#[cfg(feature = "flex")]
pub(crate) fn pull_back(gradient: &[f32], extent: &Extent) -> Vec<f32> {
    let (channels, row) = (extent.channels, extent.width * extent.channels);
    let count = gradient.len() / (4 * extent.len());
    let mut out = vec![0.0; count * extent.len()];
    for_each_share(&mut out, count, extent.len(), |pictures, out| {
        let (from, to) = (pictures.start * extent.len(), pictures.end * extent.len());
        let gradient = &gradient[4 * from..4 * to];
        // As in pooling: no closure inside.
        Arch::new().dispatch(|| {
            for (out, gradient) in out.chunks_exact_mut(row).zip(gradient.chunks_exact(4 * row)) {
                let (first, second) = gradient.split_at(2 * row);
                let pairs = first.chunks_exact(2 * channels).zip(second.chunks_exact(2 * channels));
                for (out, (above, below)) in out.chunks_exact_mut(channels).zip(pairs) {
                    for c in 0..channels {
                        out[c] =
                            (above[c] + above[channels + c]) + (below[c] + below[channels + c]);
                    }
                }
            }
        });
    });
    out
}
