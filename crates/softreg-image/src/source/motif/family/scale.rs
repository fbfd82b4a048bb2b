//! Rows that overlap or flow: sea waves, fish scales, ripples and chevrons.

use super::{Family, Form, Painter};
use crate::source::motif::angle::sin_cos;
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Point, at, periodic};
use crate::source::motif::variation::Variation;
use std::f32::consts::TAU;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "scale",
    forms: [
        Form::field("seigaiha", seigaiha),
        Form::field("fish", fish),
        Form::field("ripple", ripple),
        Form::field("chevron", chevron),
    ],
};

/// Calls `lay` with the place relative to each disc of overlapping rows, from back to front.
fn rows(p: Point, radius: f32, rise: f32, mut lay: impl FnMut(Point, i32)) {
    let first = ((p.y - radius) / rise).ceil() as i32;
    let last = ((p.y + radius) / rise).floor() as i32;
    for row in first..=last {
        let shift = if row.rem_euclid(2) == 0 { 0.0 } else { radius };
        let x = p.x - shift;
        let x = x - (x / (2.0 * radius)).round() * 2.0 * radius;
        lay(at(x, p.y - row as f32 * rise), row);
    }
}

/// The blue sea waves of Japanese cloth: rows of nested arcs.
fn seigaiha(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let radius = v.between(0.46, 0.54);
    let rise = radius * v.between(0.5, 0.6);
    let shift = at(v.about(0.14), v.about(0.12));
    let share = v.between(0.66, 0.74);
    Box::new(move |p, spot| {
        rows(p - shift, radius, rise, |q, _| {
            spot.fill(q.disc(radius), inks.ground);
            spot.fill(q.disc(radius * 0.94), inks.ink);
            spot.fill(q.disc(radius * share), inks.ground);
            spot.fill(q.disc(radius * share * 0.66), inks.second);
        });
    })
}

/// Rounded scales with a bright edge, every other row darker.
fn fish(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let radius = v.between(0.32, 0.37);
    let rise = radius * v.between(0.94, 1.08);
    let shift = at(v.about(0.12), v.about(0.12));
    let edge = v.between(0.05, 0.065);
    let dark = inks.ink.mix(inks.line, 0.7);
    Box::new(move |p, spot| {
        let q = p - shift;
        rows(at(q.x, -q.y), radius * 1.15, rise, |q, row| {
            let ink = if row.rem_euclid(2) == 0 { inks.ink } else { dark };
            spot.fill(q.disc(radius * 1.2), inks.second);
            spot.fill(q.disc(radius * 1.2 - edge), ink);
            spot.fill(q.disc_at(at(0.0, radius * 0.62), radius * 0.2), inks.accent);
        });
    })
}

/// Flowing bands.
fn ripple(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let height = v.between(0.13, 0.17);
    let rate = TAU / v.between(0.9, 1.05);
    let phase = v.between(0.0, TAU);
    let pitch = v.between(0.74, 0.84);
    let offset = v.between(0.0, 1.0) * pitch;
    let breadth = v.between(0.25, 0.31) * pitch;
    Box::new(move |p, spot| {
        let (sin, cos) = sin_cos(p.x * rate + phase);
        let slope = height * rate * cos;
        let steep = 1.0 / (1.0 + slope * slope).sqrt();
        let y = p.y + height * sin - offset;
        spot.fill((periodic(y, pitch) - breadth) * steep, inks.ink);
        spot.fill((periodic(y, pitch) - breadth * 0.4) * steep, inks.second);
        spot.fill((periodic(y - pitch * 0.5, pitch) - 0.05) * steep, inks.accent);
    })
}

/// Zigzag bands in three inks.
fn chevron(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pitch = v.between(0.94, 1.06);
    let breadth = v.between(0.22, 0.25);
    let shift = at(v.about(0.2), v.between(0.0, 1.0));
    let slope = v.between(0.85, 1.05);
    let bands = [inks.ink, inks.ground, inks.second, inks.line];
    Box::new(move |p, spot| {
        let steep = 1.0 / (1.0 + slope * slope).sqrt();
        let y = p.y + periodic(p.x - shift.x, pitch) * slope - shift.y;
        let total = breadth * bands.len() as f32;
        for (k, &band) in bands.iter().enumerate() {
            let d = periodic(y - breadth * k as f32, total) - breadth * 0.5;
            spot.fill(d * steep, band);
        }
    })
}
