//! The commands, one file each.

mod train;

use clap::{Parser, Subcommand};

/// Trains image generators that stay diverse on small picture collections.
#[derive(Debug, Parser)]
#[command(name = "softreg", version, arg_required_else_help = true, propagate_version = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::Train>),
}

/// Does what was asked for.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Train(command) => command.run(),
    }
}
