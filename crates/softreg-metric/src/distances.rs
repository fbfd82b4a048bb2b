//! Distances between the feature vectors of two sets.

use crate::Features;
use crate::gaussian::parallel;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat};

/// Vectors whose distances to all others are held at once.
const BLOCK: usize = 512;
/// Below this share of `|a|² + |b|²`, a squared distance is taken from the difference itself, since
/// `|a|² + |b|² − 2·a·b` would have lost its digits.
const CANCELLED: f64 = 1e-5;

/// Calls `each` with the number of every vector of `a`, in order, and its squared Euclidean distances
/// to all of `b`. Equal vectors are at exactly 0.
pub(crate) fn squared(a: &Features, b: &Features, mut each: impl FnMut(usize, &[f64])) {
    let column = |row: &[f32], i: usize| f64::from(row[i]);
    let square = |row: &[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    let b_matrix = Mat::from_fn(b.width(), b.len(), |i, j| column(b.row(j), i));
    let b_squares: Vec<f64> = b.rows().map(square).collect();
    for start in (0..a.len()).step_by(BLOCK) {
        let count = BLOCK.min(a.len() - start);
        let block = Mat::from_fn(a.width(), count, |i, j| column(a.row(start + j), i));
        let mut products = Mat::zeros(b.len(), count);
        matmul(
            products.as_mut(),
            Accum::Replace,
            b_matrix.transpose(),
            block.as_ref(),
            1.0,
            parallel(),
        );
        let mut distances = vec![0f64; b.len()];
        for j in 0..count {
            let row = a.row(start + j);
            let own = square(row);
            for (i, distance) in distances.iter_mut().enumerate() {
                let both = own + b_squares[i];
                *distance = both - 2.0 * products[(i, j)];
                if *distance < CANCELLED * both {
                    let difference = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)).powi(2);
                    *distance = row.iter().zip(b.row(i)).map(difference).sum();
                }
            }
            each(start + j, &distances);
        }
    }
}

/// Of each vector, the squared distance to the `k`-th nearest *other* one, k from 1.
///
/// # Panics
/// Where there are not more than `k` vectors.
pub(crate) fn squared_to_neighbour(features: &Features, k: usize) -> Vec<f64> {
    let mut radii = Vec::with_capacity(features.len());
    squared(features, features, |i, distances| {
        let mut others = distances.to_vec();
        others.swap_remove(i);
        let (_, radius, _) = others.select_nth_unstable_by(k - 1, f64::total_cmp);
        radii.push(*radius);
    });
    radii
}

/// Of each vector of `a`, the nearest of `b` and its squared distance; the first of several.
pub(crate) fn nearest(a: &Features, b: &Features) -> Vec<(usize, f64)> {
    let mut all = Vec::with_capacity(a.len());
    squared(a, b, |_, distances| {
        let first = (0, f64::INFINITY);
        let nearer =
            |best: (usize, f64), (i, d): (usize, &f64)| if *d < best.1 { (i, *d) } else { best };
        all.push(distances.iter().enumerate().fold(first, nearer));
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_vectors_keep_their_digits_and_equal_ones_are_at_0() {
        // Far from 0, so that the products cancel.
        let far = |v: f32| vec![1000.0, 1000.0 + v];
        let a = Features::new(2, [far(0.0), far(0.5), far(8.0)].concat()).unwrap();
        let mut rows = Vec::new();
        squared(&a, &a, |_, distances| rows.push(distances.to_vec()));
        assert_eq!(rows[0], [0.0, 0.25, 64.0]);
        assert_eq!(rows[2], [64.0, 56.25, 0.0]);
        assert_eq!(squared_to_neighbour(&a, 1), [0.25, 0.25, 56.25]);
        assert_eq!(squared_to_neighbour(&a, 2), [64.0, 56.25, 64.0]);
        assert_eq!(nearest(&a.select(&[1, 2]), &a.select(&[0, 2])), [(0, 0.25), (1, 0.0)]);
    }

    #[test]
    fn blocks_do_not_show() {
        let values: Vec<f32> = (0..1300).map(|i| ((i * 7919) % 1009) as f32).collect();
        let all = Features::new(1, values.clone()).unwrap();
        squared(&all, &all, |i, distances| {
            for (j, distance) in distances.iter().enumerate() {
                assert_eq!(*distance, f64::from(values[i] - values[j]).powi(2));
            }
        });
    }
}
