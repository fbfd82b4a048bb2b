//! A convolution in its three directions: to the narrow side, to the wide side, and to the weights.
//!
//! All three are products of matrices of which none is ever made. Pictures lie with their channels innermost and
//! zeros around them, so that what a window covers is one piece of memory per row; a tile of sums stays in
//! registers while it slides over the pieces and over weights that were put in the tile's order before.
//! Pictures are taken in chunks that fit the second-level cache, from any layout, and what is done to them on
//! the way in (the activation's derivative) and on the way out (bias, activation) costs no pass of its own.

use crate::activation::Activation;
use crate::geometry::{Extent, Geometry};
use crate::padded::Padded;
use crate::panels::{Packed, Panel, Phase, panels, phases};
use crate::tile::{Pieces, Pixels, outer, product};
use crate::view::View;
use pulp::{Arch, Simd, WithSimd};
use std::cell::RefCell;
use std::ops::Range;

/// Values of pictures that are worked on at once: half of a small second-level cache.
const CHUNK: usize = 48 * 1024;

/// Narrow pixels over which a tile of the weights' gradient is summed before it goes to memory: what is read of them
/// stays in the first-level cache.
const SUMMED: usize = 128;

/// What stands behind the product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish<'a> {
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) activation: Activation,
}

impl Finish<'_> {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Self { bias: None, activation: Activation::None }
    }
}

/// Buffers of a thread, kept from call to call.
#[derive(Debug, Default)]
struct Scratch {
    wide: Vec<f32>,
    narrow: Vec<f32>,
    starts: Vec<usize>,
    targets: Vec<usize>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// `[n, wide] → [n, narrow]`, channels innermost: what a convolution does.
pub(crate) fn to_narrow(
    geometry: &Geometry,
    source: &View<'_>,
    count: usize,
    weights: &[f32],
    finish: Finish<'_>,
) -> Vec<f32> {
    let packed = Packed::to_narrow(weights, lanes(), geometry);
    let mut out = vec![0.0; count * geometry.narrow.len()];
    for_each_share(&mut out, count, geometry.narrow.len(), |pictures, out| {
        let job = ToNarrow { geometry, source, pictures, packed: &packed, finish, out };
        Arch::new().dispatch(job);
        finish_rest(finish, out);
    });
    out
}

/// `[n, narrow] → [n, wide]`, channels innermost: what a transposed convolution does.
pub(crate) fn to_wide(
    geometry: &Geometry,
    source: &View<'_>,
    count: usize,
    weights: &[f32],
    finish: Finish<'_>,
) -> Vec<f32> {
    let lanes = lanes();
    let padded = Padded::narrow(geometry, lanes);
    let phases: Vec<(Phase, Packed)> = phases(geometry, lanes)
        .into_iter()
        .map(|p| (p, Packed::to_wide(weights, lanes, geometry, padded.pitch, &p)))
        .collect();
    let mut out = vec![0.0; count * geometry.wide.len()];
    for_each_share(&mut out, count, geometry.wide.len(), |pictures, out| {
        let job = ToWide { geometry, padded, source, pictures, phases: &phases, finish, out };
        Arch::new().dispatch(job);
        finish_rest(finish, out);
    });
    out
}

/// The gradient of the weights `[narrow, wide, k, k]`, from the values or gradients of both sides.
pub(crate) fn to_weights(
    geometry: &Geometry,
    wide: &View<'_>,
    narrow: &View<'_>,
    count: usize,
) -> Vec<f32> {
    let padded = Padded::narrow(geometry, lanes());
    let k = geometry.window.kernel;
    let rows = k * k * geometry.wide.channels;
    let job = |pictures: Range<usize>| {
        let mut sums = vec![0.0; rows * padded.pitch];
        let out = &mut sums;
        Arch::new().dispatch(ToWeights { geometry, padded, wide, narrow, pictures, out });
        sums
    };
    let mut parts = map_shares(count, job).into_iter();
    let mut total = parts.next().unwrap_or_else(|| vec![0.0; rows * padded.pitch]);
    for part in parts {
        total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    // From window row, window column, wide channel, narrow channel to the order of the weights.
    let (wide, narrow) = (geometry.wide.channels, geometry.narrow.channels);
    let mut weights = vec![0.0; narrow * wide * k * k];
    for (row, sums) in total.chunks_exact(padded.pitch).enumerate() {
        let (tap, i) = (row / wide, row % wide);
        let to = weights[i * k * k + tap..].iter_mut().step_by(wide * k * k);
        to.zip(sums).for_each(|(to, sum)| *to = *sum);
    }
    weights
}

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
        output.read(extent, at, extent.channels, &mut outputs);
        activation.pull_back(&outputs, row);
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

/// Numbers in a vector register of this machine.
fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}

/// The part of the pictures that each thread of the pool gets.
fn shares(count: usize) -> impl Iterator<Item = Range<usize>> {
    let threads = rayon::current_num_threads().min(count).max(1);
    (0..threads).map(move |i| count * i / threads..count * (i + 1) / threads)
}

/// `f` on every thread's share, with its part of `out`.
fn for_each_share(
    out: &mut [f32],
    count: usize,
    length: usize,
    f: impl Fn(Range<usize>, &mut [f32]) + Sync,
) {
    if rayon::current_num_threads() == 1 || count == 1 {
        return f(0..count, out);
    }
    rayon::scope(|scope| {
        let (f, mut rest) = (&f, out);
        for share in shares(count) {
            let (own, others) = rest.split_at_mut(share.len() * length);
            rest = others;
            scope.spawn(move |_| f(share, own));
        }
    });
}

/// `f` of every thread's share, in order.
fn map_shares<T: Send>(count: usize, f: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    use rayon::prelude::*;
    if rayon::current_num_threads() == 1 || count <= 1 {
        return vec![f(0..count)];
    }
    shares(count).collect::<Vec<_>>().into_par_iter().map(|share| f(share)).collect()
}

/// Pictures of `length` values each that fit the cache.
fn fit(length: usize) -> usize {
    (CHUNK / length.max(1)).max(1)
}

/// Ranges of `step` pictures.
fn chunks(pictures: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = pictures.end;
    pictures.step_by(step).map(move |from| from..(from + step).min(end))
}

/// What is not done while storing.
fn finish_rest(finish: Finish<'_>, out: &mut [f32]) {
    if finish.activation == Activation::Tanh {
        finish.activation.apply(out);
    }
}

/// A matrix of pixels times a packed matrix, into some pixels of `out`.
struct Product<'a> {
    values: &'a [f32],
    /// Values of one picture.
    picture: usize,
    /// Where the row of every pixel starts in the first picture.
    starts: &'a [usize],
    pieces: Pieces,
    packed: &'a Packed,
    finish: Finish<'a>,
    out: &'a mut [f32],
    /// Values of one picture of `out`.
    target: usize,
    /// Where every pixel's columns go in the first picture.
    targets: &'a [usize],
}

