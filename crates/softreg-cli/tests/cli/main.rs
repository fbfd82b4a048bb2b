//! The real program, from command line to files, as a user meets it.
#![allow(clippy::disallowed_methods, reason = "files that a test makes need not survive a kill")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

mod analyze;
mod browser;
mod compare;
mod data;
mod devices;
mod disk;
mod evaluate;
mod from;
mod generate;
mod guard;
mod input;
mod page;
mod phone;
mod pictures;
#[cfg(unix)]
mod postgres;
mod program;
mod resume;
mod sheets;
mod studio;
mod text;
mod together;
mod train;
mod tune;
mod webdriver;
