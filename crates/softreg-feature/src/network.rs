//! The networks: one registry, one file each.

mod conv;
mod inception;
mod onnx;
mod random_convolutions;
mod resnet_cifar;
mod squeezenet;

pub(crate) use conv::Conv;

use crate::Error;
use crate::weights::Weights;
use burn::tensor::{Device, Tensor};
use std::collections::BTreeSet;
use std::path::Path;

/// A network that is ready.
pub trait Network: Send + Sync {
    /// `[n, 3, h, w]` to one vector a picture, `[n, features]`, of a layer that the network has.
    ///
    /// # Errors
    /// [`Error::Read`] where a network from a file cannot take them.
    fn features(&self, pictures: Tensor<4>, layer: &str) -> Result<Tensor<2>, Error>;
}

/// How a network comes to be.
pub(crate) enum Build {
    /// From the device alone.
    Fixed(fn(&Device) -> Box<dyn Network>),
    /// From weights.
    Trained(fn(&Weights) -> Result<Box<dyn Network>, Error>),
    /// From a file that holds the network itself, and the name of a layer.
    File(OpenFile),
}

/// Opens the network of a file, for a layer of it, on a device.
type OpenFile = fn(&Path, &str, &Device) -> Result<Box<dyn Network>, Error>;

/// A kind of network.
pub struct NetworkEntry {
    /// Name in definitions.
    pub name: &'static str,
    /// One line for a list.
    pub summary: &'static str,
    /// Layers, the usual one first; none where a file decides.
    pub layers: &'static [&'static str],
    /// Fewest rows and columns.
    pub smallest: usize,
    /// Pictures at once: bounds the memory.
    pub batch: usize,
    /// Whether tensors of these names are its weights.
    pub signature: Option<fn(&BTreeSet<String>) -> bool>,
    pub(crate) build: Build,
}

impl NetworkEntry {
    /// Whether it needs no weights.
    pub fn is_fixed(&self) -> bool {
        matches!(self.build, Build::Fixed(_))
    }
}

/// Every network.
pub const NETWORKS: &[NetworkEntry] = &[
    random_convolutions::ENTRY,
    resnet_cifar::RESNET_20,
    resnet_cifar::RESNET_56,
    squeezenet::ENTRY,
    inception::ENTRY,
    onnx::ENTRY,
];
