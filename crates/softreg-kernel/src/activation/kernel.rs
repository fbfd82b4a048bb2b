//! Activations and their derivatives over slices, in vectors.

use super::Activation;
use pulp::{Arch, Simd, WithSimd};

impl Activation {
    /// Applies it in place.
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Self::None => {}
            // What is below 0 is known from the input as well as from the output, as the slope is not below 0.
            Self::LeakyRelu { slope } => Arch::new().dispatch(Slope { slope, of: None, values }),
            // Of a score per picture, not of every pixel: not worth a vector's while.
            Self::Softplus => values.iter_mut().for_each(|v| *v = softplus(*v)),
            Self::Tanh => Arch::new().dispatch(|| {
                for v in values {
                    *v = tanh(*v);
                }
            }),
        }
    }

    /// The slope below 0, where all that it does is to have one.
    pub(crate) fn slope(self) -> Option<f32> {
        match self {
            Self::LeakyRelu { slope } => Some(slope),
            Self::None | Self::Softplus | Self::Tanh => None,
        }
    }

    /// Multiplies gradients by the derivative where the output was `outputs`.
    pub(crate) fn pull_back(self, outputs: &[f32], gradients: &mut [f32]) {
        match self {
            Self::None => {}
            Self::LeakyRelu { slope } => {
                let (of, values) = (Some(outputs), gradients);
                Arch::new().dispatch(Slope { slope, of, values });
            }
            // 1/(1 + e⁻ˣ) = 1 − e⁻ʸ.
            Self::Softplus => {
                gradients.iter_mut().zip(outputs).for_each(|(g, y)| *g *= -(-y).exp_m1());
            }
            Self::Tanh => Arch::new().dispatch(|| {
                for (g, y) in gradients.iter_mut().zip(outputs) {
                    *g *= 1.0 - y * y;
                }
            }),
        }
    }
}

/// Multiplies values by `slope` where `of`, or where nothing is given the values themselves, are not above 0.
/// Written for vectors: the compiler makes a branch of it, which is mispredicted every other time.
struct Slope<'a> {
    slope: f32,
    of: Option<&'a [f32]>,
    values: &'a mut [f32],
}

impl WithSimd for Slope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { slope, of, values } = self;
        let (zero, slopes) = (simd.splat_f32s(0.0), simd.splat_f32s(slope));
        let (whole, rest) = S::as_mut_simd_f32s(values);
        let (of_whole, of_rest) = match of {
            Some(of) => S::as_simd_f32s(of),
            None => (&[][..], &[][..]),
        };
        for (i, value) in whole.iter_mut().enumerate() {
            let by = if of.is_some() { of_whole[i] } else { *value };
            let above = simd.greater_than_f32s(by, zero);
            *value = simd.select_f32s(above, *value, simd.mul_f32s(*value, slopes));
        }
        for (i, value) in rest.iter_mut().enumerate() {
            let by = if of.is_some() { of_rest[i] } else { *value };
            *value *= if by > 0.0 { 1.0 } else { slope };
        }
    }
}

/// `ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)`, which overflows nowhere.
fn softplus(x: f32) -> f32 {
    let above = if x > 0.0 { x } else { 0.0 };
    above + (-x.abs()).exp().ln_1p()
}

/// `tanh x = (e − 1)/(e + 1)`, `e = exp(2x)`, without branches, so that a loop of it is vectorised; absolute
/// error below 3·10⁻⁷. `exp` is `2ⁿ·exp(r)` with `|r| ≤ ½·ln 2` and the polynomial of Cephes' `expf`.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    /// Above this, tanh rounds to 1.
    const END: f32 = 9.02;
    /// Added and taken away again, it rounds to whole numbers.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Comparisons, since `clamp` would be one too, but `min` and `max` would lose NaN.
    let x = if x > END { END } else { x };
    let x = if x < -END { -END } else { x };
    let twice = 2.0 * x;
    let shifted = twice * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = twice - n * LN_2_HIGH - n * LN_2_LOW;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + c;
    }
    let p = p * r * r + r + 1.0;
    // The low bits of `shifted` are n: moved into the exponent of 1.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    let e = p * power;
    (e - 1.0) / (e + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_is_that_of_the_standard_library() {
        let mut values: Vec<f32> = (-200_000..=200_000).map(|i| i as f32 * 1e-4).collect();
        let exact: Vec<f64> = values.iter().map(|x| f64::from(*x).tanh()).collect();
        Activation::Tanh.apply(&mut values);
        let worst = values.iter().zip(&exact).map(|(a, b)| (f64::from(*a) - b).abs());
        assert!(worst.clone().fold(0.0, f64::max) < 3e-7, "{:e}", worst.fold(0.0, f64::max));
        let mut odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0];
        Activation::Tanh.apply(&mut odd);
        assert!(odd[0].is_nan());
        assert_eq!(odd[1..], [1.0, -1.0, 0.0]);
    }

    #[test]
    fn softplus_neither_overflows_nor_rounds_away() {
        let x = [-80.0f32, -20.0, -1.0, 0.0, 1.0, 20.0, 100.0, f32::MAX];
        let (mut values, mut slopes) = (x, [1f32; 8]);
        Activation::Softplus.apply(&mut values);
        Activation::Softplus.pull_back(&values, &mut slopes);
        for ((x, y), slope) in x.iter().zip(values).zip(slopes) {
            let x = f64::from(*x);
            let (exact, of_exact) =
                (x.max(0.0) + (-x.abs()).exp().ln_1p(), 1.0 / (1.0 + (-x).exp()));
            assert!((f64::from(y) - exact).abs() <= 1e-6 * exact, "{x}: {y}");
            assert!((f64::from(slope) - of_exact).abs() <= 1e-6 * of_exact, "{x}: {slope}");
        }
    }

    #[test]
    fn nothing_hides_a_value_that_is_not_a_number() {
        let mut values = [f32::NAN, -2.0, 3.0];
        Activation::LeakyRelu { slope: 0.5 }.apply(&mut values);
        assert!(values[0].is_nan());
        assert_eq!(values[1..], [-1.0, 3.0]);
        Activation::Softplus.apply(&mut values);
        assert!(values[0].is_nan());
    }
}
