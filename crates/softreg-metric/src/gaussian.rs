//! The normal distribution that fits a set of feature vectors: mean and covariance, gathered batch by
//! batch.

use crate::{Error, Features};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::{Llt, SelfAdjointEigen};
use faer::{Accum, Mat, MatRef, Par, Side};

/// Mean and sums of squares of the vectors seen so far, in double precision.
///
/// Batches are centred on their own mean and merged by the update of Chan, Golub and LeVeque, so that
/// nothing cancels and memory does not grow with the number of vectors.
#[derive(Clone, Debug)]
pub struct Moments {
    count: usize,
    mean: Vec<f64>,
    /// Lower triangle of `Σ (x − mean)(x − mean)ᵀ`.
    scatter: Mat<f64>,
}

/// Vectors that are taken in at once.
const BATCH: usize = 512;

impl Moments {
    /// Of no vector yet.
    pub fn new(width: usize) -> Self {
        Self { count: 0, mean: vec![0.0; width], scatter: Mat::zeros(width, width) }
    }

    /// Of all rows.
    pub fn of(features: &Features) -> Self {
        let mut moments = Self::new(features.width());
        moments.add(features);
        moments
    }

    /// Takes in more rows.
    ///
    /// # Panics
    /// Where their width is another.
    pub fn add(&mut self, features: &Features) {
        let width = self.mean.len();
        assert_eq!(features.width(), width, "vectors of one width");
        for rows in features.values().chunks(BATCH * width) {
            let (mean, centred) = centred(rows, width);
            self.merge(rows.len() / width, &mean, centred.as_ref());
        }
    }

    fn merge(&mut self, count: usize, mean: &[f64], centred: MatRef<'_, f64>) {
        let (before, more) = (self.count as f64, count as f64);
        let difference: Vec<f64> = mean.iter().zip(&self.mean).map(|(a, b)| a - b).collect();
        let difference = Mat::from_fn(mean.len(), 1, |i, _| difference[i]);
        let mut product = |a: MatRef<'_, f64>, weight: f64| {
            let lower = BlockStructure::TriangularLower;
            let square = BlockStructure::Rectangular;
            let (target, accumulate) = (self.scatter.as_mut(), Accum::Add);
            matmul(target, lower, accumulate, a, square, a.transpose(), square, weight, parallel());
        };
        product(centred, 1.0);
        product(difference.as_ref(), before * more / (before + more));
        let share = more / (before + more);
        self.mean.iter_mut().enumerate().for_each(|(i, m)| *m += share * difference[(i, 0)]);
        self.count += count;
    }

    /// Vectors seen.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Their mean.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The unbiased covariance at row `i` and column `j`, the sum of squares over `count − 1`.
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        self.scatter[(i.max(j), i.min(j))] / (self.count as f64 - 1.0)
    }
}

/// All cores of the pool that it runs in.
pub(crate) fn parallel() -> Par {
    Par::rayon(0)
}

/// The mean of rows, and the rows without it as columns.
fn centred(rows: &[f32], width: usize) -> (Vec<f64>, Mat<f64>) {
    let count = rows.len() / width;
    let mut mean = vec![0f64; width];
    for row in rows.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += f64::from(*v));
    }
    mean.iter_mut().for_each(|m| *m /= count as f64);
    let centred = Mat::from_fn(width, count, |i, j| f64::from(rows[j * width + i]) - mean[i]);
    (mean, centred)
}

/// A normal distribution `N(μ, Σ)` with a factor of its covariance, `Σ = F·Fᵀ`.
///
/// Of fewer vectors than they are long, Σ has no full rank; the factor is the centred vectors
/// themselves then, and nothing is lost or added to make it regular.
#[derive(Clone, Debug)]
pub struct Gaussian {
    pub(crate) mean: Vec<f64>,
    pub(crate) factor: Mat<f64>,
    pub(crate) trace: f64,
}