impl Product<'_> {
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S) {
        let many = S::REGISTER_COUNT >= 32;
        for panel in panels(self.packed.columns, S::F32_LANES) {
            match (panel.vectors, many) {
                (1, false) => self.panel::<S, 8, 1>(simd, panel),
                (2, false) => self.panel::<S, 6, 2>(simd, panel),
                (_, false) => self.panel::<S, 3, 3>(simd, panel),
                (1, true) => self.panel::<S, 14, 1>(simd, panel),
                (2, true) => self.panel::<S, 12, 2>(simd, panel),
                (_, true) => self.panel::<S, 8, 3>(simd, panel),
            }
        }
    }

    #[inline(always)]
    fn panel<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, panel: Panel) {
        let count = self.starts.len();
        let total = self.values.len() / self.picture * count;
        let rows = self.packed.rows;
        let weights = &self.packed.data[panel.first * rows..][..rows * VECTORS * S::F32_LANES];
        let (weights, _) = S::as_simd_f32s(weights);
        let zero = simd.splat_f32s(0.0);
        let mut bias = [zero; VECTORS];
        if let Some(of_columns) = self.finish.bias {
            for (v, bias) in bias.iter_mut().enumerate() {
                let mut lanes = [0.0; 64];
                for (lane, to) in lanes[..S::F32_LANES].iter_mut().enumerate() {
                    let column = panel.first + v * S::F32_LANES + lane;
                    // Pixels of one phase share the bias.
                    *to = match column < self.packed.columns {
                        true => of_columns[column % of_columns.len()],
                        false => 0.0,
                    };
                }
                *bias = S::as_simd_f32s(&lanes).0[0];
            }
        }
        let slope = match self.finish.activation {
            Activation::LeakyRelu { slope } => Some(simd.splat_f32s(slope)),
            _ => None,
        };
        let (mut picture, mut pixel) = (0, 0);
        let mut done = 0;
        while done < total {
            let (mut starts, mut targets) = ([0; ROWS], [0; ROWS]);
            let valid = ROWS.min(total - done);
            for i in 0..ROWS {
                if i < valid {
                    starts[i] = picture * self.picture + self.starts[pixel];
                    targets[i] = picture * self.target + self.targets[pixel];
                    pixel += 1;
                    if pixel == count {
                        (picture, pixel) = (picture + 1, 0);
                    }
                } else {
                    starts[i] = starts[0];
                }
            }
            let sums =
                product::<S, ROWS, VECTORS>(simd, self.values, &starts, self.pieces, weights);
            for i in 0..valid {
                let to = &mut self.out[targets[i] + panel.first..][..panel.columns];
                let (whole, rest) = S::as_mut_simd_f32s(to);
                for v in 0..VECTORS {
                    let mut sum = simd.add_f32s(sums[i][v], bias[v]);
                    if let Some(slope) = slope {
                        let below = simd.less_than_f32s(sum, zero);
                        sum = simd.select_f32s(below, simd.mul_f32s(sum, slope), sum);
                    }
                    match whole.get_mut(v) {
                        Some(to) => *to = sum,
                        None => simd.partial_store_f32s(rest, sum),
                    }
                }
            }
            done += valid;
        }
    }
}

