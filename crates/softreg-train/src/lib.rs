//! The training of a generator, from a checked configuration to a finished run folder.
//!
//! [`config`] is what a user may ask for, and only a [`config::Checked`] one runs. [`step`] is one
//! update of critic and generator, the definition of soft regularization written out; [`train`]
//! repeats it until a stop condition holds, and writes the run folder as it goes. [`checkpoint`]
//! holds everything that the next step depends on, so that a run that was killed goes on to the
//! same numbers.
//!
//! Training measures nothing by itself: a validation measure is handed in ([`validation::Validation`]).

mod batches;
pub mod checkpoint;
pub mod config;
pub mod cost;
mod draw;
mod error;
mod follower;
mod gradient;
pub mod group;
pub mod inspection;
mod objective;
pub mod observer;
mod optimizer;
pub mod players;
mod replica;
pub mod sample;
mod scene;
pub mod step;
mod stop;
pub mod train;
mod transfer;
pub mod validation;

pub use config::{Checked, RunConfig};
pub use error::Error;
pub use follower::Follower;
pub use group::{Alone, Group, Wait};
pub use optimizer::OPTIMIZERS;
pub use train::{Outcome, Run};
pub use validation::{Measured, Validation};
