//! A matrix of weights in the order in which the register tile reads it.

use crate::bfloat16::{self, Pair};
use crate::fresh::{fresh, written, written_part};
use crate::geometry::Geometry;
use crate::turn::{Rows, Turn};
use pulp::{Arch, Simd, WithSimd};
use std::mem::MaybeUninit;

/// Columns of a matrix that are worked on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panel {
    /// The first column.
    pub(crate) first: usize,
    /// How many columns there are.
    pub(crate) columns: usize,
    /// How many vectors hold them.
    pub(crate) vectors: usize,
}

/// Splits `columns` into panels: of two vectors, whose tile takes the least from memory for what it computes, and
/// one of three where their number is odd.
fn panels(columns: usize, lanes: usize) -> impl Iterator<Item = Panel> {
    let vectors = columns.div_ceil(lanes);
    let count = (vectors / 2).max(1);
    (0..count).map(move |i| {
        let (from, to) = (2 * i, if i + 1 == count { vectors } else { 2 * i + 2 });
        let first = from * lanes;
        Panel { first, columns: (to * lanes).min(columns) - first, vectors: to - from }
    })
}

/// Work on a matrix that is done panel by panel, in tiles of `ROWS` rows and `VECTORS` vectors.
pub(crate) trait Tiled<S: Simd> {
    /// One panel, which holds `VECTORS` vectors.
    fn panel<const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, panel: Panel);
}

/// All panels of `columns`, each in the tallest tile whose sums, vectors and one value fit the registers. Three
/// vectors by four rows would fill sixteen to the last, and the compiler then keeps a sum in memory.
#[inline(always)]
pub(crate) fn for_each_panel<S: Simd>(simd: S, columns: usize, work: &mut impl Tiled<S>) {
    let many = S::REGISTER_COUNT >= 32;
    for panel in panels(columns, S::F32_LANES) {
        match (panel.vectors, many) {
            (1, false) => work.panel::<8, 1>(simd, panel),
            (2, false) => work.panel::<6, 2>(simd, panel),
            (_, false) => work.panel::<3, 3>(simd, panel),
            (1, true) => work.panel::<14, 1>(simd, panel),
            (2, true) => work.panel::<12, 2>(simd, panel),
            (_, true) => work.panel::<8, 3>(simd, panel),
        }
    }
}

/// A matrix, panel after panel; in a panel row after row, filled up with zeros to whole vectors.
#[derive(Debug)]
pub(crate) struct Packed<V = f32> {
    pub(crate) data: Vec<V>,
    /// Of factors: of one number each, or two.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// A [`Packed`] that is being written.
struct Packing {
    data: Vec<MaybeUninit<f32>>,
    rows: usize,
    columns: usize,
    lanes: usize,
}

impl Packing {
    /// Zeros where `gaps` are left by what will be written, or vectors are not full; nothing yet otherwise.
    fn new(lanes: usize, rows: usize, columns: usize, gaps: bool) -> Self {
        let mut data = fresh(rows * columns.div_ceil(lanes) * lanes);
        if gaps || !columns.is_multiple_of(lanes) {
            data.fill(MaybeUninit::new(0.0));
        }
        Self { data, rows, columns, lanes }
    }

    /// The panels with their part of the data and its width.
    fn panels_mut(&mut self) -> impl Iterator<Item = (Panel, &mut [MaybeUninit<f32>], usize)> {
        let (mut rest, rows, lanes) = (self.data.as_mut_slice(), self.rows, self.lanes);
        panels(self.columns, lanes).map(move |panel| {
            let width = panel.vectors * lanes;
            let (own, others) = std::mem::take(&mut rest).split_at_mut(rows * width);
            rest = others;
            (panel, own, width)
        })
    }

    /// What [`Packing::copy`] does to write values that are to stand in `row` from column `first` on: a piece for every
    /// panel that has some of them.
    fn pieces(&self, row: usize, first: usize, values: std::ops::Range<usize>) -> Vec<Piece> {
        let last = first + values.len();
        let piece = |panel: Panel| {
            let begin = first.max(panel.first);
            let end = last.min(panel.first + panel.columns);
            let width = panel.vectors * self.lanes;
            let to = panel.first * self.rows + row * width + begin - panel.first;
            let from = values.start + begin - first;
            (begin < end).then(|| Piece { from, to, length: end - begin, width })
        };
        panels(self.columns, self.lanes).filter_map(piece).collect()
    }

