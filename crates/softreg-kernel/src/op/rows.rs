//! The gradients of what is done to rows.

use super::{Rows, second_order};
use burn::backend::Autodiff;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use std::sync::Arc;

#[derive(Debug)]
struct MeanAbsoluteBackward;

impl<B: Rows> Backward<B, 2> for MeanAbsoluteBackward {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let (a, b) = ops.state;
        let of = |x: &FloatTensor<B>, other: &FloatTensor<B>| {
            B::mean_absolute_difference_gradient(x.clone(), other.clone(), gradient.clone())
        };
        let [of_a, of_b] = ops.parents;
        for (node, [x, other]) in [(of_a, [&a, &b]), (of_b, [&b, &a])] {
            if let Some(node) = node {
                grads.register::<B>(node.id, of(x, other));
            }
        }
    }
}

#[derive(Debug)]
struct MeanAbsoluteWithinBackward;

impl<B: Rows> Backward<B, 1> for MeanAbsoluteWithinBackward {
    type State = (FloatTensor<B>, Arc<[[usize; 2]]>);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (x, pairs) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::mean_absolute_difference_within_gradient(x, pairs, gradient)
        });
    }
}

#[derive(Debug)]
struct SelectBackward;

impl<B: Rows> Backward<B, 1> for SelectBackward {
    type State = (Arc<[usize]>, usize);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (rows, there) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::select_rows_gradient(gradient, rows, there)
        });
    }
}

impl<B: Rows, C: CheckpointStrategy> Rows for Autodiff<B, C> {
    fn select_rows(x: FloatTensor<Self>, rows: Arc<[usize]>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match SelectBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let there = x.shape()[0];
                prep.finish((rows.clone(), there), B::select_rows(x, rows))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::select_rows(x, rows)),
        }
    }

    fn select_rows_gradient(
        _gradient: FloatTensor<Self>,
        _rows: Arc<[usize]>,
        _there: usize,
    ) -> FloatTensor<Self> {
        second_order()
    }

    fn mean_absolute_difference(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((a, of_a), (b, of_b)) = (a.into_parts(), b.into_parts());
        match MeanAbsoluteBackward.prepare::<C>([of_a, of_b]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::mean_absolute_difference(a.clone(), b.clone());
                prep.finish((a, b), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::mean_absolute_difference(a, b)),
        }
    }

    fn mean_absolute_difference_gradient(
        _a: FloatTensor<Self>,
        _b: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        second_order()
    }

    fn mean_absolute_difference_within(
        x: FloatTensor<Self>,
        pairs: Arc<[[usize; 2]]>,
    ) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match MeanAbsoluteWithinBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::mean_absolute_difference_within(x.clone(), pairs.clone());
                prep.finish((x, pairs), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::mean_absolute_difference_within(x, pairs)),
        }
    }

    fn mean_absolute_difference_within_gradient(
        _x: FloatTensor<Self>,
        _pairs: Arc<[[usize; 2]]>,
        _gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        second_order()
    }
}
