//! The program `softreg`: trains image generators that stay diverse on small picture collections.

mod backend;
mod cache;
mod command;
mod failure;
mod feature_cache;
mod interruption;
mod origin;
mod page;
mod pictures;
mod program;
mod recipe;
mod terminal;
mod together;
mod trained;
mod trial;
mod validation;

use clap::Parser;
use command::Cli;
use std::process::ExitCode;

// Training allocates and frees large buffers all the time; the system allocator gives them back to
// the kernel every time, and pays for fresh pages again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    softreg_kernel::keep_freed_memory();
    failure::install_panic_hook();
    interruption::hear_of_long_files();
    let outcome = std::panic::catch_unwind(|| command::run(Cli::parse()));
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failure::report(&error).into(),
        Err(_) => ExitCode::FAILURE,
    }
}
