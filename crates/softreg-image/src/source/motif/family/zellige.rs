//! Moorish mosaic: stars and the pieces that fit between them, cut from glazed tiles and set in
//! grout.

use super::{Family, Form, Painter};
use crate::source::motif::angle::sector;
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, Point, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_PI_2, SQRT_2};

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "zellige",
    forms: [
        Form::field("khatam", khatam),
        Form::field("octagon", octagon),
        Form::field("hexagram", hexagram),
        Form::field("pinwheel", pinwheel),
    ],
};

/// The eight-pointed star of two crossed squares.
fn khatam_star(p: Point, half: f32) -> f32 {
    let q = at(p.x + p.y, p.y - p.x) * FRAC_1_SQRT_2;
    p.square(half).min(q.square(half))
}

/// Eight-pointed stars that touch at their tips, and the crosses between them.
fn khatam(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = v.between(1.2, 1.36);
    let grout = v.between(0.025, 0.04);
    let small = v.between(0.42, 0.55);
    let shift = at(v.about(0.08), v.about(0.08));
    let half = pitch * 0.5 * FRAC_1_SQRT_2;
    Box::new(move |p, spot| {
        let (q, _, _) = (p - shift).lattice(at(pitch, pitch));
        let d = khatam_star(q, half);
        spot.flood(inks.ground);
        spot.fill(-d + grout, inks.second);
        spot.fill(d + grout, inks.ink);
        let inner = khatam_star(q, half * small);
        spot.outlined(inner, inks.accent, grout, inks.ground);
        let corner = at(q.x.abs() - pitch * 0.5, q.y.abs() - pitch * 0.5);
        spot.fill(corner.rhombus(at(0.16, 0.16)), inks.line);
    })
}

/// Octagons with squares between them, a star in every octagon.
fn octagon(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = v.between(0.92, 1.06);
    let grout = v.between(0.03, 0.045);
    let star = v.between(0.36, 0.42);
    let shift = at(v.about(0.08), v.about(0.08));
    let turn = v.about(0.12);
    let rays = Fan::new(8, turn);
    Box::new(move |p, spot| {
        let (q, _, _) = (p - shift).lattice(at(pitch, pitch));
        let a = q.quarter();
        let d = a.x.max(a.y).max((a.x + a.y) * FRAC_1_SQRT_2) - pitch * 0.5;
        let corner = at(a.x - pitch * 0.5, a.y - pitch * 0.5);
        let gap = pitch * (1.0 - 0.5 * SQRT_2);
        spot.flood(inks.ground);
        spot.fill(corner.rhombus(at(gap, gap)) + grout, inks.accent);
        spot.fill(d + grout, inks.ink);
        spot.fill(rays.star(q, pitch * star, pitch * star * 0.5).0, inks.ground);
        spot.fill(q.disc(pitch * 0.1), inks.second);
    })
}

/// Six-pointed stars on a triangular lattice, hexagons of the second ink between them.
fn hexagram(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = v.between(1.08, 1.24);
    let grout = v.between(0.025, 0.04);
    let core = v.between(0.11, 0.15);
    let shift = at(v.about(0.08), v.about(0.08));
    let tips = Fan::new(6, 0.0);
    let sides = Fan::new(6, sector(12));
    Box::new(move |p, spot| {
        let q = super::hexagon::nearest(p - shift, pitch);
        let tip = pitch * 0.5;
        let (d, _) = tips.star(q, tip, tip * 0.57735);
        spot.flood(inks.ground);
        spot.fill(-d + grout, inks.second);
        spot.fill(d + grout, inks.ink);
        let hexagon = sides.polygon(q, pitch * core);
        spot.outlined(hexagon, inks.accent, grout * 1.5, inks.ground);
    })
}

/// Squares swirled by four kites each.
fn pinwheel(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = v.between(1.0, 1.14);
    let grout = v.between(0.025, 0.04);
    let core = v.between(0.12, 0.16);
    let shift = at(v.about(0.08), v.about(0.08));
    let quarters = Fan::new(4, FRAC_PI_2);
    Box::new(move |p, spot| {
        let (q, i, j) = (p - shift).lattice(at(pitch, pitch));
        let odd = (i + j).rem_euclid(2) == 1;
        let q = if odd { at(-q.x, q.y) } else { q };
        let (s, _) = quarters.fold(q);
        spot.flood(inks.ground);
        // One blade to a quarter: a triangle from the centre along the axis to the edge.
        let half = pitch * 0.5;
        let front = if odd { inks.second } else { inks.ink };
        spot.fill((s.x - half + grout).max(-s.y + grout).max(s.y - s.x), front);
        spot.fill((s.x - half + grout).max(s.y + grout).max(-s.y - s.x + grout), inks.ground);
        spot.outlined(q.rhombus(at(core, core)), inks.accent, grout, inks.ground);
    })
}
