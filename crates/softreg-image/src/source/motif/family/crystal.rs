//! Frost: branched arms of even strokes, after snow crystals and filigree.

use super::{Family, Form, Painter};
use crate::source::motif::angle::sector;
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::FRAC_PI_2;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "crystal",
    forms: [
        Form::tile("fir", fir),
        Form::tile("fork", fork),
        Form::tile("plate", plate),
        Form::tile("lace", lace),
    ],
};

/// Six arms with two pairs of twigs.
fn fir(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let fan = Fan::new(6, v.about(0.14) - FRAC_PI_2);
    let half = v.between(0.05, 0.065);
    let reach = v.between(0.88, 0.97);
    let (near, far) = (v.between(0.3, 0.38), v.between(0.56, 0.64));
    let twig = v.between(0.22, 0.28);
    Box::new(move |p, spot| {
        let q = fan.fold(p).0;
        let q = at(q.x, q.y.abs());
        spot.fill(q.segment(at(near, 0.0), at(near + twig * 0.8, twig * 0.95)) - half, inks.second);
        spot.fill(q.segment(at(far, 0.0), at(far + twig, twig)) - half, inks.ink);
        spot.fill(q.segment(at(0.0, 0.0), at(reach, 0.0)) - half, inks.ink);
        spot.fill(p.disc(0.17), inks.accent);
    })
}

/// Eight arms that fork, with a bead in each fork.
fn fork(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let fan = Fan::new(8, v.about(0.12) - FRAC_PI_2);
    let half = v.between(0.042, 0.055);
    let fork = v.between(0.5, 0.58);
    let wide = v.between(0.17, 0.21);
    let ring = v.between(0.27, 0.33);
    Box::new(move |p, spot| {
        let q = fan.fold(p).0;
        let q = at(q.x, q.y.abs());
        spot.fill(q.segment(at(0.0, 0.0), at(fork, 0.0)) - half, inks.ink);
        spot.fill(q.segment(at(fork, 0.0), at(0.82, wide)) - half, inks.ink);
        spot.fill(q.disc_at(at(0.86, 0.0), 0.1), inks.accent);
        spot.fill(p.disc(ring), inks.second);
        spot.fill(p.disc(ring * 0.5), inks.ground);
    })
}

/// A hexagonal plate with six short arms that end in lozenges.
fn plate(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.14) - FRAC_PI_2;
    let fan = Fan::new(6, turn);
    let sides = Fan::new(6, turn + sector(12));
    let apothem = v.between(0.4, 0.46);
    let tip = v.between(0.19, 0.22);
    let half = v.between(0.06, 0.075);
    Box::new(move |p, spot| {
        let q = fan.fold(p).0;
        spot.fill(q.segment(at(0.0, 0.0), at(0.8, 0.0)) - half, inks.ink);
        spot.fill((q - at(0.8, 0.0)).rhombus(at(tip, tip * 0.8)), inks.second);
        let d = sides.polygon(p, apothem);
        spot.outlined(d, inks.ink, 0.03, inks.ground);
        spot.fill(d + 0.11, inks.ground);
        spot.fill(fan.star(p, apothem * 0.85, apothem * 0.42).0, inks.accent);
    })
}

/// Filigree: loops around a ring of loops.
fn lace(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.2) * sector(8) - FRAC_PI_2;
    let outer = Fan::new(8, turn);
    let inner = Fan::new(8, turn + sector(16));
    let half = v.between(0.04, 0.05);
    let loops = v.between(0.19, 0.225);
    let size = v.between(0.94, 1.02);
    Box::new(move |p, spot| {
        let p = p * (1.0 / size);
        let q = inner.fold(p).0;
        spot.fill(q.petal(at(0.18, 0.0), at(0.62, 0.0), 0.1), inks.second);
        let q = outer.fold(p).0;
        spot.stroke(q.disc_at(at(0.7, 0.0), loops), half, inks.ink);
        spot.fill(q.disc_at(at(0.7, 0.0), loops * 0.42), inks.accent);
        spot.stroke(p.disc(0.42), half, inks.ink);
        spot.stroke(p.disc(0.17), half, inks.ink);
    })
}
