//! `softreg data`: what there is to train on.

mod check;
mod fetch;

use clap::{Args, Subcommand};

/// Inspect a picture collection, or download a well-known one.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  softreg data check my-pictures/
  softreg data fetch cifar10"
)]
pub(crate) struct Data {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Fetch(fetch::Fetch),
}

impl Data {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Check(command) => command.run(),
            Command::Fetch(command) => command.run(),
        }
    }
}
