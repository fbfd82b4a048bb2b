//! Flowers seen from the side, upright: palmette, tulip, lotus and pomegranate.

use super::{Family, Form, Painter};
use crate::source::motif::angle::{sin, sin_cos};
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::at;
use crate::source::motif::variation::Variation;
use std::f32::consts::PI;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "palmette",
    forms: [
        Form::tile("fan", fan),
        Form::tile("tulip", tulip),
        Form::panel("lotus", lotus),
        Form::tile("pomegranate", pomegranate),
    ],
};

/// Lobes that spread like a hand from a base.
fn fan(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let lean = sin_cos(v.about(0.1));
    let spread = v.between(0.46, 0.54);
    let reach = v.between(1.3, 1.42);
    let bulb = v.between(0.15, 0.18);
    let base = at(0.0, v.between(0.5, 0.58));
    let lobes: Vec<_> = (0..4)
        .rev()
        .map(|k| {
            let (sin, cos) = sin_cos(spread * k as f32);
            let length = reach * (1.0 - 0.12 * k as f32);
            let end = base + at(sin, -cos) * (length - bulb);
            (end, if k % 2 == 0 { inks.ink } else { inks.second })
        })
        .collect();
    Box::new(move |p, spot| {
        let q = p.turned(lean).mirrored();
        for &(end, ink) in &lobes {
            spot.outlined(q.drop(base, 0.05, end, bulb), ink, 0.04, inks.ground);
        }
        spot.outlined(q.disc_at(base, 0.22), inks.accent, 0.05, inks.line);
        spot.fill(q.petal(at(0.05, 0.85), at(0.75, 0.74), 0.09), inks.ink);
        spot.fill(q.petal(at(0.0, 0.6), at(0.0, 1.02), 0.09), inks.ink);
    })
}

/// A tulip on its stem between two long leaves.
fn tulip(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let lean = sin_cos(v.about(0.12));
    let open = v.between(0.36, 0.48);
    let width = v.between(0.2, 0.25);
    let leaf = v.between(0.6, 0.72);
    let tall = v.between(-0.93, -0.84);
    Box::new(move |p, spot| {
        let q = p.turned(lean).mirrored();
        spot.fill(q.segment(at(0.0, 0.1), at(0.0, 1.2)) - 0.05, inks.accent);
        spot.fill(q.petal(at(0.0, 1.1), at(leaf, 0.0), 0.16), inks.accent);
        spot.fill(q.petal(at(0.03, 0.18), at(0.0, tall + 0.1), width * 0.95), inks.second);
        let petal = q.petal(at(0.0, 0.3), at(open, tall), width);
        spot.outlined(petal, inks.ink, 0.04, inks.ground);
        spot.fill(q.petal(at(0.08, 0.12), at(open * 0.85, tall + 0.3), width * 0.3), inks.second);
    })
}

/// A water lily: pointed petals in three rows above the water.
fn lotus(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let spread = v.between(0.38, 0.44);
    let reach = v.between(1.2, 1.32);
    let width = v.between(0.17, 0.21);
    let base = at(v.about(0.04), v.between(0.5, 0.58));
    let swell = v.between(0.03, 0.05);
    let petals: Vec<_> = (0..4)
        .rev()
        .map(|k| {
            let (sin, cos) = sin_cos(spread * k as f32);
            let ink = [inks.accent, inks.ink, inks.second, inks.ink][k];
            (base + at(sin, -cos) * (reach * (1.0 - 0.09 * k as f32)), ink)
        })
        .collect();
    Box::new(move |p, spot| {
        let q = at((p.x - base.x).abs() + base.x, p.y);
        for &(tip, ink) in &petals {
            spot.outlined(q.petal(base + at(0.0, 0.08), tip, width), ink, 0.035, inks.ground);
        }
        for (k, y) in [0.66f32, 0.83].into_iter().enumerate() {
            let wave = swell * sin(p.x * 3.0 * PI + k as f32 * 2.0);
            spot.stroke(p.y - y + wave, 0.05, if k == 0 { inks.line } else { inks.second });
        }
    })
}

/// A cut pomegranate with its crown, seeds and two leaves.
fn pomegranate(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let lean = sin_cos(v.about(0.12));
    let radius = v.between(0.56, 0.62);
    let seed = v.between(0.085, 0.105);
    let crown = v.between(0.3, 0.38);
    let rind = v.between(0.11, 0.15);
    Box::new(move |p, spot| {
        let q = p.turned(lean).mirrored();
        let centre = at(0.0, 0.18);
        spot.fill(q.petal(at(0.2, 0.8), at(0.98, 0.3), 0.17), inks.second);
        spot.fill(q.petal(at(0.0, -0.3), at(crown, -0.93), 0.12), inks.ink);
        spot.fill(q.petal(at(0.0, -0.2), at(0.0, -0.9), 0.11), inks.ink);
        spot.outlined(q.disc_at(centre, radius), inks.ink, 0.045, inks.ground);
        let flesh = q.petal(at(0.0, 0.18 - radius + 0.02), at(0.0, 0.16 + radius), radius - rind);
        spot.fill(flesh, inks.ground);
        for (x, y) in [(0.0, -0.08f32), (0.15, 0.08), (0.0, 0.22), (0.15, 0.36), (0.0, 0.5)] {
            spot.fill(q.disc_at(at(x, y), seed), inks.accent);
        }
    })
}
