use crate::layer::{SLOPE, leaky_relu};
use burn::tensor::Tensor;
use softreg_kernel::elementwise;
use std::ops::Range;

/// The slopes of a critic's activations at some pictures, layer by layer: 1 where the input of a leaky
/// ReLU was above 0, 0.2 elsewhere. Constants: they carry no gradient.
#[derive(Clone, Debug)]
pub struct Trace(Option<Vec<Tensor<4>>>);

impl Trace {
    /// Notes nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// Notes every slope.
    pub fn new() -> Self {
        Self(Some(Vec::new()))
    }

    /// The slopes of some of the pictures.
    pub fn rows(&self, rows: Range<usize>) -> Self {
        let cut = |x: &Tensor<4>| match x.dims()[0] == rows.len() {
            true => x.clone(),
            false => x.clone().slice_dim(0, rows.clone()),
        };
        Self(self.0.as_ref().map(|slopes| slopes.iter().map(cut).collect()))
    }

    /// Leaky ReLU, noted.
    pub(super) fn leaky_relu(&mut self, x: Tensor<4>) -> Tensor<4> {
        self.note(leaky_relu(x))
    }

    /// Notes what came out of a leaky ReLU: above 0 where its input was.
    pub(super) fn note(&mut self, y: Tensor<4>) -> Tensor<4> {
        if let Some(slopes) = &mut self.0 {
            slopes.push(elementwise([y.clone().detach()], |[y]| {
                y.greater_elem(0.0).float().mul_scalar(1.0 - SLOPE).add_scalar(SLOPE)
            }));
        }
        y
    }

    pub(super) fn slopes(&self) -> &[Tensor<4>] {
        self.0.as_deref().unwrap_or(&[])
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

/// A gradient before an activation, by that behind it.
pub(super) fn times(gradient: Tensor<4>, slopes: &Tensor<4>) -> Tensor<4> {
    elementwise([gradient, slopes.clone()], |[gradient, slopes]| gradient * slopes)
}
