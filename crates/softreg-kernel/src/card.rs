//! Kernels for graphics cards, in single precision, or with factors of bfloat16 where they multiply matrices of it.
//!
//! A small network's step is some hundreds of kernels, and what it takes is to start them. So each of these does all that
//! can be done in one: bias and activation, a step of Adam, a sum over all pixels. Products of matrices are CubeCL's, which
//! knows the card; convolutions are made of them, as products with pictures unfolded into columns.
//!
//! A picture lies with channels innermost, a row of a matrix per pixel.

pub(crate) mod activation;
pub(crate) mod columns;
pub(crate) mod matrix;
pub(crate) mod modulation;
pub(crate) mod normalization;
pub(crate) mod pixels;
pub(crate) mod product;
pub(crate) mod resampling;
mod stream;
pub(crate) mod sums;
pub(crate) mod update;

pub use stream::use_cards_in_one_order;
