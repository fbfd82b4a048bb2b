//! What a step does to weights: one at a time and all at once, on threads and without, with kernels and as other devices do.

use burn::tensor::{DType, Device, Tensor, TensorData};
use softreg_kernel::{
    AdamStep, Crew, Moved, OneThread, Part, adam, adam_all, pairwise, weighted_sum, weighted_sums,
};

use deviation::{deviation, numbers};
use draws::random;

mod deviation;
mod draws;

/// Another precision has no kernel, so that it goes the way of every other device.
#[test]
fn weighted_sums_are_those_of_other_devices() {
    let device = Device::flex();
    draws::seed(5);
    let (a, b) = (random([3, 4, 5, 7], &device), random([3, 4, 5, 7], &device));
    let factors = [0.75, -2.5];
    let wide = |x: &Tensor<4>| x.clone().cast(DType::F64);
    let expected = weighted_sum(wide(&a), wide(&b), factors).cast(DType::F32);
    assert!(deviation(weighted_sum(a.clone(), b.clone(), factors), expected.clone()) < 1e-6);
    // Whatever the order in memory, and without a change to the tensors that were given.
    let turned = a.permute([0, 2, 3, 1]).mul_scalar(1.0).permute([0, 3, 1, 2]);
    let again = weighted_sum(turned, b, factors);
    assert!(deviation(again, expected) < 1e-6);
}

/// Threads that start with their parts.
struct Threads(usize);

impl Crew for Threads {
    fn size(&self) -> usize {
        self.0
    }

    fn work(&self, parts: Vec<Part<'_>>) {
        std::thread::scope(|scope| parts.into_iter().for_each(|part| drop(scope.spawn(part))));
    }
}

/// Weights of many lengths, cut in the middle where there are threads.
const LENGTHS: [usize; 6] = [120_011, 1, 700, 9_000, 3, 133_333];

#[test]
fn all_sums_at_once_are_those_of_single_ones() {
    let device = Device::flex();
    draws::seed(6);
    for terms in 1..=9 {
        let factors: Vec<f64> = (0..terms).map(|i| [0.75, 1.0, -2.5, 0.3][i % 4]).collect();
        let rows: Vec<Vec<(Tensor<1>, f64)>> = LENGTHS
            .iter()
            .map(|n| factors.iter().map(|f| (random([*n], &device), *f)).collect())
            .collect();
        let add = |(a, f), (b, g)| (weighted_sum(a, b, [f, g]), 1.0);
        let single = |terms: &Vec<(Tensor<1>, f64)>| {
            pairwise(terms.clone(), add).map(|(sum, f)| numbers(sum.mul_scalar(f)))
        };
        let expected: Vec<_> = rows.iter().filter_map(single).collect();
        for threads in [1, 2, 3, 8] {
            let sums = weighted_sums(rows.clone(), &Threads(threads));
            assert_eq!(sums.into_iter().map(numbers).collect::<Vec<_>>(), expected, "{threads}");
        }
        // In a precision without kernels.
        let wide = rows
            .iter()
            .map(|terms| terms.iter().map(|(row, f)| (row.clone().cast(DType::F64), *f)).collect());
        let wide = weighted_sums(wide.collect(), &OneThread);
        for (sum, expected) in wide.into_iter().zip(&expected) {
            let expected = Tensor::from_data(TensorData::from(expected.as_slice()), &device);
            assert!(deviation(sum.cast(DType::F32), expected) < 1e-6);
        }
    }
}

#[test]
fn all_weights_at_once_move_as_single_ones_do() {
    let device = Device::flex();
    draws::seed(7);
    let step = |i: usize| AdamStep {
        beta_1: 0.5,
        beta_2: 0.99,
        correction: 0.3 + i as f32,
        epsilon: 1e-5,
        rate: 0.01,
        keep: 0.999,
    };
    let moved = LENGTHS.iter().enumerate().map(|(i, n)| Moved {
        // Not alone in its storage, and every other value of something else.
        weight: random([n + 2], &device).narrow(0, 1, *n),
        gradient: random([n * 2], &device).reshape([*n, 2]).narrow(1, 0, 1).reshape([*n]),
        moments: [random([*n], &device), random([*n], &device).abs()],
        step: step(i),
    });
    let moved: Vec<Moved> = moved.collect();
    let read = |(weight, [m, v]): (Tensor<1>, [Tensor<1>; 2])| [weight, m, v].map(numbers);
    let single = |Moved { weight, gradient, moments, step }| adam(weight, gradient, moments, step);
    let expected: Vec<_> = moved.iter().cloned().map(single).map(read).collect();
    for threads in [1, 2, 3, 8] {
        let all = adam_all(moved.clone(), &Threads(threads)).into_iter();
        assert_eq!(all.map(read).collect::<Vec<_>>(), expected, "{threads}");
    }
    // What was given is as it was.
    let again: Vec<_> = moved.iter().cloned().map(single).map(read).collect();
    assert_eq!(again, expected);
}
