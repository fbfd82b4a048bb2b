//! Pairs of bfloat16 numbers, and the instructions that multiply them.

use crate::factors::{Factor, Work};
use bytemuck::{Pod, Zeroable};

/// Two bfloat16 numbers: the first in the lower half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub(crate) struct Pair(pub(crate) u32);

impl Pair {
    #[inline(always)]
    fn of(first: f32, second: f32) -> Self {
        Self(rounded(first) >> 16 | rounded(second) & 0xffff_0000)
    }
}

/// The bits of a number of single precision of which the upper half is the nearest bfloat16 number, an even one of two that are
/// equally near. What is no number stays none.
#[inline(always)]
fn rounded(number: f32) -> u32 {
    let bits = number.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    if number.is_nan() { bits | 0x0040_0000 } else { nearest }
}

/// The nearest bfloat16 number.
#[cfg(test)]
pub(crate) fn nearest(number: f32) -> f32 {
    f32::from_bits(rounded(number) & 0xffff_0000)
}

/// Pairs of numbers that lie side by side, an even number of them.
#[inline(always)]
pub(crate) fn side_by_side<'a>(numbers: &[f32], buffer: &'a mut Vec<Pair>) -> &'a [Pair] {
    let pairs = room(buffer, numbers.len() / 2);
    let halves: &mut [u16] = bytemuck::cast_slice_mut(pairs);
    for (half, number) in halves.iter_mut().zip(numbers) {
        *half = (rounded(*number) >> 16) as u16;
    }
    pairs
}

/// Every number with that `distance` behind it, or with 0 where there is none.
#[inline(always)]
pub(crate) fn apart<'a>(numbers: &[f32], distance: usize, buffer: &'a mut Vec<Pair>) -> &'a [Pair] {
    let pairs = room(buffer, numbers.len());
    let behind = &numbers[distance.min(numbers.len())..];
    let (both, alone) = pairs.split_at_mut(behind.len());
    for ((pair, first), second) in both.iter_mut().zip(numbers).zip(behind) {
        *pair = Pair::of(*first, *second);
    }
    for (pair, first) in alone.iter_mut().zip(&numbers[behind.len()..]) {
        *pair = Pair::of(*first, 0.0);
    }
    pairs
}

/// The first half of the numbers, each with that at the same place of the second.
#[inline(always)]
pub(crate) fn pair_up(numbers: &[f32], pairs: &mut [Pair]) {
    let (first, second) = numbers.split_at(pairs.len());
    for ((pair, first), second) in pairs.iter_mut().zip(first).zip(second) {
        *pair = Pair::of(*first, *second);
    }
}

/// The beginning of a buffer that keeps its length where that is enough.
#[inline(always)]
fn room(buffer: &mut Vec<Pair>, length: usize) -> &mut [Pair] {
    if buffer.len() < length {
        buffer.resize(length, Pair::default());
    }
    &mut buffer[..length]
}

impl Factor for Pair {
    const NUMBERS: usize = 2;

    fn dispatch(work: impl Work<Self>) {
        #[cfg(test)]
        if emulated::wanted() {
            return emulated::run(work);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(processor) = x86::Processor::new() {
            return processor.run(work);
        }
        unreachable!("pairs on a processor that has no instructions for them");
    }
}

/// Whether there is something to multiply pairs with.
pub(crate) fn is_there() -> bool {
    #[cfg(test)]
    if emulated::wanted() {
        return true;
    }
    processor_has_it()
}

/// AVX-512 with BF16.
pub(crate) fn processor_has_it() -> bool {
    #[cfg(target_arch = "x86_64")]
    return x86::Processor::new().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Pair;
    use crate::factors::{Dot, Pairs, Work};
    use pulp::x86::V4;
    use std::arch::x86_64::{__m512bh, _mm512_dpbf16_ps};

    /// That this one has AVX-512 with BF16.
    #[derive(Clone, Copy)]
    pub(super) struct Processor {
        simd: V4,
    }

    impl Processor {
        /// If it has.
        pub(super) fn new() -> Option<Self> {
            let simd = V4::try_new()?;
            std::arch::is_x86_feature_detected!("avx512bf16").then_some(Self { simd })
        }

        pub(super) fn run(self, work: impl Work<Pair>) {
            // SAFETY: the processor has what the function is compiled for, as looked at above.
            #[allow(unsafe_code)]
            unsafe {
                with_bfloat16(self, work);
            }
        }
    }

    /// The features of [`V4`], so that its operations are inlined here, and BF16.
    #[target_feature(enable = "sse,sse2,fxsr,sse3,ssse3,sse4.1,sse4.2,popcnt,avx,avx2")]
    #[target_feature(enable = "bmi1,bmi2,fma,lzcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
    #[target_feature(enable = "avx512bf16")]
    fn with_bfloat16<W: Work<Pair>>(processor: Processor, work: W) {
        work.run(processor.simd, Pairs(processor));
    }

    impl Dot<V4> for Processor {
        #[inline(always)]
        fn dot(self, _: V4, a: pulp::u32x16, b: pulp::u32x16, sum: pulp::f32x16) -> pulp::f32x16 {
            // SAFETY: 64 bytes each, of which all values are numbers; that the instruction is there is what a `Processor` says.
            #[allow(unsafe_code)]
            unsafe {
                let [a, b] = [a, b].map(|x| std::mem::transmute::<pulp::u32x16, __m512bh>(x));
                pulp::cast(_mm512_dpbf16_ps(pulp::cast(sum), a, b))
            }
        }
    }
}

/// The same sums by instructions that every machine has, for tests.
#[cfg(test)]
pub(crate) mod emulated {
    use super::Pair;
    use crate::factors::{Dot, Pairs, Work};
    use pulp::{Arch, Simd, WithSimd};
    use std::cell::Cell;

