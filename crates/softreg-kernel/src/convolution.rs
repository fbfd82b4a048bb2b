//! A convolution in its three directions: to the narrow side, to the wide side, and to the weights.
//!
//! All three are products of matrices of which none is ever made. Pictures lie with their channels innermost and
//! zeros around them, so that what a window covers is one piece of memory per row; a tile of sums stays in
//! registers while it slides over the pieces and over weights that were put in the tile's order before.
//! Pictures are taken in chunks that fit the second-level cache, from any layout. Bias and activation cost no pass of
//! their own; on the way back, the activation's derivative and the bias' gradient share one.

use crate::activation::Activation;
use crate::tile::Places;
use pulp::{Arch, Simd, WithSimd};
use std::cell::RefCell;
use std::mem::MaybeUninit;

mod behind;
mod folded;
mod narrow;
mod product;
mod weights;
mod wide;

pub(crate) use behind::through;
pub(crate) use narrow::to_narrow;
pub(crate) use weights::to_weights;
pub(crate) use wide::to_wide;

/// What stands behind the product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish<'a> {
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) activation: Activation,
}

impl Finish<'_> {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Self { bias: None, activation: Activation::None }
    }

    /// Does what was not done while storing.
    fn complete(&self, out: &mut [f32]) {
        if self.activation.slope().is_none() {
            self.activation.apply(out);
        }
    }
}

/// Buffers of a thread, kept from call to call.
#[derive(Debug, Default)]
struct Scratch {
    wide: Vec<f32>,
    narrow: Vec<f32>,
    columns: Vec<f32>,
    windows: Vec<MaybeUninit<f32>>,
    line: Vec<f32>,
    bias: Vec<f32>,
    terms: Vec<usize>,
    parts: Vec<usize>,
    starts: Vec<usize>,
    targets: Vec<usize>,
    places: Places,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Numbers in a vector register of this machine.
fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}
