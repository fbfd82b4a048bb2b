//! The kernels against Burn's own operations: values and all gradients, over random shapes.

use burn::tensor::{
    DType, Device, Int, Tensor, TensorData, module,
    ops::{
        AvgPoolOptions, ConvOptions, ConvTransposeOptions, InterpolateMode, InterpolateOptions,
        MaxPoolOptions,
    },
};
use proptest::prelude::*;
use softreg_kernel::{
    Activation, Pool, Pooling, Precision, Window, activation, batch_norm, bfloat16_is_on,
    conv_transpose2d, conv2d, conv2d_downsample, conv2d_downsample_adjoint, elementwise, fork,
    gather_pixels, in_precision, join_channels, modulate, pool2d, upsample_conv2d,
    upsample_nearest2d,
};

use deviation::{deviation, numbers};
use draws::random;

mod deviation;
mod draws;

const SCALE: f64 = 0.3;
const LEAKY: Activation = Activation::LeakyRelu { slope: 0.2 };
const ACTIVATIONS: [Activation; 5] =
    [Activation::None, LEAKY, Activation::RELU, Activation::Softplus, Activation::Tanh];

/// The same values in the memory order in which a kernel leaves them.
fn channels_last(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1]).mul_scalar(1.0).permute([0, 3, 1, 2])
}

/// Few or many, and those that networks have, whose distances in memory are powers of two.
fn channels() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1usize..36, 1 => 1usize..5, 1 => prop::sample::select(vec![16, 32, 48, 64])]
}

type Forward<'a> = &'a (dyn Fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4> + Sync);

/// Output and gradients of input, weight and bias, for a random gradient of the output.
fn all(
    [x, w]: [&Tensor<4>; 2],
    b: &Tensor<1>,
    factor: &mut Option<Tensor<4>>,
    forward: Forward<'_>,
) -> (Tensor<4>, [Tensor<4>; 2], Tensor<1>) {
    let (x, w, b) = (
        x.clone().detach().require_grad(),
        w.clone().detach().require_grad(),
        b.clone().detach().require_grad(),
    );
    let y = forward(x.clone(), w.clone(), b.clone());
    let factor = factor.get_or_insert_with(|| random(y.dims(), &y.device())).clone();
    let gradients = (y.clone() * factor).sum().backward();
    let of = |x: &Tensor<4>| {
        Tensor::from_data(x.grad(&gradients).expect("a gradient").into_data(), &x.device().inner())
    };
    let of_b =
        Tensor::from_data(b.grad(&gradients).expect("a gradient").into_data(), &b.device().inner());
    (y.inner(), [of(&x), of(&w)], of_b)
}

fn activate(x: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::None => x,
        Activation::RELU => burn::tensor::activation::relu(x),
        Activation::LeakyRelu { slope } => burn::tensor::activation::leaky_relu(x, slope.into()),
        Activation::Softplus => burn::tensor::activation::softplus(x, 1.0),
        Activation::Tanh => x.tanh(),
    }
}

fn compare(
    x: Tensor<4>,
    [outputs, inputs]: [usize; 2],
    window: Window,
    activation: Activation,
    transposed: bool,
) -> f32 {
    let device = x.device();
    let k = window.kernel;
    let shape = if transposed { [inputs, outputs, k, k] } else { [outputs, inputs, k, k] };
    let (w, b) = (random(shape, &device), random([outputs], &device));
    let (s, p) = ([window.stride; 2], [window.padding; 2]);
    // As in a network, so that sums are of the size of what is summed, and not their rounding of many times that.
    let scale = 1.0 / ((inputs * k * k) as f64).sqrt();
    let mut factor = None;
    let (own, stock): (Forward<'_>, Forward<'_>) = match transposed {
        false => (&|x, w, b| conv2d(x, w, scale, Some(b), window, activation), &|x, w, b| {
            let options = ConvOptions::new(s, p, [1, 1], 1);
            activate(module::conv2d(x, w.mul_scalar(scale), Some(b), options), activation)
        }),
        true => {
            (&|x, w, b| conv_transpose2d(x, w, scale, Some(b), window, activation), &|x, w, b| {
                let options = ConvTransposeOptions::new(s, p, [0, 0], [1, 1], 1);
                activate(
                    module::conv_transpose2d(x, w.mul_scalar(scale), Some(b), options),
                    activation,
                )
            })
        }
    };
    let a = all([&x, &w], &b, &mut factor, own);
    let e = all([&x, &w], &b, &mut factor, stock);
    let [ax, aw] = a.1;
    let [ex, ew] = e.1;
    deviation(a.0, e.0).max(deviation(ax, ex)).max(deviation(aw, ew)).max(deviation(a.2, e.2))
}

