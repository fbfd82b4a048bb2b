//! Speed of every layer of the default networks, in the three directions, on one thread: the kernels beside
//! Burn's own operations and beside what the processor can do at most.
//!
//! ```sh
//! cargo run --release -p softreg-kernel --features flex --example layers
//! ```
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use burn::tensor::{
    Device, Distribution, Tensor, module,
    ops::{ConvOptions, ConvTransposeOptions},
};
use pulp::{Arch, Simd, WithSimd};
use softreg_kernel::{Activation, Window, conv_transpose2d, conv2d};
use std::hint::black_box;
use std::time::Instant;

const NONE: Activation = Activation::None;

/// Fused multiplications and additions that wait for nothing but each other.
struct Peak(u64);

impl WithSimd for Peak {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (a, b) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(0.001)));
        let mut sums = [simd.splat_f32s(1.0); 12];
        let start = Instant::now();
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, a, b);
            }
        }
        black_box(sums);
        let operations = self.0 as f64 * 12.0 * 2.0 * S::F32_LANES as f64;
        operations / start.elapsed().as_secs_f64() / 1e9
    }
}

/// The best of several times, in GFLOP/s.
fn speed(operations: f64, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let (start, mut rounds) = (Instant::now(), 0);
        while start.elapsed().as_secs_f64() < 0.005 {
            run();
            rounds += 1;
        }
        best = best.min(start.elapsed().as_secs_f64() / f64::from(rounds));
    }
    operations / best / 1e9
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        let peak = (0..5).map(|_| Arch::new().dispatch(Peak(4_000_000))).fold(0.0, f64::max);
        println!(
            "peak of one core: {peak:.0} GFLOP/s; figures are GFLOP/s: kernel / Burn's operation\n"
        );
        println!("| layer | forward | input gradient | weight gradient |\n|---|---|---|---|");
        let halving = Window { kernel: 4, stride: 2, padding: 1 };
        let same = Window { kernel: 3, stride: 1, padding: 1 };
        for (name, [outputs, inputs], side, window, transposed) in [
            ("halving 3 to 24, 32x32", [24, 3], 32, halving, false),
            ("halving 24 to 48, 16x16", [48, 24], 16, halving, false),
            ("halving 48 to 96, 8x8", [96, 48], 8, halving, false),
            ("doubling 96 to 48, 4x4", [48, 96], 4, halving, true),
            ("doubling 48 to 24, 8x8", [24, 48], 8, halving, true),
            ("doubling 24 to 3, 16x16", [3, 24], 16, halving, true),
            ("halving 64 to 128, 16x16", [128, 64], 16, halving, false),
            ("3x3, 32 to 32, 16x16", [32, 32], 16, same, false),
        ] {
            let (batch, k) = (16, window.kernel);
            let device = Device::flex();
            let random = |shape| Tensor::<4>::random(shape, Distribution::Default, &device);
            let x = random([batch, inputs, side, side]);
            // Channels innermost, as the layer before leaves them.
            let x = if inputs > 4 {
                x.permute([0, 2, 3, 1]).mul_scalar(1.0).permute([0, 3, 1, 2])
            } else {
                x
            };
            let shape = if transposed { [inputs, outputs, k, k] } else { [outputs, inputs, k, k] };
            let (w, b) = (random(shape), Tensor::<1>::zeros([outputs], &device));
            let (s, p) = ([window.stride; 2], [window.padding; 2]);
            let run = |own: bool, x: Tensor<4>, w: Tensor<4>| match (own, transposed) {
                (true, false) => conv2d(x, w, 1.0, Some(b.clone()), window, NONE),
                (true, true) => conv_transpose2d(x, w, 1.0, Some(b.clone()), window, NONE),
                (false, false) => {
                    let options = ConvOptions::new(s, p, [1, 1], 1);
                    module::conv2d(x, w, Some(b.clone()), options)
                }
                (false, true) => {
                    let options = ConvTransposeOptions::new(s, p, [0, 0], [1, 1], 1);
                    module::conv_transpose2d(x, w, Some(b.clone()), options)
                }
            };
            let narrow = if transposed { side } else { side / window.stride };
            let operations = 2.0 * (batch * narrow * narrow * k * k * inputs * outputs) as f64;
            let measure = |own: bool| -> [f64; 3] {
                let forward = speed(operations, || {
                    black_box(run(own, x.clone(), w.clone()));
                });
                let backward = |of_input: bool| {
                    let ad = device.clone().autodiff();
                    let on = |t: &Tensor<4>, tracked: bool| {
                        Tensor::from_inner(t.clone()).to_device(&ad).set_require_grad(tracked)
                    };
                    let seconds = |rounds: usize| {
                        let mut total = 0.0;
                        for _ in 0..rounds {
                            let b = run(own, on(&x, of_input), on(&w, !of_input));
                            // The sum's own gradient is a constant: its cost is small.
                            let loss = b.sum();
                            let start = Instant::now();
                            black_box(loss.backward());
                            total += start.elapsed().as_secs_f64();
                        }
                        total / rounds as f64
                    };
                    let best = (0..60).map(|_| seconds(2)).fold(f64::INFINITY, f64::min);
                    operations / best / 1e9
                };
                [forward, backward(true), backward(false)]
            };
            let (own, stock) = (measure(true), measure(false));
            let cells: Vec<String> =
                own.iter().zip(stock).map(|(a, b)| format!("{a:.0} / {b:.0}")).collect();
            println!("| {name} | {} |", cells.join(" | "));
        }
    });
}
