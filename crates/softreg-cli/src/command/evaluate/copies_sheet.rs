//! The sheet of the pictures most like a training picture.

use super::subject::Set;
use softreg_metric::{Copies, Pair};
use softreg_run::sheet::{Layout, contact_sheet_with};
use softreg_run::{Picture, encode_png};
use std::collections::BTreeSet;

/// Pairs on the sheet.
const PAIRS: usize = 32;
/// Columns: four pairs.
const COLUMNS: usize = 8;

/// Draws the nearest pairs first, each the generated picture left and the training picture right, mirrored where that is
/// nearer. Every training picture has its turn before any comes again: a generator may make one of them many times.
pub(super) fn draw(copies: &Copies, generated: &Set, training: &Set) -> anyhow::Result<Vec<u8>> {
    let mirrored = training.pictures().mirrored();
    let mut pictures = Vec::new();
    for pair in spread(&copies.pairs) {
        let area = training.area();
        let trained_on = match pair.view {
            0 => training.picture(pair.training),
            _ => &mirrored[pair.training * area..][..area],
        };
        pictures.push(picture(generated, generated.picture(pair.generated))?);
        pictures.push(picture(training, trained_on)?);
    }
    let layout = Layout { columns: Some(COLUMNS), ..Layout::default() };
    Ok(encode_png(&contact_sheet_with(&pictures, layout)?)?)
}

fn picture<'a>(set: &Set, bytes: &'a [u8]) -> softreg_run::Result<Picture<'a>> {
    let (height, width) = (set.size.height() as usize, set.size.width() as usize);
    Picture::new(set.channels, height, width, bytes)
}

/// The pairs to draw, of those that come nearest first.
fn spread(pairs: &[Pair]) -> impl Iterator<Item = &Pair> {
    let mut seen = BTreeSet::new();
    let (first, again): (Vec<&Pair>, Vec<&Pair>) =
        pairs.iter().partition(|pair| seen.insert(pair.training));
    first.into_iter().chain(again).take(PAIRS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_training_picture_has_its_turn() {
        let pair = |generated, training| Pair { generated, training, view: 0, distance: 0.0 };
        let pairs: Vec<Pair> = (0..40).map(|i| pair(i, if i < 30 { 7 } else { i })).collect();
        let drawn: Vec<usize> = spread(&pairs).map(|pair| pair.generated).collect();
        let expected: Vec<usize> = [0].into_iter().chain(30..40).chain(1..22).collect();
        assert_eq!(drawn, expected);
    }
}
