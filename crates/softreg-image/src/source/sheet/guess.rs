//! The grid that a picture seems to be a sheet of, where it seems to be one.
//!
//! Along each side, `e(x)` is how much the pixels change between `x - 1` and `x`. In a sheet that depends on where in its cell
//! `x` is, so that of all periods `P` those are looked for by which the analysis of variance of `e` by `x mod P` explains most:
//! `1 - (W / (n - P)) / (T / (n - 1))`, with `W` the sum of squares within the classes, `T` around the mean of all and `n` the
//! number of places, which is the adjusted coefficient of determination. Multiples of the period explain as much, so that the
//! smallest of about the best counts, where sprites stand apart the smallest that cuts none. Only grids are looked at that fill
//! the sheet and whose pixels between the cells are all of one colour per line.
//!
//! Periods are those of compressed photographs too, whose blocks are as regular as cells; but across the edge of a block the picture
//! goes on. So the mean difference of the two pixels at an edge is compared with that of the pixels at the same edge of
//! neighbouring cells, one period away: nothing goes on in a sheet, where the ratio of the two is about 1. Of photographs, in
//! blocks of JPEG and lossy WebP, none is taken for a sheet (`bench/sheets.py`); of 200 sheets of real tiles nine of ten are seen
//! (`tests.rs`).

use super::grid::Grid;
use crate::picture::Raster;

/// The fewest cells of a sheet: fewer are no collection.
pub(super) const MIN_CELLS: usize = 16;
/// The shortest side of a cell, in pixels of the drawing.
const MIN_SIDE: u32 = 8;
/// The longest period that is tried, in pixels of the drawing.
const MAX_PERIOD: u32 = 512;
/// The most pixels between cells and around them, as artists leave them.
const MAX_GAP: u32 = 2;
/// The least that the periods explain.
const LEAST: f64 = 0.05;
/// What cells that are no squares must explain more than squares do.
const OBLONG: f64 = 0.55;
/// How much less than the best one the smallest may explain.
const ABOUT: f64 = 0.05;
/// The least that pixels differ across an edge between cells, as a share of how much those at the edges of two cells do.
const UNRELATED: f64 = 0.72;

/// The grid of a sheet; `None` for a picture that seems to be none.
pub(super) fn grid(picture: &Raster) -> Option<Grid> {
    let scale = picture.enlargement().max(1);
    let (across, down) = (Side::across(picture, scale), Side::down(picture, scale));
    let mut found = Vec::new();
    for a in across.divisions() {
        for b in down.divisions() {
            let alike = a.spacing == b.spacing && a.margin == b.margin;
            let slim = a.period > 2 * b.period || b.period > 2 * a.period;
            if !alike || slim || ((a.cells * b.cells) as usize) < MIN_CELLS {
                continue;
            }
            let (n, m) = (across.changes.len() as f64, down.changes.len() as f64);
            let explained = (a.explained * n + b.explained * m) / (n + m);
            let penalty = if a.period == b.period { 0.0 } else { OBLONG };
            found.push((explained - penalty, a, b));
        }
    }
    found.retain(|(explained, a, b)| {
        *explained >= LEAST
            && ends_at_edges(picture, scale, [across.plain.len(), down.plain.len()], a, b)
    });
    let best = found.iter().map(|(explained, ..)| *explained).fold(f64::NEG_INFINITY, f64::max);
    found.retain(|(explained, ..)| *explained >= best - ABOUT);
    // Where sprites stand apart in one of them, the others go through sprites.
    if found.iter().any(|(_, a, b)| a.apart && b.apart) {
        found.retain(|(_, a, b)| a.apart && b.apart);
    }
    let area = |a: &Division, b: &Division| a.period * b.period;
    let smallest = found.iter().map(|(_, a, b)| area(a, b)).min()?;
    found.retain(|(_, a, b)| area(a, b) == smallest);
    // Sides of cells are round numbers, and what lies between them is as little as it can be.
    let (_, a, b) = found.iter().min_by_key(|(_, a, b)| {
        let round = a.cell.trailing_zeros().min(4) + b.cell.trailing_zeros().min(4);
        (std::cmp::Reverse(round), a.spacing, a.margin)
    })?;
    // As small a period is that of the blocks of a JPEG file, which this may have been.
    let is_sheet = a.period.min(b.period) > MIN_SIDE;
    is_sheet.then(|| Grid::new([a.cell, b.cell, a.spacing, a.margin].map(|pixels| pixels * scale)))
}

/// Whether what a cell shows ends at its edges: pixels on both sides of an edge have no more to do with each other than those
/// at the same edge of two cells.
fn ends_at_edges(
    picture: &Raster,
    scale: u32,
    [width, height]: [usize; 2],
    a: &Division,
    b: &Division,
) -> bool {
    let [width, height] = [width as u32, height as u32];
    let across = a.differences(width, height, |x, y| picture.seen(x * scale, y * scale));
    let down = b.differences(height, width, |y, x| picture.seen(x * scale, y * scale));
    // Where all edges are of one colour both are 0, and nothing goes on either.
    across[0] + down[0] >= UNRELATED * (across[1] + down[1])
}

/// How much two pixels differ, 0 to 1.
fn difference(a: [u8; 4], b: [u8; 4]) -> f64 {
    let all: u32 = (0..4).map(|channel| u32::from(a[channel].abs_diff(b[channel]))).sum();
    f64::from(all) / (4.0 * 255.0)
}

/// One way to divide a side into cells.
#[derive(Clone, Copy)]
struct Division {
    /// Pixels from a cell to the next.
    period: u32,
    cell: u32,
    spacing: u32,
    margin: u32,
    cells: u32,
    /// Whether a line of one colour lies between each two cells, if only the last one of a cell or the first.
    apart: bool,
    /// Of the variance of changes, 1 at most.
    explained: f64,
}