    /// Writes the pieces, so many rows further down.
    fn copy(&mut self, pieces: &[Piece], down: usize, values: &[f32]) {
        for Piece { from, to, length, width } in pieces {
            let from = &values[*from..][..*length];
            let to = &mut self.data[to + down * width..][..*length];
            // Of a length that the compiler knows they are a few instructions, otherwise a call.
            match length {
                8 => to[..8].write_copy_of_slice(&from[..8]),
                16 => to[..16].write_copy_of_slice(&from[..16]),
                24 => to[..24].write_copy_of_slice(&from[..24]),
                32 => to[..32].write_copy_of_slice(&from[..32]),
                48 => to[..48].write_copy_of_slice(&from[..48]),
                _ => to.write_copy_of_slice(from),
            };
        }
    }

    /// The matrix.
    ///
    /// # Safety
    /// Every row was written to its last column, or the packing has gaps.
    #[allow(unsafe_code)]
    unsafe fn finish(self) -> Packed {
        // SAFETY: what was not written was cleared.
        let data = unsafe { written(self.data) };
        Packed { data, rows: self.rows, columns: self.columns }
    }
}

/// Values that lie together both where they come from and in a [`Packing`].
struct Piece {
    from: usize,
    to: usize,
    length: usize,
    /// From one row of the panel to the next.
    width: usize,
}

impl Packed {
    /// Every two rows as one row of pairs. Their number must be even.
    pub(crate) fn pairs(&self, lanes: usize) -> Packed<Pair> {
        struct OfRows<'a> {
            from: &'a [f32],
            to: &'a mut [Pair],
            width: usize,
        }
        impl WithSimd for OfRows<'_> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) {
                let rows = self.to.chunks_exact_mut(self.width);
                for (to, from) in rows.zip(self.from.chunks_exact(2 * self.width)) {
                    bfloat16::pair_up(from, to);
                }
            }
        }
        let Self { rows, columns, .. } = *self;
        let mut data = vec![Pair::default(); self.data.len() / 2];
        for panel in panels(columns, lanes) {
            let width = panel.vectors * lanes;
            let from = &self.data[panel.first * rows..][..width * rows];
            let to = &mut data[panel.first * rows / 2..][..width * rows / 2];
            Arch::new().dispatch(OfRows { from, to, width });
        }
        Packed { data, rows: rows / 2, columns }
    }

    /// `scale` times the weights `[narrow, wide, k, k]` from wide to narrow: rows are window row, window column,
    /// wide channel; columns narrow channels.
    pub(crate) fn to_narrow(
        weights: &[f32],
        scale: f32,
        lanes: usize,
        geometry: &Geometry,
    ) -> Self {
        let (taps, wide) = (geometry.window.kernel.pow(2), geometry.wide.channels);
        let mut packed = Packing::new(lanes, taps * wide, geometry.narrow.channels, false);
        let turn = Turn::new();
        for (panel, data, width) in packed.panels_mut() {
            for i in 0..wide {
                let from = &weights[(panel.first * wide + i) * taps..];
                turn.run(
                    [panel.columns, taps],
                    scale,
                    Rows { values: from, pitch: wide * taps },
                    Rows { values: &mut data[i * width..], pitch: wide * width },
                );
            }
        }
        // SAFETY: row `tap·wide + i` of every panel, for every tap and wide channel.
        #[allow(unsafe_code)]
        unsafe {
            packed.finish()
        }
    }

    /// The same for windows that are folded: rows are narrow channels; columns window row, window column, wide channel.
    pub(crate) fn folded(weights: &[f32], scale: f32, lanes: usize, geometry: &Geometry) -> Self {
        let (taps, wide) = (geometry.window.kernel.pow(2), geometry.wide.channels);
        let columns = taps * wide;
        let mut packing = Packing::new(lanes, geometry.narrow.channels, columns, false);
        let pieces = packing.pieces(0, 0, 0..columns);
        let (turn, mut turned) = (Turn::new(), vec![MaybeUninit::new(0.0); columns]);
        for (o, weights) in weights.chunks_exact(columns).enumerate() {
            let from = Rows { values: weights, pitch: taps };
            turn.run([wide, taps], scale, from, Rows { values: &mut turned, pitch: wide });
            // SAFETY: zeros before, if nothing else.
            #[allow(unsafe_code)]
            packing.copy(&pieces, o, unsafe { written_part(&mut turned) });
        }
        // SAFETY: every row was written to its last column.
        #[allow(unsafe_code)]
        unsafe {
            packing.finish()
        }
    }

    /// The same from narrow to wide for every [`Phase`]: rows are narrow row, narrow column, narrow channel; columns
    /// the wide pixels and channels of the phase.
    pub(crate) fn to_wide(
        weights: &[f32],
        scale: f32,
        lanes: usize,
        geometry: &Geometry,
    ) -> Vec<(Phase, Self)> {
        let (taps, wide) = (geometry.window.kernel.pow(2), geometry.wide.channels);
        let narrow = geometry.narrow.channels;
        let start = |phase: Phase| {
            // By neighbour and pixel: the tap that joins them, if there is one.
            let joins: Vec<Option<usize>> = phase
                .neighbours()
                .flat_map(|(dy, dx)| (0..phase.pixels).map(move |pixel| (dy, dx, pixel)))
                .map(|(dy, dx, pixel)| {
                    let row = geometry.tap(phase.row, dy);
                    let column = geometry.tap(phase.column + pixel, dx);
                    row.zip(column).map(|(ky, kx)| ky * geometry.window.kernel + kx)
                })
                .collect();
            let rows = joins.len() / phase.pixels * narrow;
            let gaps = joins.contains(&None);
            let packing = Packing::new(lanes, rows, wide * phase.pixels, gaps);
            let mut pieces = Vec::new();
            for (at, tap) in joins.into_iter().enumerate() {
                let Some(tap) = tap else { continue };
                let (neighbour, pixel) = (at / phase.pixels, at % phase.pixels);
                let values = tap * wide..(tap + 1) * wide;
                pieces.extend(packing.pieces(neighbour * narrow, pixel * wide, values));
            }
            (phase, packing, pieces)
        };
        let mut all: Vec<_> = phases(geometry, lanes).into_iter().map(start).collect();
        // Narrow channel by narrow channel, turned so that the wide channels of a tap lie together.
        let (turn, mut turned) = (Turn::new(), vec![MaybeUninit::new(0.0); taps * wide]);
        for (o, weights) in weights.chunks_exact(wide * taps).enumerate() {
            let from = Rows { values: weights, pitch: taps };
            turn.run([wide, taps], scale, from, Rows { values: &mut turned, pitch: wide });
            // SAFETY: zeros before, if nothing else.
            #[allow(unsafe_code)]
            let turned = unsafe { written_part(&mut turned) };
            for (_, packing, pieces) in &mut all {
                packing.copy(pieces, o, turned);
            }
        }
        // SAFETY: every narrow channel of every neighbour with every pixel, or there are gaps.
        #[allow(unsafe_code)]
        let finish =
            |(phase, packing, _): (Phase, Packing, _)| (phase, unsafe { packing.finish() });
        all.into_iter().map(finish).collect()
    }
}