impl Gaussian {
    /// Fitted to the rows: their mean and unbiased covariance.
    ///
    /// # Errors
    /// [`Error::TooFew`] below 2 rows.
    pub fn of(features: &Features) -> Result<Self, Error> {
        let (count, width) = (features.len(), features.width());
        if count < 2 {
            return Err(Error::TooFew { measure: "a covariance", needed: 2, found: count });
        }
        if count > width {
            return Self::from_moments(&Moments::of(features));
        }
        let (mean, mut factor) = centred(features.values(), width);
        let scale = 1.0 / (count as f64 - 1.0).sqrt();
        factor *= faer::Scale(scale);
        let trace = factor.squared_norm_l2();
        Ok(Self { mean, factor, trace })
    }

    /// With the moments of vectors that were seen batch by batch.
    ///
    /// # Errors
    /// [`Error::TooFew`] below 2 vectors, [`Error::Overflow`] where the eigenvalues of the covariance
    /// cannot be found.
    pub fn from_moments(moments: &Moments) -> Result<Self, Error> {
        if moments.count < 2 {
            let measure = "a covariance";
            return Err(Error::TooFew { measure, needed: 2, found: moments.count });
        }
        let width = moments.mean.len();
        let covariance = Mat::from_fn(width, width, |i, j| moments.covariance(i, j));
        let trace = (0..width).map(|i| covariance[(i, i)]).sum();
        let factor = match Llt::new(covariance.as_ref(), Side::Lower) {
            Ok(cholesky) => cholesky.L().to_owned(),
            // Singular: V·√Λ, without the directions in which nothing varies.
            Err(_) => {
                let eigen = SelfAdjointEigen::new(covariance.as_ref(), Side::Lower)
                    .map_err(|_| Error::Overflow { measure: "a covariance" })?;
                let root = |j: usize| eigen.S()[j].max(0.0).sqrt();
                Mat::from_fn(width, width, |i, j| eigen.U()[(i, j)] * root(j))
            }
        };
        Ok(Self { mean: moments.mean.clone(), factor, trace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_do_not_depend_on_how_they_were_gathered() {
        // Far from 0, where sums of squares would cancel.
        let values: Vec<f32> = (0..3000).map(|i| 1e4 + ((i * 7919) % 101) as f32).collect();
        let all = Features::new(3, values.clone()).unwrap();
        let whole = Moments::of(&all);
        let mut parts = Moments::new(3);
        for part in [0..1usize, 1..700, 700..1000] {
            parts.add(&all.select(&part.collect::<Vec<_>>()));
        }
        assert_eq!(whole.count(), 1000);
        let mean =
            |j: usize| values.iter().skip(j).step_by(3).map(|v| f64::from(*v)).sum::<f64>() / 1e3;
        for i in 0..3 {
            assert!((whole.mean()[i] - mean(i)).abs() < 1e-8);
            for j in 0..3 {
                let product =
                    |row: &[f32]| (f64::from(row[i]) - mean(i)) * (f64::from(row[j]) - mean(j));
                let expected = all.rows().map(product).sum::<f64>() / 999.0;
                assert!((whole.covariance(i, j) - expected).abs() < 1e-8 * expected.abs().max(1.0));
                assert!((parts.covariance(i, j) - expected).abs() < 1e-8 * expected.abs().max(1.0));
            }
        }
    }

    #[test]
    fn every_factor_gives_its_covariance_back() {
        let values: Vec<f32> = (0..60).map(|i| ((i * 7919) % 13) as f32).collect();
        // Many vectors, few vectors, and two that are always equal.
        let twice: Vec<f32> = (0..20).flat_map(|i| [(i % 7) as f32, (i % 7) as f32]).collect();
        for (width, values) in [(3, values.clone()), (30, values), (2, twice)] {
            let features = Features::new(width, values).unwrap();
            let (gaussian, moments) = (Gaussian::of(&features).unwrap(), Moments::of(&features));
            let product = &gaussian.factor * gaussian.factor.transpose();
            for i in 0..width {
                for j in 0..width {
                    assert!((product[(i, j)] - moments.covariance(i, j)).abs() < 1e-9, "{width}");
                }
            }
            let trace: f64 = (0..width).map(|i| moments.covariance(i, i)).sum();
            assert!((gaussian.trace - trace).abs() < 1e-9);
        }
    }
}
