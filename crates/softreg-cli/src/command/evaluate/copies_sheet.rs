//! The sheet of the pictures most like a training picture.

use super::subject::Set;
use softreg_metric::{Copies, Pair, Pictures};
use softreg_run::sheet::{Layout, contact_sheet_with};
use softreg_run::{Picture, encode_png};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Pairs on the sheet.
const PAIRS: usize = 32;
/// Columns: four pairs.
const COLUMNS: usize = 8;

/// Draws the nearest pairs first, each the generated picture left and the training picture right, mirrored where that is
/// nearer. Every training picture has its turn before any comes again: a generator may make one of them many times.
pub(super) fn draw(copies: &Copies, generated: &Set, training: &Set) -> anyhow::Result<Vec<u8>> {
    let pairs: Vec<&Pair> = spread(&copies.pairs).collect();
    let trained_on: Vec<Cow<'_, [u8]>> = pairs.iter().map(|pair| seen(training, pair)).collect();
    let mut pictures = Vec::new();
    for (pair, trained_on) in pairs.iter().zip(&trained_on) {
        pictures.push(picture(generated, generated.picture(pair.generated))?);
        pictures.push(picture(training, trained_on)?);
    }
    let layout = Layout { columns: Some(COLUMNS), ..Layout::default() };
    Ok(encode_png(&contact_sheet_with(&pictures, layout)?)?)
}

/// The training picture of a pair, in its nearest view.
fn seen<'a>(training: &'a Set, pair: &Pair) -> Cow<'a, [u8]> {
    let pixels = training.picture(pair.training);
    match pair.view {
        0 => pixels.into(),
        _ => Pictures { pixels, ..training.pictures() }.mirrored().into(),
    }
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

    #[test]
    fn a_training_picture_is_shown_in_its_nearest_view() {
        let set = Set {
            channels: 1,
            size: "16".parse().unwrap(),
            pixels: (0..512).map(|i| (i % 251) as u8).collect(),
            labels: None,
            stacked: None,
            about: serde_json::Value::Null,
        };
        let pair = |view| Pair { generated: 0, training: 1, view, distance: 0.0 };
        assert_eq!(seen(&set, &pair(0)), &set.pixels[256..]);
        let rows: Vec<u8> =
            set.pixels[256..].chunks(16).flat_map(|r| r.iter().rev()).copied().collect();
        assert_eq!(seen(&set, &pair(1)), rows);
    }
}
