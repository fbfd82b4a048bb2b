//! Soft regularization for any network on Burn tensors.
//!
//! Training minimises `J(θ) = L + λ·R(θ)` with
//! `R(θ) = E[φ(D_out(f(x), f(x')), D_in(x, x'))]`, where `x'` is a partner of the sample `x` drawn
//! at random and redrawn at every step. Nothing is imposed on the weights themselves; that is
//! *hard* regularization, which is here too ([`hard`]) as the baseline.
//!
//! One regularizer is a composition of four independent choices:
//!
//! | choice | question | here |
//! |---|---|---|
//! | [`pairing`] | how is the partner drawn? | another sample, an augmented or a noisy copy, … |
//! | [`distance`] | how far apart are two outputs? | mean square, cosine, Kullback-Leibler, … |
//! | [`aim`] | should outputs be alike or apart? | attract, repel, slope, … |
//! | [`site`] | which output of which network? | critic score, generated image, … |
//!
//! [`registry::REGULARIZERS`] names the compositions worth having, with their sources.
//!
//! The crate is pure maths: no files, no clock, no backend of its own, and every random draw comes
//! from a generator that the caller passes in.
//!
//! # Your own model
//!
//! It works with the version of Burn that it was built with, on any of Burn's backends (`flex` is the processor's):
//!
//! ```toml
//! [dependencies]
//! burn = { version = "=0.22.1", default-features = false, features = ["std", "autodiff", "flex"] }
//! softreg = { git = "https://github.com/softreg/softreg" }
//! ```
//!
//! ```
//! use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Distribution, Tensor}};
//! use softreg::{Seed, Purpose, aim::Attract, composition::Composition};
//! use softreg::{distance::SquaredL2, pairing::Shuffle, scene::Batch, site::Site};
//!
//! let device = Device::flex().autodiff();
//! let model: Linear = LinearConfig::new(4, 2).init(&device);
//! let x: Tensor<2> = Tensor::random([8, 4], Distribution::Default, &device);
//! let y = model.forward(x.clone());
//! // R = E‖f(x) − f(x')‖², x' another sample of the batch.
//! let regularizer = Composition::new(Shuffle, SquaredL2, Attract, Site::Output);
//! let mut rng = Seed(7).rng(Purpose::Partner, 0);
//! let r = regularizer
//!     .penalty(&Batch::new(&x, &y), &mut |x| model.forward(x), &mut rng)
//!     .expect("a batch of 8 has partners");
//! let loss = y.square().mean() + r.mul_scalar(0.1); // J = L + λ·R
//! let gradients = loss.backward();
//! assert!(model.weight.grad(&gradients).is_some());
//! ```
//!
//! Several regularizers at once, written as text and with schedules, lazy evaluation and shared passes:
//! [`plan::Plan::penalty`].

pub mod adversarial;
pub mod aim;
pub mod augment;
pub mod composition;
pub mod distance;
pub mod hard;
pub mod knob;
pub mod memory;
pub mod overfitting;
pub mod page;
pub mod pairing;
pub mod pairs;
pub mod perturbation;
pub mod plan;
pub mod preset;
pub mod random;
pub mod registry;
pub mod scene;
pub mod schedule;
pub mod setting;
pub mod site;
pub mod spec;
pub mod term;
mod warp;

pub use composition::Composition;
pub use random::{Purpose, Seed};
pub use scene::Batch;
