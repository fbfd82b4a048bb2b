//! The progress of a training run, in the mode that was asked for.

use super::{Mode, line_to_stderr, line_to_stdout};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use softreg_train::observer::{Event, Observer, Tick};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows a training run.
pub(crate) struct Progress {
    mode: Mode,
    bar: ProgressBar,
    terminal: bool,
    last_line: Option<Instant>,
}

/// Ticks of the bar: fine enough for any width of terminal.
const LENGTH: u64 = 1000;
/// Where there is no terminal, a line this often is enough for a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    /// A display for `mode`.
    pub(crate) fn new(mode: Mode) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = match (mode, terminal) {
            (Mode::Human, true) => {
                let bar = ProgressBar::with_draw_target(Some(LENGTH), ProgressDrawTarget::stderr());
                if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan/dim} {wide_msg}") {
                    bar.set_style(style.progress_chars("━━╌"));
                }
                bar
            }
            _ => ProgressBar::hidden(),
        };
        Self { mode, bar, terminal, last_line: None }
    }

    /// A sentence for a person.
    pub(crate) fn say(&self, text: &str) {
        if self.mode == Mode::Human {
            self.bar.suspend(|| line_to_stderr(text));
        }
    }

    /// Takes the progress line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn tick(&mut self, tick: &Tick) {
        let text = summary(tick);
        self.bar.set_position(tick.done.map_or(0, |done| (done * LENGTH as f64) as u64));
        self.bar.set_message(text.clone());
        let due = self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        if self.mode == Mode::Human && !self.terminal && due {
            line_to_stderr(&text);
            self.last_line = Some(Instant::now());
        }
    }
}

/// Steps, speed, time left and losses, in one line.
fn summary(tick: &Tick) -> String {
    let value = |name: &str| tick.values.get(name).copied().unwrap_or(f64::NAN);
    let left = tick.seconds_left.map_or(String::new(), |s| format!(" · {} left", duration(s)));
    format!(
        "step {} · {:.0} img/s{left} · critic {:.3} · generator {:.3}",
        tick.step,
        tick.images_per_second,
        value("loss/critic"),
        value("loss/generator"),
    )
}

/// `1:05` or `2:03:04`.
pub(crate) fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s / 3600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        hours => format!("{hours}:{:02}:{:02}", s / 60 % 60, s % 60),
    }
}

impl Observer for Progress {
    fn notice(&mut self, event: Event) {
        if self.mode == Mode::Json {
            // A reader that went away does not end a run.
            let _ = line_to_stdout(&as_json(&event).to_string());
            return;
        }
        match event {
            Event::Step(tick) => self.tick(&tick),
            Event::Notice(text) => self.say(&format!("note: {text}")),
            Event::Validation { step, name, value, best, beside } => {
                let mark = if best { ", best so far" } else { "" };
                let beside: String =
                    beside.iter().map(|(name, value)| format!("; {name} {value:.4}")).collect();
                self.say(&format!("step {step}: {name} {value:.4}{mark}{beside}"));
            }
            Event::Picture { .. } | Event::Checkpoint { .. } => {}
        }
    }
}

fn as_json(event: &Event) -> serde_json::Value {
    match event {
        Event::Step(t) => json!({
            "event": "step", "step": t.step, "images": t.images, "seconds": t.seconds,
            "images_per_second": t.images_per_second, "done": t.done,
            "seconds_left": t.seconds_left, "values": t.values,
        }),
        Event::Picture { step, path } => json!({
            "event": "picture", "step": step, "path": path.to_string_lossy(),
        }),
        Event::Checkpoint { step } => json!({"event": "checkpoint", "step": step}),
        Event::Validation { step, name, value, best, beside } => json!({
            "event": "validation", "step": step, "name": name, "value": value, "best": best,
            "beside": beside,
        }),
        Event::Notice(text) => json!({"event": "notice", "text": text}),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_read_like_a_clock() {
        assert_eq!(duration(65.2), "1:05");
        assert_eq!(duration(7384.0), "2:03:04");
        assert_eq!(duration(-3.0), "0:00");
    }
}
