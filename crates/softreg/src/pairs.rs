//! Samples and their partners, before anything is said about how far apart they are.

use crate::distance::Distance;
use crate::scene;
use burn::tensor::{DType, FloatDType, Tensor};
use std::sync::Arc;

/// Samples and partners.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Their inputs, where both have one.
    pub inputs: Option<Sides>,
    /// Their outputs.
    pub outputs: Sides,
}

impl Pairs {
    /// The first `n` pairs.
    pub(crate) fn first(self, n: usize) -> Self {
        Self { inputs: self.inputs.map(|inputs| inputs.first(n)), outputs: self.outputs.first(n) }
    }
}

/// Both sides of all pairs.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there are as many as regularizers")]
pub enum Sides {
    /// Row by row a sample and its partner, `[n, features]` both.
    Apart([Tensor<2>; 2]),
    /// Rows of one tensor `[m, features]`, and of each pair the row of the sample and that of its partner: what is read where
    /// it lies need not be copied, and its gradient comes back in one piece.
    Within(Tensor<2>, Arc<[[usize; 2]]>),
}

impl Sides {
    fn first(self, n: usize) -> Self {
        match self {
            Self::Apart(both) => Self::Apart(both.map(|x| {
                let n = n.min(x.dims()[0]);
                scene::first(x, n)
            })),
            Self::Within(x, pairs) if n < pairs.len() => Self::Within(x, Arc::from(&pairs[..n])),
            Self::Within(x, pairs) => Self::Within(x, pairs),
        }
    }

    /// Number of features.
    pub(crate) fn features(&self) -> usize {
        match self {
            Self::Apart([x, _]) | Self::Within(x, _) => x.dims()[1],
        }
    }

    /// `D` of every pair, `[n]`, in single precision, whatever the network's.
    pub(crate) fn apart_by(&self, distance: &dyn Distance) -> Tensor<1> {
        match self.clone() {
            Self::Apart(both) => {
                let [a, b] = both.map(single);
                distance.per_pair(a, b)
            }
            Self::Within(x, pairs) => distance.within(single(x), &pairs),
        }
    }
}

/// In single precision, where it is in less.
pub(crate) fn single(x: Tensor<2>) -> Tensor<2> {
    match x.dtype() {
        DType::F32 | DType::F64 => x,
        _ => x.cast(FloatDType::F32),
    }
}
