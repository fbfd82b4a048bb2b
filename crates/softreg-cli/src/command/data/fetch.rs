//! `softreg data fetch`: well-known picture collections, downloaded and verified.

use crate::command::listed;
use crate::failure::usage;
use crate::recipe::RECIPES;
use crate::terminal::{Transfer, line_to_stdout};
use clap::Args;
use softreg_image::fetch::{self, DATA_SETS, FetchError};
use std::path::{Path, PathBuf};

/// Download a well-known picture collection.
///
/// If the connection is lost, what has arrived is kept, and the same command resumes the download.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg data fetch cifar10
  softreg data fetch mnist --to digits/
  softreg data fetch mnist --from https://example.org/mirror/mnist")]
pub(crate) struct Fetch {
    #[arg(value_name = "NAME", help = format!("Collection to download: {}", listed(DATA_SETS.iter().map(|set| set.name))))]
    name: String,
    /// Folder to write to [default: data/NAME]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Base URL of another server; file names are appended to it
    #[arg(long, value_name = "BASE_URL")]
    from: Option<String>,
}

impl Fetch {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let set = fetch::find(&self.name).map_err(|error| match error {
            FetchError::Unknown { .. } => usage(error.to_string()),
            error => error.into(),
        })?;
        let folder = self.to.unwrap_or_else(|| Path::new("data").join(set.name));
        let mut transfer = Transfer::new();
        let outcome = fetch::fetch(set, &folder, self.from.as_deref(), &mut |progress| {
            transfer.tick(progress.file, progress.bytes, progress.total);
        });
        transfer.end();
        outcome?;
        let recipe = match RECIPES.iter().any(|recipe| recipe.name == set.name) {
            true => format!(" --recipe {}", set.name),
            false => String::new(),
        };
        let folder = folder.display();
        let then = match (set.weights_of, set.files) {
            (Some(features), [file, ..]) => format!(
                "To measure with it: softreg evaluate RUN --features {features} --weights {folder}/{}",
                file.name
            ),
            _ => format!("To train on it: softreg train {folder}{recipe}"),
        };
        Ok(line_to_stdout(&format!("{folder} is complete. {then}"))?)
    }
}
