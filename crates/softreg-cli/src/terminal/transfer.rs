//! The progress of a download.

use super::line_to_stderr;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows a download: a bar on a terminal, a line now and then elsewhere.
pub(crate) struct Transfer {
    bar: ProgressBar,
    terminal: bool,
    file: String,
    last_line: Instant,
}

/// Where there is no terminal, a line this often is enough for a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Transfer {
    /// A display before the first file.
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = match terminal {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        Self { bar, terminal, file: String::new(), last_line: Instant::now() }
    }

    /// `bytes` of `total` of `file` have arrived.
    pub(crate) fn tick(&mut self, file: &str, bytes: u64, total: Option<u64>) {
        if self.file != file {
            file.clone_into(&mut self.file);
            let template = match total {
                Some(_) => {
                    "{bar:24.cyan/dim} {msg} {bytes} of {total_bytes} · {bytes_per_sec} · {eta} left"
                }
                None => "{spinner} {msg} {bytes} · {bytes_per_sec}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style.progress_chars("━━╌"));
            }
            self.bar.reset();
            self.bar.set_message(self.file.clone());
            if !self.terminal {
                line_to_stderr(&format!("downloading {file}"));
            }
        }
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(bytes);
        if !self.terminal && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let of = total.map_or(String::new(), |total| format!(" of {} MB", total / 1_000_000));
            line_to_stderr(&format!("{file}: {} MB{of}", bytes / 1_000_000));
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
