use super::{Pairing, PairingError, Partners, Samples};
use crate::setting::{Part, Setting};
use crate::warp::{Edge, warp};
use burn::tensor::Tensor;
use rand::{Rng, RngExt};
use std::sync::Arc;

/// The partner is the same picture, flipped and shifted at random.
///
/// Each picture is mirrored left to right with probability ½ (where `flip`) and moved by whole
/// pixels, uniformly in `−s..=s` on each axis with `s = round(shift · side)`; what enters at the
/// border is the picture reflected there. Source: arXiv 1910.12027, which flips and shifts by a
/// few pixels. Needs one extra pass.
#[derive(Clone, Copy, Debug)]
pub struct Augment {
    /// Largest shift as a share of the side, in 0..0.5.
    pub shift: f64,
    /// Whether to mirror left to right.
    pub flip: bool,
}

impl Augment {
    /// The default shift: 1/8 of the side.
    pub const SHIFT: f64 = 0.125;
}

pub(crate) const SHIFT: Setting = Setting::number(
    "shift",
    "largest shift of the copy, as a fraction of the side",
    Augment::SHIFT,
    [0.0, 0.5],
);
pub(crate) const FLIP: Setting = Setting::flag("flip", "also mirror copies left to right", true);

pub(super) const PART: Part<dyn Pairing> = Part {
    name: "augment",
    formula: "the same picture, flipped and shifted",
    settings: &[SHIFT, FLIP],
    build: |settings| {
        Arc::new(Augment { shift: settings.number("shift"), flip: settings.flag("flip") })
    },
};

impl Pairing for Augment {
    fn name(&self) -> &'static str {
        "augment"
    }

    fn extra_pass(&self) -> bool {
        true
    }

    fn pictures_only(&self) -> bool {
        true
    }

    fn draw(&self, samples: &Samples<'_>, rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        let &[n, channels, height, width] = samples.shape else {
            return Err(PairingError::NotPictures {
                pairing: self.name(),
                shape: samples.shape.to_vec(),
            });
        };
        // To both sides alike, so that a sign says nothing.
        let reach = |side: usize| (self.shift.abs() * side as f64).round() as i64;
        let (dy, dx) = (reach(height), reach(width));
        let draws: Vec<(bool, i64, i64)> = (0..n)
            .map(|_| {
                let flipped = rng.random_bool(0.5) && self.flip;
                (flipped, rng.random_range(-dy..=dy), rng.random_range(-dx..=dx))
            })
            .collect();
        let pictures: Tensor<4> = samples.rows.clone().reshape([n, channels, height, width]);
        let moved = warp(pictures, Edge::Reflect, |i, y, x| {
            let (flipped, dy, dx) = draws[i];
            let x = x - dx;
            (y - dy, if flipped { width as i64 - 1 - x } else { x })
        });
        Ok(Partners::Inputs(moved.reshape([n, channels * height * width])))
    }
}