struct ToNarrow<'a> {
    geometry: &'a Geometry,
    source: &'a View<'a>,
    pictures: Range<usize>,
    packed: &'a Packed,
    finish: Finish<'a>,
    out: &'a mut [f32],
}

impl WithSimd for ToNarrow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Geometry { narrow, window, .. } = *self.geometry;
        let padded = Padded::wide(self.geometry);
        let (k, s, p) = (window.kernel, window.stride, window.padding as isize);
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch { wide, starts, targets, .. } = &mut scratch;
            starts.clear();
            targets.clear();
            for y in 0..narrow.height {
                for x in 0..narrow.width {
                    starts.push(padded.pixel((y * s) as isize - p, (x * s) as isize - p));
                    targets.push((y * narrow.width + x) * narrow.channels);
                }
            }
            let (pieces, length) = (k, k * padded.pitch);
            let pieces = Pieces { pieces, distance: padded.row(), length };
            for chunk in chunks(self.pictures.clone(), fit(padded.picture())) {
                padded.fill(self.source, chunk.clone(), wide);
                let from = (chunk.start - self.pictures.start) * narrow.len();
                let mut product = Product {
                    values: wide,
                    picture: padded.picture(),
                    starts,
                    pieces,
                    packed: self.packed,
                    finish: self.finish,
                    out: &mut self.out[from..][..chunk.len() * narrow.len()],
                    target: narrow.len(),
                    targets,
                };
                product.run(simd);
            }
        }
        SCRATCH.set(scratch);
    }
}

struct ToWide<'a> {
    geometry: &'a Geometry,
    padded: Padded,
    source: &'a View<'a>,
    pictures: Range<usize>,
    phases: &'a [(Phase, Packed)],
    finish: Finish<'a>,
    out: &'a mut [f32],
}

impl WithSimd for ToWide<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Geometry { wide, window, .. } = *self.geometry;
        let padded = self.padded;
        let s = window.stride;
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch { narrow, starts, targets, .. } = &mut scratch;
            for chunk in chunks(self.pictures.clone(), fit(padded.picture().max(wide.len()))) {
                padded.fill(self.source, chunk.clone(), narrow);
                let from = (chunk.start - self.pictures.start) * wide.len();
                for (phase, packed) in self.phases {
                    starts.clear();
                    targets.clear();
                    for (qy, y) in (phase.row..wide.height).step_by(s).enumerate() {
                        for (qx, x) in (phase.column..wide.width).step_by(s).enumerate() {
                            let (dy, dx) = (phase.rows.0, phase.columns.0);
                            starts.push(padded.pixel(qy as isize + dy, qx as isize + dx));
                            targets.push((y * wide.width + x) * wide.channels);
                        }
                    }
                    let span = |(a, b): (isize, isize)| (b - a + 1) as usize;
                    let mut product = Product {
                        values: narrow,
                        picture: padded.picture(),
                        starts,
                        pieces: Pieces {
                            pieces: span(phase.rows),
                            distance: padded.row(),
                            length: span(phase.columns) * padded.pitch,
                        },
                        packed,
                        finish: self.finish,
                        out: &mut self.out[from..][..chunk.len() * wide.len()],
                        target: wide.len(),
                        targets,
                    };
                    product.run(simd);
                }
            }
        }
        SCRATCH.set(scratch);
    }
}

