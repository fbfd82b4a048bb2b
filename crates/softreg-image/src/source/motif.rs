//! The built-in picture collection: ornaments computed, not stored. It lets a first training run
//! start with no files at all, and its labelled kinds let diversity be counted: a generator that
//! collapses shows fewer kinds than the collection holds.
//!
//! A kind is a family of ornament, one of its forms, and a palette, as fixed by `TABLE`:
//! kind `k` is column `k % 8` of row `k / 8`, in form `k % 4` of the row's family. Inside a kind
//! a seed varies size, turn, strokes, tint, light and place. The arithmetic is exact
//! (no platform mathematics), so a picture is the same bytes on every machine.

mod angle;
mod canvas;
mod family;
mod palette;
mod shape;
mod variation;

use canvas::raster;
use family::{FORMS, Family, check, crystal, foil, hexagon, knot, leaf, mandala, medallion};
use family::{palmette, ring, rosette, scale, spiral, star, sun, zellige};
use palette::{
    COBALT, EMBER, INDIGO, IZNIK, JADE, LAGOON, LILAC, MINT, OLIVE, ONYX, PLUM, Palette,
};
use palette::{ROSE, SAFFRON, TERRACOTTA};
use shape::at;
use variation::Variation;

/// Kinds per family: every form in two palettes.
const COLUMNS: usize = 2 * FORMS;

/// The families in the order of their kinds, with the palette of each kind. New rows go last, so
/// that the numbers of the kinds before them stay.
static TABLE: [(&Family, [&Palette; COLUMNS]); 16] = [
    (&rosette::FAMILY, [&COBALT, &JADE, &ROSE, &EMBER, &TERRACOTTA, &LILAC, &INDIGO, &OLIVE]),
    (&star::FAMILY, [&INDIGO, &SAFFRON, &COBALT, &LAGOON, &ONYX, &PLUM, &MINT, &TERRACOTTA]),
    (&mandala::FAMILY, [&SAFFRON, &IZNIK, &PLUM, &ONYX, &LAGOON, &ROSE, &JADE, &COBALT]),
    (&zellige::FAMILY, [&IZNIK, &TERRACOTTA, &JADE, &COBALT, &SAFFRON, &INDIGO, &LILAC, &EMBER]),
    (&ring::FAMILY, [&ONYX, &ROSE, &SAFFRON, &INDIGO, &MINT, &EMBER, &PLUM, &IZNIK]),
    (&spiral::FAMILY, [&LAGOON, &OLIVE, &EMBER, &LILAC, &ROSE, &JADE, &ONYX, &SAFFRON]),
    (&check::FAMILY, [&ROSE, &INDIGO, &OLIVE, &IZNIK, &PLUM, &COBALT, &LAGOON, &ONYX]),
    (&scale::FAMILY, [&COBALT, &EMBER, &LILAC, &MINT, &JADE, &SAFFRON, &ROSE, &PLUM]),
    (&hexagon::FAMILY, [&SAFFRON, &PLUM, &IZNIK, &ONYX, &INDIGO, &OLIVE, &ROSE, &LAGOON]),
    (&leaf::FAMILY, [&OLIVE, &TERRACOTTA, &MINT, &JADE, &LILAC, &IZNIK, &PLUM, &INDIGO]),
    (&knot::FAMILY, [&MINT, &LAGOON, &COBALT, &PLUM, &OLIVE, &ONYX, &SAFFRON, &ROSE]),
    (&sun::FAMILY, [&EMBER, &COBALT, &LAGOON, &SAFFRON, &INDIGO, &TERRACOTTA, &PLUM, &JADE]),
    (&foil::FAMILY, [&PLUM, &MINT, &IZNIK, &INDIGO, &EMBER, &LAGOON, &COBALT, &JADE]),
    (&palmette::FAMILY, [&JADE, &IZNIK, &ROSE, &OLIVE, &SAFFRON, &MINT, &LILAC, &TERRACOTTA]),
    (&crystal::FAMILY, [&INDIGO, &ONYX, &LAGOON, &MINT, &JADE, &PLUM, &COBALT, &EMBER]),
    (&medallion::FAMILY, [&LILAC, &EMBER, &ONYX, &OLIVE, &IZNIK, &SAFFRON, &MINT, &INDIGO]),
];

