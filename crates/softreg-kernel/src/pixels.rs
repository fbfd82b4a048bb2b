//! Pixels of pictures moved to other places, all channels alike, and the gradient of that.

use crate::convolution::for_each_share;
use crate::fresh::{fresh, written};
use crate::geometry::Extent;
use crate::view::View;

/// `[n, c, h, w]`, contiguous: pixel `p` of picture `i` is pixel `sources[i·h·w + p]` of the source, or 0 where there is
/// none of that number.
pub(crate) fn gather(
    source: &View<'_>,
    extent: &Extent,
    count: usize,
    sources: &[u32],
) -> Vec<f32> {
    let pixels = extent.height * extent.width;
    assert_eq!(sources.len(), count * pixels, "a source for every pixel");
    let mut out = fresh(count * extent.len());
    for_each_share(&mut out, count, extent.len(), |pictures, out| {
        let mut plane = vec![0.0; pixels];
        for (n, picture) in pictures.zip(out.chunks_exact_mut(extent.len())) {
            let sources = &sources[n * pixels..][..pixels];
            for (c, out) in picture.chunks_exact_mut(pixels).enumerate() {
                let plane = source.plane(extent, [n, c], &mut plane);
                for (to, from) in out.iter_mut().zip(sources) {
                    to.write(plane.get(*from as usize).copied().unwrap_or(0.0));
                }
            }
        }
    });
    // SAFETY: every pixel of every plane has a source, and was written.
    #[allow(unsafe_code)]
    unsafe {
        written(out)
    }
}

/// The gradient of the source, `[n, c, h, w]`, contiguous: to every pixel goes back what was taken from it.
pub(crate) fn scatter(
    gradient: &View<'_>,
    extent: &Extent,
    count: usize,
    sources: &[u32],
) -> Vec<f32> {
    let pixels = extent.height * extent.width;
    let mut out = vec![0.0; count * extent.len()];
    for_each_share(&mut out, count, extent.len(), |pictures, out| {
        let mut plane = vec![0.0; pixels];
        for (n, picture) in pictures.zip(out.chunks_exact_mut(extent.len())) {
            let sources = &sources[n * pixels..][..pixels];
            for (c, out) in picture.chunks_exact_mut(pixels).enumerate() {
                let plane = gradient.plane(extent, [n, c], &mut plane);
                for (from, to) in plane.iter().zip(sources) {
                    if let Some(to) = out.get_mut(*to as usize) {
                        *to += from;
                    }
                }
            }
        }
    });
    out
}
