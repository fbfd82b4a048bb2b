//! NEON with BF16: ARM since 8.6, and Apple since M2.

use super::Pair;
use crate::factors::{Dot, Pairs, Work};
use pulp::aarch64::Neon;
use std::arch::aarch64::{float32x4_t, uint32x4_t};

/// That this one has NEON with BF16.
#[derive(Clone, Copy)]
pub(super) struct Processor {
    simd: Neon,
}

impl Processor {
    /// If it has.
    pub(super) fn new() -> Option<Self> {
        let simd = Neon::try_new()?;
        std::arch::is_aarch64_feature_detected!("bf16").then_some(Self { simd })
    }

    pub(super) fn run(self, work: impl Work<Pair>) {
        // SAFETY: the processor has what the function is compiled for, as looked at above.
        #[allow(unsafe_code)]
        unsafe {
            with_bfloat16(self, work);
        }
    }
}

/// The features of [`Neon`], so that its operations are inlined here, and BF16.
#[target_feature(enable = "neon,bf16")]
fn with_bfloat16<W: Work<Pair>>(processor: Processor, work: W) {
    work.run(processor.simd, Pairs(processor));
}

impl Dot<Neon> for Processor {
    #[inline(always)]
    fn dot(self, _: Neon, a: pulp::u32x4, b: pulp::u32x4, sum: pulp::f32x4) -> pulp::f32x4 {
        let mut sum: float32x4_t = pulp::cast(sum);
        let (a, b): (uint32x4_t, uint32x4_t) = (pulp::cast(a), pulp::cast(b));
        // The standard library has no function for it yet.
        // SAFETY: reads and writes these registers alone; that the instruction is there is what a `Processor` says.
        #[allow(unsafe_code)]
        unsafe {
            std::arch::asm!(
                "bfdot {sum:v}.4s, {a:v}.8h, {b:v}.8h",
                sum = inout(vreg) sum,
                a = in(vreg) a,
                b = in(vreg) b,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        pulp::cast(sum)
    }
}
