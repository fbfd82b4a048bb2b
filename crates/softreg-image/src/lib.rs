//! Picture collections for softreg: from folders, archives, sprite sheets, CIFAR and IDX files to batches.
//!
//! Everything between a path a person typed and plain `f32` numbers in `[-1, 1]` happens here, so
//! that training never sees a file name, a format or a broken picture. The crate knows no tensor
//! library and prints nothing.
//!
//! | step | module |
//! |---|---|
//! | find the pictures | [`source`] |
//! | decode one | [`picture`] |
//! | bring it to the training size | [`size`], [`channels`], [`transform`] |
//! | hold them all | [`collection`] |
//! | and keep them for the next time | [`cache`] |
//! | draw batches | [`sampler`] |
//! | tell a person what is there | [`doctor`] |
//! | download a well-known set | [`fetch`] |

pub mod cache;
pub mod channels;
pub mod collection;
pub mod doctor;
pub mod error;
pub mod fetch;
pub mod picture;
pub mod sampler;
pub mod size;
pub mod source;
pub mod transform;

mod resample;

pub use cache::Cache;
pub use channels::{Background, Channels};
pub use collection::{Collection, LoadOptions, Skipped, native_size, open, sample, suggestion};
pub use error::Error;
pub use sampler::Sampler;
pub use size::{Size, Suggestion, suggest_size};
pub use source::{
    SOURCES, SourceEntry, absolute, depends_on_seed, is_built_in, path_in, stacked_kinds, takes_in,
};
pub use transform::Fit;
