//! `softreg analyze`: whether a run generalizes, or learns its pictures by heart.

mod report;
mod stability;
mod view;

use super::choices;
use crate::backend;
use crate::cache;
use crate::terminal::{line_to_stderr, line_to_stdout};
use crate::trained;
use crate::trial::{interrupted, listen_for_interruption};
use anyhow::Context;
use burn::tensor::Device;
use clap::Args;
use softreg_feature::DEFINITIONS;
use softreg_image::Collection;
use softreg_run::{RunFolder, atomic, checkpoint, metrics};
use softreg_train::config::Checked;
use softreg_train::inspection::Inspection;
use stability::Stability;
use std::path::PathBuf;
use view::View;

/// Show whether a run generalizes: how the critic scores training and other pictures, how steep
/// both networks are, and how much a single picture matters.
///
/// Held-out pictures (set data.validation when training) make the difference visible; without them,
/// part of the report is left out. Charts and numbers are written into the run folder as a single
/// page.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:
  softreg analyze runs/art-001
  softreg analyze runs/art-001 --twin 0        also train a run with one picture replaced
  softreg analyze runs/a-001 --against runs/a-002
  softreg train art/ --set data.validation=0.2 --set output.keep=8   a run with more to show"
)]
pub(crate) struct Analyze {
    /// Run folder, such as runs/motif-001
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Train a second run with this training picture (by number) replaced by another, and compare
    /// the two: algorithmic stability. Takes as long as the original run; resumes if interrupted
    #[arg(long, value_name = "NUMBER", conflicts_with = "against")]
    twin: Option<usize>,
    /// Compare with another run of the same networks, using the same latents
    #[arg(long, value_name = "RUN")]
    against: Option<PathBuf>,
    #[arg(long, value_name = "NAME|FILE", default_value = "randconv",
        help = format!("Features for the distances: {}; or a definition (.toml) or weights (.safetensors, .pth)",
            super::listed(DEFINITIONS.iter().map(|(name, _)| *name))))]
    features: String,
    /// Maximum number of pictures of each kind to use
    #[arg(long, value_name = "COUNT", default_value_t = 500,
        value_parser = clap::value_parser!(u64).range(8..=20_000))]
    count: u64,
    /// Seed for latents and directions
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Folder to write to [default: RUN/analysis]
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Device to compute on
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Machine")]
    device: String,
}

/// Checkpoints that are looked at; of more, some evenly spread.
const MOST_CHECKPOINTS: usize = 8;

/// A run with its pictures.
struct Opened {
    folder: RunFolder,
    checked: Checked,
    pictures: Collection,
    training: Vec<usize>,
    held_out: Vec<usize>,
}

impl Analyze {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let device = backend::device(&self.device)?.device;
        let extractor = super::protocol::extractor(&self.features, None, &device)?;
        let run = Opened::open(&self.run)?;
        if run.held_out.is_empty() {
            line_to_stderr(
                "note: the run held out no pictures, so the report covers training pictures only: train with --set data.validation=0.2",
            );
        }
        let rows = metrics::read(run.folder.metrics())?;
        let steps = spread(checkpoint::list(run.folder.checkpoints())?);
        anyhow::ensure!(
            !steps.is_empty(),
            "{} has no checkpoint yet: wait for the first one",
            run.folder.root().display()
        );
        let views = steps.iter().map(|step| {
            let inspection = run.inspect(*step, &device)?;
            View::of(&inspection, &run, &extractor, self.count as usize, self.seed)
        });
        let views = views.collect::<anyhow::Result<Vec<View>>>()?;
        let stability = match (self.twin, &self.against) {
            (Some(number), _) => {
                listen_for_interruption()?;
                let twin = stability::twin(&run, number, &self.device)?;
                Some(Stability::of(
                    &run,
                    &twin,
                    &extractor,
                    &device,
                    self.count as usize,
                    self.seed,
                )?)
            }
            (None, Some(other)) => {
                let other = Opened::open(other)?;
                Some(Stability::of(
                    &run,
                    &other,
                    &extractor,
                    &device,
                    self.count as usize,
                    self.seed,
                )?)
            }
            (None, None) => None,
        };
        not_interrupted()?;
        let report = report::of(&run, &rows, &views, stability.as_ref())?;
        let folder = self.out.clone().unwrap_or_else(|| run.folder.root().join("analysis"));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        atomic::write_json(folder.join("analysis.json"), &report.json)?;
        atomic::write(folder.join("charts.png"), &report.charts)?;
        let page = folder.join("analysis.html");
        atomic::write(&page, report.page.as_bytes())?;
        if self.json {
            return Ok(line_to_stdout(&serde_json::to_string_pretty(&report.json)?)?);
        }
        line_to_stdout(report.table.to_string().trim_end())?;
        report.findings.iter().try_for_each(|finding| line_to_stdout(finding))?;
        Ok(line_to_stdout(&format!("Page: {}", page.display()))?)
    }
}

/// Between two stages: Ctrl-C is heard, and nothing is lost.
fn not_interrupted() -> anyhow::Result<()> {
    anyhow::ensure!(!interrupted(), "interrupted; run the same command to resume");
    Ok(())
}

impl Opened {
    fn open(path: &PathBuf) -> anyhow::Result<Self> {
        let folder = RunFolder::open(path)?;
        let config = trained::configuration(&folder)?;
        let pictures = cache::pictures(&config.data.source, &config.load_options()?)
            .context("cannot load the run's pictures")?;
        let checked = config.check(&pictures)?;
        let (training, held_out) = checked.config().parts(&pictures);
        Ok(Self { folder, checked, pictures, training, held_out })
    }

    fn inspect(&self, step: u64, device: &Device) -> anyhow::Result<Inspection> {
        let path = self.folder.checkpoint(step);
        Ok(Inspection::open(&path, &self.checked, &self.pictures.fingerprint, device)?)
    }

    fn name(&self) -> String {
        choices::stem(&self.folder.name())
    }
}

/// The last one, and others evenly before it.
fn spread(steps: Vec<u64>) -> Vec<u64> {
    let n = steps.len();
    if n <= MOST_CHECKPOINTS {
        return steps;
    }
    (0..MOST_CHECKPOINTS).map(|i| steps[i * (n - 1) / (MOST_CHECKPOINTS - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn checkpoints_are_spread_from_the_first_to_the_last() {
        assert_eq!(spread(vec![1, 2, 3]), [1, 2, 3]);
        assert_eq!(spread((0..100).collect()), [0, 14, 28, 42, 56, 70, 84, 99]);
    }
}
