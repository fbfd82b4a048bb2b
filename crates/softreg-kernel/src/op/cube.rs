//! The operations on Burn's backend for graphics cards.

use super::{Kernels, Layer, Wanted};
use crate::activation::Activation;
use crate::card::activation::{alone, alone_gradient, through};
use crate::card::columns::{Finish, to_narrow, to_weights, to_wide};
use crate::card::matrix::{factor, pictures, room};
use crate::card::product::bfloat16;
use crate::card::{modulation, normalization, pixels, resampling, sums, update};
use crate::geometry::Extent;
use crate::precision::Precision;
use crate::resampling::Resampling;
use crate::update::AdamStep;
use burn::tensor::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use std::sync::Arc;

impl Kernels for CubeBackend {
    fn layer(x: CubeTensor, w: CubeTensor, b: CubeTensor, layer: Layer) -> CubeTensor {
        let geometry = layer.geometry(extent(&x), w.meta.shape());
        let run = if layer.transposed { to_wide } else { to_narrow };
        let factors = factors(&x, layer.precision);
        let bias = Some(into_contiguous(b));
        let finish = Finish { scale: layer.scale, bias, activation: layer.activation };
        run(&geometry, x, w, factors, finish)
    }

    fn layer_gradients(
        x: CubeTensor,
        w: CubeTensor,
        y: CubeTensor,
        gradient: CubeTensor,
        layer: Layer,
        wanted: Wanted,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let geometry = layer.geometry(extent(&x), w.meta.shape());
        let shape = y.meta.shape().dims();
        let nothing = room(&x, [1]);
        let front = through(layer.activation, y, gradient);
        let of_bias = match wanted.bias {
            true => sums::of_channels(&front),
            false => nothing.clone(),
        };
        let factors = factors(&x, layer.precision);
        // Here, where two products want it. Unfolded it is scaled first, and rounded then.
        let front = if layer.transposed { front } else { factor(front, factors) };
        let gradient = pictures(front, shape);
        let of_input = match wanted.input {
            true => {
                let run = if layer.transposed { to_narrow } else { to_wide };
                let activation = Activation::None;
                let finish = Finish { scale: layer.scale, bias: None, activation };
                run(&geometry, gradient.clone(), w, factors, finish)
            }
            false => nothing.clone(),
        };
        let of_weight = match (wanted.weight, layer.transposed) {
            (false, _) => nothing,
            (_, false) => to_weights(&geometry, x, gradient, factors, layer.scale),
            (_, true) => to_weights(&geometry, gradient, x, factors, layer.scale),
        };
        (of_input, of_weight, of_bias)
    }

    fn activation(x: CubeTensor, activation: Activation) -> CubeTensor {
        alone(x, activation)
    }

    fn activation_gradient(
        y: CubeTensor,
        gradient: CubeTensor,
        activation: Activation,
    ) -> CubeTensor {
        alone_gradient(y, gradient, activation)
    }

    fn gather_pixels(x: CubeTensor, sources: Arc<[u32]>) -> CubeTensor {
        pixels::gather(x, &sources)
    }

    fn gather_pixels_gradient(gradient: CubeTensor, sources: Arc<[u32]>) -> CubeTensor {
        pixels::scatter(gradient, &sources)
    }

    fn taps(w: CubeTensor, resampling: Resampling) -> CubeTensor {
        resampling::spread(w, resampling)
    }

    fn taps_gradient(gradient: CubeTensor, resampling: Resampling) -> CubeTensor {
        resampling::pull_back(gradient, resampling)
    }

    fn adam(
        weight: CubeTensor,
        gradient: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        step: AdamStep,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        update::adam([weight, gradient, first, second], step)
    }

    fn weighted_sum(left: CubeTensor, right: CubeTensor, factors: [f64; 2]) -> CubeTensor {
        update::weighted_sum(left, right, factors.map(|factor| factor as f32))
    }

    fn normalize(x: CubeTensor, epsilon: f32) -> (CubeTensor, CubeTensor) {
        normalization::normalize(x, epsilon)
    }

    fn normalize_gradient(y: CubeTensor, scale: CubeTensor, gradient: CubeTensor) -> CubeTensor {
        normalization::pull_back(y, scale, gradient)
    }

