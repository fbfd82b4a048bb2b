//! The operations' gradients, for Burn's automatic differentiation over any backend that has the kernels.

use super::{Kernels, Layer, Wanted, second_order};
use crate::activation::Activation;
use crate::resampling::Resampling;
use crate::update::AdamStep;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend};
use std::sync::Arc;

#[derive(Debug)]
struct LayerBackward;

impl<B: Kernels> Backward<B, 3> for LayerBackward {
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, Layer);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [input, weight, bias] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (x, w, y, layer) = ops.state;
        let wanted =
            Wanted { input: input.is_some(), weight: weight.is_some(), bias: bias.is_some() };
        let (of_input, of_weight, of_bias) = B::layer_gradients(x, w, y, gradient, layer, wanted);
        for (node, gradient) in [(input, of_input), (weight, of_weight), (bias, of_bias)] {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct ActivationBackward;

impl<B: Kernels> Backward<B, 1> for ActivationBackward {
    type State = (FloatTensor<B>, Activation);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (y, activation) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::activation_gradient(y, gradient, activation)
        });
    }
}

#[derive(Debug)]
struct GatherBackward;

impl<B: Kernels> Backward<B, 1> for GatherBackward {
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

#[derive(Debug)]
struct TapsBackward;

impl<B: Kernels> Backward<B, 1> for TapsBackward {
    type State = Resampling;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::taps_gradient(gradient, ops.state)
        });
    }
}

#[derive(Debug)]
struct NormalizeBackward;

impl<B: Kernels> Backward<B, 1> for NormalizeBackward {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (y, scale) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::normalize_gradient(y, scale, gradient)
        });
    }
}

#[derive(Debug)]
struct ModulateBackward;

impl<B: Kernels> Backward<B, 2> for ModulateBackward {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [input, style] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (x, factors) = ops.state;
        let (of_input, of_style) = B::modulate_gradients(x, factors, gradient);
        for (node, gradient) in [(input, of_input), (style, of_style)] {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn layer(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        b: FloatTensor<Self>,
        layer: Layer,
    ) -> FloatTensor<Self> {
        let ((x, of_x), (w, of_w), (b, of_b)) = (x.into_parts(), w.into_parts(), b.into_parts());
        match LayerBackward.prepare::<C>([of_x, of_w, of_b]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::layer(x.clone(), w.clone(), b, layer);
                prep.finish((x, w, y.clone(), layer), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::layer(x, w, b, layer)),
        }
    }

    fn layer_gradients(
        _x: FloatTensor<Self>,
        _w: FloatTensor<Self>,
        _y: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
        _layer: Layer,
        _wanted: Wanted,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn activation(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match ActivationBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::activation(x, activation);
                prep.finish((y.clone(), activation), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::activation(x, activation)),
        }
    }

    fn activation_gradient(
        _y: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
        _activation: Activation,
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

    fn taps(w: FloatTensor<Self>, resampling: Resampling) -> FloatTensor<Self> {
        let (w, node) = w.into_parts();
        match TapsBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(resampling, B::taps(w, resampling)),
            OpsKind::UnTracked(prep) => prep.finish(B::taps(w, resampling)),
        }
    }

    fn taps_gradient(_gradient: FloatTensor<Self>, _resampling: Resampling) -> FloatTensor<Self> {
        second_order()
    }

    fn adam(
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [weight, gradient, first, second] =
            [weight, gradient, first, second].map(|x| x.into_parts().0);
        let (weight, first, second) = B::adam(weight, gradient, first, second, step);
        let constant = <Self as AutodiffBackend>::from_inner;
        (constant(weight), constant(first), constant(second))
    }

    fn weighted_sum(
        left: FloatTensor<Self>,
        right: FloatTensor<Self>,
        factors: [f64; 2],
    ) -> FloatTensor<Self> {
        let (left, right) = (left.into_parts().0, right.into_parts().0);
        <Self as AutodiffBackend>::from_inner(B::weighted_sum(left, right, factors))
    }

    fn normalize(x: FloatTensor<Self>, epsilon: f32) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (x, node) = x.into_parts();
        let (y, scale) = B::normalize(x, epsilon);
        let constant = <Self as AutodiffBackend>::from_inner(scale.clone());
        let y = match NormalizeBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((y.clone(), scale), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, constant)
    }

    fn normalize_gradient(
        _y: FloatTensor<Self>,
        _scale: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        second_order()
    }

    fn modulate(x: FloatTensor<Self>, style: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, of_x), (style, of_style)) = (x.into_parts(), style.into_parts());
        match ModulateBackward.prepare::<C>([of_x, of_style]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::modulate(x.clone(), style.clone());
                prep.finish((x, style), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::modulate(x, style)),
        }
    }

    fn modulate_gradients(
        _x: FloatTensor<Self>,
        _style: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }
}
