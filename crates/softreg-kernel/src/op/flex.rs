//! The operations on Burn's flex backend.
//!
//! A result is `[n, c, h, w]` as everywhere, and its channels are innermost in memory, so that the next kernel
//! takes it as it lies; operations of Burn read it through its strides. Pictures of few channels are made for
//! such operations (augmentation, distances) and lie in the usual order.

use super::{Kernels, Layer, Pools, Rows, Wanted};
use crate::activation::Activation;
use crate::convolution::{Finish, Numbers, through, to_narrow, to_weights, to_wide};
use crate::difference::{self, Neighbour};
use crate::doubling;
use crate::geometry::{Extent, Geometry};
use crate::modulation;
use crate::normalization;
use crate::pixels;
use crate::pool::{self, Pool};
use crate::resampling::{self, Resampling};
use crate::selection;
use crate::update::{self, AdamStep};
use crate::view::View;
use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};
use std::borrow::Cow;
use std::sync::Arc;

/// Up to so many channels are a picture.
const PICTURE: usize = 4;

impl Kernels for Flex {
    fn layer(x: FlexTensor, w: FlexTensor, b: FlexTensor, layer: Layer) -> FlexTensor {
        let (w, b) = (w.to_contiguous(), b.to_contiguous());
        let geometry = geometry(&x, &w, &layer);
        let numbers = numbers(&layer);
        let finish = Finish { bias: Some(slice(&b)), activation: layer.activation };
        let count = x.shape()[0];
        let (out, extent) = match layer.transposed {
            false => (
                to_narrow(&geometry, &view(&x), count, slice(&w), numbers, finish),
                geometry.narrow,
            ),
            true => {
                (to_wide(&geometry, &view(&x), count, slice(&w), numbers, finish), geometry.wide)
            }
        };
        pictures(out, &extent)
    }

    fn layer_gradients(
        x: FlexTensor,
        w: FlexTensor,
        y: FlexTensor,
        gradient: FlexTensor,
        layer: Layer,
        wanted: Wanted,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let w = w.to_contiguous();
        let geometry = geometry(&x, &w, &layer);
        let count = x.shape()[0];
        let numbers = numbers(&layer);
        let (input, output) = match layer.transposed {
            false => (geometry.wide, geometry.narrow),
            true => (geometry.narrow, geometry.wide),
        };
        let front = through(layer.activation, &output, &view(&gradient), &view(&y), count);
        let gradient = View::of(&front.gradient, &output);
        let nothing = || values(vec![0.0], Shape::from([1]));
        let of_input = match (wanted.input, layer.transposed) {
            (false, _) => nothing(),
            (_, false) => {
                let out = to_wide(&geometry, &gradient, count, slice(&w), numbers, Finish::none());
                pictures(out, &input)
            }
            (_, true) => {
                let out =
                    to_narrow(&geometry, &gradient, count, slice(&w), numbers, Finish::none());
                pictures(out, &input)
            }
        };
        let of_weight = match wanted.weight {
            false => nothing(),
            true => {
                let (wide, narrow) = match layer.transposed {
                    false => (view(&x), gradient),
                    true => (gradient, view(&x)),
                };
                values(to_weights(&geometry, &wide, &narrow, count, numbers), w.shape())
            }
        };
        let of_bias = match wanted.bias {
            false => nothing(),
            true => values(front.of_bias.clone(), Shape::from([output.channels])),
        };
        (of_input, of_weight, of_bias)
    }

    fn activation(x: FlexTensor, activation: Activation) -> FlexTensor {
        let mut x = whole(x);
        activation.apply(x.storage_mut());
        x
    }

    fn activation_gradient(
        y: FlexTensor,
        gradient: FlexTensor,
        activation: Activation,
    ) -> FlexTensor {
        let y = whole(y);
        let mut gradient = in_order_of(gradient, y.layout());
        activation.pull_back(slice(&y), gradient.storage_mut());
        gradient
    }

    fn gather_pixels(x: FlexTensor, sources: Arc<[u32]>) -> FlexTensor {
        let (extent, count) = (extent(&x), x.shape()[0]);
        values(pixels::gather(&view(&x), &extent, count, &sources), x.shape())
    }