/// Wide pixels that meet narrow ones in the same way: rows `stride·q + row`, columns `stride·q + column ..
/// + pixels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phase {
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) pixels: usize,
    /// The narrow rows that they meet, from the first to the last, relative to q.
    pub(crate) rows: (isize, isize),
    /// The narrow columns.
    pub(crate) columns: (isize, isize),
}

impl Phase {
    /// The narrow pixels that are met, relative to `q`.
    fn neighbours(&self) -> impl Iterator<Item = (isize, isize)> + use<> {
        let columns = self.columns.0..=self.columns.1;
        (self.rows.0..=self.rows.1).flat_map(move |dy| columns.clone().map(move |dx| (dy, dx)))
    }
}

/// Whether windows of all taps and wide channels, added where they overlap, take so many fewer multiplications by whole
/// vectors than the phases that it pays to add them.
pub(crate) fn folds(geometry: &Geometry, lanes: usize) -> bool {
    let whole = |columns: usize| columns.div_ceil(lanes) * lanes;
    let channels = geometry.wide.channels;
    let by_phase = |phase: Phase| phase.neighbours().count() * whole(phase.pixels * channels);
    let direct: usize = phases(geometry, lanes).into_iter().map(by_phase).sum();
    4 * whole(geometry.window.kernel.pow(2) * channels) < 3 * direct
}

/// Every wide pixel is in one phase.
///
/// Few channels would leave most of a vector empty: then the pixels of a row that share `q` are one phase,
/// where the width allows, although some of its weights are zero.
fn phases(geometry: &Geometry, lanes: usize) -> Vec<Phase> {
    let stride = geometry.window.stride;
    let (low, high) = geometry.reach();
    let met = |r: usize| {
        let meets = |d: &isize| geometry.tap(r, *d).is_some();
        let first = (low..=high).find(meets)?;
        let last = (low..=high).rev().find(meets)?;
        Some((first, last))
    };
    let together =
        stride * geometry.wide.channels <= lanes && geometry.wide.width.is_multiple_of(stride);
    let columns: Vec<(usize, usize)> =
        if together { vec![(0, stride)] } else { (0..stride).map(|r| (r, 1)).collect() };
    let mut all = Vec::new();
    for row in 0..stride {
        for (column, pixels) in &columns {
            let spans = (*column..column + pixels).filter_map(met);
            let span = spans.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
            // A pixel that no window covers (a stride above the kernel) meets nothing: one zero weight.
            let (rows, columns) = (met(row).unwrap_or((0, 0)), span.unwrap_or((0, 0)));
            all.push(Phase { row, column: *column, pixels: *pixels, rows, columns });
        }
    }
    all
}
