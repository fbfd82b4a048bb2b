//! Speed of every layer of the default networks, in the three directions, on one thread: the kernels beside
//! Burn's own operations and beside what the processor can do at most.
//!
//! The model: a direction of a layer takes `2·n·h·w·k²·c_in·c_out` operations (`h·w` of the smaller side) and moves at least
//! its two factors and its result once, so that its floor is the larger of operations over the peak and bytes over
//! the bandwidth of memory. What a step of the default recipe takes of each is added up in the end.
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
use softreg_kernel::{
    Activation, Precision, Window, bfloat16_is_on, conv_transpose2d, conv2d, in_precision,
};
use std::hint::black_box;
use std::time::Instant;

/// That of the program: with the system's, large results are new memory every time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NONE: Activation = Activation::None;
/// Pictures at once.
const BATCH: usize = 16;

/// Fused multiplications and additions that wait for nothing but each other.
struct Peak(u64);

impl WithSimd for Peak {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        match S::REGISTER_COUNT {
            ..32 => chains::<S, 12>(simd, self.0),
            _ => chains::<S, 24>(simd, self.0),
        }
    }
}

/// GFLOP/s of so many chains, for so many turns.
#[inline(always)]
fn chains<S: Simd, const CHAINS: usize>(simd: S, turns: u64) -> f64 {
    let (a, b) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(0.001)));
    let mut sums = [simd.splat_f32s(1.0); CHAINS];
    let start = Instant::now();
    for _ in 0..turns {
        for sum in &mut sums {
            *sum = simd.mul_add_e_f32s(*sum, a, b);
        }
    }
    black_box(sums);
    let operations = turns as f64 * 2.0 * (CHAINS * S::F32_LANES) as f64;
    operations / start.elapsed().as_secs_f64() / 1e9
}

/// What computes a layer.
#[derive(Clone, Copy)]
enum By {
    Burn,
    Kernels(Precision),
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

/// Bytes a second, in GB/s, between memory and a core: read and written, more than any cache holds.
fn bandwidth() -> f64 {
    let from = vec![1f32; 1 << 26];
    let mut to = vec![0f32; 1 << 26];
    let mut best = f64::INFINITY;
    for _ in 0..6 {
        let start = Instant::now();
        black_box(&mut to).copy_from_slice(black_box(&from));
        best = best.min(start.elapsed().as_secs_f64());
    }
    2.0 * 4.0 * from.len() as f64 / best / 1e9
}

/// What the processor can do at most.
struct Machine {
    /// GFLOP/s.
    peak: f64,
    /// GB/s.
    bandwidth: f64,
}

impl Machine {
    fn measured() -> Self {
        let peak = (0..5).map(|_| Arch::new().dispatch(Peak(4_000_000))).fold(0.0, f64::max);
        Self { peak, bandwidth: bandwidth() }
    }

    /// Seconds that so many operations and bytes take at least.
    fn floor(&self, operations: f64, bytes: f64) -> f64 {
        (operations / self.peak).max(bytes / self.bandwidth) / 1e9
    }
}

/// A layer of some networks.
struct Case {
    name: &'static str,
    outputs: usize,
    inputs: usize,
    /// Of the input.
    side: usize,
    window: Window,
    transposed: bool,
    /// Pictures that a step of the default recipe (batch 32, consistency) takes through it: forwards, backwards to the
    /// input, and to the weights.
    step: [usize; 3],
}

impl Case {
    /// Of so many pictures, in any direction.
    fn operations(&self, pictures: usize) -> f64 {
        let narrow = if self.transposed { self.side } else { self.side / self.window.stride };
        let windows = pictures * narrow * narrow * self.window.kernel.pow(2);
        2.0 * (windows * self.inputs * self.outputs) as f64
    }

    /// Input, output and weights, once each: two of them are read, the third is written.
    fn bytes(&self, pictures: usize) -> f64 {
        let out = match self.transposed {
            true => self.side * self.window.stride,
            false => self.side / self.window.stride,
        };
        let pixels = self.side.pow(2) * self.inputs + out.pow(2) * self.outputs;
        4.0 * (pictures * pixels + self.window.kernel.pow(2) * self.inputs * self.outputs) as f64
    }

