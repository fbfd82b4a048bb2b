//! Rings about a centre: round, lobed, beaded or square.

use super::{Family, Form, Painter};
use crate::source::motif::angle::sector;
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, Point, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::FRAC_1_SQRT_2;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "ring",
    forms: [
        Form::tile("target", |inks, v| nested(Point::length, inks, v)),
        Form::tile("beaded", beaded),
        Form::tile("diamond", |inks, v| nested(diamond, inks, v)),
        Form::tile("lobed", lobed),
    ],
};

fn diamond(p: Point) -> f32 {
    (p.x.abs() + p.y.abs()) * FRAC_1_SQRT_2
}

/// Bands one inside the other by a measure of distance from the centre.
fn nested(measure: fn(Point) -> f32, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let step = v.between(0.17, 0.2);
    let first = v.between(0.75, 1.1) * step;
    let line = v.between(0.02, 0.04);
    let drift = at(v.about(0.025), v.about(0.025));
    let bands = [inks.accent, inks.ground, inks.ink, inks.second, inks.ground, inks.ink];
    Box::new(move |p, spot| {
        for (k, &band) in bands.iter().enumerate().rev() {
            let radius = first + step * k as f32;
            // Inner bands sit a little to one side, as if thrown on a wheel.
            let d = measure(p + drift * (5.0 - k as f32)) - radius;
            if d < line + 0.1 {
                spot.outlined(d, band, line * 0.5, inks.line);
            }
        }
    })
}

/// Rings of beads about a boss.
fn beaded(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.between(0.0, 1.0);
    let outer = Fan::new(12, turn * sector(12));
    let inner = Fan::new(7, -turn * sector(7));
    let size = v.between(0.93, 1.03);
    let bead = v.between(0.13, 0.165);
    let boss = v.between(0.16, 0.22);
    Box::new(move |p, spot| {
        let p = p * (1.0 / size);
        spot.fill(outer.fold(p).0.disc_at(at(0.78, 0.0), bead), inks.ink);
        spot.fill(inner.fold(p).0.disc_at(at(0.43, 0.0), bead * 0.95), inks.second);
        spot.outlined(p.disc(boss), inks.accent, 0.04, inks.line);
    })
}

/// Six-lobed outlines one inside the other.
fn lobed(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let lobes = Fan::new(6, v.between(0.0, 1.0) * sector(6));
    let size = v.between(0.92, 1.02);
    let share = v.between(0.3, 0.36);
    let bands = [
        (0.98, inks.second),
        (0.8, inks.line),
        (0.66, inks.ground),
        (0.46, inks.ink),
        (0.22, inks.accent),
    ];
    Box::new(move |p, spot| {
        let q = lobes.fold(p * (1.0 / size)).0;
        for (reach, ink) in bands {
            let radius = reach * share;
            let d = q.disc_at(at(reach - radius, 0.0), radius).min(p.disc(reach * 0.62));
            spot.fill(d, ink);
        }
    })
}
