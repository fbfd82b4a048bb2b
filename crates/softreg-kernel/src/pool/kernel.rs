//! Pooling with channels innermost: a window's pixels are whole vectors, taken one after the other.

use super::{Pool, Pooling};
use crate::geometry::Extent;
use crate::share::for_each_share;
use pulp::Arch;
use std::ops::Range;

/// The pooled pictures, channels innermost, from `x`, channels innermost too.
pub(crate) fn run(x: &[f32], from: &Extent, to: &Extent, pool: Pool) -> Vec<f32> {
    let count = x.len() / from.len();
    let mut out = vec![0.0; count * to.len()];
    for_each_share(&mut out, count, to.len(), |pictures, out| {
        let x = &x[pictures.start * from.len()..pictures.end * from.len()];
        // Everything in one closure, and no other inside: they would be compiled without the vector instructions.
        Arch::new().dispatch(|| {
            for (at, out) in out.chunks_exact_mut(to.channels).enumerate() {
                let (rows, columns) = under(at, from, to, pool);
                let picture = &x[at / (to.height * to.width) * from.len()..][..from.len()];
                let share = match pool.takes {
                    Pooling::Max => 1.0,
                    Pooling::Mean => 1.0 / (rows.len() * columns.len()) as f32,
                };
                let mut first = true;
                for y in rows {
                    for x in columns.clone() {
                        let pixel = &picture[(y * from.width + x) * from.channels..];
                        let pixel = &pixel[..from.channels];
                        match (first, pool.takes) {
                            (true, _) => out.copy_from_slice(pixel),
                            // What is not a number stays to be seen.
                            (false, Pooling::Max) => {
                                for (out, value) in out.iter_mut().zip(pixel) {
                                    *out =
                                        if value > out || value.is_nan() { *value } else { *out };
                                }
                            }
                            (false, Pooling::Mean) => {
                                for (out, value) in out.iter_mut().zip(pixel) {
                                    *out += value;
                                }
                            }
                        }
                        first = false;
                    }
                }
                if pool.takes == Pooling::Mean {
                    for out in out {
                        *out *= share;
                    }
                }
            }
        });
    });
    out
}

/// The gradient of the pictures `x` from that of the pooled ones, all with channels innermost.
pub(crate) fn pull_back(
    x: &[f32],
    gradient: &[f32],
    from: &Extent,
    to: &Extent,
    pool: Pool,
) -> Vec<f32> {
    let count = x.len() / from.len();
    let mut out = vec![0.0; x.len()];
    for_each_share(&mut out, count, from.len(), |pictures, out| {
        let (start, end) = (pictures.start, pictures.end);
        let x = &x[start * from.len()..end * from.len()];
        let gradient = &gradient[start * to.len()..end * to.len()];
        for (at, gradient) in gradient.chunks_exact(to.channels).enumerate() {
            let (rows, columns) = under(at, from, to, pool);
            let first = at / (to.height * to.width) * from.len();
            let pixels = rows.flat_map(|y| columns.clone().map(move |x| y * from.width + x));
            let pixels: Vec<usize> = pixels.map(|p| first + p * from.channels).collect();
            match pool.takes {
                Pooling::Max => {
                    for (c, gradient) in gradient.iter().enumerate() {
                        let better = |best: usize, p: usize| {
                            let (known, new) = (x[best + c], x[p + c]);
                            if new > known || new.is_nan() { p } else { best }
                        };
                        if let Some(best) = pixels.iter().copied().reduce(better) {
                            out[best + c] += gradient;
                        }
                    }
                }
                Pooling::Mean => {
                    let count = pixels.len() as f32;
                    for pixel in pixels {
                        let out = out[pixel..].iter_mut().zip(gradient);
                        out.for_each(|(out, gradient)| *out += gradient / count);
                    }
                }
            }
        }
    });
    out
}

/// The rows and columns of its picture that position `at` of the pooled pictures meets.
fn under(at: usize, from: &Extent, to: &Extent, pool: Pool) -> (Range<usize>, Range<usize>) {
    let met = |position: usize, side: usize| {
        let start = position * pool.window.stride;
        let padding = pool.window.padding;
        start.saturating_sub(padding)..(start + pool.window.kernel - padding).min(side)
    };
    (met(at / to.width % to.height, from.height), met(at % to.width, from.width))
}
