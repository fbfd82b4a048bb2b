//! From the narrow side to a wide side of few channels: every narrow pixel times all weights, and the windows that come out
//! added where they overlap.
//!
//! A vector would hold the three channels of a picture's pixel, or six of two pixels beside zeros for the taps that they do
//! not share; all taps of all channels fill it.

use super::product::Product;
use super::{Finish, SCRATCH, Scratch};
use crate::factors::{Factor, Factors, Work};
use crate::fresh::written_part;
use crate::geometry::Geometry;
use crate::padded::Padded;
use crate::panels::Packed;
use crate::share::{chunks, fit};
use crate::tile::Pieces;
use crate::view::View;
use pulp::Simd;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Some pictures.
pub(super) struct Folded<'a, V> {
    pub(super) geometry: &'a Geometry,
    pub(super) source: &'a View<'a>,
    pub(super) pictures: Range<usize>,
    /// Rows: narrow channels; columns: window row, window column, wide channel.
    pub(super) packed: &'a Packed<V>,
    pub(super) finish: Finish<'a>,
    pub(super) out: &'a mut [MaybeUninit<f32>],
}

impl<V: Factor> Work<V> for Folded<'_, V> {
    #[inline(always)]
    fn run<S: Simd, F: Factors<S, One = V>>(self, simd: S, factors: F) {
        let Self { geometry, source, packed, finish, .. } = self;
        let Geometry { wide, narrow, .. } = *geometry;
        let (pixels, columns) = (narrow.height * narrow.width, packed.columns);
        let padded = Padded::pixels(narrow, narrow.channels);
        let dense = source.dense(&narrow, self.pictures.end);
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch {
                narrow: filled,
                pairs,
                windows,
                line,
                bias,
                terms,
                parts,
                starts,
                targets,
                ..
            } = &mut scratch;
            starts.clear();
            starts.extend((0..pixels).map(|pixel| pixel * narrow.channels / V::NUMBERS));
            targets.clear();
            targets.extend((0..pixels).map(|pixel| pixel * columns));
            for chunk in chunks(self.pictures.clone(), fit(4 * pixels * columns)) {
                let values = match dense {
                    Some(all) => &all[chunk.start * narrow.len()..chunk.end * narrow.len()],
                    None => padded.fill(source, chunk.clone(), filled),
                };
                let length = chunk.len() * pixels * columns;
                // A vector more: the last window is read past its end.
                windows.resize(windows.len().max(length + S::F32_LANES), MaybeUninit::new(0.0));
                let length_of_pixel = narrow.channels / V::NUMBERS;
                let mut product = Product {
                    factors,
                    values: factors.side_by_side(values, pairs),
                    picture: pixels * length_of_pixel,
                    starts,
                    pieces: Pieces { pieces: 1, distance: 0, length: length_of_pixel },
                    packed,
                    finish: Finish::none(),
                    out: &mut windows[..length],
                    target: pixels * columns,
                    targets,
                };
                product.run(simd);
                // SAFETY: the product writes all columns of all pixels, and what is behind them was cleared.
                #[allow(unsafe_code)]
                let windows = unsafe { written_part(windows) };
                for picture in chunk.clone() {
                    let windows = &windows[(picture - chunk.start) * pixels * columns..];
                    let out = &mut self.out[(picture - self.pictures.start) * wide.len()..];
                    let lines = Lines { line, bias, terms, parts };
                    fold(simd, geometry, finish, windows, lines, &mut out[..wide.len()]);
                }
            }
        }
        SCRATCH.set(scratch);
    }
}

/// What folding keeps beside the windows.
struct Lines<'a> {
    /// A row of the picture, from where the first window begins.
    line: &'a mut Vec<f32>,
    /// Of a segment.
    bias: &'a mut Vec<f32>,
    /// Where the values of segment 0 would be; those of segment `q` are `q` windows further.
    terms: &'a mut Vec<usize>,
    /// The same of the segments that windows fill in part.
    parts: &'a mut Vec<usize>,
}

