//! AVX-512 with BF16: AMD since Zen 4, Intel servers since Cooper Lake.

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
