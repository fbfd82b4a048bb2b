//! The sheet of the pictures most like a training picture.

use super::subject::Set;
use softreg_metric::Copies;
use softreg_run::sheet::{Layout, contact_sheet_with};
use softreg_run::{Picture, encode_png};

/// Pairs on the sheet.
const PAIRS: usize = 32;
/// Columns: four pairs.
const COLUMNS: usize = 8;

/// Draws the nearest pairs first, each the generated picture left and the training picture right.
pub(super) fn draw(copies: &Copies, generated: &Set, training: &Set) -> anyhow::Result<Vec<u8>> {
    let mut pictures = Vec::new();
    for pair in copies.pairs.iter().take(PAIRS) {
        pictures.push(picture(generated, pair.generated)?);
        pictures.push(picture(training, pair.training)?);
    }
    let layout = Layout { columns: Some(COLUMNS), ..Layout::default() };
    Ok(encode_png(&contact_sheet_with(&pictures, layout)?)?)
}

fn picture(set: &Set, index: usize) -> softreg_run::Result<Picture<'_>> {
    let (height, width) = (set.size.height() as usize, set.size.width() as usize);
    Picture::new(set.channels, height, width, set.picture(index))
}
