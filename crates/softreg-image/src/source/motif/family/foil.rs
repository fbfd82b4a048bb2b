//! Gothic tracery: foils cut into a frame, outlined twice.

use super::{Family, Form, Painter};
use crate::source::motif::angle::sin_cos;
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, Point, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::FRAC_PI_2;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "foil",
    forms: [
        Form::panel("trefoil", |inks, v| foil(3, false, inks, v)),
        Form::panel("quatrefoil", |inks, v| foil(4, false, inks, v)),
        Form::panel("barbed", |inks, v| foil(4, true, inks, v)),
        Form::panel("sexfoil", |inks, v| foil(6, false, inks, v)),
    ],
};

fn foil(lobes: u32, barbed: bool, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.09) - FRAC_PI_2;
    let fan = Fan::new(lobes, turn);
    let (sin, _) = sin_cos(fan.half_angle());
    let size = v.between(0.88, 0.98);
    let middle = 0.9 / (1.0 + sin * 1.02);
    let radius = 0.9 - middle;
    let frame = v.between(0.1, 0.13);
    let hollow = v.between(0.4, 0.55);
    let core = 0.5 + 0.09 * lobes as f32;
    let heart = v.between(0.13, 0.19);
    let barb = v.between(0.5, 0.54);
    let petals = Fan::new(lobes, turn);
    let field = v.either(inks.second, inks.second.mix(inks.ink, 0.2));
    let outline = move |p: Point| {
        let q = fan.fold(p).0;
        let lobed = q.disc_at(at(middle, 0.0), radius).min(p.disc(middle * core));
        if barbed { lobed.min(q.square(barb)).min(q.rhombus(at(0.99, 0.99))) } else { lobed }
    };
    Box::new(move |p, spot| {
        let corner = at(p.x.abs() - 1.0, p.y.abs() - 1.0);
        spot.fill(corner.disc(0.3), inks.second);
        spot.fill(corner.disc(0.15), inks.ink);
        let p = p * (1.0 / size);
        let d = outline(p);
        spot.outlined(d, inks.ink, 0.05, inks.ground);
        spot.fill(d + frame, inks.ground);
        spot.fill(d + frame + 0.06, field);
        let q = petals.fold(p).0;
        let leaf = q.petal(at(0.08, 0.0), at(middle + radius * hollow, 0.0), radius * 0.42);
        spot.fill(leaf, inks.ink);
        spot.outlined(p.disc(heart), inks.accent, 0.05, inks.line);
    })
}
