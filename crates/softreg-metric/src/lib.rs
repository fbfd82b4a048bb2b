//! Distances between sets of pictures.
//!
//! Plain numbers in, plain numbers out: nothing here knows how the pictures were made. The first
//! measure, [`sliced_wasserstein`], needs no network and no download, and so can be taken while
//! training. It is no Fréchet distance and is not comparable with one.

mod pyramid;
pub mod sliced_wasserstein;

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
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There is nothing to measure.
    #[error("{measure} needs at least {needed} pictures, and there are {found}")]
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
