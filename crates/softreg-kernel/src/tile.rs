//! The two loops in which all the time goes: sums of products that stay in registers.

use pulp::Simd;

/// Where a matrix of pictures' values lies: row `i` is made of `pieces` pieces of `length` values, the first
/// at `starts[i]`, each `distance` behind the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    pub(crate) pieces: usize,
    pub(crate) distance: usize,
    pub(crate) length: usize,
}

impl Pieces {
    /// Values from the start of a row to its end.
    pub(crate) fn reach(&self) -> usize {
        (self.pieces - 1) * self.distance + self.length
    }
}

/// `sums[i] = Σₖ values(i, k)·weights(k)` for `ROWS` rows and `VECTORS` vectors of columns.
///
/// # Panics
/// Where a row would end behind the values, or the weights are too few.
#[inline(always)]
pub(crate) fn product<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    values: &[f32],
    starts: &[usize; ROWS],
    pieces: Pieces,
    weights: &[S::f32s],
) -> [[S::f32s; VECTORS]; ROWS] {
    let reach = pieces.reach();
    for start in starts {
        assert!(start + reach <= values.len(), "a row ends behind the values");
    }
    assert!(pieces.pieces * pieces.length * VECTORS <= weights.len(), "too few weights");
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let mut at = weights.as_ptr();
    for piece in 0..pieces.pieces {
        let mut row = [values.as_ptr(); ROWS];
        for (row, start) in row.iter_mut().zip(starts) {
            *row = row.wrapping_add(start + piece * pieces.distance);
        }
        for k in 0..pieces.length {
            let mut weight = [simd.splat_f32s(0.0); VECTORS];
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
                let value = simd.splat_f32s(value);
                for v in 0..VECTORS {
                    sums[i][v] = simd.mul_add_e_f32s(value, weight[v], sums[i][v]);
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

/// Pixels in two sets of values at once: rows and columns of them, and how far the next is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pixels {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Values from one row to the next, left and right.
    pub(crate) row_step: [usize; 2],
    /// Values from one column to the next, left and right.
    pub(crate) column_step: [usize; 2],
}

impl Pixels {
    /// From the first pixel to the last, left (0) or right (1).
    fn span(&self, side: usize) -> usize {
        (self.rows - 1) * self.row_step[side] + (self.columns - 1) * self.column_step[side]
    }
}

/// `sums[i] += Σₚ left(p)[i]·right(p)` over pixels, for `ROWS` values of the left and `VECTORS` vectors of the
/// right.
///
/// # Panics
/// Where the last pixel would end behind the values.
#[inline(always)]
pub(crate) fn outer<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    before: &mut [[S::f32s; VECTORS]; ROWS],
    left: &[f32],
    right: &[f32],
    pixels: Pixels,
) {
    assert!(pixels.span(0) + ROWS <= left.len(), "the left values end too soon");
    let wide = VECTORS * S::F32_LANES;
    assert!(pixels.span(1) + wide <= right.len(), "the right values end too soon");
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for y in 0..pixels.rows {
        let mut a = left.as_ptr().wrapping_add(y * pixels.row_step[0]);
        let mut b = right.as_ptr().wrapping_add(y * pixels.row_step[1]);
        for _ in 0..pixels.columns {
            let mut vector = [simd.splat_f32s(0.0); VECTORS];
            for (v, vector) in vector.iter_mut().enumerate() {
                let from = b.wrapping_add(v * S::F32_LANES).cast::<S::f32s>();
                // SAFETY: inside the right values, as asserted; `f32s` is plain numbers, read unaligned.
                #[allow(unsafe_code)]
                unsafe {
                    *vector = from.read_unaligned();
                }
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                // SAFETY: inside the left values, as asserted.
                #[allow(unsafe_code)]
                let value = unsafe { a.wrapping_add(i).read() };
                let value = simd.splat_f32s(value);
                for v in 0..VECTORS {
                    sums[v] = simd.mul_add_e_f32s(value, vector[v], sums[v]);
                }
            }
            a = a.wrapping_add(pixels.column_step[0]);
            b = b.wrapping_add(pixels.column_step[1]);
        }
    }
    for i in 0..ROWS {
        for v in 0..VECTORS {
            before[i][v] = simd.add_f32s(before[i][v], sums[i][v]);
        }
    }
}