    fn gather_pixels_gradient(gradient: FlexTensor, sources: Arc<[u32]>) -> FlexTensor {
        let (extent, count) = (extent(&gradient), gradient.shape()[0]);
        values(pixels::scatter(&view(&gradient), &extent, count, &sources), gradient.shape())
    }

    fn taps(w: FlexTensor, resampling: Resampling) -> FlexTensor {
        windows(&w, resampling, 4, resampling::spread)
    }

    fn taps_gradient(gradient: FlexTensor, resampling: Resampling) -> FlexTensor {
        windows(&gradient, resampling, 3, resampling::pull_back)
    }

    fn adam(
        weight: FlexTensor,
        gradient: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        step: AdamStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [mut weight, gradient, mut first, mut second] =
            [weight, gradient, first, second].map(in_order);
        let moments = [first.storage_mut(), second.storage_mut()];
        update::adam_in_place(weight.storage_mut(), slice(&gradient), moments, step);
        (weight, first, second)
    }

    fn weighted_sum(left: FlexTensor, right: FlexTensor, factors: [f64; 2]) -> FlexTensor {
        let (mut left, right) = (in_order(left), in_order(right));
        let factors = factors.map(|factor| factor as f32);
        update::weighted_sum_in_place(left.storage_mut(), slice(&right), factors);
        left
    }

    fn normalize(x: FlexTensor, epsilon: f32) -> (FlexTensor, FlexTensor) {
        let extent = extent(&x);
        let out = normalization::normalize(&innermost(&x), extent.channels, epsilon);
        let scale = values(out.scale, Shape::from([extent.channels]));
        (channels_last(out.values, &extent), scale)
    }

    fn normalize_gradient(y: FlexTensor, scale: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        let (extent, scale) = (extent(&y), scale.to_contiguous());
        let out = normalization::pull_back(&innermost(&gradient), &innermost(&y), slice(&scale));
        channels_last(out, &extent)
    }

    fn modulate(x: FlexTensor, style: FlexTensor) -> FlexTensor {
        let (extent, style) = (extent(&x), style.to_contiguous());
        let out = modulation::modulate(&innermost(&x), slice(&style), extent.channels);
        channels_last(out, &extent)
    }

    fn modulate_gradients(
        x: FlexTensor,
        style: FlexTensor,
        gradient: FlexTensor,
    ) -> (FlexTensor, FlexTensor) {
        let (extent, style) = (extent(&x), style.to_contiguous());
        let (gradient, x) = (innermost(&gradient), innermost(&x));
        let (of_input, of_style) =
            modulation::pull_back(&gradient, &x, slice(&style), extent.channels);
        (channels_last(of_input, &extent), values(of_style, style.shape()))
    }
}

impl Pools for Flex {
    fn pool(x: FlexTensor, pool: Pool) -> FlexTensor {
        let (from, to) = (extent(&x), pooled(&x, pool));
        pictures(pool::run(&innermost(&x), &from, &to, pool), &to)
    }

    fn pool_gradient(x: FlexTensor, gradient: FlexTensor, pool: Pool) -> FlexTensor {
        let (from, to) = (extent(&x), pooled(&x, pool));
        let out = pool::pull_back(&innermost(&x), &innermost(&gradient), &from, &to, pool);
        pictures(out, &from)
    }

    fn double(x: FlexTensor) -> FlexTensor {
        let from = extent(&x);
        pictures(doubling::run(&innermost(&x), &from), &doubling::doubled(&from))
    }

    fn double_gradient(gradient: FlexTensor) -> FlexTensor {
        let Extent { height, width, channels } = extent(&gradient);
        let to = Extent { height: height / 2, width: width / 2, channels };
        pictures(doubling::pull_back(&innermost(&gradient), &to), &to)
    }
}

impl Rows for Flex {
    fn select_rows(x: FlexTensor, rows: Arc<[usize]>) -> FlexTensor {
        let x = x.to_contiguous();
        let length = x.shape()[1];
        values(selection::run(slice(&x), length, &rows), Shape::from([rows.len(), length]))
    }

    fn select_rows_gradient(gradient: FlexTensor, rows: Arc<[usize]>, there: usize) -> FlexTensor {
        let gradient = gradient.to_contiguous();
        let length = gradient.shape()[1];
        let out = selection::pull_back(slice(&gradient), length, &rows, there);
        values(out, Shape::from([there, length]))
    }

