//! Encaustic floor tiles: a framed emblem, with corners that complete each other from tile to
//! tile.

use super::{Family, Form, Painter};
use crate::source::motif::angle::sector;
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::{FRAC_PI_2, FRAC_PI_4};

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "medallion",
    forms: [
        Form::panel("lozenge", lozenge),
        Form::panel("cross", cross),
        Form::panel("astroid", astroid),
        Form::panel("wheel", wheel),
    ],
};

/// A lozenge with four leaves, triangles in the corners.
fn lozenge(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let reach = v.between(0.94, 1.04);
    let frame = v.between(0.08, 0.11);
    let leaf = v.between(0.13, 0.17);
    let leaves = Fan::new(4, v.about(0.12));
    Box::new(move |p, spot| {
        spot.flood(inks.second);
        let corner = at(p.x.abs() - 1.0, p.y.abs() - 1.0);
        spot.fill(corner.disc(0.34), inks.ink);
        spot.fill(corner.disc(0.17), inks.accent);
        let d = p.rhombus(at(reach, reach));
        spot.outlined(d, inks.ground, frame, inks.line);
        let q = leaves.fold(p).0;
        spot.fill(q.petal(at(0.1, 0.0), at(0.78, 0.0), leaf), inks.ink);
        spot.fill(p.disc(0.13), inks.accent);
    })
}

/// A cross with spreading arms on a disc.
fn cross(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let arms = Fan::new(4, v.about(0.1) - FRAC_PI_2);
    let disc = v.between(0.86, 0.96);
    let flare = v.between(0.42, 0.52);
    let waist = v.between(0.1, 0.13);
    let boss = v.between(0.14, 0.18);
    Box::new(move |p, spot| {
        spot.fill(p.disc(disc), inks.second);
        spot.stroke(p.disc(disc), 0.055, inks.line);
        let q = arms.fold(p).0;
        // The sides of an arm curve outwards as it grows.
        let side = q.y.abs() - waist - flare * q.x * q.x;
        let arm = side.max(q.x - disc + 0.13) * 0.85;
        spot.outlined(arm, inks.ink, 0.045, inks.ground);
        spot.outlined(p.disc(boss), inks.accent, 0.05, inks.line);
    })
}

/// Quarter rings in the corners leave a four-pointed star with hollow sides.
fn astroid(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let radius = v.between(0.86, 0.98);
    let band = v.between(0.1, 0.14);
    let gem = v.between(0.46, 0.56);
    let rays = Fan::new(4, v.about(0.12) + FRAC_PI_4);
    Box::new(move |p, spot| {
        let corner = at(p.x.abs() - 1.0, p.y.abs() - 1.0);
        spot.fill(corner.disc(radius), inks.ink);
        spot.fill(corner.disc(radius - band), inks.ground);
        spot.fill(corner.disc(radius - band * 1.9), inks.second);
        spot.fill(corner.disc(0.3), inks.ink);
        spot.fill(rays.star(p, gem, gem * 0.42).0, inks.accent);
        spot.fill(p.disc(gem * 0.2), inks.ground);
    })
}

/// A spoked wheel in a square frame.
fn wheel(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let spokes = Fan::new(8, v.about(0.25) * sector(8));
    let frame = v.between(0.84, 0.9);
    let rim = v.between(0.62, 0.68);
    let half = v.between(0.05, 0.065);
    let hub = v.between(0.17, 0.22);
    Box::new(move |p, spot| {
        spot.fill(-p.square(frame), inks.ink);
        spot.fill(-p.square(frame + 0.09), inks.second);
        let q = spokes.fold(p).0;
        spot.fill(q.segment(at(0.0, 0.0), at(rim, 0.0)) - half, inks.ink);
        spot.stroke(p.disc(rim), half * 1.4, inks.ink);
        spot.fill(q.disc_at(at(rim, 0.0), half * 1.7), inks.accent);
        spot.outlined(p.disc(hub), inks.second, 0.05, inks.line);
    })
}
