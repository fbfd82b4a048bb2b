//! One worker of a study: takes tasks, trains, measures, and tells what came of it.

use super::{Design, settings};
use crate::command::experiment;
use crate::terminal::number::digits;
use crate::trial::{Failure, Pool, Results, Stage, Trial, Watch, interrupted};
use serde_json::json;
use softreg_metric::Interval;
use softreg_run::{RunFolder, State, atomic};
use softreg_study::{Claim, Store, Task};
use softreg_train::RunConfig;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// Between two questions for a task, at first and at most: many who wait must not keep those from it that have something to say.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Where the first trials here all fail, and did not diverge, the host is to blame, or every setting.
const FIRST_FAILURES: usize = 3;

/// Works until there is nothing left to do.
pub(super) fn work(
    index: usize,
    device: &str,
    (folder, resume): (&Path, &str),
    pool: &Pool,
    (mut store, design): (Store, Design),
) -> anyhow::Result<()> {
    // Unlike that of any other process, on any host.
    let name =
        format!("{}-{index}-{:.0}-{:x}", std::process::id(), 1e6 * now(), rand::random::<u32>());
    let mut pause = PAUSE;
    let (mut values, mut failures) = (0, 0);
    while !interrupted() {
        let task = match store.claim(&name, now())? {
            Claim::Finished => break,
            Claim::Wait => {
                std::thread::sleep(pause);
                pause = (2 * pause).min(LONGEST_PAUSE);
                continue;
            }
            Claim::Task(task) => task,
        };
        pause = PAUSE;
        let watch = pool.watch(format!("trial {}", task.trial));
        let share = store.plan().rungs()[task.rung];
        let (result, host) = with_signs_of_life(&mut store, &task, &name, || {
            let result = value(&task, share, device, folder, &design, &watch);
            let failed = result.as_ref().is_err_and(|failure| failure.reason().is_some());
            // Where the host is to blame, another one may come to a value, and this one to none of the rest either.
            let host = if failed { design.check_host(folder, device) } else { Ok(()) };
            (result, host)
        });
        let failure = match result {
            Ok(Value { value, about }) => {
                values += 1;
                store.finish(&task, &name, value, &about.to_string())?;
                watch.say(&said(&task, &design.quantity, value));
                watch.done();
                continue;
            }
            Err(failure) => failure,
        };
        let Some(reason) = failure.reason() else {
            store.release(&task, &name)?;
            watch.done();
            break;
        };
        let trial = task.trial;
        let not_its_own = match &failure {
            Failure::InTheWay(_) => Err(anyhow::anyhow!("resume with: {resume}")),
            _ => Ok(()),
        };
        if let Err(error) = host.and(not_its_own) {
            store.release(&task, &name)?;
            watch.done();
            return Err(error.context(format!("trial {trial} failed here ({reason})")));
        }
        // A trial that is ended every time, for its memory perhaps, must not keep the others waiting.
        let mark = folder.join("trials").join(format!("{trial:04}.ended"));
        if matches!(failure, Failure::Lost(_)) && !mark.exists() {
            atomic::write(&mark, reason.as_bytes())?;
            // What ended it may end all others too.
            store.release(&task, &name)?;
            watch.done();
            anyhow::bail!("trial {trial} is not finished: {reason}; resume with: {resume}");
        }
        store.fail(&task, &name, reason)?;
        watch.say(&format!("failed: {reason}"));
        watch.done();
        failures += usize::from(!ended_in_order(folder, &design, trial));
        anyhow::ensure!(
            values > 0 || failures < FIRST_FAILURES,
            "the first {FIRST_FAILURES} trials here all failed, the last one with: {reason}; if neither this machine nor what is varied is to blame, go on with: {resume}"
        );
    }
    Ok(())
}

struct Value {
    value: f64,
    about: serde_json::Value,
}

/// Trains and measures every seed of a task, with a share of the budget.
fn value(
    task: &Task,
    share: f64,
    device: &str,
    folder: &Path,
    design: &Design,
    watch: &Watch<'_>,
) -> Result<Value, Failure> {
    let count = design.seeds.len() as f64;
    let mut values = Vec::new();
    let mut runs = Vec::new();
    for (i, seed) in design.seeds.iter().enumerate() {
        let config = configuration(design, task, share, *seed).map_err(Failure::of)?;
        let trial = Trial {
            folder: run_of(folder, task.trial, *seed),
            config,
            device: device.to_owned(),
            fingerprint: experiment::fixed_fingerprint(
                design.fingerprint.as_ref(),
                &design.recipe.data.source,
            ),
        };
        let results = trial.run(&design.protocol, &mut |stage| {
            watch.stage(match stage {
                Stage::Training(done) => Stage::Training((i as f64 + done) / count),
                Stage::Measuring => Stage::Measuring,
            });
        })?;
        values.push(of(&results, &design.quantity)?);
        runs.push(json!({
            "seed": seed, "run": trial.folder, "steps": results.steps, "seconds": results.seconds,
        }));
    }
    let interval = Interval::of(&values);
    let about = json!({ "half": interval.half, "values": values, "runs": runs });
    Ok(Value { value: interval.mean, about })
}

fn run_of(study: &Path, trial: usize, seed: u64) -> PathBuf {
    study.join("trials").join(format!("{trial:04}-s{seed}"))
}

/// Whether a run of a failed trial ended itself, as those do that diverge: its settings are to blame.
fn ended_in_order(study: &Path, design: &Design, trial: usize) -> bool {
    design.seeds.iter().any(|seed| {
        let status = RunFolder::open(run_of(study, trial, *seed)).and_then(|run| run.read_status());
        status.is_ok_and(|status| status.state == State::Stopped)
    })
}

fn of(results: &Results, quantity: &str) -> Result<f64, Failure> {
    let metric = results.metrics.values().find(|metric| metric.quantity == quantity);
    metric.map(|metric| metric.value.mean).ok_or_else(|| {
        Failure::Failed(format!("{quantity} cannot be measured here: see softreg evaluate"))
    })
}

/// The configuration of a trial with a share of the budget.
pub(super) fn configuration(
    design: &Design,
    task: &Task,
    share: f64,
    seed: u64,
) -> anyhow::Result<RunConfig> {
    let mut config = settings::apply(&design.recipe, &task.parameters)?;
    config.seed = seed;
    let part = |whole: u64| ((whole as f64 * share).round() as u64).max(1);
    let stop = &mut config.stop;
    stop.steps = stop.steps.map(part);
    stop.images = stop.images.map(part);
    stop.minutes = stop.minutes.map(|minutes| minutes * share);
    Ok(config)
}

/// Tells the store now and then that the worker lives, while `work` goes on.
fn with_signs_of_life<T>(
    store: &mut Store,
    task: &Task,
    worker: &str,
    work: impl FnOnce() -> T,
) -> T {
    /// Ends the signs of life, also where the work panics: nobody would wait for it any longer than for the dead.
    struct Over<'a>(&'a AtomicBool, Thread);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
            self.1.unpark();
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let beat = scope.spawn(|| {
            loop {
                std::thread::park_timeout(BEAT);
                if over.load(Ordering::Relaxed) {
                    break;
                }
                // Where it is not heard the task may be done twice, and counts once. The store says what is wrong.
                let _ = store.beat(task, worker, now());
            }
        });
        let _over = Over(&over, beat.thread().clone());
        work()
    })
}

fn said(task: &Task, quantity: &str, value: f64) -> String {
    let settings: Vec<String> = task.parameters.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!("{quantity} {} with {} (rung {})", digits(value), settings.join(" "), task.rung + 1)
}

/// Seconds since the Unix epoch: the same clock for every process.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}
