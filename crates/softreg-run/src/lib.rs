//! The softreg run folder: metrics, checkpoints, sheets, charts and events on disk.
//!
//! Why a crate of its own: the run folder is the interface between all commands. Training writes
//! it; resuming, generating, evaluating, comparing and looking on read it. None of them sees
//! another's memory, so what stands here must be complete, must survive a kill at any moment, and
//! must not depend on a tensor library. Everything here is plain files and plain numbers.
//!
//! | file | written by | holds |
//! |---|---|---|
//! | `config.toml` | caller | the checked configuration |
//! | `data.json` | caller | what the data check found |
//! | `run.json` | [`Status`] | state, step, images, seconds, versions |
//! | `metrics.jsonl` | [`metrics::Writer`] | one [`metrics::Row`] a line |
//! | `checkpoints/step-00001000.safetensors` | [`checkpoint::write`] | tensors and metadata |
//! | `samples/step-00001000.png` | [`sheet::contact_sheet`] | pictures from fixed latents |
//! | `sheet.png` | [`sheet::contact_sheet`] | the final contact sheet |
//! | `losses.png` | [`chart::draw`] | the loss chart |
//! | `events.out.tfevents.*` | [`tensorboard::EventWriter`] | the same numbers for TensorBoard |
//! | `favourites.json` | the studio | pictures that were kept, with their latents |
//! | `lock` | [`RunFolder::lock`] | held by the one process that writes |
//!
//! Who writes into a run folder holds its lock; readers need none, because every file is either
//! replaced whole ([`atomic`]) or only grows by whole lines and records.

pub mod animation;
pub mod atomic;
pub mod chart;
pub mod checkpoint;
pub mod claim;
mod error;
mod folder;
pub mod metrics;
mod picture;
pub mod plot;
pub mod sheet;
mod status;
pub mod tensorboard;

pub use checkpoint::Checkpoint;
pub use error::{Error, Result};
pub use folder::{RunFolder, RunLock};
pub use picture::{Colour, Picture, encode_png};
pub use status::{State, Status};
