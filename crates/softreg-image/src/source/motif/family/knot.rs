//! Interlace: bands that pass over and under each other in turn.

use super::{Family, Form, Painter};
use crate::source::motif::angle::{sector, sin_cos};
use crate::source::motif::canvas::{Rgb, Spot};
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, Point, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::{FRAC_PI_2, FRAC_PI_4};

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "knot",
    forms: [
        Form::field("basket", |inks, v| weave(0.0, 0.56, inks, v)),
        Form::tile("trio", |inks, v| links(3, inks, v)),
        Form::field("strap", |inks, v| weave(FRAC_PI_4, 0.74, inks, v)),
        Form::tile("quartet", |inks, v| links(4, inks, v)),
    ],
};

/// A band with edges of `line` and a gap around it where it passes over another.
fn band(spot: &mut Spot, off: f32, half: f32, ink: Rgb, line: Rgb, gap: Rgb) {
    spot.fill(off - half - 0.05, gap);
    spot.fill(off - half, line);
    spot.fill(off - half + 0.04, ink);
}

/// Two sets of straps across each other, turned by `angle`.
fn weave(angle: f32, pitch: f32, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = sin_cos(angle + v.about(0.05));
    let pitch = pitch * v.between(0.94, 1.08);
    let half = pitch * v.between(0.27, 0.32);
    let shift = at(v.about(0.12), v.about(0.12));
    let stud = v.between(0.05, 0.075);
    Box::new(move |p, spot| {
        let (q, i, j) = (p.turned(turn) - shift).lattice(at(pitch, pitch));
        let corner = at(q.x.abs() - pitch * 0.5, q.y.abs() - pitch * 0.5);
        spot.fill(corner.disc(stud), inks.accent);
        let (x, y) = (q.x.abs(), q.y.abs());
        let (line, gap) = (inks.line, inks.ground);
        if (i + j).rem_euclid(2) == 0 {
            band(spot, x, half, inks.ink, line, gap);
            band(spot, y, half, inks.second, line, gap);
        } else {
            band(spot, y, half, inks.second, line, gap);
            band(spot, x, half, inks.ink, line, gap);
        }
    })
}

/// Rings in a circle, each linked with the next.
fn links(count: u32, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.1) - FRAC_PI_2;
    // Sectors between two rings: there the one before lies at -y, the one after at +y.
    let fan = Fan::new(count, turn + sector(count) * 0.5);
    let size = v.between(0.92, 1.0);
    let (middle, radius, core) = if count == 3 { (0.43, 0.45, 0.17) } else { (0.46, 0.41, 0.155) };
    let radius = radius * v.between(0.96, 1.04);
    let half = v.between(0.09, 0.12);
    let core = core * v.between(1.0, 1.2);
    let (sin, cos) = sin_cos(fan.half_angle());
    let (before, after) = (at(middle * cos, -middle * sin), at(middle * cos, middle * sin));
    let colours = [inks.ink, inks.second, inks.accent.mix(inks.ink, 0.15), inks.second];
    let colours = if count == 4 { [inks.ink, inks.second, inks.ink, inks.second] } else { colours };
    Box::new(move |p, spot| {
        let (q, k) = fan.fold(p * (1.0 / size));
        let ring = |centre: Point| q.disc_at(centre, radius).abs();
        let (line, gap) = (inks.line, inks.ground);
        let (first, second) = (colours[k], colours[(k + 1) % count as usize]);
        if q.x > middle * cos {
            band(spot, ring(before), half, first, line, gap);
            band(spot, ring(after), half, second, line, gap);
        } else {
            band(spot, ring(after), half, second, line, gap);
            band(spot, ring(before), half, first, line, gap);
        }
        spot.outlined(p.disc(core), inks.accent, 0.05, inks.line);
    })
}
