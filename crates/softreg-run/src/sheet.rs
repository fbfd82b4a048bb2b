//! The contact sheet: many small pictures at a glance.
//!
//! Why drawn large: pictures of 32x32 pixels are unreadable at their own size, and any smooth
//! enlargement would show detail that the generator did not make. So pixels stay squares.

mod labelled;
mod printed;

pub use labelled::labelled_rows;
pub use printed::contact_sheet_pdf;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use crate::{Error, Picture, Result};

/// How a sheet is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Pictures side by side; `None` chooses a grid a little wider than high with few empty places.
    pub columns: Option<usize>,
    /// The width aimed at in pixels; small pictures are enlarged by whole numbers up to it.
    pub width_px: u32,
    /// Space between and around pictures in pixels, at most 512.
    pub gap_px: u32,
}

impl Default for Layout {
    fn default() -> Self {
        Self { columns: None, width_px: 1000, gap_px: 4 }
    }
}

/// The ground between pictures: neutral, so that no picture looks tinted.
const GROUND: Rgb<u8> = Rgb([245; 3]);
/// No single picture is enlarged beyond this side.
const LARGEST_PX: u32 = 512;
/// Pictures whose sheet would be wider are made smaller.
const WIDEST_PX: u32 = 4096;

/// Draws pictures of one size into a grid, row by row.
///
/// # Errors
/// [`Error::Draw`] without pictures, with pictures of several sizes, or for zero columns.
pub fn contact_sheet(pictures: &[Picture<'_>]) -> Result<RgbImage> {
    contact_sheet_with(pictures, Layout::default())
}

/// As [`contact_sheet`], with a layout.
///
/// # Errors
/// As [`contact_sheet`].
pub fn contact_sheet_with(pictures: &[Picture<'_>], layout: Layout) -> Result<RgbImage> {
    let Some(first) = pictures.first() else {
        return Err(Error::draw("a contact sheet needs at least one picture"));
    };
    let (width, height) = (first.width(), first.height());
    if let Some(other) = pictures.iter().find(|p| (p.width(), p.height()) != (width, height)) {
        return Err(Error::draw(format!(
            "all pictures of a contact sheet must have the same size, but there are {width}x{height} and {}x{}",
            other.width(),
            other.height()
        )));
    }
    let columns = match layout.columns {
        Some(0) => return Err(Error::draw("a contact sheet needs at least one column")),
        Some(columns) => columns.min(pictures.len()),
        None => pleasing_columns(pictures.len(), width, height),
    };
    let rows = pictures.len().div_ceil(columns);
    let (columns_px, gap) = (columns as u32, layout.gap_px.min(WIDEST_PX / 8));
    let gaps = gap.saturating_mul(columns_px + 1);
    let scale = (layout.width_px.saturating_sub(gaps) / (columns_px * width))
        .min(LARGEST_PX / width.max(height))
        .max(1);
    let room = (WIDEST_PX.saturating_sub(gaps) / columns_px).max(1);
    let (cell_width, cell_height) = if width * scale > room {
        let share = f64::from(room) / f64::from(width);
        (room, ((f64::from(height) * share).round() as u32).max(1))
    } else {
        (width * scale, height * scale)
    };

    let along = |count: usize, cell: u32| count as u32 * (cell + gap) + gap;
    let mut sheet =
        RgbImage::from_pixel(along(columns, cell_width), along(rows, cell_height), GROUND);
    for (index, picture) in pictures.iter().enumerate() {
        let mut cell = picture.to_rgb(scale);
        if (cell.width(), cell.height()) != (cell_width, cell_height) {
            cell = imageops::resize(&cell, cell_width, cell_height, FilterType::Triangle);
        }
        let x = along(index % columns, cell_width);
        let y = along(index / columns, cell_height);
        imageops::replace(&mut sheet, &cell, x.into(), y.into());
    }
    Ok(sheet)
}

/// The number of columns whose sheet is nearest to 5:4 with few empty places. Empty places weigh
/// double: a square number gives a square.
fn pleasing_columns(count: usize, width: u32, height: u32) -> usize {
    let cost = |columns: usize| {
        let rows = count.div_ceil(columns);
        let aspect = columns as f64 * f64::from(width) / (rows as f64 * f64::from(height));
        let empty = (rows * columns - count) as f64 / count as f64;
        (aspect / 1.25).ln().abs() + 2.0 * empty
    };
    (1..=count).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_pleasing() {
        let grid = |n| {
            let columns = pleasing_columns(n, 32, 32);
            (columns, n.div_ceil(columns))
        };
        assert_eq!(
            [1, 4, 12, 16, 36, 64, 100].map(grid),
            [(1, 1), (2, 2), (4, 3), (4, 4), (6, 6), (8, 8), (10, 10)]
        );
        let (columns, rows) = grid(10);
        assert!(columns * rows <= 12 && columns >= rows);
        // Wide pictures go under each other.
        assert!(pleasing_columns(16, 128, 32) < 4);
    }

    #[test]
    fn small_pictures_are_enlarged_by_squares_and_stand_in_order() {
        let planes: Vec<u8> = (0..64u8).flat_map(|i| [i; 32 * 32]).collect();
        let pictures = Picture::batch(1, 32, 32, &planes).unwrap();
        let sheet = contact_sheet(&pictures).unwrap();
        assert!((750..=1000).contains(&sheet.width()), "{}", sheet.width());
        assert_eq!(sheet.width(), sheet.height());
        assert_eq!(sheet.get_pixel(0, 0), &GROUND);
        let cell = (sheet.width() - 4) / 8;
        for i in 0..64u32 {
            let (x, y) = (4 + (i % 8) * cell, 4 + (i / 8) * cell);
            assert_eq!(sheet.get_pixel(x, y).0, [i as u8; 3]);
            assert_eq!(sheet.get_pixel(x + cell - 5, y + cell - 5).0, [i as u8; 3]);
        }
    }

    #[test]
    fn large_pictures_are_made_smaller_and_odd_requests_refused() {
        let planes = vec![100; 1200 * 1000];
        let large = Picture::new(1, 1000, 1200, &planes).unwrap();
        let sheet =
            contact_sheet_with(&[large; 8], Layout { columns: Some(8), ..Layout::default() });
        let sheet = sheet.unwrap();
        assert!(sheet.width() <= WIDEST_PX && sheet.height() < 500);
        assert_eq!(sheet.get_pixel(sheet.width() / 2 + 50, 100).0, [100; 3]);

        let small = Picture::new(1, 1, 1, &[0]).unwrap();
        assert!(contact_sheet(&[]).is_err());
        assert!(contact_sheet(&[small, large]).is_err());
        let none = Layout { columns: Some(0), ..Layout::default() };
        assert!(contact_sheet_with(&[small], none).is_err());
    }
}