/// How many kinds of picture there are: 128.
pub const KINDS: usize = COLUMNS * TABLE.len();

/// The shortest side a picture may have, in pixels.
pub const MIN_SIDE: u32 = 8;
/// The longest side a picture may have, in pixels.
pub const MAX_SIDE: u32 = 1024;

/// A picture that cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MotifError {
    /// The kind's number is past the table.
    #[error("there is no motif kind {kind}: kinds are 0..={last}", last = KINDS - 1)]
    Kind {
        /// The number asked for.
        kind: usize,
    },
    /// A side is out of range.
    #[error(
        "cannot draw a motif of {width} x {height} pixels: choose sides of \
         {MIN_SIDE}..={MAX_SIDE} pixels"
    )]
    Size {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
    },
}

/// The form and the palette of a kind.
fn entry(kind: usize) -> Result<(&'static Family, usize, &'static Palette), MotifError> {
    let (family, palettes) = TABLE.get(kind / COLUMNS).ok_or(MotifError::Kind { kind })?;
    let column = kind % COLUMNS;
    Ok((family, column % FORMS, palettes[column]))
}

/// The name of a kind: family, form and palette, such as `rosette-8-rose`. `None` past the last.
pub fn kind_name(kind: usize) -> Option<String> {
    let (family, form, palette) = entry(kind).ok()?;
    Some(format!("{}-{}-{}", family.name, family.forms[form].name, palette.name))
}

/// Draws the picture `seed` of a kind as interleaved RGB8, rows from the top, `width * height * 3`
/// bytes. The short side holds the ornament; a longer side shows more of the pattern or further
/// tiles. The same arguments give the same bytes on every machine.
///
/// # Errors
/// [`MotifError`] for a kind past the table or a side out of `MIN_SIDE..=MAX_SIDE`.
pub fn render(kind: usize, seed: u64, width: u32, height: u32) -> Result<Vec<u8>, MotifError> {
    let (family, form, palette) = entry(kind)?;
    let sides = MIN_SIDE..=MAX_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) {
        return Err(MotifError::Size { width, height });
    }
    let mut variation = Variation::new(kind, seed);
    let inks = palette.wear(&mut variation);
    let zoom = variation.between(0.96, 1.07);
    let shift = at(variation.about(0.05), variation.about(0.05));
    let light = at(variation.about(0.07), variation.about(0.07));
    let form = &family.forms[form];
    let paint = (form.compose)(&inks, &mut variation);
    // Small pictures need the samples; large ones have pixels finer than any detail.
    let samples = if width.min(height) > 512 { 1 } else { 2 };
    Ok(raster(width, height, samples, inks.ground, |place, spot| {
        paint(form.layout.place(place, shift, zoom), spot);
        spot.shade(1.0 + place.dot(light));
    }))
}

/// A collection of `pictures` motifs, the kinds in equal parts (to within one picture).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motif {
    /// How many pictures the collection holds.
    pub pictures: usize,
    /// What tells this collection from others of the same size.
    pub seed: u64,
}

/// The step from one picture's kind to the next: odd, so it visits every kind before any returns,
/// and far enough to change the family each time.
const STRIDE: usize = 41;

impl Motif {
    /// The kind of the picture `index`, in `0..KINDS`. Any run of [`KINDS`] pictures holds every
    /// kind once.
    pub fn kind_of(&self, index: usize) -> usize {
        (index % KINDS) * STRIDE % KINDS
    }

    /// Draws the picture `index`; see [`render`]. No two indices share a seed.
    ///
    /// # Errors
    /// [`MotifError::Size`] for a side out of range.
    pub fn picture(&self, index: usize, width: u32, height: u32) -> Result<Vec<u8>, MotifError> {
        render(self.kind_of(index), mix(self.seed, index as u64), width, height)
    }
}

/// SplitMix64: one-to-one in `index` for every seed.
fn mix(seed: u64, index: u64) -> u64 {
    let scramble = |value: u64| {
        let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    scramble(scramble(seed) ^ index)
}

#[cfg(test)]
mod tests;