/// How far two operations on pictures are apart, in their values and in the gradient of their input.
fn compare_ops(
    x: &Tensor<4>,
    own: &dyn Fn(Tensor<4>) -> Tensor<4>,
    stock: &dyn Fn(Tensor<4>) -> Tensor<4>,
) -> f32 {
    let mut factor = None;
    let mut run = |op: &dyn Fn(Tensor<4>) -> Tensor<4>| {
        let x = x.clone().detach().require_grad();
        let y = op(x.clone());
        let factor = factor.get_or_insert_with(|| random(y.dims(), &y.device())).clone();
        let gradients = (y.clone() * factor).sum().backward();
        (y.inner(), x.grad(&gradients).expect("a gradient"))
    };
    let ((y, gradient), (expected, of_expected)) = (run(own), run(stock));
    deviation(y, expected).max(deviation(gradient, of_expected))
}

#[test]
fn what_is_not_a_number_is_not_pooled_away() {
    let window = Window { kernel: 2, stride: 2, padding: 0 };
    let pool = Pool { window, takes: Pooling::Max, over_the_edge: false };
    for place in 0..4 {
        let mut values = vec![1.0, 3.0, 0.0, 2.0];
        values[place] = f32::NAN;
        let x = Tensor::from_data(TensorData::new(values, [1, 1, 2, 2]), &Device::flex());
        assert!(numbers(pool2d(x, pool))[0].is_nan());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn layers_are_those_of_burn(
        (n, h, w) in (1usize..5, 1usize..12, 1usize..12),
        channels in (channels(), channels()),
        (kernel, stride, padding) in (1usize..5, 1usize..4, 0usize..3),
        kind in 0..ACTIVATIONS.len(),
        transposed in any::<bool>(),
        last in any::<bool>(),
        threads in 1usize..3,
    ) {
        let window = Window { kernel, stride, padding };
        // A window fits the picture, and a transposed one leaves something of it.
        let fits = |n: usize| match transposed {
            false => n + 2 * padding >= kernel,
            true => (n - 1) * stride + kernel > 2 * padding,
        };
        prop_assume!(padding < kernel && fits(h) && fits(w));
        let device = Device::flex().autodiff();
        draws::seed((n * h * w) as u64);
        let x = random([n, channels.1, h, w], &device);
        let x = if last { channels_last(x) } else { x };
        let activation = ACTIVATIONS[kind];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let worst =
            pool.install(|| compare(x, [channels.0, channels.1], window, activation, transposed));
        prop_assert!(worst < 1e-5, "{worst:e}");
    }

    #[test]
    fn changes_of_size_beside_a_convolution_are_those_of_burn(
        (n, h, w) in (1usize..4, 2usize..9, 2usize..9),
        (inputs, outputs) in (1usize..28, 1usize..28),
        kind in 0..ACTIVATIONS.len(),
        doubled in any::<bool>(),
        last in any::<bool>(),
        threads in 1usize..3,
    ) {
        let device = Device::flex().autodiff();
        draws::seed((n * h * w + inputs) as u64);
        let x = random([n, inputs, h, w], &device);
        let x = if last { channels_last(x) } else { x };
        let (weight, b) = (random([outputs, inputs, 3, 3], &device), random([outputs], &device));
        let (activation, scale) = (ACTIVATIONS[kind], 1.0 / ((9 * inputs) as f64).sqrt());
        let convolved = |x, w: Tensor<4>, b| {
            module::conv2d(x, w.mul_scalar(scale), b, ConvOptions::new([1, 1], [1, 1], [1, 1], 1))
        };
        let width = w;
        let halved = |x| module::avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2]));
        let (own, stock): (Forward<'_>, Forward<'_>) = match doubled {
            true => (&|x, w, b| upsample_conv2d(x, w, scale, Some(b), activation), &|x, w, b| {
                let size = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([2 * h, 2 * width]);
                activate(convolved(module::interpolate(x, size), w, Some(b)), activation)
            }),
            false => (&|x, w, b| conv2d_downsample(x, w, scale, Some(b), activation), &|x, w, b| {
                activate(halved(convolved(x, w, Some(b))), activation)
            }),
        };
        let mut factor = None;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let a = pool.install(|| all([&x, &weight], &b, &mut factor, own));
        let e = all([&x, &weight], &b, &mut factor, stock);
        // Another precision has no kernel, so that this is the way of every other device.
        let [wide_x, wide_w] = [&x, &weight].map(|x| x.clone().inner().cast(DType::F64));
        let wide = own(wide_x, wide_w, b.clone().inner().cast(DType::F64)).cast(DType::F32);
        let ([ax, aw], [ex, ew]) = (a.1, e.1);
        let worst = deviation(ax, ex).max(deviation(aw, ew)).max(deviation(a.2, e.2));
        let worst = worst.max(deviation(a.0, e.0.clone())).max(deviation(wide, e.0));
        prop_assert!(worst < 1e-5, "{worst:e}");

        // What the gradient of the input is, the adjoint is as a layer.
        if !doubled && h % 2 == 0 && w % 2 == 0 {
            let x = x.detach().require_grad();
            let gradient = random([n, outputs, h / 2, w / 2], &device);
            let y = halved(convolved(x.clone(), weight.clone(), None));
            let of_x = x.grad(&(y * gradient.clone()).sum().backward()).expect("a gradient");
            let adjoint = conv2d_downsample_adjoint(gradient, weight, scale).inner();
            let worst = deviation(adjoint, Tensor::from_data(of_x.into_data(), &device.inner()));
            prop_assert!(worst < 1e-5, "{worst:e}");
        }
    }

    #[test]
    fn pools_are_those_of_burn(
        (n, c, h, w) in (1usize..5, 1usize..20, 1usize..12, 1usize..12),
        (kernel, stride, padding) in (1usize..5, 1usize..4, 0usize..3),
        max in any::<bool>(),
        over_the_edge in any::<bool>(),
        last in any::<bool>(),
        threads in 1usize..3,
    ) {
        prop_assume!(2 * padding <= kernel && h.min(w) + 2 * padding >= kernel);
        let device = Device::flex().autodiff();
        draws::seed((n * c * h * w) as u64);
        // Whole numbers, so that there are equal ones.
        let x = random([n, c, h, w], &device).mul_scalar(3.0).round();
        let x = if last { channels_last(x) } else { x };
        let window = Window { kernel, stride, padding };
        let takes = if max { Pooling::Max } else { Pooling::Mean };
        let own = |x: Tensor<4>| pool2d(x, Pool { window, takes, over_the_edge });
        let (kernel_size, stride) = ([kernel; 2], [stride; 2]);
        let (padding, ceil_mode) = ([(padding, padding); 2], over_the_edge);
        let stock = |x: Tensor<4>| match max {
            true => {
                let dilation = [1, 1];
                let options = MaxPoolOptions { kernel_size, stride, padding, dilation, ceil_mode };
                module::max_pool2d(x, options)
            }
            false => {
                let count_include_pad = false;
                let options =
                    AvgPoolOptions { kernel_size, stride, padding, count_include_pad, ceil_mode };
                module::avg_pool2d(x, options)
            }
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let worst = pool.install(|| compare_ops(&x, &own, &stock));
        prop_assert!(worst < 1e-5, "{worst:e}");
    }

    #[test]
    fn doubling_is_that_of_burn(
        (n, c, h, w) in (1usize..5, 1usize..20, 1usize..7, 1usize..7),
        last in any::<bool>(),
        threads in 1usize..3,
    ) {
        let device = Device::flex().autodiff();
        draws::seed((n * c * h * w) as u64);
        let x = random([n, c, h, w], &device);
        let x = if last { channels_last(x) } else { x };
        let stock = |x: Tensor<4>| {
            let mode = InterpolateOptions::new(InterpolateMode::Nearest);
            module::interpolate(x, mode.with_output_size([2 * h, 2 * w]))
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let worst = pool.install(|| compare_ops(&x, &upsample_nearest2d, &stock));
        prop_assert!(worst < 1e-6, "{worst:e}");
        let wide = upsample_nearest2d(x.clone().inner().cast(DType::F64)).cast(DType::F32);
        prop_assert!(deviation(stock(x.inner()), wide) == 0.0);
    }

    /// Whatever order what is added and what is taken twice lies in.
    #[test]
    fn sums_of_two_ways_are_those_of_burn(
        (n, c, h, w) in (1usize..5, 1usize..20, 1usize..7, 1usize..7),
        last in (any::<bool>(), any::<bool>()),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((n * c * h * w) as u64);
        let lying = |x, last| if last { channels_last(x) } else { x };
        let x = lying(random([n, c, h, w], &device), last.0);
        let y = lying(random([n, c, h, w], &device), last.1);
        let own = |x: Tensor<4>| {
            let [x, again] = fork(x);
            elementwise([x.tanh(), again * y.clone()], |[a, b]| (a + b).mul_scalar(0.5))
        };
        let stock = |x: Tensor<4>| (x.clone().tanh() + x * y.clone()).mul_scalar(0.5);
        prop_assert!(compare_ops(&x, &own, &stock) < 1e-6);
    }

    #[test]
    fn joined_channels_are_those_of_burn(
        (n, h, w) in (1usize..4, 1usize..6, 1usize..6),
        channels in (1usize..9, 1usize..9),
        last in any::<bool>(),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((n * h * w) as u64);
        let y = random([n, channels.1, h, w], &device);
        let x = random([n, channels.0, h, w], &device);
        let x = if last { channels_last(x) } else { x };
        let own = |x: Tensor<4>| join_channels(vec![y.clone(), x.clone() * 2.0, x]);
        let stock = |x: Tensor<4>| Tensor::cat(vec![y.clone(), x.clone() * 2.0, x], 1);
        prop_assert!(compare_ops(&x, &own, &stock) < 1e-6);
    }

    /// What comes back from a layer has its channels innermost, which is its own way through the one before.
    #[test]
    fn layers_in_a_row_are_those_of_burn(
        (n, h, w) in (1usize..4, 2usize..9, 2usize..9),
        (inputs, between, outputs) in (1usize..12, 5usize..36, 1usize..12),
        kind in 0..ACTIVATIONS.len(),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((n * h * w + between) as u64);
        let window = Window { kernel: 3, stride: 1, padding: 1 };
        let activation = ACTIVATIONS[kind];
        let x = random([n, inputs, h, w], &device);
        let first = random([between, inputs, 3, 3], &device);
        let second = random([outputs, between, 3, 3], &device);
        let b = random([between], &device);
        let mut factor = None;
        let options = || ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let own = all([&x, &first], &b, &mut factor, &|x, w, b| {
            let y = conv2d(x, w, SCALE, Some(b), window, activation);
            conv2d(y, second.clone(), SCALE, None, window, Activation::None)
        });
        let stock = all([&x, &first], &b, &mut factor, &|x, w, b| {
            let y = activate(module::conv2d(x, w.mul_scalar(SCALE), Some(b), options()), activation);
            module::conv2d(y, second.clone().mul_scalar(SCALE), None, options())
        });
        let ([ax, aw], [ex, ew]) = (own.1, stock.1);
        let worst = deviation(own.0, stock.0).max(deviation(ax, ex)).max(deviation(aw, ew));
        let worst = worst.max(deviation(own.2, stock.2));
        prop_assert!(worst < 1e-5, "{worst:e}");
    }

    #[test]
    fn normalisation_is_that_of_burn(
        // From 16 values on: of two, the gradient is 0 but for rounding.
        shape in (1usize..5, 1usize..20, 4usize..9, 4usize..9),
        last in any::<bool>(),
    ) {
        let device = Device::flex().autodiff();
        let shape = [shape.0, shape.1, shape.2, shape.3];
        draws::seed(shape.iter().sum::<usize>() as u64);
        let x = random(shape, &device).mul_scalar(3.0).add_scalar(1.0);
        let x = if last { channels_last(x) } else { x };
        let factor = random(shape, &device);
        let run = |forward: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let x = x.clone().detach().require_grad();
            let y = forward(x.clone());
            let gradients = (y.clone() * factor.clone()).sum().backward();
            (y.inner(), Tensor::<4>::from_data(x.grad(&gradients).expect("a gradient").into_data(), &x.device().inner()))
        };
        let own = run(&|x| batch_norm(x, 1e-5));
        let stock = run(&|x| {
            let one = Tensor::ones([shape[1]], &device);
            module::batch_norm_train(x, one, Tensor::zeros([shape[1]], &device), 1e-5).output
        });
        let worst = deviation(own.0, stock.0).max(deviation(own.1, stock.1));
        prop_assert!(worst < 2e-5, "{worst:e}");
    }

    #[test]
    fn modulation_is_that_of_burn(
        (n, c, h, w) in (1usize..5, 1usize..20, 1usize..12, 1usize..12),
        last in any::<bool>(),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((n * c * h * w) as u64);
        let x = random([n, c, h, w], &device);
        let x = if last { channels_last(x) } else { x };
        // Part of what one layer made for several, as networks may do.
        let (style, factor) = (random([n, 2 * c + 3], &device), random([n, c, h, w], &device));
        let run = |forward: &dyn Fn(Tensor<4>, Tensor<2>) -> Tensor<4>| {
            let x = x.clone().detach().require_grad();
            let style = style.clone().detach().require_grad();
            let y = forward(x.clone(), style.clone().narrow(1, 2, 2 * c));
            let gradients = (y.clone() * factor.clone()).sum().backward();
            let of_x = x.grad(&gradients).expect("a gradient");
            let of_style = style.grad(&gradients).expect("a gradient");
            let of_style = of_style.reshape([n, 2 * c + 3, 1, 1]);
            let plain = |x: Tensor<4>| Tensor::<4>::from_data(x.into_data(), &device.clone().inner());
            [plain(y.inner()), plain(of_x), plain(of_style)]
        };
        let own = run(&modulate);
        let stock = run(&|x, style| {
            let part = |from| style.clone().narrow(1, from, c).reshape([n, c, 1, 1]);
            x * part(0).add_scalar(1.0) + part(c)
        });
        for (own, stock) in own.into_iter().zip(stock) {
            let far = deviation(own, stock);
            prop_assert!(far < 1e-5, "{far:e}");
        }
    }

    #[test]
    fn gathered_pixels_are_those_of_burn(
        (n, c, h, w) in (1usize..5, 1usize..6, 1usize..7, 1usize..7),
        last in any::<bool>(),
        threads in 1usize..3,
        draws in proptest::collection::vec(0u32..60, 4 * 6 * 6),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((n * c * h * w) as u64);
        // Channels innermost, or cut out of a wider picture.
        let draw = || match last {
            true => channels_last(random([n, c, h, w], &device)),
            false => random([n, c, h, w + 1], &device).narrow(3, 1, w),
        };
        let (x, factor) = (draw(), draw());
        let sources = &draws[..n * h * w];
        let run = |forward: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let x = x.clone().detach().require_grad();
            let y = forward(x.clone());
            let gradients = (y.clone() * factor.clone()).sum().backward();
            (y.inner(), Tensor::<4>::from_data(x.grad(&gradients).expect("a gradient").into_data(), &x.device().inner()))
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let own = pool.install(|| run(&|x| gather_pixels(x, sources)));
        // A pixel of zeros behind the others, from which everything comes that comes from outside.
        let stock = run(&|x| {
            let outside = Tensor::zeros([n, c, 1], &x.device());
            let all = Tensor::cat(vec![x.reshape([n, c, h * w]), outside], 2);
            let index: Vec<i64> = sources.iter().map(|s| i64::from(*s).min((h * w) as i64)).collect();
            let index = Tensor::<3, Int>::from_data(TensorData::new(index, [n, 1, h * w]), &device);
            all.gather(2, index.repeat_dim(1, c)).reshape([n, c, h, w])
        });
        // Another precision has no kernel, so that this is the way of every other device.
        let wide = gather_pixels(x.clone().inner().cast(DType::F64), sources).cast(DType::F32);
        prop_assert!(deviation(own.0.clone(), wide) == 0.0);
        prop_assert!(deviation(own.0, stock.0) == 0.0);
        let worst = deviation(own.1, stock.1);
        prop_assert!(worst < 1e-6, "{worst:e}");
    }

    #[test]
    fn activations_are_those_of_burn(
        (a, b) in (1usize..20, 1usize..20),
        kind in 0..ACTIVATIONS.len(),
        turned in any::<bool>(),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((a * b) as u64);
        let x = random([2, 3, a, b], &device);
        let x = if turned { channels_last(x) } else { x };
        let factor = random([2, 3, a, b], &device);
        let kind = ACTIVATIONS[kind];
        let run = |forward: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let x = x.clone().detach().require_grad();
            let y = forward(x.clone());
            let gradients = (y.clone() * factor.clone()).sum().backward();
            (y.inner(), Tensor::<4>::from_data(x.grad(&gradients).expect("a gradient").into_data(), &x.device().inner()))
        };
        let own = run(&|x| activation(x, kind));
        let stock = run(&|x| activate(x, kind));
        let worst = deviation(own.0, stock.0).max(deviation(own.1, stock.1));
        prop_assert!(worst < 1e-6, "{worst:e}");
        // One picture for all: as many values in memory as there seem to be, and most of them others'.
        let first = |x: Tensor<4>| x.narrow(0, 0, 1).expand([2, 3, a, b]);
        let own = run(&|x| activation(first(x), kind));
        let stock = run(&|x| activate(first(x), kind));
        let worst = deviation(own.0, stock.0).max(deviation(own.1, stock.1));
        prop_assert!(worst < 1e-6, "{worst:e}");
    }
}

