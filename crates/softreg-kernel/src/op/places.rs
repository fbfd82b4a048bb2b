//! The gradients of what goes from place to place.

use super::{Places, second_order};
use crate::pool::Pool;
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use std::sync::Arc;

#[derive(Debug)]
struct PoolBackward;

impl<B: Places> Backward<B, 1> for PoolBackward {
    type State = (FloatTensor<B>, Pool);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (x, pool) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| B::pool_gradient(x, gradient, pool));
    }
}

#[derive(Debug)]
struct GatherBackward;

impl<B: Places> Backward<B, 1> for GatherBackward {
    type State = Arc<[u32]>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::gather_pixels_gradient(gradient, ops.state)
        });
    }
}

impl<B: Places, C: CheckpointStrategy> Places for Autodiff<B, C> {
    fn pool(x: FloatTensor<Self>, pool: Pool) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match PoolBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::pool(x.clone(), pool);
                prep.finish((x, pool), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::pool(x, pool)),
        }
    }

    fn pool_gradient(
        _x: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
        _pool: Pool,
    ) -> FloatTensor<Self> {
        second_order()
    }

    fn gather_pixels(x: FloatTensor<Self>, sources: Arc<[u32]>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match GatherBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::gather_pixels(x, sources.clone());
                prep.finish(sources, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::gather_pixels(x, sources)),
        }
    }

    fn gather_pixels_gradient(
        _gradient: FloatTensor<Self>,
        _sources: Arc<[u32]>,
    ) -> FloatTensor<Self> {
        second_order()
    }
}