impl Division {
    /// Differences of pixels along a side of `length`: summed over all edges between two cells, of the pixels on both sides of
    /// it, and of those at the same edge of both cells.
    fn differences(
        &self,
        length: u32,
        depth: u32,
        pixel: impl Fn(u32, u32) -> [u8; 4],
    ) -> [f64; 2] {
        let (mut beside, mut apart) = (0.0, 0.0);
        for cell in 1..self.cells {
            let first = self.margin + cell * self.period;
            let last = first - self.spacing - 1;
            // The cell before begins, and this one ends.
            let (began, ends) = (first - self.period, first + self.cell - 1);
            if ends >= length {
                break;
            }
            for place in 0..depth {
                let of = |line| pixel(line, place);
                beside += difference(of(last), of(first));
                apart += 0.5 * (difference(of(began), of(first)) + difference(of(last), of(ends)));
            }
        }
        [beside, apart]
    }
}

/// What is seen along one side of a picture.
struct Side {
    /// Of each line across this side, whether it has one colour.
    plain: Vec<bool>,
    /// Between each line and the next, 0 to 1.
    changes: Vec<f64>,
}

impl Side {
    fn across(picture: &Raster, scale: u32) -> Side {
        let (width, height) = (picture.width / scale, picture.height / scale);
        Side::new(width, height, |x, y| picture.seen(x * scale, y * scale))
    }

    fn down(picture: &Raster, scale: u32) -> Side {
        let (width, height) = (picture.width / scale, picture.height / scale);
        Side::new(height, width, |y, x| picture.seen(x * scale, y * scale))
    }

    /// Of so many lines of so many pixels.
    fn new(length: u32, depth: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Side {
        let plain = |line| (1..depth).all(|place| pixel(line, place) == pixel(line, 0));
        let change = |line: u32, place: u32| {
            // Of the root the few hard edges do not outweigh all others.
            difference(pixel(line - 1, place), pixel(line, place)).sqrt()
        };
        let changed =
            |line| (0..depth).map(|place| change(line, place)).sum::<f64>() / f64::from(depth);
        Side {
            plain: (0..length).map(plain).collect(),
            changes: (1..length).map(changed).collect(),
        }
    }

    /// All ways in which it can be divided.
    fn divisions(&self) -> Vec<Division> {
        let length = self.plain.len() as u32;
        // Half of it, or all of it where there is one cell, without what lies around.
        let halves = MIN_SIDE..=(length / 2).min(MAX_PERIOD);
        let whole = (length.saturating_sub(2 * MAX_GAP)..=length + MAX_GAP)
            .filter(|period| *period >= MIN_SIDE && *period > length / 2);
        halves.chain(whole).flat_map(|period| self.divided(period)).collect()
    }

    fn divided(&self, period: u32) -> Vec<Division> {
        let length = self.plain.len() as u32;
        let mut found = Vec::new();
        for (spacing, margin) in (0..=MAX_GAP).flat_map(|a| (0..=MAX_GAP).map(move |b| (a, b))) {
            let cell = period - spacing;
            // Behind the last cell is nothing, or a margin, or what is between two.
            let cells = [0, margin, spacing].into_iter().find_map(|rest| {
                let cells = (length + spacing).checked_sub(margin + rest)?;
                (cell >= MIN_SIDE && cells >= period && cells % period == 0).then(|| cells / period)
            });
            let Some(cells) =
                cells.filter(|cells| self.is_plain_outside(period, cell, margin, *cells))
            else {
                continue;
            };
            let apart = (1..cells).map(|i| margin + i * period).all(|first| {
                let last = first - spacing - 1;
                (last..=first).any(|line| self.plain.get(line as usize) == Some(&true))
            });
            found.push(Division { period, cell, spacing, margin, cells, apart, explained: 0.0 });
        }
        if found.iter().any(|division| division.cells > 1) {
            let explained = self.explained(period);
            found.iter_mut().for_each(|division| division.explained = explained);
        }
        found
    }

    /// Whether no pixel that shows something lies before the cells, between them or behind them.
    fn is_plain_outside(&self, period: u32, cell: u32, margin: u32, cells: u32) -> bool {
        let mut between = (0..cells).flat_map(|i| {
            let end = margin + i * period + cell;
            end..end + period - cell
        });
        let plain = |line: u32| self.plain.get(line as usize).is_none_or(|plain| *plain);
        let end = margin + (cells - 1) * period + cell;
        (0..margin).all(plain) && between.all(plain) && (end..self.plain.len() as u32).all(plain)
    }

    /// The share of the variance of changes that a period explains, adjusted for its number of classes.
    fn explained(&self, period: u32) -> f64 {
        let (n, period) = (self.changes.len(), period as usize);
        if n < period + period / 2 {
            return 0.0;
        }
        let of = |class: usize| self.changes.iter().skip(class).step_by(period);
        let around = |mean: f64, value: &f64| (value - mean).powi(2);
        let mean = self.changes.iter().sum::<f64>() / n as f64;
        let total: f64 = self.changes.iter().map(|value| around(mean, value)).sum();
        let within: f64 = (0..period)
            .map(|class| {
                let mean = of(class).sum::<f64>() / of(class).count() as f64;
                of(class).map(|value| around(mean, value)).sum::<f64>()
            })
            .sum();
        match total > 0.0 {
            true => 1.0 - (within / (n - period) as f64) / (total / (n - 1) as f64),
            false => 0.0,
        }
    }
}
