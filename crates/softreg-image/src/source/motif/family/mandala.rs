//! Wheels of many tiers: a heart, a lotus, a band and a rim, each counted by the same number.

use super::{Family, Form, Painter};
use crate::source::motif::angle::{sector, sin_cos};
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, Point, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::FRAC_PI_2;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "mandala",
    forms: [
        Form::tile("6-petal", |inks, v| wheel(6, Rim::Petals, inks, v)),
        Form::tile("8-scallop", |inks, v| wheel(8, Rim::Scallops, inks, v)),
        Form::tile("12-tooth", |inks, v| wheel(12, Rim::Teeth, inks, v)),
        Form::tile("10-bead", |inks, v| wheel(10, Rim::Beads, inks, v)),
    ],
};

/// What runs around the outside.
#[derive(Clone, Copy)]
enum Rim {
    Petals,
    Scallops,
    Teeth,
    Beads,
}

fn wheel(count: u32, rim: Rim, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.18) * sector(count) - FRAC_PI_2;
    let on = Fan::new(count, turn);
    let off = Fan::new(count, turn + sector(count) * 0.5);
    let (sin, cos) = sin_cos(on.half_angle());
    let size = v.between(0.92, 1.02);
    let disc = v.between(0.6, 0.66);
    let heart = v.between(0.13, 0.19);
    let lotus = v.between(0.5, 0.58);
    let weight = v.between(0.03, 0.045);
    let fill = v.between(0.8, 1.0);
    let width = lotus * 0.52 * sin / cos * fill;
    let outside = move |p: Point| match rim {
        Rim::Petals => {
            let q = on.fold(p).0;
            q.petal(at(0.3, 0.0), at(0.98, 0.0), 0.29 * fill)
        }
        Rim::Scallops => {
            let middle = 0.9 / (1.0 + sin);
            on.fold(p).0.disc_at(at(middle, 0.0), middle * sin * 1.04).min(p.disc(middle))
        }
        Rim::Teeth => on.star(p, 0.99, 0.68).0,
        Rim::Beads => {
            let middle = 0.82;
            let bead = on.fold(p).0.disc_at(at(middle, 0.0), middle * sin * 0.78 * fill);
            bead.min(p.disc(middle).abs() - 0.02)
        }
    };
    let rim_ink = match rim {
        Rim::Petals | Rim::Teeth | Rim::Beads => inks.ink,
        Rim::Scallops => inks.second,
    };
    let inner = Fan::new(count, turn);
    Box::new(move |p, spot| {
        let p = p * (1.0 / size);
        spot.outlined(outside(p) + weight, rim_ink, weight, inks.line);
        spot.fill(p.disc(disc + weight), inks.line);
        spot.fill(p.disc(disc), inks.ground);
        let q = off.fold(p).0;
        spot.fill(q.petal(at(0.05, 0.0), at(lotus, 0.0), width), inks.accent);
        let q = inner.fold(p).0;
        spot.outlined(
            q.petal(at(0.0, 0.0), at(lotus, 0.0), width * 0.92) + weight * 0.5,
            inks.ink,
            weight * 0.8,
            inks.ground,
        );
        spot.outlined(p.disc(heart), inks.second, weight, inks.line);
    })
}
