//! The same sums by instructions that every machine has, for tests.

use super::Pair;
use crate::factors::{Dot, Pairs, Work};
use crate::scope;
use crate::threads::alone;
use pulp::{Arch, Simd, WithSimd};
use std::cell::Cell;

thread_local! {
    static WANTED: Cell<bool> = const { Cell::new(false) };
}

/// `f`, with pairs that this thread multiplies in it emulated.
pub(crate) fn emulating<R>(f: impl FnOnce() -> R) -> R {
    // Threads of a pool would not know.
    scope::with(&WANTED, true, || alone(f))
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
