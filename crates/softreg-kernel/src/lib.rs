//! Layers of image networks as fused kernels, for processors and graphics cards.
//!
//! [`conv2d`], [`conv_transpose2d`], [`linear`], [`pool2d`], [`upsample_nearest2d`], [`batch_norm`], [`modulate`], [`activation`],
//! [`gather_pixels`], [`select_rows`] and [`mean_absolute_difference`] compute what Burn's operations do, and [`upsample_conv2d`], [`conv2d_downsample`], [`adam`] and [`weighted_sum`] several of them at once,
//! to rounding, on any device. On Burn's
//! flex backend (feature `flex`) they are kernels of their own: bias and activation cost no pass, channels stay innermost
//! in memory from layer to layer, and AVX-512, AVX2 with FMA or NEON instructions are chosen at run time. On graphics cards
//! (features `cuda`, `metal`, `rocm`, `vulkan`, `wgpu`) all but [`pool2d`], [`upsample_nearest2d`], [`select_rows`] and [`mean_absolute_difference`] are a few kernels each, in CubeCL. Gradients go through Burn's automatic differentiation.
//!
//! [`adam_all`] and [`weighted_sums`] take all weights of a network at once, as one long row of values, and share it out over the
//! threads of a [`Crew`].
//!
//! A pass uses the threads of the rayon pool that it runs in, or its own thread [`alone`]: pictures are split over them, and sums over
//! pictures are taken in an order that depends on the number of threads alone.

mod activation;
#[cfg(feature = "mimalloc")]
mod allocator;
#[cfg(feature = "flex")]
mod bfloat16;
#[cfg(feature = "cube")]
mod card;
#[cfg(feature = "flex")]
mod convolution;
mod crew;
mod difference;
mod doubling;
#[cfg(feature = "flex")]
mod factors;
#[cfg(feature = "flex")]
mod fresh;
#[cfg(any(feature = "flex", feature = "cube"))]
mod geometry;
#[cfg(any(feature = "flex", feature = "cube"))]
mod kernels;
mod layer;
#[cfg(feature = "flex")]
mod modulation;
#[cfg(feature = "flex")]
mod normalization;
#[cfg(any(feature = "flex", feature = "cube"))]
mod op;
#[cfg(feature = "flex")]
mod padded;
#[cfg(feature = "flex")]
mod panels;
mod pixels;
mod pool;
mod precision;
mod resampling;
mod scope;
mod selection;
#[cfg(feature = "flex")]
mod share;
mod threads;
#[cfg(feature = "flex")]
mod tile;
#[cfg(feature = "flex")]
mod turn;
mod update;
#[cfg(feature = "flex")]
mod view;
mod window;

pub use activation::Activation;
#[cfg(feature = "mimalloc")]
pub use allocator::keep_freed_memory;
#[cfg(feature = "cube")]
pub use card::use_cards_in_one_order;
pub use crew::{Crew, OneThread, Part};
pub use difference::{mean_absolute_difference, mean_absolute_difference_within};
pub use doubling::upsample_nearest2d;
pub use layer::{
    activation, batch_norm, conv_transpose2d, conv2d, elementwise, fork, join_channels,
    kernels_are_on, linear, modulate, pool2d,
};
pub use pixels::gather_pixels;
pub use pool::{Pool, Pooling};
pub use precision::{Precision, bfloat16_is_on, in_precision};
pub use resampling::{conv2d_downsample, conv2d_downsample_adjoint, upsample_conv2d};
pub use selection::select_rows;
pub use threads::{alone, threads};
pub use update::{AdamStep, Moved, adam, adam_all, pairwise, weighted_sum, weighted_sums};
pub use window::Window;
