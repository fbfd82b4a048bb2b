//! One worker of a study: takes tasks, trains, measures, and tells what came of it.

use super::{Design, settings};
use crate::command::experiment;
use crate::terminal::number::digits;
use crate::terminal::quoted;
use crate::trial::{Failure, Pool, Results, Stage, Trial, Watch, interrupted};
use serde_json::json;
use softreg_metric::Interval;
use softreg_run::atomic;
use softreg_study::{Claim, Store, Task};
use softreg_train::RunConfig;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// Between two questions for a task.
const PAUSE: Duration = Duration::from_millis(500);

/// Works until there is nothing left to do.
pub(super) fn work(
    index: usize,
    device: &str,
    folder: &Path,
    pool: &Pool,
    (mut store, design): (Store, Design),
) -> anyhow::Result<()> {
    // Unlike that of any other process, on any host.
    let name =
        format!("{}-{index}-{:.0}-{:x}", std::process::id(), 1e6 * now(), rand::random::<u32>());
    while !interrupted() {
        let task = match store.claim(&name, now())? {
            Claim::Finished => break,
            Claim::Wait => {
                std::thread::sleep(PAUSE);
                continue;
            }
            Claim::Task(task) => task,
        };
        let watch = pool.watch(format!("trial {}", task.trial));
        let share = store.plan().rungs()[task.rung];
        let result = with_signs_of_life(&mut store, &task, &name, || {
            value(&task, share, device, folder, &design, &watch)
        });
        match result {
            Ok(Value { value, about }) => {
                store.finish(&task, &name, value, &about.to_string())?;
                watch.say(&said(&task, &design.quantity, value));
            }
            Err(failure) => match failure.reason() {
                None => {
                    store.release(&task, &name)?;
                }
                Some(reason) => {
                    // Where the host is to blame, another one may come to a value, and this one to none of the rest either.
                    if let Err(error) = design.check_host(folder) {
                        store.release(&task, &name)?;
                        let what = format!("trial {} failed here ({reason})", task.trial);
                        return Err(error.context(what));
                    }
                    // A trial that is ended every time, for its memory perhaps, must not keep the others waiting.
                    let mark = folder.join("trials").join(format!("{:04}.ended", task.trial));
                    if matches!(failure, Failure::Lost(_)) && !mark.exists() {
                        atomic::write(&mark, reason.as_bytes())?;
                        // What ended it may end all others too.
                        store.release(&task, &name)?;
                        watch.done();
                        anyhow::bail!(
                            "trial {} is not finished: {reason}; resume with: softreg tune --resume {}",
                            task.trial,
                            quoted(folder)
                        );
                    }
                    store.fail(&task, &name, reason)?;
                    watch.say(&format!("failed: {reason}"));
                }
            },
        }
        watch.done();
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
            folder: folder.join("trials").join(format!("{:04}-s{seed}", task.trial)),
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
        let result = work();
        over.store(true, Ordering::Relaxed);
        beat.thread().unpark();
        result
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
