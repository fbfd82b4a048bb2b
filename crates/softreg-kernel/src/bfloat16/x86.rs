//! AVX-512 with BF16: AMD since Zen 4, Intel servers since Cooper Lake.

use super::{Pair, Processor};
use crate::factors::{Dot, Pairs, Work};
pub(super) use pulp::x86::V4 as Vectors;
use std::arch::x86_64::{__m512bh, _mm512_dpbf16_ps};

/// Whether it has BF16.
pub(super) fn has_bfloat16() -> bool {
    std::arch::is_x86_feature_detected!("avx512bf16")
}

/// The features of [`Vectors`], so that its operations are inlined here, and BF16.
#[target_feature(enable = "sse,sse2,fxsr,sse3,ssse3,sse4.1,sse4.2,popcnt,avx,avx2")]
#[target_feature(enable = "bmi1,bmi2,fma,lzcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
#[target_feature(enable = "avx512bf16")]
pub(super) fn run<W: Work<Pair>>(processor: Processor, work: W) {
    work.run(processor.vectors, Pairs(processor));
}

impl Dot<Vectors> for Processor {
    #[inline(always)]
    fn dot(self, _: Vectors, a: pulp::u32x16, b: pulp::u32x16, sum: pulp::f32x16) -> pulp::f32x16 {
        // SAFETY: 64 bytes each, of which all values are numbers; that the instruction is there is what a `Processor` says.
        #[allow(unsafe_code)]
        unsafe {
            let [a, b] = [a, b].map(|x| std::mem::transmute::<pulp::u32x16, __m512bh>(x));
            pulp::cast(_mm512_dpbf16_ps(pulp::cast(sum), a, b))
        }
    }
}
