//! Faceted stars: each ray in two tones, as if cut from stone or folded from paper.

use super::{Family, Form, Painter};
use crate::source::motif::angle::sector;
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::Fan;
use crate::source::motif::variation::Variation;
use std::f32::consts::FRAC_PI_2;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "star",
    forms: [
        Form::tile("4", compass),
        Form::tile("5", |inks, v| faceted(5, 0.4, inks, v)),
        Form::tile("6", |inks, v| faceted(6, 0.56, inks, v)),
        Form::tile("8", |inks, v| faceted(8, 0.6, inks, v)),
    ],
};

/// A compass rose: four long rays before four short ones, on a ring.
fn compass(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.12) - FRAC_PI_2;
    let long = Fan::new(4, turn);
    let short = Fan::new(4, turn + sector(8));
    let tip = v.between(0.9, 1.0);
    let waist = v.between(0.2, 0.27);
    let minor = v.between(0.55, 0.68);
    let ring = v.between(0.56, 0.66);
    let weight = v.between(0.04, 0.06);
    Box::new(move |p, spot| {
        spot.stroke(p.disc(ring), weight, inks.second);
        let (d, q) = short.star(p, minor, waist * 1.1);
        spot.fill(d, inks.accent);
        spot.fill(d.max(-q.y), inks.second);
        let (d, q) = long.star(p, tip, waist);
        spot.fill(d - 0.03, inks.ground);
        spot.fill(d, inks.ink);
        spot.fill(d.max(-q.y), inks.line);
        spot.fill(p.disc(0.09), inks.accent);
    })
}

/// One broad star of two-toned rays on a disc, its shadow star between the rays.
fn faceted(rays: u32, depth: f32, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.14) * sector(rays) - FRAC_PI_2;
    let front = Fan::new(rays, turn);
    let back = Fan::new(rays, turn + sector(rays) * 0.5);
    let tip = v.between(0.86, 0.99);
    let valley = tip * depth * v.between(0.9, 1.06);
    let far = tip * v.between(0.82, 0.94);
    let core = v.between(0.2, 0.3);
    let shade = inks.ink.mix(inks.line, v.between(0.55, 0.8));
    Box::new(move |p, spot| {
        let (d, _) = back.star(p, far, valley * 0.94);
        spot.fill(d, inks.second);
        let (d, q) = front.star(p, tip, valley);
        spot.fill(d - 0.035, inks.ground);
        spot.fill(d, inks.ink);
        spot.fill(d.max(-q.y), shade);
        let (d, q) = back.star(p, valley * 0.8, core * 0.62);
        spot.fill(d, inks.accent);
        spot.fill(d.max(q.y), inks.accent.mix(inks.ground, 0.45));
    })
}