/// The layers of the networks that are trained, at their own sizes.
#[test]
fn layers_of_the_default_networks() {
    let device = Device::flex().autodiff();
    draws::seed(3);
    let halving = Window { kernel: 4, stride: 2, padding: 1 };
    let same = Window { kernel: 3, stride: 1, padding: 1 };
    for (channels, side, window, activation, transposed) in [
        ([24, 3], 32, halving, LEAKY, false),
        ([48, 24], 16, halving, LEAKY, false),
        ([96, 48], 8, halving, LEAKY, false),
        ([48, 96], 4, halving, LEAKY, true),
        ([24, 48], 8, halving, LEAKY, true),
        ([3, 24], 16, halving, Activation::Tanh, true),
        ([32, 32], 16, same, LEAKY, false),
    ] {
        let x = random([16, channels[1], side, side], &device);
        let worst = compare(channels_last(x), channels, window, activation, transposed);
        assert!(worst < 1e-5, "{channels:?}: {worst:e}");
    }
}

/// The generator's step freezes the critic's weights, and the critic's step needs no gradient of pictures: what is
/// left must be what it is with all of them.
#[test]
fn gradients_do_not_depend_on_which_of_them_are_wanted() {
    let device = Device::flex().autodiff();
    draws::seed(5);
    let window = Window { kernel: 4, stride: 2, padding: 1 };
    for transposed in [false, true] {
        let channels = if transposed { 6 } else { 3 };
        let x = random([2, channels, 8, 8], &device);
        let w = random([6, 3, 4, 4], &device);
        let b = random([if transposed { 3 } else { 6 }], &device);
        let gradients = |tracked: [bool; 3]| {
            let (x, w) =
                (x.clone().set_require_grad(tracked[0]), w.clone().set_require_grad(tracked[1]));
            let b = b.clone().set_require_grad(tracked[2]);
            let layer = if transposed { conv_transpose2d } else { conv2d };
            let y = layer(x.clone(), w.clone(), SCALE, Some(b.clone()), window, LEAKY);
            let found = (y.clone() * y).sum().backward();
            let of = [x.grad(&found).map(numbers), w.grad(&found).map(numbers)];
            [of[0].clone(), of[1].clone(), b.grad(&found).map(numbers)]
        };
        let all = gradients([true; 3]);
        for tracked in [[true, false, false], [false, true, false], [false, false, true]] {
            for ((some, all), tracked) in gradients(tracked).iter().zip(&all).zip(tracked) {
                assert_eq!(some.as_ref(), all.as_ref().filter(|_| tracked));
            }
        }
    }
}

