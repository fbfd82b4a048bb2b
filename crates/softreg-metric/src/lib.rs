//! Distances between sets of pictures.
//!
//! Plain numbers in, plain numbers out: nothing here knows how the pictures were made. Most measures
//! compare feature vectors, whoever made them; [`sliced_wasserstein`] needs no network and no download,
//! and so can be taken while training. [`protocol`] lists them all, and names their results.

pub mod class_score;
mod copies;
mod distances;
pub mod diversity;
mod features;
pub mod frechet;
mod gaussian;
pub mod interval;
pub mod kernel;
mod manifold;
pub mod modes;
pub mod path_length;
pub mod protocol;
mod pyramid;
pub mod sliced_wasserstein;

pub use copies::{Copies, EXPECTED_SHARE, Pair};
pub use features::Features;
pub use gaussian::{Gaussian, Moments};
pub use interval::{Interval, student};
pub use manifold::{Manifold, NEIGHBOURS};
pub use modes::Modes;
pub use sliced_wasserstein::SlicedWasserstein;

/// Pictures as bytes, planar: picture by picture, channel by channel, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Pictures<'a> {
    /// Channels of a picture.
    pub channels: usize,
    /// Rows of a picture.
    pub height: usize,
    /// Columns of a picture.
    pub width: usize,
    /// `n·channels·height·width` bytes.
    pub pixels: &'a [u8],
}

impl Pictures<'_> {
    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.area().max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of all of them, mirrored left to right.
    pub fn mirrored(&self) -> Vec<u8> {
        self.pixels.chunks(self.width.max(1)).flat_map(|row| row.iter().rev()).copied().collect()
    }

    fn area(&self) -> usize {
        self.channels * self.height * self.width
    }

    fn picture(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.area()..][..self.area()]
    }

    fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }
}

/// Why a measure could not be taken.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There is nothing to measure.
    #[error("{measure} needs at least {needed} pictures, but there are {found}")]
    TooFew {
        /// The measure.
        measure: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// Pictures of different sorts cannot be compared.
    #[error(
        "pictures of {found:?} cannot be compared with pictures of {expected:?} (channels, height, width)"
    )]
    Shape {
        /// Of the set to be measured.
        found: [usize; 3],
        /// Of the reference.
        expected: [usize; 3],
    },
    /// Feature vectors do not fill whole rows.
    #[error("{numbers} values do not make whole feature vectors of width {width}")]
    Ragged {
        /// Numbers per vector.
        width: usize,
        /// Numbers there are.
        numbers: usize,
    },
    /// A feature is NaN or infinite.
    #[error("the features of picture {picture} (from 0) are NaN or infinite")]
    NotFinite {
        /// The first such picture.
        picture: usize,
    },
    /// Features so large that their squares cannot be computed with.
    #[error(
        "the features are too large for {measure}: their covariance is beyond double precision"
    )]
    Overflow {
        /// The measure.
        measure: &'static str,
    },
    /// Features of different networks or layers.
    #[error("features of width {found} cannot be compared with features of width {expected}")]
    Width {
        /// Of the set to be measured.
        found: usize,
        /// Of the reference.
        expected: usize,
    },
    /// Views of other pictures.
    #[error("a view of {found} pictures does not match one of {expected}")]
    Views {
        /// Pictures in the view.
        found: usize,
        /// Pictures that there are.
        expected: usize,
    },
    /// Patches do not fit.
    #[error("pictures of {height}x{width} are smaller than a patch of {patch}x{patch}")]
    TooSmall {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Side of a patch.
        patch: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_mirrored_and_stay_where_they_are() {
        let pictures = Pictures { channels: 1, height: 2, width: 3, pixels: &[1, 2, 3, 4, 5, 6] };
        assert_eq!(pictures.mirrored(), [3, 2, 1, 6, 5, 4]);
    }
}
