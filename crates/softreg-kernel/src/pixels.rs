//! Pixels of pictures moved to other places, all channels alike, and the gradient of that.

#[cfg(any(feature = "flex", feature = "cube"))]
use crate::kernels;
#[cfg(feature = "flex")]
use crate::{fresh, geometry::Extent, share::for_each_share, view::View};
use burn::tensor::{Int, Tensor, TensorData};
use std::sync::Arc;

/// Pixels from other places, `[n, c, h, w] → [n, c, h, w]`: pixel `p = y·w + x` of picture `i` is pixel
/// `sources[i·h·w + p]` of the same picture, or 0 where there is none of that number. All channels move alike.
///
/// # Panics
/// Where there is not a source for every pixel.
pub fn gather_pixels(x: Tensor<4>, sources: impl Into<Arc<[u32]>>) -> Tensor<4> {
    let (sources, [n, c, h, w]) = (sources.into(), x.dims());
    assert_eq!(sources.len(), n * h * w, "not a source for every pixel");
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&x) {
        return kernels::gather_pixels(x, sources);
    }
    let (device, last) = (x.device(), (h * w - 1) as u32);
    let index: Vec<i64> = sources.iter().map(|source| i64::from(*source.min(&last))).collect();
    let index = Tensor::<3, Int>::from_data(TensorData::new(index, [n, 1, h * w]), &device);
    let moved = x.reshape([n, c, h * w]).gather(2, index.repeat_dim(1, c));
    let moved = match sources.iter().any(|source| *source > last) {
        false => moved,
        true => {
            let inside = sources.iter().map(|source| if *source > last { 0f32 } else { 1.0 });
            let inside = TensorData::new(inside.collect::<Vec<_>>(), [n, 1, h * w]);
            moved.clone() * Tensor::<3>::from_data(inside, &device).cast(moved.dtype())
        }
    };
    moved.reshape([n, c, h, w])
}

/// `[n, c, h, w]`, contiguous: pixel `p` of picture `i` is pixel `sources[i·h·w + p]` of the source, or 0 where there is
/// none of that number.
#[cfg(feature = "flex")]
pub(crate) fn gather(
    source: &View<'_>,
    extent: &Extent,
    count: usize,
    sources: &[u32],
) -> Vec<f32> {
    let mut out = fresh::fresh(count * extent.len());
    for_each_plane(source, extent, &mut out, sources, |plane, sources, out| {
        for (to, from) in out.iter_mut().zip(sources) {
            to.write(plane.get(*from as usize).copied().unwrap_or(0.0));
        }
    });
    // SAFETY: every pixel of every plane has a source, and was written.
    #[allow(unsafe_code)]
    unsafe {
        fresh::written(out)
    }
}

/// The gradient of the source, `[n, c, h, w]`, contiguous: to every pixel goes back what was taken from it.
#[cfg(feature = "flex")]
pub(crate) fn scatter(
    gradient: &View<'_>,
    extent: &Extent,
    count: usize,
    sources: &[u32],
) -> Vec<f32> {
    let mut out = vec![0.0; count * extent.len()];
    for_each_plane(gradient, extent, &mut out, sources, |plane, sources, out| {
        for (from, to) in plane.iter().zip(sources) {
            if let Some(to) = out.get_mut(*to as usize) {
                *to += from;
            }
        }
    });
    out
}

/// `f` on every plane of `pictures`, with the sources of its picture and the same plane of `out`.
///
/// # Panics
/// Where there is not a source for every pixel.
#[cfg(feature = "flex")]
fn for_each_plane<T: Send>(
    pictures: &View<'_>,
    extent: &Extent,
    out: &mut [T],
    sources: &[u32],
    f: impl Fn(&[f32], &[u32], &mut [T]) + Sync,
) {
    let pixels = extent.height * extent.width;
    let count = out.len() / extent.len();
    assert_eq!(sources.len(), count * pixels, "not a source for every pixel");
    for_each_share(out, count, extent.len(), |share, out| {
        let mut plane = vec![0.0; pixels];
        for (n, out) in share.zip(out.chunks_exact_mut(extent.len())) {
            let sources = &sources[n * pixels..][..pixels];
            for (c, out) in out.chunks_exact_mut(pixels).enumerate() {
                f(pictures.plane(extent, [n, c], &mut plane), sources, out);
            }
        }
    });
}