struct ToWeights<'a> {
    geometry: &'a Geometry,
    padded: Padded,
    wide: &'a View<'a>,
    narrow: &'a View<'a>,
    pictures: Range<usize>,
    /// Rows: window row, window column, wide channel; columns: narrow channels up to the pitch.
    out: &'a mut [f32],
}

impl WithSimd for ToWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { geometry, padded: narrow, pictures, out, .. } = self;
        let wide = Padded::wide(geometry);
        let pixels = narrow.extent.height * narrow.extent.width;
        let step = (SUMMED / pixels).max(1);
        // Taken, not borrowed by a closure, which would be compiled without the vector instructions.
        let mut scratch = SCRATCH.take();
        {
            let Scratch { wide: left, narrow: right, .. } = &mut scratch;
            for chunk in chunks(pictures, step) {
                wide.fill(self.wide, chunk.clone(), left);
                narrow.fill(self.narrow, chunk.clone(), right);
                let mut outer = Outer { geometry, wide, narrow, left, right, out };
                let many = S::REGISTER_COUNT >= 32;
                for panel in panels(narrow.pitch, S::F32_LANES) {
                    match (panel.vectors, many) {
                        (1, false) => outer.panel::<S, 8, 1>(simd, panel),
                        (2, false) => outer.panel::<S, 6, 2>(simd, panel),
                        (_, false) => outer.panel::<S, 3, 3>(simd, panel),
                        (1, true) => outer.panel::<S, 14, 1>(simd, panel),
                        (2, true) => outer.panel::<S, 12, 2>(simd, panel),
                        (_, true) => outer.panel::<S, 8, 3>(simd, panel),
                    }
                }
            }
        }
        SCRATCH.set(scratch);
    }
}

struct Outer<'a> {
    geometry: &'a Geometry,
    wide: Padded,
    narrow: Padded,
    left: &'a [f32],
    right: &'a [f32],
    out: &'a mut [f32],
}

impl Outer<'_> {
    #[inline(always)]
    fn panel<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, panel: Panel) {
        let length = self.geometry.window.kernel * self.geometry.wide.channels;
        for ky in 0..self.geometry.window.kernel {
            let mut row = 0;
            while row + ROWS <= length {
                self.tile::<S, ROWS, VECTORS>(simd, panel, [ky, row]);
                row += ROWS;
            }
            while row + 3 <= length {
                self.tile::<S, 3, VECTORS>(simd, panel, [ky, row]);
                row += 3;
            }
            while row < length {
                self.tile::<S, 1, VECTORS>(simd, panel, [ky, row]);
                row += 1;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        panel: Panel,
        [ky, row]: [usize; 2],
    ) {
        let Self { geometry, wide, narrow, .. } = *self;
        let (s, p) = (geometry.window.stride, geometry.window.padding as isize);
        let length = geometry.window.kernel * geometry.wide.channels;
        let pictures = self.left.len() / wide.picture();
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        let pixels = Pixels {
            rows: narrow.extent.height,
            columns: narrow.extent.width,
            row_step: [s * wide.row(), narrow.row()],
            column_step: [s * wide.pitch, narrow.pitch],
        };
        for n in 0..pictures {
            let left = n * wide.picture() + wide.pixel(ky as isize - p, -p) + row;
            let right = n * narrow.picture() + narrow.pixel(0, 0) + panel.first;
            let (left, right) = (&self.left[left..], &self.right[right..]);
            outer::<S, ROWS, VECTORS>(simd, &mut sums, left, right, pixels);
        }
        for (i, sums) in sums.iter().enumerate() {
            let to = (ky * length + row + i) * narrow.pitch + panel.first;
            let (to, _) = S::as_mut_simd_f32s(&mut self.out[to..][..VECTORS * S::F32_LANES]);
            for (to, sum) in to.iter_mut().zip(sums) {
                *to = simd.add_f32s(*to, *sum);
            }
        }
    }
}
