//! Patterns on the triangular lattice: honeycomb, tumbling blocks, hemp leaf and triangles.

use super::{Family, Form, Painter};
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Point, at};
use crate::source::motif::variation::Variation;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "hexagon",
    forms: [
        Form::field("honeycomb", honeycomb),
        Form::field("blocks", blocks),
        Form::field("asanoha", asanoha),
        Form::field("triangles", triangles),
    ],
};

const ROOT_3: f32 = 1.732_050_8;

/// The place relative to the nearest knot of a triangular lattice of this pitch.
pub(super) fn nearest(p: Point, pitch: f32) -> Point {
    let cell = at(pitch, pitch * ROOT_3);
    let (a, _, _) = p.lattice(cell);
    let (b, _, _) = (p - cell * 0.5).lattice(cell);
    if a.dot(a) < b.dot(b) { a } else { b }
}

/// Distance to an upright hexagon with this apothem.
fn hexagon(p: Point, apothem: f32) -> f32 {
    let q = p.quarter();
    q.x.max(q.x * 0.5 + q.y * ROOT_3 * 0.5) - apothem
}

/// Cells with a drop of honey in each.
fn honeycomb(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = v.between(0.62, 0.72);
    let wall = v.between(0.045, 0.065);
    let drop = v.between(0.3, 0.42);
    let shift = at(v.about(0.15), v.about(0.15));
    Box::new(move |p, spot| {
        let p = p - shift;
        let q = nearest(p, pitch);
        let row = ((p.y - q.y) / (pitch * ROOT_3 * 0.5)).round() as i32;
        spot.fill(hexagon(q, pitch * 0.5 - wall), inks.ink);
        let ink = if row.rem_euclid(2) == 0 { inks.second } else { inks.accent };
        spot.fill(hexagon(q, pitch * 0.5 * drop), ink);
    })
}

/// Cubes: three rhombs to a cell, lit from one side.
fn blocks(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = v.between(0.78, 0.92);
    let seam = v.between(0.014, 0.024);
    let shift = at(v.about(0.15), v.about(0.15));
    Box::new(move |p, spot| {
        let q = nearest(p - shift, pitch);
        spot.flood(inks.second);
        let top = (q.y + q.x.abs() / ROOT_3) * ROOT_3 * 0.5;
        spot.fill(-q.x, inks.ink);
        spot.fill(top, inks.accent.mix(inks.second, 0.25));
        let spokes = if top < 0.0 { -top } else { top.min(q.x.abs()) };
        let edge = -hexagon(q, pitch * 0.5);
        spot.fill(spokes.min(edge) - seam, inks.line);
    })
}

/// The triangle of the lattice of this side that holds a place: the place's three weights.
fn weights(p: Point, side: f32) -> ([f32; 3], bool) {
    let row = p.y * 2.0 / (ROOT_3 * side);
    let column = p.x / side - row * 0.5;
    let (u, w) = (column - column.floor(), row - row.floor());
    if u + w < 1.0 { ([1.0 - u - w, u, w], true) } else { ([u + w - 1.0, 1.0 - u, 1.0 - w], false) }
}

/// Hemp leaves: stars of six long rhombs.
fn asanoha(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let side = v.between(0.98, 1.14);
    let line = v.between(0.026, 0.036);
    let shift = at(v.about(0.12), v.about(0.12));
    Box::new(move |p, spot| {
        let ([a, b, c], up) = weights(p - shift, side);
        let height = side * ROOT_3 * 0.5;
        let edge = a.min(b).min(c) * height;
        // From the middle of a triangle to each of its corners.
        let most = a.max(b).max(c);
        let spoke = if most == a {
            (b - c).abs()
        } else if most == b {
            (a - c).abs()
        } else {
            (a - b).abs()
        } * side
            * 0.5;
        spot.flood(if up { inks.ink } else { inks.ink.mix(inks.line, 0.6) });
        spot.fill(0.74 * height - most * height, inks.accent);
        spot.fill(edge.min(spoke) - line, inks.ground);
    })
}

/// Triangles up and down, with a small one inside each.
fn triangles(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let side = v.between(0.94, 1.08);
    let core = v.between(0.12, 0.17);
    let seam = v.between(0.02, 0.035);
    let shift = at(v.about(0.15), v.about(0.15));
    Box::new(move |p, spot| {
        let ([a, b, c], up) = weights(p - shift, side);
        let height = side * ROOT_3 * 0.5;
        let edge = -a.min(b).min(c) * height;
        let (ink, inner) = if up { (inks.ink, inks.accent) } else { (inks.second, inks.ground) };
        spot.flood(inks.ground);
        spot.fill(edge + seam, ink);
        spot.fill(edge + core, inner);
    })
}
