//! Searches: which settings to try next, and the one place where every worker finds out.
//!
//! A [`Plan`] is a [`Space`] of settings and a [`Method`]. It decides from the history alone what is
//! tried next, so that any number of processes decide alike. A [`Store`] keeps the history in one SQLite
//! file or on a PostgreSQL server, and hands out each task once; what a dead worker held is handed out again.
//!
//! Nothing here trains anything: how good a trial is, is told to the store from outside.

mod error;
mod method;
mod plan;
mod space;
mod store;

pub use error::{Error, Result};
pub use method::Method;
pub use plan::{Decision, Plan, Rung, Tried};
pub use space::{Dimension, Domain, Parameters, Scale, Space};
pub use store::{Address, Claim, Recorded, STALE, Store, Task, tried};
