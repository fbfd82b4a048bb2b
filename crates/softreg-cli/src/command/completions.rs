//! `softreg completions`: what a shell needs to complete commands and options.

use crate::terminal::line_to_stdout;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg completions bash > ~/.local/share/bash-completion/completions/softreg
  softreg completions zsh > ~/.zfunc/_softreg
  softreg completions fish > ~/.config/fish/completions/softreg.fish")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        // Into memory first: writing to a closed pipe would panic there.
        let mut script = Vec::new();
        let mut command = super::Cli::command();
        clap_complete::generate(self.shell, &mut command, "softreg", &mut script);
        Ok(line_to_stdout(String::from_utf8_lossy(&script).trim_end())?)
    }
}
