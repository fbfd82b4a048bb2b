//! Plane geometry by signed distance (negative inside): the families describe petals, stars and
//! bands as distances, so one rule of coverage anti-aliases all of them at every size.
//! The formulas follow Inigo Quilez, "2D distance functions".

use super::angle::{atan2, sector, sin_cos};
use std::ops::{Add, Mul, Sub};

/// A place in the picture; the short side spans -1..=1, x to the right, y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

/// Shorthand for a [`Point`].
pub(super) const fn at(x: f32, y: f32) -> Point {
    Point { x, y }
}

impl Add for Point {
    type Output = Point;
    fn add(self, other: Point) -> Point {
        at(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Point;
    fn sub(self, other: Point) -> Point {
        at(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f32> for Point {
    type Output = Point;
    fn mul(self, factor: f32) -> Point {
        at(self.x * factor, self.y * factor)
    }
}

impl Point {
    pub(super) fn length(self) -> f32 {
        (self.x * self.x + self.y * self.y).sqrt()
    }

    pub(super) fn dot(self, other: Point) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// Both coordinates made positive: folds four quarters onto one.
    pub(super) fn quarter(self) -> Point {
        at(self.x.abs(), self.y.abs())
    }

    /// Left and right half folded onto the right one.
    pub(super) fn mirrored(self) -> Point {
        at(self.x.abs(), self.y)
    }

    /// Distance to a disc of this radius around the origin.
    pub(super) fn disc(self, radius: f32) -> f32 {
        self.length() - radius
    }

    /// Distance to a disc around `centre`.
    pub(super) fn disc_at(self, centre: Point, radius: f32) -> f32 {
        (self - centre).length() - radius
    }

    /// Distance to an axis-parallel box of these half sides.
    pub(super) fn rectangle(self, half: Point) -> f32 {
        let q = self.quarter() - half;
        at(q.x.max(0.0), q.y.max(0.0)).length() + q.x.max(q.y).min(0.0)
    }

    /// Distance to a square of this half side.
    pub(super) fn square(self, half: f32) -> f32 {
        self.rectangle(at(half, half))
    }

    /// Distance to a rhombus with its corners on the axes.
    pub(super) fn rhombus(self, half: Point) -> f32 {
        let q = self.quarter();
        (q.x * half.y + q.y * half.x - half.x * half.y) / half.length()
    }

    /// Distance to the line segment from `a` to `b`.
    pub(super) fn segment(self, a: Point, b: Point) -> f32 {
        let (pa, ba) = (self - a, b - a);
        let t = (pa.dot(ba) / ba.dot(ba)).clamp(0.0, 1.0);
        (pa - ba * t).length()
    }

    /// Distance to a pointed petal (two equal arcs) from `a` to `b`.
    pub(super) fn petal(self, a: Point, b: Point, half_width: f32) -> f32 {
        let along = b - a;
        let length = along.length();
        let unit = along * (1.0 / length);
        let centre = (a + b) * 0.5;
        let q = self - centre;
        let (v, u) = (q.dot(unit).abs(), (q.x * unit.y - q.y * unit.x).abs());
        let (r, w) = (length * 0.5, half_width.min(length * 0.499));
        let d = 0.5 * (r * r - w * w) / w;
        if r * u < d * (v - r) { at(u, v - r).length() } else { at(u + d, v).length() - d - w }
    }

    /// Distance to a drop: the hull of a disc of `ra` at `a` and one of `rb` at `b`.
    pub(super) fn drop(self, a: Point, ra: f32, b: Point, rb: f32) -> f32 {
        let along = b - a;
        let length = along.length();
        let unit = along * (1.0 / length);
        let q = self - a;
        let (v, u) = (q.dot(unit), (q.x * unit.y - q.y * unit.x).abs());
        let slope = ((ra - rb) / length).clamp(-1.0, 1.0);
        let side = (1.0 - slope * slope).sqrt();
        let k = v * side - u * slope;
        if k < 0.0 {
            q.length() - ra
        } else if k > side * length {
            at(u, v - length).length() - rb
        } else {
            u * side + v * slope - ra
        }
    }

    /// The same place seen from axes turned by `(sin, cos)`.
    pub(super) fn turned(self, (sin, cos): (f32, f32)) -> Point {
        at(self.x * cos + self.y * sin, self.y * cos - self.x * sin)
    }

    /// The same place relative to the nearest knot of a square lattice, and that knot's numbers.
    pub(super) fn lattice(self, pitch: Point) -> (Point, i32, i32) {
        let (i, j) = ((self.x / pitch.x).round(), (self.y / pitch.y).round());
        (at(self.x - i * pitch.x, self.y - j * pitch.y), i as i32, j as i32)
    }
}

/// Distance of `value` to the nearest multiple of `pitch`.
pub(super) fn periodic(value: f32, pitch: f32) -> f32 {
    (value - (value / pitch).round() * pitch).abs()
}

/// `n` equal sectors about the origin: folds the plane onto the sector along +x.
#[derive(Clone, Debug)]
pub(super) struct Fan {
    phase: f32,
    sectors: f32,
    turns: Vec<(f32, f32)>,
}

impl Fan {
    /// Sectors whose first axis points to `phase` radians.
    pub(super) fn new(n: u32, phase: f32) -> Self {
        let turns = (0..n).map(|k| sin_cos(phase + sector(n) * k as f32)).collect();
        Self { phase, sectors: n as f32, turns }
    }

    /// The point as seen from its sector's axis (which becomes +x), and the sector's number.
    pub(super) fn fold(&self, p: Point) -> (Point, usize) {
        let position = (atan2(p.y, p.x) - self.phase) * (self.sectors / std::f32::consts::TAU);
        let k = position.round().rem_euclid(self.sectors) as usize;
        let k = if k < self.turns.len() { k } else { 0 };
        (p.turned(self.turns[k]), k)
    }

    /// Half the angle of a sector, in radians.
    pub(super) fn half_angle(&self) -> f32 {
        std::f32::consts::PI / self.sectors
    }

    /// Distance to a star with its tips on the sectors' axes, and the folded point.
    pub(super) fn star(&self, p: Point, tip: f32, valley: f32) -> (f32, Point) {
        let q = self.fold(p).0;
        let (sin, cos) = sin_cos(self.half_angle());
        let normal = at(valley * sin, tip - valley * cos);
        ((at(q.x - tip, q.y.abs())).dot(normal) / normal.length(), q)
    }

    /// Distance to a regular polygon with its sides across the sectors' axes.
    pub(super) fn polygon(&self, p: Point, apothem: f32) -> f32 {
        self.fold(p).0.x - apothem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_the_right_sign_and_size() {
        assert_eq!(at(3.0, 4.0).disc(2.0), 3.0);
        assert_eq!(at(2.0, 0.0).square(0.5), 1.5);
        let (a, b) = (at(-1.0, 0.0), at(1.0, 0.0));
        assert!((at(0.0, 0.0).petal(a, b, 0.4) + 0.4).abs() < 1e-5);
        assert!((at(2.0, 0.0).petal(a, b, 0.4) - 1.0).abs() < 1e-5);
        assert!((at(0.0, 3.0).segment(a, b) - 3.0).abs() < 1e-6);
        assert!((at(2.0, 0.0).drop(a, 0.2, b, 0.5) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_fan_maps_every_tip_to_its_axis() {
        let fan = Fan::new(5, 0.3);
        for k in 0..5 {
            let (s, c) = sin_cos(0.3 + sector(5) * k as f32);
            let (q, sector) = fan.fold(at(c, s) * 0.8);
            assert_eq!(sector, k);
            assert!((q.x - 0.8).abs() < 1e-5 && q.y.abs() < 1e-5);
            assert!(fan.star(at(c, s) * 0.8, 0.8, 0.3).0.abs() < 1e-5);
        }
    }
}
