//! A 3x3 convolution and a change of size by two, as one convolution of stride 2.
//!
//! Doubling repeats pixels and halving takes means, so that several taps of a 3x3 window meet the same pixel, or the same tap
//! several. Summed beforehand they are the 4x4 taps of a (transposed) convolution of stride 2, which takes 16 instead of 36
//! multiplications for every pixel of the small side, and the picture in between is never made.

#[cfg(any(feature = "flex", feature = "cube"))]
use crate::kernels;
use crate::{Activation, Window, conv_transpose2d, conv2d};
#[cfg(feature = "flex")]
use crate::{geometry::Extent, share::for_each_share, view::View};
use burn::tensor::{Tensor, module::avg_pool2d, ops::AvgPoolOptions};

/// Where the size changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resampling {
    /// Twice the rows and columns before the convolution, each pixel four times.
    Doubled,
    /// Half of them behind it, the mean of every 2x2.
    Halved,
}

/// Of the convolutions that are left.
const WINDOW: Window = Window { kernel: 4, stride: 2, padding: 1 };

/// `activation(x↑ ⋆ c·w + b)`, where `↑` doubles rows and columns (nearest neighbour) and the convolution is 3x3 with a zero
/// on every side: `x` `[n, inputs, h, w]`, `w` `[outputs, inputs, 3, 3]`, `b` `[outputs]`, result `[n, outputs, 2h, 2w]`.
///
/// In one dimension `(x↑ ⋆ w)[2i] = w₀·x[i−1] + (w₁ + w₂)·x[i]` and `(x↑ ⋆ w)[2i+1] = (w₀ + w₁)·x[i] + w₂·x[i+1]`: the
/// transposed convolution by `[w₂, w₁ + w₂, w₀ + w₁, w₀]`.
///
/// # Panics
/// Where weights or bias do not fit.
pub fn upsample_conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    scale: f64,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<4> {
    let taps = taps(weight, Resampling::Doubled);
    conv_transpose2d(x, taps, scale, bias, WINDOW, activation)
}

/// `activation((x ⋆ c·w)↓ + b)`, where `↓` takes the mean of every 2x2 pixels and the convolution is 3x3 with a zero on every
/// side: `x` `[n, inputs, h, w]`, `w` `[outputs, inputs, 3, 3]`, `b` `[outputs]`, result `[n, outputs, ⌊h/2⌋, ⌊w/2⌋]`.
///
/// In one dimension the convolution by `½·[w₀, w₀ + w₁, w₁ + w₂, w₂]`.
///
/// # Panics
/// As [`upsample_conv2d`], and where a side is below 2.
pub fn conv2d_downsample(
    x: Tensor<4>,
    weight: Tensor<4>,
    scale: f64,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<4> {
    let taps = taps(weight, Resampling::Halved);
    conv2d(x, taps, scale, bias, WINDOW, activation)
}

/// The adjoint of [`conv2d_downsample`] in its input, without bias, for sides that 2 divides:
/// `[n, outputs, h/2, w/2] → [n, inputs, h, w]`.
///
/// # Panics
/// Where weights do not fit.
pub fn conv2d_downsample_adjoint(gradient: Tensor<4>, weight: Tensor<4>, scale: f64) -> Tensor<4> {
    let taps = taps(weight, Resampling::Halved);
    conv_transpose2d(gradient, taps, scale, None, WINDOW, Activation::None)
}

/// The weights of the convolution of stride 2, in its order: `[inputs, outputs, 4, 4]` where it is transposed.
fn taps(weight: Tensor<4>, resampling: Resampling) -> Tensor<4> {
    assert_eq!(weight.dims()[2..], [3, 3], "not the weights of a 3x3 convolution");
    #[cfg(any(feature = "flex", feature = "cube"))]
    if kernels::are_there(&weight) {
        return kernels::taps(weight, resampling);
    }
    // A quarter of every sum of 2x2, zeros around them counted in.
    let options = AvgPoolOptions::new([2, 2]).with_stride([1, 1]).with_padding([1, 1]);
    let means = avg_pool2d(weight, options);
    match resampling {
        Resampling::Halved => means,
        Resampling::Doubled => means.mul_scalar(4.0).flip([2, 3]).swap_dims(0, 1),
    }
}

impl Resampling {
    /// Of the weights that a tap sums the factor.
    #[cfg(any(feature = "flex", feature = "cube"))]
    pub(crate) fn factor(self) -> f32 {
        match self {
            Self::Doubled => 1.0,
            Self::Halved => 0.25,
        }
    }

    /// Whether the window is mirrored, and inputs come before outputs.
    #[cfg(any(feature = "flex", feature = "cube"))]
    pub(crate) fn turns(self) -> bool {
        self == Self::Doubled
    }

    /// The shape of taps by that of weights, or the other way, but for the sides of the window.
    #[cfg(any(feature = "flex", feature = "cube"))]
    pub(crate) fn channels(self, [first, second]: [usize; 2]) -> [usize; 2] {
        if self.turns() { [second, first] } else { [first, second] }
    }
}

/// Weights, wherever they lie, to taps, one after the other; `channels` are those of the weights.
#[cfg(feature = "flex")]
pub(crate) fn spread(weight: &View<'_>, channels: [usize; 2], resampling: Resampling) -> Vec<f32> {
    each_window(weight, channels, resampling, |w: &[f32; 9]| {
        let across = |row: usize| {
            let [a, b, c] = [0, 1, 2].map(|column| w[3 * row + column]);
            [a, a + b, b + c, c]
        };
        let [top, middle, bottom] = [0, 1, 2].map(across);
        std::array::from_fn(|at: usize| match at / 4 {
            0 => top[at % 4],
            1 => top[at % 4] + middle[at % 4],
            2 => middle[at % 4] + bottom[at % 4],
            _ => bottom[at % 4],
        }) as [f32; 16]
    })
}

/// The gradient of the weights, by that of the taps, whose `channels` are given.
#[cfg(feature = "flex")]
pub(crate) fn pull_back(
    gradient: &View<'_>,
    channels: [usize; 2],
    resampling: Resampling,
) -> Vec<f32> {
    each_window(gradient, channels, resampling, |g: &[f32; 16]| {
        std::array::from_fn(|at: usize| {
            let first = at / 3 * 4 + at % 3;
            (g[first] + g[first + 1]) + (g[first + 4] + g[first + 5])
        }) as [f32; 9]
    })
}

/// `f` of every window, turned and multiplied as it is `resampling`.
#[cfg(feature = "flex")]
fn each_window<const FROM: usize, const TO: usize>(
    windows: &View<'_>,
    channels: [usize; 2],
    resampling: Resampling,
    f: impl Fn(&[f32; FROM]) -> [f32; TO] + Sync,
) -> Vec<f32> {
    let side = FROM.isqrt();
    let extent = Extent { height: side, width: side, channels: channels[1] };
    let [first, second] = resampling.channels(channels);
    let mut out = vec![0.0; first * second * TO];
    for_each_share(&mut out, first, second * TO, |share, out| {
        let mut window = [0.0; FROM];
        let places = share.flat_map(|a| (0..second).map(move |b| [a, b]));
        for (place, out) in places.zip(out.chunks_exact_mut(TO)) {
            let plane = windows.plane(&extent, resampling.channels(place), &mut window);
            let values = f(plane.first_chunk().expect("a window")).map(|x| x * resampling.factor());
            out.copy_from_slice(&values);
            if resampling.turns() {
                out.reverse();
            }
        }
    });
    out
}
