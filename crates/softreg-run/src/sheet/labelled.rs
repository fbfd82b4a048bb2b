//! Rows of pictures with a line of text above each: several generators under each other.

use image::{RgbImage, imageops};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::element::Text;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont, RGBColor};

use super::{GROUND, Layout, contact_sheet_with};
use crate::chart::{FONT, register};
use crate::{Error, Picture, Result};

/// Height of a line of text and of its letters, in pixels.
const LINE_PX: u32 = 30;
const LETTER_PX: i32 = 19;
const INK: RGBColor = RGBColor(30, 30, 34);

/// Draws each row's pictures side by side below its label.
///
/// # Errors
/// [`Error::Draw`] without rows, or where a row has no pictures or pictures of several sizes.
pub fn labelled_rows(rows: &[(String, Vec<Picture<'_>>)]) -> Result<RgbImage> {
    let row = |(_, pictures): &(String, Vec<Picture<'_>>)| {
        let layout = Layout { columns: Some(pictures.len()), ..Layout::default() };
        contact_sheet_with(pictures, layout)
    };
    let sheets = rows.iter().map(row).collect::<Result<Vec<RgbImage>>>()?;
    let width = sheets.iter().map(RgbImage::width).max();
    let width = width.ok_or_else(|| Error::draw("there are no rows to draw"))?;
    let height = sheets.iter().map(|sheet| LINE_PX + sheet.height()).sum();
    register()?;
    let mut drawing = RgbImage::from_pixel(width, height, GROUND);
    let mut y = 0;
    let mut places = Vec::new();
    for sheet in &sheets {
        places.push(y);
        imageops::replace(&mut drawing, sheet, 0, i64::from(y + LINE_PX));
        y += LINE_PX + sheet.height();
    }
    let mut pixels = drawing.into_raw();
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        let style =
            (FONT, LETTER_PX).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
        for ((label, _), y) in rows.iter().zip(places) {
            // As in the chart: letters sit too high by this.
            let middle = (y + LINE_PX / 2).cast_signed() + LETTER_PX / 5;
            let text = Text::new(label.clone(), (6, middle), style.clone());
            area.draw(&text).map_err(Error::draw)?;
        }
        area.present().map_err(Error::draw)?;
    }
    RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| Error::draw("a sheet has the wrong size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_label_and_its_pictures() {
        let planes: Vec<u8> = (0..6u8).flat_map(|i| [40 * i; 8 * 8]).collect();
        let pictures = Picture::batch(1, 8, 8, &planes).unwrap();
        let rows =
            [("none".to_owned(), pictures[..3].to_vec()), ("x".to_owned(), pictures[3..].to_vec())];
        let sheet = labelled_rows(&rows).unwrap();
        let half = sheet.height() / 2;
        // The third picture of the second row, and ink above the first row.
        assert_eq!(sheet.get_pixel(sheet.width() - 20, half + LINE_PX + 20).0, [200; 3]);
        let ink = |from: u32| {
            (from..from + LINE_PX).any(|y| (0..80).any(|x| sheet.get_pixel(x, y).0[0] < 120))
        };
        assert!(ink(0) && ink(half));
        assert!(labelled_rows(&[]).is_err() && labelled_rows(&[("a".to_owned(), vec![])]).is_err());
    }
}
