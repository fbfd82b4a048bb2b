//! A convolution in its three directions: to the narrow side, to the wide side, and to the weights.
//!
//! All three are products of matrices of which none is ever made. Pictures lie with their channels innermost and
//! zeros around them, so that what a window covers is one piece of memory per row; a tile of sums stays in
//! registers while it slides over the pieces and over weights that were put in the tile's order before.
//! Pictures are taken in chunks that fit the second-level cache, from any layout. Bias and activation cost no pass of
//! their own; on the way back, the activation's derivative and the bias' gradient share one.

use crate::activation::Activation;
use crate::bfloat16::{self, Pair};
use crate::precision::Precision;
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

/// How weights and pictures are multiplied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// What the weights are multiplied with.
    pub(crate) scale: f32,
    pub(crate) precision: Precision,
}

impl Numbers {
    /// Whether pairs are multiplied, where they are taken from so many numbers side by side.
    fn in_pairs(self, side_by_side: usize) -> bool {
        let fit = side_by_side.is_multiple_of(2);
        fit && self.precision == Precision::Bfloat16 && bfloat16::is_there()
    }
}

/// Buffers of a thread, kept from call to call.
#[derive(Debug, Default)]
struct Scratch {
    wide: Vec<f32>,
    narrow: Vec<f32>,
    pairs: Vec<Pair>,
    pairs_beside: Vec<Pair>,
    columns: Vec<Pair>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bfloat16::emulated::emulating;
    use crate::geometry::{Extent, Geometry};
    use crate::view::View;
    use crate::window::Window;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    fn geometries() -> impl Strategy<Value = Geometry> {
        let windows = prop::sample::select(vec![(1, 1, 0), (3, 1, 1), (4, 2, 1), (3, 2, 0)]);
        let channels = || prop_oneof![2 => 1usize..40, 1 => prop::sample::select(vec![3, 32, 48])];
        let extent = (1usize..10, 1usize..10, channels());
        (windows, extent, channels()).prop_map(|((kernel, stride, padding), extent, wide)| {
            let (height, width, channels) = extent;
            let window = Window { kernel, stride, padding };
            Geometry::transposed(Extent { height, width, channels }, wide, window)
        })
    }

    /// To the narrow side, to the wide side, to the weights, by factors of that precision.
    fn all_ways(
        geometry: &Geometry,
        [wide, narrow, weights]: [&[f32]; 3],
        precision: Precision,
    ) -> [Vec<f32>; 3] {
        let count = wide.len() / geometry.wide.len();
        let [wide, narrow] = [(wide, &geometry.wide), (narrow, &geometry.narrow)]
            .map(|(values, extent)| View::of(values, extent));
        let bias: Vec<f32> = (0..48).map(|c| c as f32 / 48.0).collect();
        let finish = |channels| Finish {
            bias: Some(&bias[..channels]),
            activation: Activation::LeakyRelu { slope: 0.2 },
        };
        let numbers = Numbers { scale: 1.0, precision };
        let (of_narrow, of_wide) =
            (finish(geometry.narrow.channels), finish(geometry.wide.channels));
        [
            to_narrow(geometry, &wide, count, weights, numbers, of_narrow),
            to_wide(geometry, &narrow, count, weights, numbers, of_wide),
            to_weights(geometry, &wide, &narrow, count, numbers),
        ]
    }

    proptest! {
        /// Products of bfloat16 numbers are exact in single precision: where factors are rounded before, nothing else
        /// may differ but the roundings of sums.
        #[test]
        fn in_bfloat16_factors_are_rounded_and_nothing_else(
            geometry in geometries(),
            count in 1usize..5,
            seed: u64,
        ) {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let mut draw = |length: usize| -> Vec<f32> {
                (0..length).map(|_| rng.random_range(-1.0..1.0)).collect()
            };
            let taps = geometry.window.kernel.pow(2);
            let (wide, narrow) = (geometry.wide, geometry.narrow);
            let exact = [
                draw(count * wide.len()),
                draw(count * narrow.len()),
                draw(taps * wide.channels * narrow.channels),
            ];
            let rounded = exact.clone().map(|values| {
                values.into_iter().map(bfloat16::nearest).collect::<Vec<_>>()
            });
            let each = |values: &[Vec<f32>; 3], precision| {
                let [a, b, c] = values;
                all_ways(&geometry, [a, b, c], precision)
            };
            let (of_exact, of_rounded) =
                (each(&exact, Precision::Single), each(&rounded, Precision::Single));
            let in_pairs = [wide.channels, narrow.channels, narrow.width].map(|n| n % 2 == 0);
            let mut ways = vec![emulating(|| each(&exact, Precision::Bfloat16))];
            if bfloat16::processor_has_it() {
                ways.push(each(&exact, Precision::Bfloat16));
            }
            for way in ways {
                for (i, values) in way.iter().enumerate() {
                    let wanted = if in_pairs[i] { &of_rounded[i] } else { &of_exact[i] };
                    let largest = wanted.iter().fold(1f32, |most, value| most.max(value.abs()));
                    prop_assert_eq!(values.len(), wanted.len());
                    for (value, wanted) in values.iter().zip(wanted) {
                        prop_assert!(
                            (value - wanted).abs() < 1e-5 * largest,
                            "way {}: {} and {}", i, value, wanted
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_processor_without_bfloat16_multiplies_in_single_precision() {
        let numbers = Numbers { scale: 1.0, precision: Precision::Bfloat16 };
        assert_eq!(numbers.in_pairs(8), bfloat16::processor_has_it());
        assert!(emulating(|| numbers.in_pairs(8)) && !emulating(|| numbers.in_pairs(7)));
        let single = Numbers { precision: Precision::Single, ..numbers };
        assert!(!emulating(|| single.in_pairs(8)));
    }
}
