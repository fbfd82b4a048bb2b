//! The two loops in which all the time goes: sums of products that stay in registers.

use crate::factors::Factors;
use bytemuck::Zeroable;
use pulp::Simd;
use std::mem::MaybeUninit;

/// Where a matrix of pictures' values lies: row `i` is made of `pieces` pieces of `length` values, the first
/// at `starts[i]`, each `distance` behind the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    pub(crate) pieces: usize,
    pub(crate) distance: usize,
    pub(crate) length: usize,
}

impl Pieces {
    /// Where a row ends that begins there, if a number can say it.
    fn end(&self, start: usize) -> Option<usize> {
        let last = self.pieces.checked_sub(1)?.checked_mul(self.distance)?;
        last.checked_add(self.length)?.checked_add(start)
    }

    /// Values of a row, if a number can say it.
    fn values(&self) -> Option<usize> {
        self.pieces.checked_mul(self.length)
    }
}

/// `sums[i] = Σₖ values(i, k)·weights(k)` for `ROWS` rows and `VECTORS` vectors of columns.
///
/// # Panics
/// Where a row would end behind the values, or the weights are too few.
#[inline(always)]
pub(crate) fn product<S: Simd, F: Factors<S>, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    factors: F,
    values: &[F::One],
    starts: &[usize; ROWS],
    pieces: Pieces,
    weights: &[F::Vector],
) -> [[S::f32s; VECTORS]; ROWS] {
    for start in starts {
        let ends = pieces.end(*start).is_some_and(|end| end <= values.len());
        assert!(ends, "a row ends behind the values");
    }
    let needed = pieces.values().and_then(|values| values.checked_mul(VECTORS));
    assert!(needed.is_some_and(|needed| needed <= weights.len()), "too few weights");
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let mut at = weights.as_ptr();
    for piece in 0..pieces.pieces {
        let mut row = [values.as_ptr(); ROWS];
        for (row, start) in row.iter_mut().zip(starts) {
            *row = row.wrapping_add(start + piece * pieces.distance);
        }
        for k in 0..pieces.length {
            let mut weight = [F::Vector::zeroed(); VECTORS];
            for weight in &mut weight {
                // SAFETY: read pieces·length·VECTORS times in all, which the assertion above allows.
                #[allow(unsafe_code)]
                unsafe {
                    *weight = at.read();
                }
                at = at.wrapping_add(1);
            }
            for i in 0..ROWS {
                // SAFETY: start + (pieces − 1)·distance + k < start + reach ≤ the length of the values.
                #[allow(unsafe_code)]
                let value = unsafe { row[i].wrapping_add(k).read() };
                let value = factors.splat(simd, value);
                for v in 0..VECTORS {
                    sums[i][v] = factors.multiply_add(simd, value, weight[v], sums[i][v]);
                }
            }
        }
    }
    out_of_registers(simd, sums)
}

/// A copy that may lie in memory, so that the sums themselves need not: whoever chooses among them at run time
/// would otherwise drag every one of them through memory in every turn of the loop above.
#[inline(always)]
fn out_of_registers<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    sums: [[S::f32s; VECTORS]; ROWS],
) -> [[S::f32s; VECTORS]; ROWS] {
    let mut out = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for i in 0..ROWS {
        for v in 0..VECTORS {
            out[i][v] = sums[i][v];
        }
    }
    out
}

/// Where pixels begin in a set of values.
#[derive(Debug, Default)]
pub(crate) struct Places {
    places: Vec<usize>,
    furthest: usize,
}

impl Places {
    /// Forgets what it had and takes `places`.
    pub(crate) fn set(&mut self, places: impl Iterator<Item = usize>) {
        self.places.clear();
        self.places.extend(places);
        self.furthest = self.places.iter().copied().max().unwrap_or(0);
    }
}

/// `Σₚ left(p)[i]·right(p)` over pixels, for `ROWS` values of the left, which begin at `places`, and `VECTORS` vectors
/// of the right, one pixel's behind the other's.
///
/// # Panics
/// Where the last pixel would end behind the values.
#[inline(always)]
pub(crate) fn outer<S: Simd, F: Factors<S>, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    factors: F,
    left: &[F::One],
    places: &Places,
    right: &[F::One],
) -> [[S::f32s; VECTORS]; ROWS] {
    let end = places.furthest.checked_add(ROWS);
    assert!(end.is_some_and(|end| end <= left.len()), "the left values end too soon");
    let wide = VECTORS * S::F32_LANES;
    let needed = places.places.len().checked_mul(wide);
    assert!(needed.is_some_and(|needed| needed <= right.len()), "the right values end too soon");
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let mut b = right.as_ptr();
    for place in &places.places {
        let a = left.as_ptr().wrapping_add(*place);
        let mut vector = [F::Vector::zeroed(); VECTORS];
        for (v, vector) in vector.iter_mut().enumerate() {
            let from = b.wrapping_add(v * S::F32_LANES).cast::<F::Vector>();
            // SAFETY: inside the right values, as asserted; a vector is plain numbers, read unaligned.
            #[allow(unsafe_code)]
            unsafe {
                *vector = from.read_unaligned();
            }
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            // SAFETY: no place is further than the furthest, which is inside the left values, as asserted.
            #[allow(unsafe_code)]
            let value = unsafe { a.wrapping_add(i).read() };
            let value = factors.splat(simd, value);
            for v in 0..VECTORS {
                sums[v] = factors.multiply_add(simd, value, vector[v], sums[v]);
            }
        }
        b = b.wrapping_add(wide);
    }
    out_of_registers(simd, sums)
}

/// Writes vectors to `to`, as much of them as there is room for.
#[inline(always)]
pub(crate) fn store<S: Simd, const VECTORS: usize>(
    to: &mut [MaybeUninit<f32>],
    vectors: &[S::f32s; VECTORS],
) {
    for (v, vector) in vectors.iter().enumerate() {
        let first = v * S::F32_LANES;
        if first + S::F32_LANES <= to.len() {
            let to = to.as_mut_ptr().wrapping_add(first).cast::<S::f32s>();
            // SAFETY: inside `to`, as just compared; `f32s` is plain numbers, written unaligned.
            #[allow(unsafe_code)]
            unsafe {
                to.write_unaligned(*vector);
            }
        } else if first < to.len() {
            let numbers: &[f32] = bytemuck::cast_slice(std::slice::from_ref(vector));
            for (to, number) in to[first..].iter_mut().zip(numbers) {
                to.write(*number);
            }
        }
    }
}