    fn mean_absolute_difference(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        let [a, b] = [a, b].map(|x| x.to_contiguous());
        means(rows(&a).zip(rows(&b)).map(|(a, b)| [a, b]))
    }

    fn mean_absolute_difference_gradient(
        a: FlexTensor,
        b: FlexTensor,
        gradient: FlexTensor,
    ) -> FlexTensor {
        let [a, b, gradient] = [a, b, gradient].map(|x| x.to_contiguous());
        let alone = |(other, gradient)| vec![Neighbour { row: other, gradient }];
        let neighbours = rows(&b).zip(shares(&gradient, &a)).map(alone);
        of_rows(&a, &neighbours.collect::<Vec<_>>())
    }

    fn mean_absolute_difference_within(x: FlexTensor, pairs: Arc<[[usize; 2]]>) -> FlexTensor {
        let x = x.to_contiguous();
        let rows: Vec<&[f32]> = rows(&x).collect();
        means(pairs.iter().map(|pair| pair.map(|row| rows[row])))
    }

    fn mean_absolute_difference_within_gradient(
        x: FlexTensor,
        pairs: Arc<[[usize; 2]]>,
        gradient: FlexTensor,
    ) -> FlexTensor {
        let [x, gradient] = [x, gradient].map(|x| x.to_contiguous());
        let rows: Vec<&[f32]> = rows(&x).collect();
        let mut neighbours: Vec<Vec<Neighbour<'_>>> = rows.iter().map(|_| Vec::new()).collect();
        for ([a, b], gradient) in pairs.iter().zip(shares(&gradient, &x)) {
            neighbours[*a].push(Neighbour { row: rows[*b], gradient });
            neighbours[*b].push(Neighbour { row: rows[*a], gradient });
        }
        of_rows(&x, &neighbours)
    }
}

/// The rows of a contiguous tensor.
fn rows(x: &FlexTensor) -> impl Iterator<Item = &[f32]> {
    slice(x).chunks_exact(x.shape()[1])
}

/// Mean absolute differences of pairs of rows, as a tensor.
fn means<'a>(pairs: impl Iterator<Item = [&'a [f32]; 2]>) -> FlexTensor {
    let means = difference::run(pairs);
    let shape = Shape::from([means.len()]);
    values(means, shape)
}

/// What of each mean's gradient one value of its rows `x` gets.
fn shares(gradient: &FlexTensor, x: &FlexTensor) -> impl Iterator<Item = f32> {
    let length = x.shape()[1] as f32;
    slice(gradient).iter().map(move |gradient| gradient / length)
}

/// The gradient of rows, of which each has these neighbours.
fn of_rows(x: &FlexTensor, neighbours: &[Vec<Neighbour<'_>>]) -> FlexTensor {
    values(difference::pull_back(slice(x), x.shape()[1], neighbours), x.shape())
}

/// Weights to taps or back, to windows of so many rows.
fn windows(
    x: &FlexTensor,
    resampling: Resampling,
    side: usize,
    run: impl Fn(&View<'_>, [usize; 2], Resampling) -> Vec<f32>,
) -> FlexTensor {
    let channels = [x.shape()[0], x.shape()[1]];
    let [first, second] = resampling.channels(channels);
    values(run(&view(x), channels, resampling), Shape::from([first, second, side, side]))
}

fn geometry(x: &FlexTensor, w: &FlexTensor, layer: &Layer) -> Geometry {
    layer.geometry(extent(x), &w.shape())
}

fn numbers(layer: &Layer) -> Numbers {
    Numbers { scale: layer.scale, precision: layer.precision }
}

fn extent(x: &FlexTensor) -> Extent {
    let shape = x.shape();
    Extent { height: shape[2], width: shape[3], channels: shape[1] }
}

/// What pooling leaves of the pictures.
fn pooled(x: &FlexTensor, pool: Pool) -> Extent {
    let Extent { height, width, channels } = extent(x);
    Extent { height: pool.positions(height), width: pool.positions(width), channels }
}

fn view(x: &FlexTensor) -> View<'_> {
    let layout = x.layout();
    let strides = layout.strides();
    let strides = [strides[0], strides[1], strides[2], strides[3]];
    View { data: x.storage(), start: layout.start_offset(), strides }
}

/// The values of a contiguous tensor.
fn slice(x: &FlexTensor) -> &[f32] {
    let start = x.layout().start_offset();
    &x.storage()[start..][..x.layout().num_elements()]
}

fn values(data: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(data), Layout::contiguous(shape), DType::F32)
}

