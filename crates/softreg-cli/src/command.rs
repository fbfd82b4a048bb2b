//! The commands, one file each.

mod analyze;
mod choices;
mod compare;
mod completions;
mod data;
mod devices;
mod evaluate;
mod experiment;
mod export;
mod generate;
mod list;
mod plan;
pub(crate) mod protocol;
mod studio;
mod target;
mod train;
mod tune;

use clap::{Parser, Subcommand};

/// Train image generators that stay diverse on small picture collections.
#[derive(Debug, Parser)]
#[command(
    name = "softreg",
    bin_name = "softreg",
    version = version(),
    arg_required_else_help = true,
    propagate_version = false,
    after_help = "Examples:
  softreg train                       first run, on built-in pictures, three minutes
  softreg data check my-pictures/     see what is in a folder before training on it
  softreg train my-pictures/          train on your own pictures
  softreg studio                      train, watch and explore in the browser
  softreg generate runs/my-pictures-001 --seed 7
  softreg evaluate runs/my-pictures-001   measure quality, diversity and originality
  softreg analyze runs/my-pictures-001   check whether training pictures are memorized
  softreg compare my-pictures/ --minutes 5   find out which regularizers help
  softreg tune my-pictures/ --vary consistency=0.1..10   find the best λ on held-out pictures

Every command has its own examples: softreg COMMAND --help"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::Train>),
    Generate(generate::Generate),
    Export(export::Export),
    Evaluate(Box<evaluate::Evaluate>),
    Analyze(analyze::Analyze),
    Compare(Box<compare::Compare>),
    Studio(studio::Studio),
    Tune(Box<tune::Tune>),
    Data(data::Data),
    Plan(plan::Plan),
    Devices(devices::Devices),
    List(list::List),
    Completions(completions::Completions),
}

/// Does what was asked for.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Train(command) => command.run(),
        Command::Generate(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Evaluate(command) => command.run(),
        Command::Analyze(command) => command.run(),
        Command::Compare(command) => command.run(),
        Command::Studio(command) => command.run(),
        Command::Tune(command) => command.run(),
        Command::Data(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Devices(command) => command.run(),
        Command::List(command) => command.run(),
        Command::Completions(command) => command.run(),
    }
}

/// The version, and what this build can compute on.
fn version() -> String {
    format!("{} (backends: {})", env!("CARGO_PKG_VERSION"), crate::backend::names().join(", "))
}

/// Names of a registry in a help text.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
