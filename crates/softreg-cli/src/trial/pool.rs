//! Trials side by side, as many as the machine has room for, and one line that tells how far they are.

use super::Stage;
use crate::terminal::{duration, line_to_stderr};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Works through trials.
pub(crate) struct Pool {
    bar: ProgressBar,
    workers: usize,
    quiet: bool,
    state: Mutex<Now>,
}

/// What is known at the moment.
struct Now {
    total: usize,
    done: usize,
    start: Instant,
    running: BTreeMap<String, Stage>,
    last_line: Instant,
}

/// What a trial reports to.
pub(crate) struct Watch<'a> {
    pool: &'a Pool,
    name: String,
}

/// Where there is no terminal, a line this often is enough for a log.
const LINE_EVERY: Duration = Duration::from_secs(60);

impl Pool {
    /// A pool of `workers` threads for `total` trials.
    pub(crate) fn new(workers: usize, total: usize, quiet: bool) -> Self {
        let bar = if std::io::stderr().is_terminal() && !quiet {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(1000), target);
            if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan/dim} {wide_msg}") {
                bar.set_style(style.progress_chars("━━╌"));
            }
            bar
        } else {
            ProgressBar::hidden()
        };
        let start = Instant::now();
        let now = Now { total, done: 0, start, running: BTreeMap::new(), last_line: start };
        Self { bar, workers: workers.max(1), quiet, state: Mutex::new(now) }
    }

    /// Works on every job, several at once, in their order, with the number of the worker; results in the order of
    /// the jobs.
    pub(crate) fn run<J: Send, R: Send>(
        &self,
        jobs: Vec<(String, J)>,
        work: impl Fn(usize, J, &Watch<'_>) -> R + Sync,
    ) -> Vec<R> {
        let count = jobs.len();
        let queue: Mutex<VecDeque<_>> = Mutex::new(jobs.into_iter().enumerate().collect());
        let results = Mutex::new(Vec::with_capacity(count));
        std::thread::scope(|scope| {
            for worker in 0..self.workers.min(count) {
                let (queue, results, work) = (&queue, &results, &work);
                scope.spawn(move || {
                    loop {
                        // In a statement of its own, so that the queue is free while one works.
                        let next = lock(queue).pop_front();
                        let Some((index, (name, job))) = next else { break };
                        let watch = self.watch(name);
                        let result = work(worker, job, &watch);
                        watch.done();
                        lock(results).push((index, result));
                    }
                });
            }
        });
        self.end();
        let mut results = std::mem::take(&mut *lock(&results));
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Takes the progress line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// What a trial of this name reports to.
    pub(crate) fn watch(&self, name: String) -> Watch<'_> {
        Watch { pool: self, name }
    }

    /// A sentence for a person.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| line_to_stderr(text));
        }
    }

    fn show(&self) {
        let mut now = lock(&self.state);
        let of = |stage: &Stage| match stage {
            Stage::Training(done) => 0.95 * done,
            Stage::Measuring => 0.95,
        };
        let whole: f64 = now.done as f64 + now.running.values().map(of).sum::<f64>();
        let share = whole / now.total.max(1) as f64;
        let left = match share > 0.02 {
            true => {
                let seconds = now.start.elapsed().as_secs_f64() * (1.0 - share) / share;
                format!(" · {} left", duration(seconds))
            }
            false => String::new(),
        };
        let running = now.running.iter().map(|(name, stage)| match stage {
            Stage::Training(done) => format!("{name} {:.0} %", 100.0 * done),
            Stage::Measuring => format!("{name} measuring"),
        });
        let running: Vec<String> = running.collect();
        let text = format!("{} of {} trials{left} · {}", now.done, now.total, running.join(", "));
        self.bar.set_position((1000.0 * share) as u64);
        self.bar.set_message(text.clone());
        let terminal = !self.bar.is_hidden();
        if !terminal && !self.quiet && now.last_line.elapsed() >= LINE_EVERY {
            now.last_line = Instant::now();
            line_to_stderr(&text);
        }
    }
}

impl Watch<'_> {
    /// How far the trial is.
    pub(crate) fn stage(&self, stage: Stage) {
        lock(&self.pool.state).running.insert(self.name.clone(), stage);
        self.pool.show();
    }

    /// A sentence about the trial.
    pub(crate) fn say(&self, text: &str) {
        self.pool.say(&format!("{}: {text}", self.name));
    }

    /// The trial is over.
    pub(crate) fn done(&self) {
        let mut now = lock(&self.pool.state);
        now.running.remove(&self.name);
        now.done += 1;
    }
}

/// A worker that panicked has already been reported: what the others did still counts.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_and_results_keep_their_order() {
        let pool = Pool::new(3, 20, true);
        let jobs = (0..20).map(|i| (format!("job {i}"), i)).collect();
        let doubled = pool.run(jobs, |_, i, watch| {
            watch.stage(Stage::Training(0.5));
            std::thread::sleep(Duration::from_millis(20 - i));
            2 * i
        });
        assert_eq!(doubled, (0..20).map(|i| 2 * i).collect::<Vec<_>>());
        let now = lock(&pool.state);
        assert!(now.done == 20 && now.running.is_empty());
    }

    #[test]
    fn jobs_are_done_side_by_side() {
        let pool = Pool::new(3, 3, true);
        let together = std::sync::Barrier::new(3);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let jobs = (0..3).map(|i| (format!("job {i}"), ())).collect();
                // Each waits for the two others.
                pool.run(jobs, |_, (), _| together.wait());
                let _ = sender.send(());
            });
            let over = receiver.recv_timeout(Duration::from_secs(20)).is_ok();
            if !over {
                // A failed assertion would wait for the threads for ever.
                std::process::exit(101);
            }
        });
    }
}