/// The values of pictures, channels innermost.
fn innermost(x: &FlexTensor) -> Cow<'_, [f32]> {
    let (extent, count) = (extent(x), x.shape()[0]);
    let view = view(x);
    if let Some(dense) = view.dense(&extent, count) {
        return dense.into();
    }
    let mut out = vec![0.0; count * extent.len()];
    let rows = out.chunks_exact_mut(extent.width * extent.channels);
    for (i, row) in rows.enumerate() {
        view.read(&extent, [i / extent.height, i % extent.height], extent.channels, row);
    }
    out.into()
}

/// Pictures whose values lie with channels innermost.
fn channels_last(data: Vec<f32>, extent: &Extent) -> FlexTensor {
    let Extent { height, width, channels } = *extent;
    let count = data.len() / extent.len();
    let shape = Shape::from([count, channels, height, width]);
    let layout = Layout::new(shape, View::innermost(extent).to_vec(), 0);
    FlexTensor::new(Bytes::from_elems(data), layout, DType::F32)
}

/// A layer's result.
fn pictures(data: Vec<f32>, extent: &Extent) -> FlexTensor {
    if extent.channels > PICTURE {
        return channels_last(data, extent);
    }
    let Extent { height, width, channels } = *extent;
    let mut planes = vec![0.0; data.len()];
    let all = planes.chunks_exact_mut(extent.len()).zip(data.chunks_exact(extent.len()));
    for (planes, picture) in all {
        for (c, plane) in planes.chunks_exact_mut(height * width).enumerate() {
            let from = picture[c..].iter().step_by(channels);
            plane.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
    let shape = Shape::from([data.len() / extent.len(), channels, height, width]);
    values(planes, shape)
}

/// The values are all of the storage, in whatever order.
fn is_whole(x: &FlexTensor) -> bool {
    let layout = x.layout();
    if layout.start_offset() != 0 || x.storage::<f32>().len() != layout.num_elements() {
        return false;
    }
    let mut axes: Vec<(isize, usize)> = axes(layout).collect();
    axes.sort_unstable();
    let mut next = 1;
    axes.into_iter().all(|(stride, side)| {
        let dense = stride == next;
        next *= side as isize;
        dense
    })
}

/// Strides and lengths of the axes along which there is more than one value.
fn axes(layout: &Layout) -> impl Iterator<Item = (isize, usize)> {
    let axes = layout.strides().iter().copied().zip(layout.shape().iter().copied());
    axes.filter(|(_, side)| *side > 1)
}

/// The tensor, copied where its values are not all of its storage, one after the other.
pub(crate) fn in_order(x: FlexTensor) -> FlexTensor {
    if is_whole(&x) && x.layout().is_contiguous() {
        return x;
    }
    let x = x.to_contiguous();
    if is_whole(&x) { x } else { values(slice(&x).to_vec(), x.shape()) }
}

/// The tensor, copied where something lies between its values.
fn whole(x: FlexTensor) -> FlexTensor {
    if is_whole(&x) { x } else { in_order(x) }
}

/// The tensor, copied where its values do not lie in the order of `layout`, whose values are all of their storage.
fn in_order_of(x: FlexTensor, layout: &Layout) -> FlexTensor {
    if is_whole(&x) && axes(x.layout()).eq(axes(layout)) {
        return x;
    }
    let x = in_order(x);
    if layout.is_contiguous() {
        return x;
    }
    // Position by position: where the value of every index goes.
    let mut out = vec![0.0; layout.num_elements()];
    let (shape, strides) = (layout.shape(), layout.strides());
    let mut index = vec![0usize; shape.num_dims()];
    for value in slice(&x) {
        let to: isize = index.iter().zip(strides).map(|(i, s)| *i as isize * s).sum();
        out[to as usize] = *value;
        for d in (0..index.len()).rev() {
            index[d] += 1;
            if index[d] < shape[d] {
                break;
            }
            index[d] = 0;
        }
    }
    FlexTensor::new(Bytes::from_elems(out), layout.clone(), DType::F32)
}
