//! Flowers seen from above: one wreath of petals before another, around a heart.

use super::{Family, Form, Painter};
use crate::source::motif::angle::{sector, sin_cos};
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::FRAC_PI_2;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "rosette",
    forms: [
        Form::tile("5", |inks, v| round(5, inks, v)),
        Form::tile("6", |inks, v| pointed(6, inks, v)),
        Form::tile("8", |inks, v| round(8, inks, v)),
        Form::tile("12", |inks, v| pointed(12, inks, v)),
    ],
};

/// Round petals that touch, with a bud of the second ink in each.
fn round(petals: u32, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.16) * sector(petals) - FRAC_PI_2;
    let front = Fan::new(petals, turn);
    let back = Fan::new(petals, turn + sector(petals) * 0.5);
    let reach = v.between(0.8, 0.94);
    let (sin, _) = sin_cos(front.half_angle());
    let middle = reach / (1.0 + sin * 0.93);
    let radius = reach - middle;
    let heart = v.between(0.17, 0.25);
    let bud = v.between(0.32, 0.5);
    let line = v.between(0.03, 0.055);
    let (leaf, core) = v.either((inks.accent, inks.second), (inks.second, inks.accent));
    Box::new(move |p, spot| {
        let q = back.fold(p).0;
        spot.fill(q.petal(at(0.2, 0.0), at(reach * 1.12, 0.0), radius * 0.5), leaf);
        let q = front.fold(p).0;
        let petal = q.drop(at(0.0, 0.0), 0.02, at(middle, 0.0), radius);
        spot.outlined(petal + line, inks.ink, line, inks.ground);
        spot.fill(q.drop(at(heart, 0.0), 0.02, at(middle, 0.0), radius * bud), inks.second);
        spot.outlined(p.disc(heart), core, line * 1.6, inks.line);
    })
}

/// Slender petals, every gap filled by one of the second ink.
fn pointed(petals: u32, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.16) * sector(petals) - FRAC_PI_2;
    let front = Fan::new(petals, turn);
    let back = Fan::new(petals, turn + sector(petals) * 0.5);
    let reach = v.between(0.84, 0.98);
    let (sin, cos) = sin_cos(front.half_angle());
    let width = reach * 0.56 * sin / cos * v.between(0.82, 1.0);
    let heart = v.between(0.14, 0.22) + 0.012 * petals as f32;
    let short = v.between(0.8, 0.95);
    let vein = v.between(0.16, 0.3);
    Box::new(move |p, spot| {
        let q = back.fold(p).0;
        spot.fill(q.petal(at(0.0, 0.0), at(reach * short, 0.0), width), inks.second);
        let q = front.fold(p).0;
        let petal = q.petal(at(0.0, 0.0), at(reach, 0.0), width);
        spot.outlined(petal + 0.03, inks.ink, 0.03, inks.ground);
        let vein = q.petal(at(0.1, 0.0), at(reach * 0.8, 0.0), width * vein);
        spot.fill(vein, inks.ground);
        spot.outlined(p.disc(heart), inks.accent, 0.05, inks.line);
        spot.fill(p.disc(heart * 0.42), inks.line);
    })
}
