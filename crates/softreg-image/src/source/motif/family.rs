//! The families of ornament. A family is one file here and one line in the table of kinds; it
//! lists its forms, and each form turns inks and a picture's draws into a painter of places.

pub(super) mod check;
pub(super) mod crystal;
pub(super) mod foil;
pub(super) mod hexagon;
pub(super) mod knot;
pub(super) mod leaf;
pub(super) mod mandala;
pub(super) mod medallion;
pub(super) mod palmette;
pub(super) mod ring;
pub(super) mod rosette;
pub(super) mod scale;
pub(super) mod spiral;
pub(super) mod star;
pub(super) mod sun;
pub(super) mod zellige;

use super::canvas::Spot;
use super::palette::Inks;
use super::shape::{Point, at};
use super::variation::Variation;

/// Paints one place of a picture over its ground.
pub(super) type Painter = Box<dyn Fn(Point, &mut Spot) + Send + Sync>;

/// How a form fills the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Layout {
    /// One ornament to a tile, alone within its edges; a longer picture repeats the tile.
    Tile,
    /// One ornament to a tile, its corners and edges shared with the tiles around it.
    Panel,
    /// An endless pattern; a longer picture shows more of it.
    Field,
}

impl Layout {
    /// Where to look in the form for a place in the picture: moved by `shift`, then scaled by
    /// `zoom`, and folded into -1..=1 where the layout repeats.
    pub(super) fn place(self, place: Point, shift: Point, zoom: f32) -> Point {
        let pitch = at(2.0, 2.0);
        match self {
            Layout::Tile => (place.lattice(pitch).0 - shift) * zoom,
            Layout::Panel => ((place - shift) * zoom).lattice(pitch).0,
            Layout::Field => (place - shift) * zoom,
        }
    }
}

/// One shape of a family, such as the eight-petalled rosette.
pub(super) struct Form {
    pub(super) name: &'static str,
    pub(super) layout: Layout,
    pub(super) compose: Compose,
}

/// Draws what differs in one picture and returns its painter.
type Compose = fn(&Inks, &mut Variation) -> Painter;

impl Form {
    const fn tile(name: &'static str, compose: Compose) -> Self {
        Self { name, layout: Layout::Tile, compose }
    }

    const fn panel(name: &'static str, compose: Compose) -> Self {
        Self { name, layout: Layout::Panel, compose }
    }

    const fn field(name: &'static str, compose: Compose) -> Self {
        Self { name, layout: Layout::Field, compose }
    }
}

/// How many forms each family has.
pub(super) const FORMS: usize = 4;

/// Ornaments of one construction.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) forms: [Form; FORMS],
}
