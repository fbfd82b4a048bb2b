//! NEON with BF16: ARM since 8.6, and Apple since M2.

use super::{Pair, Processor};
use crate::factors::{Dot, Pairs, Work};
pub(super) use pulp::aarch64::Neon as Vectors;
use std::arch::aarch64::{float32x4_t, uint32x4_t};

/// Whether it has BF16.
pub(super) fn has_bfloat16() -> bool {
    std::arch::is_aarch64_feature_detected!("bf16")
}

/// The features of [`Vectors`], so that its operations are inlined here, and BF16.
#[target_feature(enable = "neon,bf16")]
pub(super) fn run<W: Work<Pair>>(processor: Processor, work: W) {
    work.run(processor.vectors, Pairs(processor));
}

impl Dot<Vectors> for Processor {
    #[inline(always)]
    fn dot(self, _: Vectors, a: pulp::u32x4, b: pulp::u32x4, sum: pulp::f32x4) -> pulp::f32x4 {
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
