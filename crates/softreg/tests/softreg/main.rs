//! What holds across the crate: agreement with independent reference values, and the properties
//! that every entry of every registry must have. One binary, because linking it dominates its cost.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is tests")]

mod golden;
mod own;
mod parity;
mod players;
mod registry;
mod slope;
mod specification;
mod steps;
mod terms;