    thread_local! {
        static WANTED: Cell<bool> = const { Cell::new(false) };
    }

    /// `f`, with pairs that this thread multiplies in it emulated.
    pub(crate) fn emulating<R>(f: impl FnOnce() -> R) -> R {
        let before = WANTED.replace(true);
        let result = f();
        WANTED.set(before);
        result
    }

    pub(super) fn wanted() -> bool {
        WANTED.get()
    }

    pub(super) fn run(work: impl Work<Pair>) {
        struct OfPairs<W>(W);
        impl<W: Work<Pair>> WithSimd for OfPairs<W> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                self.0.run(simd, Pairs(Emulated));
            }
        }
        // The same number of lanes as everywhere on this machine.
        Arch::new().dispatch(OfPairs(work));
    }

    #[derive(Clone, Copy)]
    struct Emulated;

    impl<S: Simd> Dot<S> for Emulated {
        #[inline(always)]
        fn dot(self, simd: S, a: S::u32s, b: S::u32s, sum: S::f32s) -> S::f32s {
            let first = |x| simd.wrapping_dyn_shl_u32s(x, simd.splat_u32s(16));
            let second = |x| simd.and_u32s(x, simd.splat_u32s(0xffff_0000));
            let number = |x| simd.transmute_f32s_u32s(x);
            let sum = simd.mul_add_e_f32s(number(first(a)), number(first(b)), sum);
            simd.mul_add_e_f32s(number(second(a)), number(second(b)), sum)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values by hand: 1 + 2⁻⁸ lies between 1 and 1 + 2⁻⁷, and 1 is even; 1 + 3·2⁻⁸ between 1 + 2⁻⁷ and 1 + 2⁻⁶, which is even.
    #[test]
    fn numbers_are_rounded_to_the_nearest() {
        let step = 2f32.powi(-7);
        for (number, nearest) in [
            (0.0, 0.0),
            (-0.0, -0.0),
            (1.0 + step / 2.0, 1.0),
            (1.0 + 1.5 * step, 1.0 + 2.0 * step),
            (-1.0 - 0.51 * step, -1.0 - step),
            (3.4e38, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
            (1e-40, 9.1835e-41),
        ] {
            let rounded = super::nearest(number);
            assert!((rounded - nearest).abs() < 1e-43 || rounded == nearest, "{number}: {rounded}");
            assert_eq!(rounded.is_sign_negative(), nearest.is_sign_negative());
        }
        for bits in [0x7f80_0001u32, 0xffff_ffff, 0x7fc0_0000] {
            let rounded = super::nearest(f32::from_bits(bits));
            assert!(rounded.is_nan(), "{bits:x} became {rounded}");
        }
    }

    #[test]
    fn pairs_are_of_what_they_should_be() {
        let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut buffer = vec![Pair(7); 9];
        let halves = |pairs: &[Pair]| {
            let half = |x: u32| f32::from_bits(x);
            pairs.iter().map(|p| [half(p.0 << 16), half(p.0 & 0xffff_0000)]).collect::<Vec<_>>()
        };
        let pairs = halves(side_by_side(&numbers, &mut buffer));
        assert_eq!(pairs, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        let pairs = halves(apart(&numbers, 4, &mut buffer));
        assert_eq!(pairs, [[1.0, 5.0], [2.0, 6.0], [3.0, 0.0], [4.0, 0.0], [5.0, 0.0], [6.0, 0.0]]);
    }
}
