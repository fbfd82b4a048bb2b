//! What the tiles multiply: numbers of single precision, or pairs of less of it.

use crate::bfloat16::{self, Pair};
use bytemuck::Pod;
use pulp::{Arch, Simd, WithSimd};

/// What a tile reads of one side: one number, or several that it multiplies at once with as many of the other side, and sums.
pub(crate) trait Factor: Pod + Send + Sync {
    /// How many numbers it is.
    const NUMBERS: usize;

    /// Does the work with the best instructions that this machine has.
    fn dispatch(work: impl Work<Self>);
}

/// What is done with factors of one kind.
pub(crate) trait Work<V> {
    /// Does it. To be inlined, or the instructions are lost.
    fn run<S: Simd, F: Factors<S, One = V>>(self, simd: S, factors: F);
}

/// How factors of one kind are multiplied by the instructions `S`.
pub(crate) trait Factors<S: Simd>: Copy {
    /// In memory.
    type One: Factor;
    /// One in each lane of a vector of sums.
    type Vector: Pod;

    /// The same in all lanes.
    fn splat(self, simd: S, one: Self::One) -> Self::Vector;

    /// `a·b + sum` in each lane.
    fn multiply_add(self, simd: S, a: Self::Vector, b: Self::Vector, sum: S::f32s) -> S::f32s;

    /// Vectors as they lie.
    fn vectors(ones: &[Self::One]) -> &[Self::Vector];

    /// Numbers that are multiplied at once lie side by side.
    fn side_by_side<'a>(self, numbers: &'a [f32], buffer: &'a mut Vec<Pair>) -> &'a [Self::One];

    /// For every number a factor of it and those that lie `distance` and multiples of it behind.
    fn apart<'a>(
        self,
        numbers: &'a [f32],
        distance: usize,
        buffer: &'a mut Vec<Pair>,
    ) -> &'a [Self::One];
}

impl Factor for f32 {
    const NUMBERS: usize = 1;

    fn dispatch(work: impl Work<Self>) {
        struct OfSingle<W>(W);
        impl<W: Work<f32>> WithSimd for OfSingle<W> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                self.0.run(simd, Single);
            }
        }
        Arch::new().dispatch(OfSingle(work));
    }
}

/// Single precision.
#[derive(Clone, Copy)]
pub(crate) struct Single;

impl<S: Simd> Factors<S> for Single {
    type One = f32;
    type Vector = S::f32s;

    #[inline(always)]
    fn splat(self, simd: S, one: f32) -> S::f32s {
        simd.splat_f32s(one)
    }

    #[inline(always)]
    fn multiply_add(self, simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(a, b, sum)
    }

    #[inline(always)]
    fn vectors(ones: &[f32]) -> &[S::f32s] {
        S::as_simd_f32s(ones).0
    }

    #[inline(always)]
    fn side_by_side<'a>(self, numbers: &'a [f32], _: &'a mut Vec<Pair>) -> &'a [f32] {
        numbers
    }

    #[inline(always)]
    fn apart<'a>(self, numbers: &'a [f32], _: usize, _: &'a mut Vec<Pair>) -> &'a [f32] {
        numbers
    }
}

/// Sums of two products of bfloat16 numbers in every lane.
pub(crate) trait Dot<S: Simd>: Copy {
    /// `a₀·b₀ + a₁·b₁ + sum`.
    fn dot(self, simd: S, a: S::u32s, b: S::u32s, sum: S::f32s) -> S::f32s;
}

/// Pairs of bfloat16 numbers.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<D>(pub(crate) D);

impl<S: Simd, D: Dot<S>> Factors<S> for Pairs<D> {
    type One = Pair;
    type Vector = S::u32s;

    #[inline(always)]
    fn splat(self, simd: S, one: Pair) -> S::u32s {
        simd.splat_u32s(one.0)
    }

    #[inline(always)]
    fn multiply_add(self, simd: S, a: S::u32s, b: S::u32s, sum: S::f32s) -> S::f32s {
        self.0.dot(simd, a, b, sum)
    }

    #[inline(always)]
    fn vectors(ones: &[Pair]) -> &[S::u32s] {
        S::as_simd_u32s(bytemuck::cast_slice(ones)).0
    }

    #[inline(always)]
    fn side_by_side<'a>(self, numbers: &'a [f32], buffer: &'a mut Vec<Pair>) -> &'a [Pair] {
        bfloat16::side_by_side(numbers, buffer)
    }

    #[inline(always)]
    fn apart<'a>(
        self,
        numbers: &'a [f32],
        distance: usize,
        buffer: &'a mut Vec<Pair>,
    ) -> &'a [Pair] {
        bfloat16::apart(numbers, distance, buffer)
    }
}
