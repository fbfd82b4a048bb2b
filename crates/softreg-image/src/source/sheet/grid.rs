//! How a sheet is divided into cells: `16x16`, or `16x16,spacing=1,margin=2`.
//!
//! All numbers are pixels. As in Tiled, the first cell begins `margin` pixels from the left and from the top, and
//! `spacing` pixels lie between a cell and the next; Godot calls these margins and separation.

use std::fmt;
use std::str::FromStr;

use crate::resample::Area;

/// The shortest side of a cell, in pixels: less is no picture.
const MIN_SIDE: u32 = 4;
/// The most that any number of a grid may be, in pixels: the side of the largest square picture.
const MAX: u32 = 8192;

/// Where the cells of a sheet are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// Width of a cell, 4 to 8192.
    pub(super) width: u32,
    /// Height of a cell, 4 to 8192.
    pub(super) height: u32,
    /// Between a cell and the next, 0 to 8192.
    spacing: u32,
    /// Left of the first cell and above it, 0 to 8192.
    margin: u32,
}

impl Grid {
    /// Of width, height, spacing and margin.
    pub(super) fn new([width, height, spacing, margin]: [u32; 4]) -> Grid {
        Grid { width, height, spacing, margin }
    }

    /// Columns and rows of whole cells on a sheet of so many pixels.
    pub(super) fn whole(&self, width: u32, height: u32) -> (u32, u32) {
        let whole = |sheet: u32, cell: u32| {
            sheet.saturating_add(self.spacing).saturating_sub(self.margin) / (cell + self.spacing)
        };
        (whole(width, self.width), whole(height, self.height))
    }

    /// Columns and rows with those that the edge of the sheet cuts off. A rest no wider than the margin is one.
    pub(super) fn begun(&self, width: u32, height: u32) -> (u32, u32) {
        let (columns, rows) = self.whole(width, height);
        let more = |whole: u32, cell: u32, sheet: u32| {
            whole + u32::from(self.start(whole, cell) + u64::from(self.margin) < u64::from(sheet))
        };
        (more(columns, self.width, width), more(rows, self.height, height))
    }

    /// The pixels of a cell on a sheet on which it is begun.
    pub(super) fn area(&self, (column, row): (u32, u32), width: u32, height: u32) -> Area {
        let along = |at: u32, cell: u32, sheet: u32| {
            let start = u32::try_from(self.start(at, cell)).map_or(sheet, |at| at.min(sheet));
            (start, cell.min(sheet - start))
        };
        let (x, width) = along(column, self.width, width);
        let (y, height) = along(row, self.height, height);
        Area { x, y, width, height }
    }

    fn start(&self, at: u32, cell: u32) -> u64 {
        u64::from(self.margin) + u64::from(at) * u64::from(cell + self.spacing)
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}x{}", self.width, self.height)?;
        for (name, pixels) in [("spacing", self.spacing), ("margin", self.margin)] {
            if pixels > 0 {
                write!(out, ",{name}={pixels}")?;
            }
        }
        Ok(())
    }
}

/// A whole number of pixels in a range, or a clause about what is there instead.
fn pixels(name: &str, text: &str, least: u32) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (least..=MAX).contains(number));
    number.ok_or_else(|| {
        format!(
            "its {name} is '{text}', but must be a whole number of pixels from {least} to {MAX}"
        )
    })
}

impl FromStr for Grid {
    /// A clause about the text.
    type Err = String;

    fn from_str(text: &str) -> Result<Grid, String> {
        let mut parts = text.split(',');
        let size = parts.next().unwrap_or_default();
        let (width, height) = size.split_once(['x', 'X', '×']).unwrap_or((size, size));
        let mut grid = Grid {
            width: pixels("width", width, MIN_SIDE)?,
            height: pixels("height", height, MIN_SIDE)?,
            spacing: 0,
            margin: 0,
        };
        let mut known = [("spacing", Some(&mut grid.spacing)), ("margin", Some(&mut grid.margin))];
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let Some((_, place)) = known.iter_mut().find(|(known, _)| *known == name) else {
                return Err(format!("'{name}' is neither spacing nor margin"));
            };
            match place.take() {
                Some(place) => *place = pixels(name, value, 0)?,
                None => return Err(format!("it gives {name} twice")),
            }
        }
        Ok(grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(text: &str) -> Grid {
        text.parse().unwrap()
    }

    #[test]
    fn a_grid_is_what_was_written() {
        let all = Grid { width: 16, height: 24, spacing: 1, margin: 2 };
        assert_eq!(grid("16x24,spacing=1,margin=2"), all);
        assert_eq!(grid("16x24,margin=2,spacing=1"), all);
        assert_eq!(grid("8"), Grid { width: 8, height: 8, spacing: 0, margin: 0 });
        for text in ["16x16", "16x24,spacing=1,margin=2", "4x8192,margin=8192"] {
            assert_eq!(grid(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_grid_says_why() {
        for (text, words) in [
            ("", "width is ''"),
            ("x", "width is ''"),
            ("16x", "height is ''"),
            ("16x16x16", "height is '16x16'"),
            ("3x16", "from 4 to 8192"),
            ("16x8193", "from 4 to 8192"),
            ("99999999999x16", "from 4 to 8192"),
            ("+16x16", "width is '+16'"),
            ("-1x16", "width is '-1'"),
            ("16 x 16", "width is '16 '"),
            ("16x16,", "'' is neither spacing nor margin"),
            ("16x16,gap=1", "'gap' is neither spacing nor margin"),
            ("16x16,spacing", "spacing is ''"),
            ("16x16,margin=-1", "margin is '-1', but must be a whole number of pixels from 0"),
            ("16x16,margin=1,margin=1", "margin twice"),
        ] {
            let problem = text.parse::<Grid>().unwrap_err();
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }

    #[test]
    fn whole_cells_are_counted_as_tiled_counts_them() {
        for (text, sheet, whole, begun) in [
            ("16x16", (64, 48), (4, 3), (4, 3)),
            ("16x16", (79, 15), (4, 0), (5, 1)),
            ("16x8", (32, 32), (2, 4), (2, 4)),
            // Neither spacing behind the last cell nor a margin there is needed, and both may be there.
            ("16x16,spacing=1", (33, 34), (2, 2), (2, 2)),
            ("16x16,spacing=1,margin=2", (35, 38), (2, 2), (2, 2)),
            ("16x16,spacing=1,margin=2", (34, 39), (1, 2), (2, 3)),
            ("16x16,margin=9", (8, 24), (0, 0), (0, 1)),
            ("8192x8192,spacing=8192,margin=8192", (u32::MAX, 1), (262_143, 0), (262_143, 0)),
        ] {
            let grid = grid(text);
            assert_eq!(grid.whole(sheet.0, sheet.1), whole, "{text} on {sheet:?}");
            assert_eq!(grid.begun(sheet.0, sheet.1), begun, "{text} on {sheet:?}");
        }
    }

    #[test]
    fn an_area_ends_with_the_sheet() {
        let grid = grid("16x16,spacing=1,margin=2");
        let area = |cell| {
            let Area { x, y, width, height } = grid.area(cell, 50, 24);
            (x, y, width, height)
        };
        assert_eq!(area((0, 0)), (2, 2, 16, 16));
        assert_eq!(area((1, 1)), (19, 19, 16, 5));
        assert_eq!(area((2, 0)), (36, 2, 14, 16));
        assert_eq!(area((3, u32::MAX)), (50, 24, 0, 0));
    }
}
