//! Pairs of bfloat16 numbers, and the instructions that multiply them.

use crate::factors::{Factor, Work};
use bytemuck::{Pod, Zeroable};

#[cfg(target_arch = "aarch64")]
mod arm;
#[cfg(test)]
pub(crate) mod emulated;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
use arm as instructions;
#[cfg(target_arch = "x86_64")]
use x86 as instructions;

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

/// That this processor has instructions for pairs.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[derive(Clone, Copy)]
struct Processor {
    vectors: instructions::Vectors,
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
impl Processor {
    /// If it has.
    fn new() -> Option<Self> {
        let vectors = instructions::Vectors::try_new()?;
        instructions::has_bfloat16().then_some(Self { vectors })
    }

    fn run(self, work: impl Work<Pair>) {
        // SAFETY: the processor has what the function is compiled for, as was looked at above.
        #[allow(unsafe_code)]
        unsafe {
            instructions::run(self, work);
        }
    }
}

impl Factor for Pair {
    const NUMBERS: usize = 2;

    fn dispatch(work: impl Work<Self>) {
        #[cfg(test)]
        if emulated::wanted() {
            return emulated::run(work);
        }
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        if let Some(processor) = Processor::new() {
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

/// Whether this processor has instructions for pairs.
pub(crate) fn processor_has_it() -> bool {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Processor::new().is_some();
    #[allow(unreachable_code, reason = "on other processors")]
    false
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
