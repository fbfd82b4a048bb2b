//! From picture size to network depth: a small base grid and how often it is doubled.

/// Base grid and number of doublings that make a picture size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Rows of the base grid.
    pub base_height: usize,
    /// Columns of the base grid.
    pub base_width: usize,
    /// How often the base grid is doubled; at least 2.
    pub doublings: usize,
}

/// A picture size that no network here can make.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GeometryError {
    /// Outside 16..=256.
    #[error("picture size {width}x{height} is out of range: each side must be from 16 to 256")]
    Range {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// Doubling a small grid cannot reach it.
    #[error(
        "the network cannot make pictures of {width}x{height}: it repeatedly doubles a small grid, so each side must be a multiple of {step}; the nearest size is {near_width}x{near_height}"
    )]
    Indivisible {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// What the sides must be multiples of.
        step: usize,
        /// A size that works.
        near_width: usize,
        /// A size that works.
        near_height: usize,
    },
}

impl Geometry {
    /// Sides of the base grid are not smaller than this …
    const MIN_BASE: usize = 3;
    /// … and the shorter one is not greater.
    const MAX_BASE: usize = 16;

    /// As many doublings as leave both sides of the base grid whole and at least 3.
    ///
    /// # Errors
    /// [`GeometryError`], with the nearest size that works.
    pub fn new(width: usize, height: usize) -> Result<Self, GeometryError> {
        if !(16..=256).contains(&width) || !(16..=256).contains(&height) {
            return Err(GeometryError::Range { width, height });
        }
        if let Some(geometry) = Self::fit(width, height) {
            return Ok(geometry);
        }
        // Below 68 multiples of 4 have a base of at most 16, below 132 multiples of 8, and so on.
        let step = match width.min(height) {
            0..=64 => 4,
            65..=128 => 8,
            _ => 16,
        };
        let snap = |side: usize| ((side + step / 2) / step * step).clamp(16, 256);
        let (near_width, near_height) = (snap(width), snap(height));
        Err(GeometryError::Indivisible { width, height, step, near_width, near_height })
    }

    fn fit(width: usize, height: usize) -> Option<Self> {
        (2..=6).rev().find_map(|doublings| {
            let unit = 1 << doublings;
            let (base_width, base_height) = (width / unit, height / unit);
            let whole = width.is_multiple_of(unit) && height.is_multiple_of(unit);
            let shorter = base_width.min(base_height);
            (whole && (Self::MIN_BASE..=Self::MAX_BASE).contains(&shorter)).then_some(Self {
                base_height,
                base_width,
                doublings,
            })
        })
    }

    /// Rows of the pictures.
    pub fn height(&self) -> usize {
        self.base_height << self.doublings
    }

    /// Columns of the pictures.
    pub fn width(&self) -> usize {
        self.base_width << self.doublings
    }

    /// Feature maps where `level` doublings are still to come (`level ≥ 1`): `width·2^(level−1)`,
    /// at most `8·width`.
    pub fn channels(&self, width: usize, level: usize) -> usize {
        width << level.saturating_sub(1).min(3)
    }

    /// The `width` of [`Geometry::channels`] where nobody asks for another: 24 for pictures of up to 32x32, and half as many
    /// whenever the sides double, so that larger pictures have a narrower layer more and at each resolution the same ones. A
    /// multiple of 4, 8 at least.
    pub fn usual_width(&self) -> usize {
        const WIDTH: f64 = 24.0;
        const SIDE: f64 = 32.0;
        let side = ((self.width() * self.height()) as f64).sqrt();
        ((WIDTH * SIDE / side / 4.0).round() as usize * 4).clamp(8, 24)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_sizes() {
        let g = |w, h| Geometry::new(w, h).map(|g| (g.base_width, g.base_height, g.doublings));
        assert_eq!(g(32, 32), Ok((4, 4, 3)));
        assert_eq!(g(48, 64), Ok((3, 4, 4)));
        assert_eq!(g(28, 28), Ok((7, 7, 2)));
        assert_eq!(g(256, 256), Ok((4, 4, 6)));
        assert_eq!(g(16, 256), Ok((4, 64, 2)));
    }

    #[test]
    fn larger_pictures_have_narrower_layers_next_to_them() {
        let usual = |w, h| Geometry::new(w, h).unwrap().usual_width();
        let squares = [16, 28, 32, 48, 64, 96, 128, 256].map(|side| usual(side, side));
        assert_eq!(squares, [24, 24, 24, 16, 12, 8, 8, 8]);
        assert_eq!((usual(48, 64), usual(16, 64)), (12, 24));
        let [at_32, at_64] = [32, 64].map(|side| Geometry::new(side, side).unwrap());
        for level in 1..=3 {
            assert_eq!(at_32.channels(24, level), at_64.channels(12, level + 1));
        }
    }

    proptest! {
        #[test]
        fn every_size_is_made_exactly_or_refused_with_a_size_that_works(
            w in 1usize..300, h in 1usize..300,
        ) {
            match Geometry::new(w, h) {
                Ok(g) => prop_assert_eq!((g.width(), g.height()), (w, h)),
                Err(GeometryError::Range { .. }) => {
                    prop_assert!(!(16..=256).contains(&w) || !(16..=256).contains(&h));
                }
                Err(GeometryError::Indivisible { near_width, near_height, .. }) => {
                    prop_assert!(Geometry::new(near_width, near_height).is_ok());
                }
            }
        }
    }
}
