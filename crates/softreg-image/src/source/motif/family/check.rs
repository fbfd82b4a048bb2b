//! Cloth of squares and lozenges: checks, harlequin, argyle and gingham.

use super::{Family, Form, Painter};
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Point, at, periodic};
use crate::source::motif::variation::Variation;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "check",
    forms: [
        Form::field("board", board),
        Form::field("harlequin", harlequin),
        Form::field("argyle", argyle),
        Form::field("gingham", gingham),
    ],
};

/// Distance to the dark fields of a board of unit squares; negative inside them.
fn board_distance(p: Point) -> f32 {
    let edge = periodic(p.x - 0.5, 1.0).min(periodic(p.y - 0.5, 1.0));
    let dark = (p.x.round() + p.y.round()).rem_euclid(2.0) < 0.5;
    if dark { -edge } else { edge }
}

/// A chequerboard with a stud on every light field.
fn board(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let side = v.between(0.46, 0.54);
    let shift = at(v.about(0.12), v.about(0.12));
    let stud = v.between(0.2, 0.3);
    Box::new(move |p, spot| {
        let q = (p - shift) * (1.0 / side);
        spot.fill(board_distance(q) * side, inks.ink);
        let (c, i, j) = q.lattice(at(1.0, 1.0));
        let ink = if (i + j).rem_euclid(2) == 0 { inks.second } else { inks.accent };
        spot.fill(c.rhombus(at(stud * 1.2, stud * 1.2)) * side, ink);
    })
}

/// Tall lozenges in three inks.
fn harlequin(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = at(v.between(0.62, 0.7), v.between(1.2, 1.36));
    let shift = at(v.about(0.08), v.about(0.12));
    let seam = v.between(0.02, 0.035);
    Box::new(move |p, spot| {
        let p = p - shift;
        let (q, _, _) = p.lattice(pitch);
        let half = pitch * 0.5;
        spot.flood(inks.ground);
        let (c, k, _) = (p - half).lattice(pitch);
        let between = if k.rem_euclid(2) == 0 { inks.ground } else { inks.second };
        spot.fill(c.rhombus(half), between);
        spot.outlined(q.rhombus(half) + seam, inks.ink, seam, inks.ground);
        spot.fill(c.rhombus(half * 0.3), inks.accent);
    })
}

/// Lozenges of two inks crossed by fine lines.
fn argyle(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = at(v.between(0.94, 1.06), v.between(1.26, 1.42));
    let shift = at(v.about(0.1), v.about(0.1));
    let line = v.between(0.022, 0.034);
    Box::new(move |p, spot| {
        let p = p - shift;
        let half = pitch * 0.5;
        let (q, i, j) = p.lattice(pitch);
        let odd = (i + j).rem_euclid(2) == 0;
        spot.fill(q.rhombus(half), if odd { inks.ink } else { inks.second });
        let slope = half.length() / (half.x * half.y);
        let u = p.x / half.x + p.y / half.y;
        let w = p.x / half.x - p.y / half.y;
        let d = periodic(u, 2.0).min(periodic(w, 2.0)) / slope;
        spot.fill(d - line, inks.accent);
    })
}

/// Stripes of a see-through ink, both ways.
fn gingham(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = v.between(0.72, 0.82);
    let breadth = v.between(0.46, 0.54) * pitch * 0.5;
    let shift = at(v.about(0.14), v.about(0.14));
    let thread = v.between(0.03, 0.045);
    Box::new(move |p, spot| {
        let p = p - shift;
        let (x, y) = (periodic(p.x, pitch), periodic(p.y, pitch));
        spot.glaze(x - breadth, inks.ink, 0.55);
        spot.glaze(y - breadth, inks.ink, 0.55);
        spot.fill(x.max(y) - breadth, inks.ink);
        let d = periodic(p.x - pitch * 0.5, pitch).min(periodic(p.y - pitch * 0.5, pitch));
        spot.fill(d - thread, inks.accent);
    })
}
