//! The gradients of pooling and doubling.

use super::{Pools, second_order};
use crate::pool::Pool;
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;

#[derive(Debug)]
struct PoolBackward;

impl<B: Pools> Backward<B, 1> for PoolBackward {
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
struct DoubleBackward;

impl<B: Pools> Backward<B, 1> for DoubleBackward {
    type State = ();

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        unary::<B, _>(ops.parents, ops.node, grads, B::double_gradient);
    }
}

impl<B: Pools, C: CheckpointStrategy> Pools for Autodiff<B, C> {
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

    fn double(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match DoubleBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((), B::double(x)),
            OpsKind::UnTracked(prep) => prep.finish(B::double(x)),
        }
    }

    fn double_gradient(_gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        second_order()
    }
}