    /// GFLOP/s of the three directions.
    fn measured(&self, by: By) -> [f64; 3] {
        let Self { outputs, inputs, side, window, transposed, .. } = *self;
        let k = window.kernel;
        let device = Device::flex();
        let random = |shape| Tensor::<4>::random(shape, Distribution::Default, &device);
        let x = random([BATCH, inputs, side, side]);
        // Channels innermost, as the layer before leaves them.
        let x = if inputs > 4 {
            x.permute([0, 2, 3, 1]).mul_scalar(1.0).permute([0, 3, 1, 2])
        } else {
            x
        };
        let shape = if transposed { [inputs, outputs, k, k] } else { [outputs, inputs, k, k] };
        let (w, b) = (random(shape), Tensor::<1>::zeros([outputs], &device));
        let (s, p) = ([window.stride; 2], [window.padding; 2]);
        let own = |x: Tensor<4>, w: Tensor<4>| match transposed {
            false => conv2d(x, w, 1.0, Some(b.clone()), window, NONE),
            true => conv_transpose2d(x, w, 1.0, Some(b.clone()), window, NONE),
        };
        let run = |x: Tensor<4>, w: Tensor<4>| match (by, transposed) {
            (By::Kernels(precision), _) => in_precision(precision, || own(x, w)),
            (By::Burn, false) => {
                let options = ConvOptions::new(s, p, [1, 1], 1);
                module::conv2d(x, w, Some(b.clone()), options)
            }
            (By::Burn, true) => {
                let options = ConvTransposeOptions::new(s, p, [0, 0], [1, 1], 1);
                module::conv_transpose2d(x, w, Some(b.clone()), options)
            }
        };
        let operations = self.operations(BATCH);
        let forward = speed(operations, || {
            black_box(run(x.clone(), w.clone()));
        });
        let backward = |of_input: bool| {
            let ad = device.clone().autodiff();
            let on = |t: &Tensor<4>, tracked: bool| {
                Tensor::from_inner(t.clone()).to_device(&ad).set_require_grad(tracked)
            };
            // A gradient as the layer behind leaves it; what its product takes alone is taken off.
            let y = run(x.clone(), w.clone());
            let factor = Tensor::from_inner(y.clone().mul_scalar(0.5)).to_device(&ad);
            let seconds = |y: &dyn Fn() -> Tensor<4>| {
                let one = || {
                    let loss = (y() * factor.clone()).sum();
                    let start = Instant::now();
                    black_box(loss.backward());
                    start.elapsed().as_secs_f64()
                };
                (0..120).map(|_| one()).fold(f64::INFINITY, f64::min)
            };
            let whole = seconds(&|| run(on(&x, of_input), on(&w, !of_input)));
            operations / (whole - seconds(&|| on(&y, true))) / 1e9
        };
        [forward, backward(true), backward(false)]
    }
}

fn main() {
    let halving = |name, [outputs, inputs]: [usize; 2], side, step| {
        let window = Window { kernel: 4, stride: 2, padding: 1 };
        Case { name, outputs, inputs, side, window, transposed: false, step }
    };
    let doubling = |name, channels, side, step| Case {
        transposed: true,
        ..halving(name, channels, side, step)
    };
    let same = |name, channels, side, kernel| {
        let window = Window { kernel, stride: 1, padding: kernel / 2 };
        Case { window, ..halving(name, channels, side, [0; 3]) }
    };
    // The critic sees real, moved and generated pictures for its own update, and generated ones for the generator's.
    let cases = [
        halving("halving 3 to 24, 32x32", [24, 3], 32, [128, 32, 96]),
        halving("halving 24 to 48, 16x16", [48, 24], 16, [128, 128, 96]),
        halving("halving 48 to 96, 8x8", [96, 48], 8, [128, 128, 96]),
        doubling("doubling 96 to 48, 4x4", [48, 96], 4, [32; 3]),
        doubling("doubling 48 to 24, 8x8", [24, 48], 8, [32; 3]),
        doubling("doubling 24 to 3, 16x16", [3, 24], 16, [32; 3]),
        halving("halving 64 to 128, 16x16", [128, 64], 16, [0; 3]),
        same("3x3, 32 to 32, 16x16", [32, 32], 16, 3),
        same("1x1, 32 to 64, 16x16", [64, 32], 16, 1),
    ];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        let machine = Machine::measured();
        let Machine { peak, bandwidth } = machine;
        println!("One core: {peak:.0} GFLOP/s, {bandwidth:.1} GB/s. {BATCH} pictures; GFLOP/s of the kernel, of Burn's");
        println!("operation, and the kernel's time over the floor; then of the kernel in bfloat16.\n");
        let bfloat16 = By::Kernels(Precision::Bfloat16);
        println!("| layer | forward | input gradient | weight gradient |\n|---|---|---|---|");
        let (mut arithmetic, mut traffic, mut floor, mut reached) = (0.0, 0.0, 0.0, 0.0);
        for case in &cases {
            let (own, stock) = (case.measured(By::Kernels(Precision::Single)), case.measured(By::Burn));
            let less = bfloat16_is_on(&Device::flex()).then(|| case.measured(bfloat16));
            let (operations, bytes) = (case.operations(BATCH), case.bytes(BATCH));
            let cell = |(i, (own, stock)): (usize, (f64, f64))| {
                let over = operations / own / 1e9 / machine.floor(operations, bytes);
                let less = less.map_or_else(String::new, |less| format!(", {:.0}", less[i]));
                format!("{own:.0} / {stock:.0}, {over:.1}{less}")
            };
            let cells: Vec<String> = own.into_iter().zip(stock).enumerate().map(cell).collect();
            println!("| {} | {} |", case.name, cells.join(" | "));
            for (pictures, own) in case.step.into_iter().zip(own).filter(|(pictures, _)| *pictures > 0) {
                let (operations, bytes) = (case.operations(pictures), case.bytes(pictures));
                arithmetic += operations;
                traffic += bytes;
                floor += machine.floor(operations, bytes);
                reached += operations / own / 1e9;
            }
        }
        println!("\nConvolutions of a step of the default recipe: {:.2} GFLOP and {:.0} MB, {:.1} and", arithmetic / 1e9, traffic / 1e6, arithmetic / peak / 1e6);
        println!("{:.1} ms of this core; floor {:.1} ms, at the speeds above {:.1} ms.", traffic / bandwidth / 1e6, 1e3 * floor, 1e3 * reached);
    });
}
