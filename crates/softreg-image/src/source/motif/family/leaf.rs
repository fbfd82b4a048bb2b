//! Foliage: one leaf, a sprig, a wreath and a climbing vine.

use super::{Family, Form, Painter};
use crate::source::motif::angle::{sector, sin_cos};
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, at, periodic};
use crate::source::motif::variation::Variation;
use std::f32::consts::{FRAC_PI_4, TAU};

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "leaf",
    forms: [
        Form::tile("blade", blade),
        Form::tile("sprig", sprig),
        Form::tile("wreath", wreath),
        Form::panel("vine", vine),
    ],
};

/// One broad leaf across the tile, with its veins.
fn blade(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let lean = sin_cos(FRAC_PI_4 + v.about(0.2));
    let width = v.between(0.35, 0.43);
    let veins = v.between(0.24, 0.29);
    let rise = v.between(0.6, 0.9);
    let line = v.between(0.028, 0.04);
    Box::new(move |p, spot| {
        let q = p.turned(lean);
        let stem = q.segment(at(0.0, 0.6), at(0.0, 1.25));
        spot.fill(stem - 0.055, inks.line);
        let leaf = q.petal(at(0.0, -1.22), at(0.0, 0.9), width);
        spot.outlined(leaf, inks.ink, 0.05, inks.line);
        spot.fill(leaf.max(-q.x), inks.second);
        let side = (periodic(q.y + q.x.abs() * rise, veins) - line) * 0.8;
        spot.fill(side.max(leaf + 0.06), inks.ground);
        spot.fill(q.segment(at(0.0, -1.1), at(0.0, 1.0)) - line * 1.3, inks.line);
    })
}

/// An upright stem with pairs of leaves and a bud.
fn sprig(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let lean = sin_cos(v.about(0.14));
    let length = v.between(0.62, 0.74);
    let width = v.between(0.13, 0.17);
    let rise = v.between(0.28, 0.42);
    let berry = v.between(0.09, 0.13);
    Box::new(move |p, spot| {
        let q = p.turned(lean).mirrored();
        spot.fill(q.segment(at(0.0, -0.5), at(0.0, 0.98)) - 0.045, inks.line);
        for (k, y) in [-0.2f32, 0.25, 0.7].into_iter().enumerate() {
            let reach = length * (0.86 + 0.08 * k as f32);
            let tip = at(reach, y - rise);
            let ink = if k == 1 { inks.second } else { inks.ink };
            spot.fill(q.petal(at(0.02, y), tip, width), ink);
            spot.fill(q.disc_at(at(0.3, y + 0.1), berry * 0.8), inks.accent);
        }
        let bud = q.petal(at(0.0, -0.26), at(0.0, -0.92), width * 1.15);
        spot.fill(bud, inks.ink);
    })
}

/// A ring of laurel around a berry.
fn wreath(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let count = 9;
    let fan = Fan::new(count, v.between(0.0, 1.0) * sector(count));
    let radius = v.between(0.6, 0.66);
    let skew = v.between(0.2, 0.3);
    let width = v.between(0.11, 0.135);
    let berry = v.between(0.12, 0.18);
    Box::new(move |p, spot| {
        spot.stroke(p.disc(radius), 0.035, inks.line);
        let q = fan.fold(p).0;
        spot.fill(q.petal(at(radius, -0.17), at(radius + 0.25, skew), width), inks.ink);
        spot.fill(
            q.petal(at(radius, -0.17), at(radius - 0.22, skew * 0.35), width * 0.8),
            inks.second,
        );
        spot.outlined(p.disc(berry), inks.accent, 0.045, inks.line);
    })
}

/// A stem that swings from side to side, a leaf in every bend.
fn vine(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let swing = v.between(0.22, 0.3);
    let phase = v.about(0.5);
    let width = v.between(0.17, 0.21);
    let stem = v.between(0.05, 0.065);
    let side = v.either(1.0, -1.0);
    Box::new(move |p, spot| {
        let p = at(p.x * side, p.y);
        // One swing to a tile, so that panels of tiles join.
        let (sin, cos) = sin_cos(p.y * TAU * 0.5 + phase);
        let slope = swing * TAU * 0.5 * cos;
        let d = (p.x - swing * sin).abs() / (1.0 + slope * slope).sqrt();
        spot.fill(d - stem, inks.accent);
        for k in -2i32..=2 {
            let sign = if k.rem_euclid(2) == 0 { 1.0 } else { -1.0 };
            let y = k as f32 - phase * 2.0 / TAU;
            let (root, tip) = (at(-0.05 * sign, y + 0.12), at(-0.86 * sign, y - 0.22));
            let leaf = p.petal(root, tip, width);
            spot.fill(leaf, inks.ink);
            spot.fill(p.segment(root, root + (tip - root) * 0.75) - 0.025, inks.ground);
            spot.fill(
                p.petal(at(0.1 * sign, y), at(0.72 * sign, y - 0.3), width * 0.62),
                inks.second,
            );
            spot.fill(p.disc_at(at(0.62 * sign, y + 0.2), 0.11), inks.second);
        }
    })
}