/// Adds the windows of one picture where they overlap.
///
/// A row of a window is cut into segments as long as windows are apart. Of a row of the picture, segment `q` is the sum of
/// segments `j` of the windows `q − j`, over the rows of windows that meet it: nothing is read that was just written.
#[inline(always)]
fn fold<S: Simd>(
    simd: S,
    geometry: &Geometry,
    finish: Finish<'_>,
    windows: &[f32],
    Lines { line, bias, terms, parts }: Lines<'_>,
    out: &mut [MaybeUninit<f32>],
) {
    let Geometry { wide, narrow, window } = *geometry;
    let (lanes, channels) = (S::F32_LANES, wide.channels);
    // Values of a row of a window, of a whole one, and of a segment.
    let (row, columns) = (window.kernel * channels, window.kernel.pow(2) * channels);
    let step = window.stride * channels;
    let whole = window.kernel / window.stride;
    let rest = row - whole * step;
    let (before, inner) = (window.padding * channels, wide.width * channels);
    let segments = (before + inner).div_ceil(step);
    let slope = finish.activation.slope().map(|slope| simd.splat_f32s(slope));
    // A vector may reach into the segment behind, which is written after it.
    line.resize(line.len().max(segments * step + lanes), 0.0);
    bias.clear();
    match finish.bias {
        Some(of_channels) => bias.extend(of_channels.iter().cycle().take(step + lanes)),
        None => bias.resize(step + lanes, 0.0),
    }
    for (y, out) in out.chunks_exact_mut(inner).enumerate() {
        for first in (0..step).step_by(lanes) {
            // The last of several ends with the segment.
            let first = first.min(step.saturating_sub(lanes));
            terms.clear();
            parts.clear();
            for ky in 0..window.kernel.min(y + window.padding + 1) {
                let y = y + window.padding - ky;
                if !y.is_multiple_of(window.stride) || y / window.stride >= narrow.height {
                    continue;
                }
                let at = y / window.stride * narrow.width * columns + ky * row + first;
                terms.extend((0..whole).map(|j| (at + j * step).wrapping_sub(j * columns)));
                if first < rest {
                    parts.push((at + whole * step).wrapping_sub(whole * columns));
                }
            }
            let bias = S::as_simd_f32s(&bias[first..][..lanes]).0[0];
            let part = first_lanes(simd, rest.saturating_sub(first));
            let (fours, others) = terms.as_chunks::<4>();
            for q in 0..segments {
                let mut sum = bias;
                // Here all windows are there whose whole segments are summed.
                let inside = q + 1 >= whole && q < narrow.width;
                if inside {
                    for four in fours {
                        for term in four {
                            sum = simd
                                .add_f32s(sum, read(simd, windows, term.wrapping_add(q * columns)));
                        }
                    }
                    for term in others {
                        sum =
                            simd.add_f32s(sum, read(simd, windows, term.wrapping_add(q * columns)));
                    }
                } else {
                    for (at, term) in terms.iter().enumerate() {
                        if (at % whole..at % whole + narrow.width).contains(&q) {
                            sum = simd
                                .add_f32s(sum, read(simd, windows, term.wrapping_add(q * columns)));
                        }
                    }
                }
                if (whole..whole + narrow.width).contains(&q) {
                    for term in &*parts {
                        let value = read(simd, windows, term.wrapping_add(q * columns));
                        let value = simd.select_f32s(part, value, simd.splat_f32s(0.0));
                        sum = simd.add_f32s(sum, value);
                    }
                }
                if let Some(slope) = slope {
                    let below = simd.less_than_f32s(sum, simd.splat_f32s(0.0));
                    sum = simd.select_f32s(below, simd.mul_f32s(sum, slope), sum);
                }
                S::as_mut_simd_f32s(&mut line[q * step + first..][..lanes]).0[0] = sum;
            }
        }
        out.write_copy_of_slice(&line[before..][..inner]);
    }
}

/// A vector of values.
#[inline(always)]
fn read<S: Simd>(_: S, values: &[f32], at: usize) -> S::f32s {
    S::as_simd_f32s(&values[at..at + S::F32_LANES]).0[0]
}

/// The first lanes of a vector.
#[inline(always)]
fn first_lanes<S: Simd>(simd: S, count: usize) -> S::m32s {
    let numbers: [u32; 64] = std::array::from_fn(|lane| lane as u32);
    simd.less_than_u32s(S::as_simd_u32s(&numbers).0[0], simd.splat_u32s(count as u32))
}
