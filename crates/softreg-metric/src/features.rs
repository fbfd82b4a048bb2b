//! Feature vectors: what a network says of a set of pictures, one row per picture.

use crate::Error;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Feature vectors `[n, width]`, all finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    width: usize,
    values: Vec<f32>,
}

impl Features {
    /// Rows of `width` numbers, one after the other.
    ///
    /// # Errors
    /// [`Error::Ragged`] where they do not fill whole rows, [`Error::NotFinite`] where a number is NaN
    /// or infinite.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self, Error> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Error::Ragged { width, numbers: values.len() });
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { picture: at / width });
        }
        Ok(Self { width, values })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Numbers per picture.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The vector of one picture.
    ///
    /// # Panics
    /// Where `index` is not below [`Features::len`].
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..][..self.width]
    }

    /// All rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// All numbers, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The rows at `indices`, in that order.
    ///
    /// # Panics
    /// Where an index is not below [`Features::len`].
    pub fn select(&self, indices: &[usize]) -> Self {
        let values = indices.iter().flat_map(|index| self.row(*index)).copied().collect();
        Self { width: self.width, values }
    }

    /// The first `count` rows, or all where there are fewer.
    pub fn first(&self, count: usize) -> Self {
        let values = self.values[..count.min(self.len()) * self.width].to_vec();
        Self { width: self.width, values }
    }

    /// The same rows in an order that is random and always the same: pictures often lie by their kinds, and parts of a set
    /// should be samples of all of it.
    pub(crate) fn mixed(&self) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(self.len() as u64));
        self.select(&order)
    }

    /// Refuses sets that a measure cannot compare.
    pub(crate) fn check_against(
        &self,
        reference: &Self,
        measure: &'static str,
        needed: usize,
    ) -> Result<(), Error> {
        if self.width != reference.width {
            return Err(Error::Width { found: self.width, expected: reference.width });
        }
        match self.len().min(reference.len()) {
            found if found < needed => Err(Error::TooFew { measure, needed, found }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_numbers_are_refused_by_place() {
        assert_eq!(Features::new(2, vec![0.0; 3]), Err(Error::Ragged { width: 2, numbers: 3 }));
        assert_eq!(Features::new(0, vec![]), Err(Error::Ragged { width: 0, numbers: 0 }));
        let broken = Features::new(2, vec![0.0, 1.0, f32::NAN, 1.0]);
        assert_eq!(broken, Err(Error::NotFinite { picture: 1 }));
        let features = Features::new(2, vec![0.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!((features.len(), features.row(1)), (2, &[2.0, 3.0][..]));
        assert_eq!(features.select(&[1, 1]).values(), &[2.0, 3.0, 2.0, 3.0]);
    }
}
