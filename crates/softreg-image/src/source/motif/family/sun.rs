//! Suns: rays about a disc, straight, flaming or rising from the edge.

use super::{Family, Form, Painter};
use crate::source::motif::angle::{sector, sin as ripple, sin_cos};
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::{FRAC_PI_2, PI};

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "sun",
    forms: [
        Form::tile("burst", burst),
        Form::tile("flaming", flaming),
        Form::tile("rising", rising),
        Form::tile("rayed", rayed),
    ],
};

/// Beams from the centre to the edges of the tile.
fn burst(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let count = 12;
    let fan = Fan::new(count, v.between(0.0, 1.0) * sector(count));
    let (sin, cos) = sin_cos(sector(count) * v.between(0.23, 0.27));
    let disc = v.between(0.36, 0.44);
    let rim = v.between(0.05, 0.08);
    Box::new(move |p, spot| {
        let q = fan.fold(p).0;
        spot.fill(q.y.abs() * cos - q.x * sin, inks.ink);
        spot.fill(p.disc(disc + rim * 2.0), inks.ground);
        spot.fill(p.disc(disc + rim), inks.second);
        spot.fill(p.disc(disc - rim * 0.5), inks.accent);
    })
}

/// Eight wavering flames and a face-like disc.
fn flaming(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let fan = Fan::new(8, v.about(0.15) * sector(8) - FRAC_PI_2);
    let back = Fan::new(8, -FRAC_PI_2 + PI / 8.0);
    let waver = v.between(0.11, 0.17) * v.either(1.0, -1.0);
    let tip = v.between(0.92, 1.0);
    let disc = v.between(0.38, 0.44);
    Box::new(move |p, spot| {
        let bent = p.turned(sin_cos(waver * ripple(p.length() * 9.0)));
        let (d, _) = back.star(bent, tip * 0.86, disc * 0.9);
        spot.fill(d * 0.8, inks.second);
        let (d, _) = fan.star(bent, tip, disc * 0.92);
        spot.fill(d * 0.8, inks.ink);
        spot.outlined(p.disc(disc), inks.accent, 0.05, inks.line);
        spot.stroke(p.disc(disc * 0.55), 0.03, inks.line);
    })
}

/// Half a sun on the lower edge, its beams across the sky.
fn rising(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let count = 18;
    let fan = Fan::new(count, v.between(0.0, 1.0) * sector(count));
    let (sin, cos) = sin_cos(sector(count) * v.between(0.22, 0.27));
    let disc = v.between(0.5, 0.6);
    let horizon = v.between(0.62, 0.74);
    let arc = v.between(1.05, 1.2);
    let swell = v.between(0.0, 2.0);
    Box::new(move |p, spot| {
        let q = p - at(0.0, horizon);
        let ray = fan.fold(q).0;
        spot.fill(ray.y.abs() * cos - ray.x * sin, inks.ink);
        spot.stroke(q.disc(arc), 0.06, inks.second);
        spot.fill(q.disc(disc + 0.07), inks.ground);
        spot.fill(q.disc(disc), inks.accent);
        let wave = 0.025 * ripple((p.x + swell) * PI * 3.0);
        spot.fill(-(q.y + wave) - 0.04, inks.ground);
        spot.fill(-(q.y + wave), inks.line);
        spot.stroke(q.y - 0.17 + wave, 0.04, inks.second);
    })
}

/// A disc with sixteen separate rays, long and short in turn.
fn rayed(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.about(0.2) * sector(8) - FRAC_PI_2;
    let long = Fan::new(8, turn);
    let short = Fan::new(8, turn + sector(16));
    let disc = v.between(0.38, 0.44);
    let reach = v.between(0.9, 1.0);
    let width = v.between(0.075, 0.1);
    Box::new(move |p, spot| {
        let q = short.fold(p).0;
        spot.fill(q.segment(at(disc + 0.2, 0.0), at(reach - 0.2, 0.0)) - width * 0.8, inks.second);
        let q = long.fold(p).0;
        spot.fill(q.petal(at(disc + 0.06, 0.0), at(reach + 0.08, 0.0), width * 1.25), inks.ink);
        spot.fill(p.disc(disc), inks.line);
        spot.fill(p.disc(disc - 0.07), inks.accent);
        spot.fill(p.disc(disc - 0.22), inks.ink);
    })
}
