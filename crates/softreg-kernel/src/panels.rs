//! A matrix of weights in the order in which the register tile reads it.

use crate::geometry::Geometry;
use pulp::Simd;

/// Vectors of a panel at most: what the smallest register file has room for beside the sums.
const WIDEST: usize = 3;

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

/// Splits `columns` into panels of nearly the same width.
fn panels(columns: usize, lanes: usize) -> impl Iterator<Item = Panel> {
    let vectors = columns.div_ceil(lanes);
    let count = vectors.div_ceil(WIDEST);
    (0..count).map(move |i| {
        let (from, to) = (vectors * i / count, vectors * (i + 1) / count);
        let first = from * lanes;
        Panel { first, columns: (to * lanes).min(columns) - first, vectors: to - from }
    })
}

/// Work on a matrix that is done panel by panel, in tiles of `ROWS` rows and `VECTORS` vectors.
pub(crate) trait Tiled {
    /// One panel, which holds `VECTORS` vectors.
    fn panel<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, panel: Panel);
}

/// All panels of `columns`, each in the tallest tile whose sums, vectors and one value fit the registers. Three
/// vectors by four rows would fill sixteen to the last, and the compiler then keeps a sum in memory.
#[inline(always)]
pub(crate) fn for_each_panel<S: Simd>(simd: S, columns: usize, work: &mut impl Tiled) {
    let many = S::REGISTER_COUNT >= 32;
    for panel in panels(columns, S::F32_LANES) {
        match (panel.vectors, many) {
            (1, false) => work.panel::<S, 8, 1>(simd, panel),
            (2, false) => work.panel::<S, 6, 2>(simd, panel),
            (_, false) => work.panel::<S, 3, 3>(simd, panel),
            (1, true) => work.panel::<S, 14, 1>(simd, panel),
            (2, true) => work.panel::<S, 12, 2>(simd, panel),
            (_, true) => work.panel::<S, 8, 3>(simd, panel),
        }
    }
}

/// A matrix, panel after panel; in a panel row after row, filled up with zeros to whole vectors.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) data: Vec<f32>,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// One row of the matrix: runs of `count` columns, each from `start` on in steps of `step`, or zeros.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: Option<usize>,
    step: usize,
    count: usize,
}

impl Packed {
    fn new(weights: &[f32], lanes: usize, columns: usize, rows: &[Vec<Run>]) -> Self {
        let padded = columns.div_ceil(lanes) * lanes;
        let mut data = vec![0.0; rows.len() * padded];
        let mut line = vec![0.0; columns];
        // Where each panel starts, and its width with padding.
        let places: Vec<(Panel, usize, usize)> = panels(columns, lanes)
            .map(|panel| (panel, panel.first * rows.len(), panel.vectors * lanes))
            .collect();
        for (k, runs) in rows.iter().enumerate() {
            let mut to = 0;
            for run in runs {
                let line = &mut line[to..to + run.count];
                match run.start {
                    None => line.fill(0.0),
                    Some(start) => {
                        let from = weights[start..].iter().step_by(run.step);
                        line.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
                to += run.count;
            }
            for (panel, start, width) in &places {
                let to = &mut data[start + k * width..][..panel.columns];
                to.copy_from_slice(&line[panel.first..][..panel.columns]);
            }
        }
        Self { data, rows: rows.len(), columns }
    }

    /// Weights `[narrow, wide, k, k]` from wide to narrow: rows are window row, window column, wide channel;
    /// columns narrow channels.
    pub(crate) fn to_narrow(weights: &[f32], lanes: usize, geometry: &Geometry) -> Self {
        let (k, wide) = (geometry.window.kernel, geometry.wide.channels);
        let count = geometry.narrow.channels;
        let row = |tap: usize, i: usize| {
            vec![Run { start: Some(i * k * k + tap), step: wide * k * k, count }]
        };
        let rows: Vec<_> = (0..k * k).flat_map(|tap| (0..wide).map(move |i| row(tap, i))).collect();
        Self::new(weights, lanes, count, &rows)
    }

    /// The same weights from narrow to wide for one [`Phase`]: rows are narrow row, narrow column, narrow
    /// channel (`pitch` of them, those past the last are zero); columns the wide pixels and channels of the
    /// phase.
    pub(crate) fn to_wide(
        weights: &[f32],
        lanes: usize,
        geometry: &Geometry,
        pitch: usize,
        phase: &Phase,
    ) -> Self {
        let (k, wide) = (geometry.window.kernel, geometry.wide.channels);
        let narrow = geometry.narrow.channels;
        let mut rows = Vec::new();
        for dy in phase.rows.0..=phase.rows.1 {
            for dx in phase.columns.0..=phase.columns.1 {
                for o in 0..pitch {
                    let run = |rx: usize| {
                        let taps = geometry.tap(phase.row, dy).zip(geometry.tap(rx, dx));
                        let taps = taps.filter(|_| o < narrow);
                        let start = taps.map(|(ky, kx)| o * wide * k * k + ky * k + kx);
                        Run { start, step: k * k, count: wide }
                    };
                    let pixels = phase.column..phase.column + phase.pixels;
                    rows.push(pixels.map(run).collect());
                }
            }
        }
        Self::new(weights, lanes, wide * phase.pixels, &rows)
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

/// Every wide pixel is in one phase.
///
/// Few channels would leave most of a vector empty: then the pixels of a row that share `q` are one phase,
/// where the width allows, although some of its weights are zero.
pub(crate) fn phases(geometry: &Geometry, lanes: usize) -> Vec<Phase> {
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
