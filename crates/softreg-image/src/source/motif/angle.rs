//! Sine, cosine and arctangent from additions and multiplications alone. The standard library
//! hands these to each platform's own mathematics, whose last bits differ; a picture must be the
//! same bytes on every machine, and IEEE 754 promises that for `+ - * /` and the square root.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

/// `(sin a, cos a)` for an angle in radians, to about 1e-6 for |a| < 100.
pub(super) fn sin_cos(angle: f32) -> (f32, f32) {
    let quarter = (angle / FRAC_PI_2).round();
    let a = angle - quarter * FRAC_PI_2;
    let a2 = a * a;
    let sin = a * (1.0 + a2 * (-1.0 / 6.0 + a2 * (1.0 / 120.0 - a2 / 5040.0)));
    let cos = 1.0 + a2 * (-0.5 + a2 * (1.0 / 24.0 + a2 * (-1.0 / 720.0 + a2 / 40320.0)));
    match quarter.rem_euclid(4.0) as u8 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// `sin a` for an angle in radians.
pub(super) fn sin(angle: f32) -> f32 {
    sin_cos(angle).0
}

/// The angle of the vector `(x, y)`, in -π..=π, to about 1e-5 (Abramowitz and Stegun 4.4.49).
pub(super) fn atan2(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let (low, high) = (ax.min(ay), ax.max(ay));
    if high == 0.0 {
        return 0.0;
    }
    let t = low / high;
    let t2 = t * t;
    let series =
        0.999_866 + t2 * (-0.330_299_5 + t2 * (0.180_141 + t2 * (-0.085_133 + t2 * 0.020_835_1)));
    let mut angle = t * series;
    if ay > ax {
        angle = FRAC_PI_2 - angle;
    }
    if x < 0.0 {
        angle = PI - angle;
    }
    if y < 0.0 { -angle } else { angle }
}

/// The step between `n` equal sectors, in radians.
pub(super) fn sector(n: u32) -> f32 {
    TAU / n as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for i in -2000..=2000 {
            let a = i as f32 * 0.01;
            let (s, c) = sin_cos(a);
            assert!((s - a.sin()).abs() < 1e-5 && (c - a.cos()).abs() < 1e-5, "{a}: {s} {c}");
            let (y, x) = (a.sin() * 0.7, a.cos() * 0.7);
            assert!((atan2(y, x) - y.atan2(x)).abs() < 3e-5, "{a}");
        }
    }
}
