//! Matrices turned: columns become rows.

use std::mem::MaybeUninit;

/// Columns that are turned together, so that what lies beside them is read and written while it is in the cache.
#[cfg(target_arch = "x86_64")]
const TOGETHER: usize = 16;

/// How this machine turns matrices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    #[cfg(target_arch = "x86_64")]
    eight: Option<pulp::x86::V3>,
}

/// A matrix in memory and how many values apart its rows are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<T> {
    pub(crate) values: T,
    pub(crate) pitch: usize,
}

impl Turn {
    /// For the machine that it runs on.
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            eight: pulp::x86::V3::try_new(),
        }
    }

    /// `to[c][r] = scale·from[r][c]` for so many rows and columns of `from`, each of which is written.
    pub(crate) fn run(
        self,
        [rows, columns]: [usize; 2],
        scale: f32,
        from: Rows<&[f32]>,
        to: Rows<&mut [MaybeUninit<f32>]>,
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = self.eight {
            simd.vectorize(x86::Eight { simd, rows, columns, scale, from, to });
            return;
        }
        one_by_one(0..rows, 0..columns, scale, &from, to.values, to.pitch);
    }
}

/// The part `rows` x `columns` of [`Turn::run`], a value at a time.
#[inline(always)]
fn one_by_one(
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    scale: f32,
    from: &Rows<&[f32]>,
    to: &mut [MaybeUninit<f32>],
    pitch: usize,
) {
    for r in rows {
        let from = &from.values[r * from.pitch..];
        for c in columns.clone() {
            to[c * pitch + r].write(scale * from[c]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Rows, TOGETHER, one_by_one};
    use pulp::NullaryFnOnce;
    use pulp::x86::V3;
    use std::arch::x86_64::__m256;
    use std::mem::MaybeUninit;

    /// Blocks of eight rows and eight columns, turned in registers.
    pub(super) struct Eight<'a> {
        pub(super) simd: V3,
        pub(super) rows: usize,
        pub(super) columns: usize,
        pub(super) scale: f32,
        pub(super) from: Rows<&'a [f32]>,
        pub(super) to: Rows<&'a mut [MaybeUninit<f32>]>,
    }

    impl NullaryFnOnce for Eight<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Self { simd, rows, columns, scale, from, to } = self;
            let factor = simd.avx._mm256_set1_ps(scale);
            let (whole_rows, whole_columns) = (rows / 8 * 8, columns / 8 * 8);
            for group in (0..whole_columns).step_by(TOGETHER) {
                for r in (0..whole_rows).step_by(8) {
                    for c in (group..whole_columns.min(group + TOGETHER)).step_by(8) {
                        let mut block = [factor; 8];
                        for (i, row) in block.iter_mut().enumerate() {
                            let from = &from.values[(r + i) * from.pitch + c..][..8];
                            let from = <[f32; 8]>::try_from(from).unwrap_or_default();
                            *row = simd.avx._mm256_mul_ps(*row, bytemuck::cast(from));
                        }
                        for (i, column) in turned(simd, block).into_iter().enumerate() {
                            let to = &mut to.values[(c + i) * to.pitch + r..][..8];
                            to.write_copy_of_slice(&bytemuck::cast::<_, [f32; 8]>(column));
                        }
                    }
                }
            }
            one_by_one(whole_rows..rows, 0..whole_columns, scale, &from, to.values, to.pitch);
            one_by_one(0..rows, whole_columns..columns, scale, &from, to.values, to.pitch);
        }
    }

    /// Pairs, then fours of rows, then halves. No closures: they would be compiled without the vector instructions.
    #[inline(always)]
    fn turned(simd: V3, rows: [__m256; 8]) -> [__m256; 8] {
        let avx = simd.avx;
        // Of rows 2i and 2i + 1: columns 0 1 4 5, then 2 3 6 7.
        let (mut low, mut high) = ([rows[0]; 4], [rows[0]; 4]);
        for i in 0..4 {
            low[i] = avx._mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            high[i] = avx._mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        // Of rows 4i to 4i + 3: columns 0 4, 1 5, 2 6, 3 7.
        let mut fours = [[rows[0]; 4]; 2];
        for i in 0..2 {
            let (low, high) = (&low[2 * i..], &high[2 * i..]);
            fours[i] = [
                avx._mm256_shuffle_ps::<0x44>(low[0], low[1]),
                avx._mm256_shuffle_ps::<0xee>(low[0], low[1]),
                avx._mm256_shuffle_ps::<0x44>(high[0], high[1]),
                avx._mm256_shuffle_ps::<0xee>(high[0], high[1]),
            ];
        }
        let mut columns = rows;
        for i in 0..4 {
            columns[i] = avx._mm256_permute2f128_ps::<0x20>(fours[0][i], fours[1][i]);
            columns[i + 4] = avx._mm256_permute2f128_ps::<0x31>(fours[0][i], fours[1][i]);
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fresh::written;

    #[test]
    fn columns_become_rows_and_nothing_else_changes() {
        for (rows, columns) in
            [(1, 1), (8, 8), (16, 16), (9, 16), (16, 9), (3, 40), (40, 3), (25, 31)]
        {
            let (from_pitch, to_pitch) = (columns + 3, rows + 2);
            let from: Vec<f32> = (0..rows * from_pitch).map(|i| i as f32).collect();
            for turn in ways() {
                let mut to = vec![MaybeUninit::new(-1.0); columns * to_pitch];
                let source = Rows { values: from.as_slice(), pitch: from_pitch };
                turn.run([rows, columns], 0.5, source, Rows { values: &mut to, pitch: to_pitch });
                // SAFETY: every value was there before.
                #[allow(unsafe_code)]
                let to = unsafe { written(to) };
                for (at, value) in to.iter().enumerate() {
                    let (c, r) = (at / to_pitch, at % to_pitch);
                    let wanted = if r < rows { 0.5 * (r * from_pitch + c) as f32 } else { -1.0 };
                    assert_eq!(*value, wanted, "{rows} x {columns}, row {r}, column {c}");
                }
            }
        }
    }

    /// This machine's, and what any machine can do.
    fn ways() -> [Turn; 2] {
        #[cfg(target_arch = "x86_64")]
        return [Turn::new(), Turn { eight: None }];
        #[cfg(not(target_arch = "x86_64"))]
        return [Turn::new(), Turn {}];
    }
}