#[test]
#[should_panic(expected = "weights for other numbers of channels")]
fn weights_of_another_layer_are_refused() {
    let device = Device::flex();
    let window = Window { kernel: 3, stride: 1, padding: 1 };
    conv2d(
        random([1, 3, 8, 8], &device),
        random([4, 2, 3, 3], &device),
        SCALE,
        None,
        window,
        LEAKY,
    );
}

#[test]
#[should_panic(expected = "is larger than a side of 2")]
fn a_window_larger_than_the_picture_is_refused() {
    let device = Device::flex();
    let window = Window { kernel: 4, stride: 2, padding: 0 };
    conv2d(
        random([1, 3, 2, 8], &device),
        random([4, 3, 4, 4], &device),
        SCALE,
        None,
        window,
        LEAKY,
    );
}

#[test]
#[should_panic(expected = "leaves nothing of a side of 1")]
fn a_window_that_is_all_padding_is_refused() {
    let device = Device::flex();
    let window = Window { kernel: 4, stride: 2, padding: 2 };
    let (x, w) = (random([1, 3, 1, 8], &device), random([3, 4, 4, 4], &device));
    conv_transpose2d(x, w, SCALE, None, window, LEAKY);
}

/// Gradients are taken in what their layer was computed in, wherever they are asked for.
#[test]
fn a_layer_keeps_its_precision() {
    let device = Device::flex().autodiff();
    let (x, w) = (random([2, 8, 8, 8], &device), random([16, 8, 4, 4], &device));
    let (b, mut factor) = (Tensor::<1>::zeros([16], &device), None);
    let window = Window { kernel: 4, stride: 2, padding: 1 };
    // Not with a kink, where rounding decides between two derivatives.
    let layer = |x, w, b| conv2d(x, w, SCALE, Some(b), window, Activation::Tanh);
    let less = |x, w, b| in_precision(Precision::Bfloat16, || layer(x, w, b));
    let single = all([&x, &w], &b, &mut factor, &layer);
    let outside = all([&x, &w], &b, &mut factor, &less);
    let inside = in_precision(Precision::Bfloat16, || all([&x, &w], &b, &mut factor, &layer));
    let numbers =
        |(y, [of_x, of_w], _): (Tensor<4>, [Tensor<4>; 2], Tensor<1>)| [y, of_x, of_w].map(numbers);
    let [single, outside, inside] = [single, outside, inside].map(numbers);
    assert_eq!(outside, inside);
    for (single, less) in single.into_iter().zip(inside) {
        assert_eq!(single != less, bfloat16_is_on(&device));
        let largest = single.iter().fold(1f32, |most, value| most.max(value.abs()));
        for (single, less) in single.into_iter().zip(less) {
            assert!((single - less).abs() < 0.02 * largest, "{single} and {less}");
        }
    }
}
