//! What is done to rows of samples, beside the same made of Burn's operations.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use proptest::prelude::*;
use softreg_kernel::{mean_absolute_difference, mean_absolute_difference_within, select_rows};

use deviation::{deviation, numbers};
use draws::random;

mod deviation;
mod draws;

fn of_burn(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    (a - b).abs().mean_dim(1).squeeze_dim(1)
}

type Distance<'a> = &'a dyn Fn(Tensor<2>, Tensor<2>) -> Tensor<1>;

/// Distances and the gradients of both sides, of which only those that are `wanted` have one.
fn run(
    [a, b]: [&Tensor<2>; 2],
    factor: &Tensor<1>,
    wanted: [bool; 2],
    distance: Distance<'_>,
) -> (Tensor<1>, [Option<Tensor<2>>; 2]) {
    let leaf = |x: &Tensor<2>, wanted| {
        let x = x.clone().detach();
        if wanted { x.require_grad() } else { x }
    };
    let (a, b) = (leaf(a, wanted[0]), leaf(b, wanted[1]));
    let y = distance(a.clone(), b.clone());
    let gradients = (y.clone() * factor.clone()).sum().backward();
    (y.inner(), [a.grad(&gradients), b.grad(&gradients)])
}

fn select_of_burn(x: &Tensor<2>, rows: &[usize]) -> Tensor<2> {
    let index: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
    let index = TensorData::new(index, [rows.len()]);
    x.clone().select(0, Tensor::<1, Int>::from_data(index, &x.device()))
}

/// Rows in another order in memory, or cut out of longer ones, of halves, so that there are equal ones.
fn rows_of_halves([rows, length]: [usize; 2], turned: bool, device: &Device) -> Tensor<2> {
    let x = match turned {
        true => random([length, rows], device).transpose(),
        false => random([rows, length + 3], device).narrow(1, 2, length),
    };
    x.mul_scalar(2.0).round().div_scalar(2.0)
}

/// Of a function of rows, for this gradient of its value.
fn value_and_gradient<const D: usize>(
    x: &Tensor<2>,
    factor: &Tensor<D>,
    f: &dyn Fn(&Tensor<2>) -> Tensor<D>,
) -> (Tensor<D>, Tensor<2>) {
    let x = x.clone().detach().require_grad();
    let y = f(&x);
    let gradients = (y.clone() * factor.clone()).sum().backward();
    (y.inner(), x.grad(&gradients).expect("a gradient"))
}

proptest! {
    /// Some of them often, some never.
    #[test]
    fn selected_rows_are_those_of_burn(
        (there, length) in (1usize..9, 1usize..40),
        rows in prop::collection::vec(0usize..60, 1..12),
        turned in any::<bool>(),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((there * length) as u64);
        let rows: Vec<usize> = rows.into_iter().map(|row| row % there).collect();
        let (x, factor) = (rows_of_halves([there, length], turned, &device), random([rows.len(), length], &device));
        let own = value_and_gradient(&x, &factor, &|x| select_rows(x.clone(), &rows));
        let stock = value_and_gradient(&x, &factor, &|x| select_of_burn(x, &rows));
        prop_assert_eq!(numbers(own.0), numbers(stock.0.clone()));
        prop_assert!(deviation(own.1, stock.1) < 1e-6);
        let wide = select_rows(x.inner().cast(DType::F64), &rows).cast(DType::F32);
        prop_assert_eq!(numbers(wide), numbers(stock.0));
    }

    #[test]
    fn differences_within_a_batch_are_those_of_burn(
        (there, length) in (1usize..9, prop_oneof![1usize..40, 60usize..300]),
        pairs in prop::collection::vec((0usize..60, 0usize..60), 1..12),
        turned in any::<bool>(),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((there * length) as u64);
        let pairs: Vec<[usize; 2]> = pairs.into_iter().map(|(a, b)| [a % there, b % there]).collect();
        let (x, factor) = (rows_of_halves([there, length], turned, &device), random([pairs.len()], &device));
        let own = value_and_gradient(&x, &factor, &|x| mean_absolute_difference_within(x.clone(), &pairs));
        let stock = value_and_gradient(&x, &factor, &|x| {
            let [a, b] = [0, 1].map(|side| pairs.iter().map(|pair| pair[side]).collect::<Vec<_>>());
            of_burn(select_of_burn(x, &a), select_of_burn(x, &b))
        });
        prop_assert!(deviation(own.0.clone(), stock.0) < 1e-6);
        prop_assert!(deviation(own.1, stock.1) < 1e-6);
        let wide = mean_absolute_difference_within(x.inner().cast(DType::F64), &pairs).cast(DType::F32);
        prop_assert!(deviation(own.0, wide) < 1e-6);
    }

    #[test]
    fn mean_absolute_differences_are_those_of_burn(
        (rows, length) in (1usize..9, prop_oneof![1usize..40, 60usize..300]),
        turned in (any::<bool>(), any::<bool>()),
        wanted in prop::sample::select(vec![[true, true], [true, false], [false, true]]),
    ) {
        let device = Device::flex().autodiff();
        draws::seed((rows * length) as u64);
        let draw = |turned| rows_of_halves([rows, length], turned, &device);
        let (a, b, factor) = (draw(turned.0), draw(turned.1), random([rows], &device));
        let own = run([&a, &b], &factor, wanted, &mean_absolute_difference);
        let stock = run([&a, &b], &factor, wanted, &of_burn);
        prop_assert!(deviation(own.0.clone(), stock.0) < 1e-6);
        for ((own, stock), wanted) in own.1.into_iter().zip(stock.1).zip(wanted) {
            prop_assert_eq!((own.is_some(), stock.is_some()), (wanted, wanted));
            if let (Some(own), Some(stock)) = (own, stock) {
                prop_assert!(deviation(own, stock) < 1e-6);
            }
        }
        // Another precision has no kernel, so that this is the way of every other device.
        let [a, b] = [a, b].map(|x| x.inner().cast(DType::F64));
        let wide = mean_absolute_difference(a, b).cast(DType::F32);
        prop_assert!(deviation(own.0, wide) < 1e-6);
    }
}

#[test]
fn what_is_compared_with_itself_is_pushed_both_ways_at_once() {
    let device = Device::flex().autodiff();
    let x = random([4, 37], &device).require_grad();
    let distances = mean_absolute_difference(x.clone(), x.clone());
    assert_eq!(numbers(distances.clone()), [0.0; 4]);
    let gradients = distances.sum().backward();
    assert_eq!(numbers(x.grad(&gradients).expect("a gradient")), [0.0; 4 * 37]);
}

#[test]
fn what_is_not_a_number_shows() {
    let device = Device::flex();
    for place in [0, 5, 69] {
        let mut values = vec![1.0; 70];
        values[place] = f32::NAN;
        let a = Tensor::from_data(TensorData::new(values, [1, 70]), &device);
        let b = Tensor::zeros([1, 70], &device);
        assert!(numbers(mean_absolute_difference(a.clone(), b.clone()))[0].is_nan());
        assert!(numbers(mean_absolute_difference(b, a))[0].is_nan());
    }
    assert!(
        numbers(mean_absolute_difference(
            Tensor::zeros([1, 0], &device),
            Tensor::zeros([1, 0], &device)
        ))[0]
            .is_nan()
    );
}
