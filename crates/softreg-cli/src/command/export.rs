//! `softreg export`: the generator, for other programs.

use super::target;
use crate::backend;
use crate::terminal::line_to_stdout;
use crate::trained::{Trained, Which};
use anyhow::Context;
use clap::Args;
use softreg_run::{RunFolder, atomic};
use std::path::PathBuf;

/// Export a run's generator as a file that other programs can run.
///
/// ONNX: input `latents` [n, latent] from N(0, 1), plus one-hot `labels` [n, classes] for a
/// conditional run; output `pictures` [n, channels, height, width] in -1 to 1; with transparency,
/// colours are multiplied by opacity. The file's metadata says so and names the labels.
/// safetensors: the weights by name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg export runs/motif-001 --to motif.onnx
  softreg export runs/motif-001 --to motif.safetensors --checkpoint best")]
pub(crate) struct Export {
    /// Run folder, such as runs/motif-001
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// File to write: .onnx or .safetensors
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Checkpoint to use: latest, best (by the validation measure) or a step
    #[arg(long, value_name = "WHICH", default_value = "latest")]
    checkpoint: Which,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

impl Export {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        target::check("--to", &self.to, &["onnx", "safetensors"], self.force)?;
        let write: fn(&Trained) -> anyhow::Result<Vec<u8>> = match target::ending(&self.to).as_str()
        {
            "onnx" => |trained| Ok(trained.to_onnx()),
            _ => Trained::to_safetensors,
        };
        // Weights are written, not run: any device will do.
        let device = backend::device("auto")?.device;
        let trained = Trained::open(&RunFolder::open(&self.run)?, self.checkpoint, &device)?;
        for note in &trained.notes {
            crate::terminal::line_to_stderr(&format!("note: {note}"));
        }
        let file = write(&trained)?;
        atomic::write(&self.to, &file)
            .with_context(|| format!("cannot write {}", self.to.display()))?;
        let (step, to) = (trained.step, self.to.display());
        Ok(line_to_stdout(&format!("Generator after {step} steps: {to}"))?)
    }
}
