//! Whirls: arms that wind outwards at an even pace.

use super::{Family, Form, Painter};
use crate::source::motif::angle::{atan2, sector, sin_cos};
use crate::source::motif::canvas::Rgb;
use crate::source::motif::palette::Inks;
use crate::source::motif::shape::{Fan, Point, at};
use crate::source::motif::variation::Variation;
use std::f32::consts::TAU;

pub(in crate::source::motif) const FAMILY: Family = Family {
    name: "spiral",
    forms: [
        Form::tile("snail", snail),
        Form::tile("3", |inks, v| whirl(3, 1.9, inks, v)),
        Form::tile("8", |inks, v| whirl(8, 1.7, inks, v)),
        Form::tile("swirl", swirl),
    ],
};

/// Distance to the middle line of `arms` spiral arms that gain `pace` arms' breadth per unit of
/// radius, and half the distance between two of them there.
fn arm(p: Point, arms: f32, pace: f32, phase: f32) -> (f32, f32) {
    let radius = p.length().max(1e-3);
    let position = atan2(p.y, p.x) * arms / TAU - radius * pace + phase;
    let off = (position - position.round()).abs();
    let along = arms / (TAU * radius);
    let steep = (along * along + pace * pace).sqrt();
    (off / steep, 0.5 / steep)
}

/// One arm that winds in to the centre, like a shell.
fn snail(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pace = v.between(2.7, 3.1);
    let phase = v.between(0.0, 1.0);
    let share = v.between(0.5, 0.62);
    let core = v.between(0.3, 0.5);
    let size = v.between(0.92, 1.0);
    Box::new(move |p, spot| {
        spot.fill(p.disc(size), inks.ink);
        let (off, half) = arm(p, 1.0, pace, phase);
        let disc = p.disc(size - 0.05);
        spot.fill((off - half * share).max(disc), inks.ground);
        spot.fill((off - half * share * core * 0.8).max(disc + 0.05), inks.second);
        spot.outlined(p.disc(0.12), inks.accent, 0.03, inks.line);
    })
}

/// A wheel of bent blades.
fn whirl(arms: u32, pace: f32, inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let pace = pace * v.between(0.9, 1.1);
    let phase = v.between(0.0, 1.0);
    let share = v.between(0.46, 0.58);
    let heart = v.between(0.15, 0.2);
    let size = v.between(0.9, 1.0);
    Box::new(move |p, spot| {
        let disc = p.disc(size);
        spot.fill(disc, inks.second);
        let (off, half) = arm(p, arms as f32, pace, phase);
        spot.fill((off - half * share).max(disc), inks.ink);
        spot.stroke(disc, 0.045, inks.line);
        spot.outlined(p.disc(heart), inks.accent, 0.045, inks.line);
    })
}

/// Commas that chase each other around a centre.
fn swirl(inks: &Inks, v: &mut Variation) -> Painter {
    let inks = *inks;
    let turn = v.between(0.0, 1.0);
    let five = Fan::new(5, turn * sector(5));
    let bend = v.between(0.9, 1.2);
    let reach = v.between(0.56, 0.62);
    let head = v.between(0.25, 0.29);
    let colours: [Rgb; 2] = v.either([inks.accent, inks.second], [inks.second, inks.accent]);
    Box::new(move |p, spot| {
        let radius = p.length();
        let bent = p.turned(sin_cos((radius - reach) * bend * 1.6));
        let q = five.fold(bent).0;
        let comma = q.drop(at(0.12, 0.0), 0.03, at(reach, 0.0), head);
        spot.outlined(comma * 0.8, inks.ink, 0.04, inks.line);
        spot.fill(q.disc_at(at(reach, 0.0), head * 0.48), colours[0]);
        spot.outlined(p.disc(0.13), colours[1], 0.03, inks.line);
    })
}
