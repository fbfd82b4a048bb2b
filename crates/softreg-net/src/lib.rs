//! Noise → picture → score: the networks that softreg trains.
//!
//! A [`generator::Generator`] turns latent vectors (and labels, where it is conditional) into
//! pictures; a [`critic::Critic`] turns pictures into scores. Both come in pairs, the
//! [`architecture::ARCHITECTURES`], that scale to picture size and width. [`average`] keeps the
//! moving average of the generator, [`flat`] takes all weights at once for optimisers,
//! and [`parameters`] names every weight for files.
//!
//! Shapes: latents `[n, latent]`, pictures `[n, channels, height, width]` in −1..1, scores `[n, 1]`,
//! labels `[n, classes]` one-hot.

pub mod architecture;
pub mod average;
pub mod cost;
pub mod critic;
pub mod flat;
pub mod generator;
pub mod geometry;
pub mod latent;
pub mod layer;
pub mod onnx;
pub mod parameters;

pub use architecture::Shape;
pub use cost::Cost;
pub use critic::{Critic, Opinion, Trace};
pub use generator::Generator;
pub use geometry::Geometry;