    fn modulate(x: CubeTensor, style: CubeTensor) -> CubeTensor {
        modulation::modulate(x, style)
    }

    fn modulate_gradients(
        x: CubeTensor,
        style: CubeTensor,
        gradient: CubeTensor,
    ) -> (CubeTensor, CubeTensor) {
        modulation::pull_back(x, style, gradient)
    }
}

/// Of what type the factors of a layer are that is asked for in this precision.
fn factors(x: &CubeTensor, precision: Precision) -> DType {
    match precision {
        Precision::Single => None,
        Precision::Bfloat16 => bfloat16(&x.client),
    }
    .unwrap_or(DType::F32)
}

fn extent(x: &CubeTensor) -> Extent {
    let [_, channels, height, width] = x.meta.shape().dims();
    Extent { height, width, channels }
}

#[cfg(test)]
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) mod tests {
    use super::*;
    use crate::geometry::Geometry;
    use crate::window::Window;
    use crate::{bfloat16_is_on, conv_transpose2d, conv2d, in_precision, linear};
    use burn::tensor::{Device, DeviceType, Tensor, TensorData};

    /// A card that has bfloat16, or what stands for it in tests.
    pub(crate) fn card() -> Option<Device> {
        let kinds = [
            #[cfg(feature = "cuda")]
            DeviceType::Cuda,
            #[cfg(feature = "rocm")]
            DeviceType::Rocm,
            #[cfg(feature = "metal")]
            DeviceType::Metal,
            #[cfg(feature = "vulkan")]
            DeviceType::Vulkan,
            #[cfg(feature = "wgpu")]
            DeviceType::Wgpu,
        ];
        let found = |kind| std::panic::catch_unwind(|| Device::enumerate(kind).into_vec());
        let cards = kinds.into_iter().flat_map(|kind| found(kind).unwrap_or_default());
        let card = cards.into_iter().find(bfloat16_is_on);
        if card.is_none() {
            assert!(std::env::var_os("SOFTREG_CARD").is_none(), "no card multiplies in 16 bits");
            eprintln!("skipped: no graphics card that multiplies in 16 bits was found");
        }
        card
    }

    /// Values of few digits, times `factor`.
    fn values<const D: usize>(shape: [usize; D], factor: f32, device: &Device) -> Tensor<D> {
        let all = (0..shape.iter().product::<usize>()).map(|i| (i * 7 + i / 5) % 33);
        let all = all.map(|i| (i as f32 - 16.0) / 8.0 * factor).collect();
        Tensor::from_data(TensorData::new(all, shape), &device.clone().autodiff()).require_grad()
    }

    /// Output and gradients of input and weight, for values times `factor`.
    fn all<const D: usize>(
        [x, w, y]: [[usize; D]; 3],
        factor: f32,
        device: &Device,
        precision: Precision,
        layer: impl Fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
    ) -> Vec<Vec<f32>> {
        let [x, w] = [x, w].map(|shape| values(shape, factor, device));
        let out = in_precision(precision, || layer(x.clone(), w.clone()));
        assert_eq!(out.dims(), y);
        let gradients = (out.clone() * values(y, factor, device)).sum().backward();
        let of = |x: &Tensor<D>| x.grad(&gradients).expect("a gradient").into_data();
        [out.inner().into_data(), of(&x), of(&w)].map(|x| x.try_into_vec().expect("f32")).into()
    }

    fn deviation(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
        let each = a.iter().zip(b).flat_map(|(a, b)| {
            assert_eq!(a.len(), b.len());
            let largest = b.iter().fold(1e-9f32, |m, v| m.max(v.abs()));
            a.iter().zip(b).map(move |(a, b)| (a - b).abs() / largest)
        });
        each.fold(0.0, |worst, apart| if apart <= worst { worst } else { apart })
    }

    /// What is added to these values is less than half of the last digit that they keep: they become those without it, and
    /// their products, which are exact then, and sums are those of single precision.
    const LITTLE: f32 = 1.0 + 1.0 / 8192.0;

    #[test]
    fn factors_are_rounded_and_nothing_else() {
        let Some(card) = card() else { return };
        let window = |kernel, stride, padding| Window { kernel, stride, padding };
        // The last but one has few outputs and many values for each of them, the last is so large that it goes in parts.
        for (n, from, to, side, window, transposed) in [
            (3, 5, 7, 9, window(3, 1, 1), false),
            (4, 24, 48, 8, window(4, 2, 1), false),
            (2, 9, 6, 5, window(1, 1, 0), false),
            (4, 48, 24, 4, window(4, 2, 1), true),
            (2, 6, 9, 5, window(1, 1, 0), true),
            (2, 40, 2, 6, window(3, 1, 1), false),
            (3, 24, 2, 200, window(4, 1, 1), false),
        ] {
            let of_weight = if transposed { [from, to] } else { [to, from] };
            let w = [of_weight[0], of_weight[1], window.kernel, window.kernel];
            let input = Extent { height: side, width: side, channels: from };
            let other = match transposed {
                false => Geometry::convolution(input, to, window).narrow.height,
                true => Geometry::transposed(input, to, window).wide.height,
            };
            let shapes = [[n, from, side, side], w, [n, to, other, other]];
            let run = |factor, precision| {
                all(shapes, factor, &card, precision, |x, w| {
                    let layer = if transposed { conv_transpose2d } else { conv2d };
                    layer(x, w, 0.25, None, window, Activation::None)
                })
            };
            let exact = run(1.0, Precision::Single);
            let what = format!("{from} to {to} channels, {window:?}");
            for factor in [1.0, LITTLE] {
                let apart = deviation(&run(factor, Precision::Bfloat16), &exact);
                assert!(apart < 1e-5, "{what}, times {factor}: {apart:e}");
            }
            let apart = deviation(&run(LITTLE, Precision::Single), &exact);
            let rounds_too = cfg!(any(feature = "cuda", feature = "rocm"));
            assert!(rounds_too || apart > 1e-4, "{what}, in single precision: {apart:e}");
        }
    }

    #[test]
    fn what_is_scaled_before_a_product_is_rounded_once() {
        let Some(card) = card() else { return };
        let scale = 0.3f32;
        let window = Window { kernel: 2, stride: 2, padding: 0 };
        let numbers: Vec<f32> = (0..400u16).map(|i| 1.0 + f32::from(i) / 397.0).collect();
        // Of every window of the output one value counts.
        let factor: Vec<f32> = numbers.iter().flat_map(|g| [*g, 0.0]).collect();
        let row = |values: Vec<f32>| {
            let shape = [1, 1, 1, values.len()];
            Tensor::<4>::from_data(TensorData::new(values, shape), &card.clone().autodiff())
        };
        let factor = Tensor::cat(vec![row(factor), row(vec![0.0; 800])], 2);
        let x = row(vec![1.0; 400]).require_grad();
        let w = Tensor::<4>::ones([1, 1, 2, 2], &card.clone().autodiff());
        let y = in_precision(Precision::Bfloat16, || {
            conv_transpose2d(x.clone(), w, scale.into(), None, window, Activation::None)
        });
        let gradients = (y * factor).sum().backward();
        let found = x.grad(&gradients).expect("a gradient").into_data();
        let found: Vec<f32> = found.try_into_vec().expect("f32");
        let of_bfloat16 = cfg!(any(feature = "cuda", feature = "rocm"));
        let digits = if of_bfloat16 { 8 } else { 11 };
        let mut rounded = 0;
        for (g, found) in numbers.iter().zip(found) {
            let exact = g * scale;
            let half_of_the_last = 2f32.powi(exact.log2().floor() as i32 - digits);
            let apart = (found - exact).abs();
            assert!(apart <= half_of_the_last * 1.0001, "{g}: {found} for {exact}");
            rounded += usize::from(apart > half_of_the_last / 100.0);
        }
        assert!(rounded > 300, "{rounded} of 400 were rounded");
    }

    #[test]
    fn linear_layers_stay_in_single_precision() {
        let Some(card) = card() else { return };
        let run = |precision| {
            all([[4, 300], [300, 2], [4, 2]], 1.0 / 3.0, &card, precision, |x, w| {
                let bias = Tensor::zeros([2], &x.device());
                linear(x, w, 0.3, bias)
            })
        };
        assert_eq!(run(Precision::Bfloat16), run(Precision::Single));
    }
}
