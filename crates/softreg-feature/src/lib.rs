//! Feature networks: pictures in, one vector a picture out, for the measures of `softreg-metric`.
//!
//! A [`Definition`] says in data, not in code, what is done to a picture before the network sees it, which
//! network and which of its layers; [`DEFINITIONS`] are ready-made. [`Extractor`] is a definition with its
//! weights on a device. The crate reads a weights file where it is told to, and chooses no backend.

mod definition;
mod error;
mod extractor;
mod network;
mod resize;
mod weights;

pub use definition::{DEFINITIONS, Definition, Input, Resize};
pub use error::Error;
pub use extractor::Extractor;
pub use network::{NETWORKS, Network, NetworkEntry};
