//! A trial: one training run of an experiment, as a process of its own, and its measurement.
//!
//! Why a process: a run that fails, diverges or is killed takes nothing with it, each has a pool of
//! threads of its own, and what an experiment does is what a user can do by hand. A trial that was
//! begun goes on where it was left; one that is done is not done again.

mod pool;
mod process;

pub(crate) use pool::{Pool, Watch};
pub(crate) use process::{Failure, interrupted, listen_for_interruption};

use crate::command::protocol::Protocol;
use process::call;
use serde_json::Value;
use softreg_metric::Interval;
use softreg_run::{RunFolder, State, Status, atomic, metrics};
use softreg_train::RunConfig;
use softreg_train::config::settings::changes;
use softreg_train::config::{keys, parse};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A run of an experiment.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// Its run folder; the recipe stands beside it.
    pub folder: PathBuf,
    /// What is trained; its stop conditions may be later ones than those of the folder.
    pub config: RunConfig,
    /// Where it computes.
    pub device: String,
    /// Of the pictures that all trials are to learn from, where they are known and not made by the seed.
    pub fingerprint: Option<String>,
}

/// What came out of a trial.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    /// Steps done.
    pub steps: u64,
    /// Real pictures seen.
    pub images: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Pictures per second: the median over the run, so that sheets and checkpoints do not count.
    pub images_per_second: f64,
    /// Values of the measures, by their full names.
    pub metrics: BTreeMap<String, Metric>,
}

/// One value of a measure.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    /// The name without the protocol.
    pub quantity: String,
    /// The value; its interval is that of one run.
    pub value: Interval,
}

/// What a trial tells while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Training, this share done.
    Training(f64),
    /// Measuring.
    Measuring,
}

impl Trial {
    /// Trains up to the stop conditions, from wherever it was left, and measures.
    pub(crate) fn run(
        &self,
        protocol: &Protocol,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Results, Failure> {
        let status = self.train(watch)?;
        watch(Stage::Measuring);
        let metrics = self.measure(protocol, status.step)?;
        Ok(Results {
            steps: status.step,
            images: status.images,
            seconds: status.seconds,
            images_per_second: rate(&self.folder).map_err(Failure::of)?,
            metrics,
        })
    }

    /// Trains up to the stop conditions, from wherever it was left.
    pub(crate) fn train(&self, watch: &mut dyn FnMut(Stage)) -> Result<Status, Failure> {
        let mut ended_early = false;
        let mut follow = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            match event["event"].as_str() {
                Some("step") => watch(Stage::Training(event["done"].as_f64().unwrap_or(0.0))),
                Some("end") => ended_early = event["finished"] == false,
                _ => {}
            }
        };
        let path = self.folder.display().to_string();
        let threads = self.config.training.threads;
        let common = ["--device", self.device.as_str(), "--json"];
        let called = match self.begun()? {
            Some(folder) => {
                wait_for(&folder)?;
                self.check_pictures(&folder)?;
                self.check_configuration(&folder)?;
                let status = folder.read_status().map_err(Failure::of)?;
                if status.state == State::Finished && self.is_done(&status) {
                    return Ok(status);
                }
                let resume = ["train".to_owned(), "--resume".to_owned(), path];
                let line = resume.into_iter().chain(self.stop());
                call(line.chain(common.map(str::to_owned)), threads, &mut follow)
            }
            None => {
                self.config.check_without_pictures().map_err(Failure::of)?;
                let recipe = self.recipe();
                if let Some(parent) = recipe.parent() {
                    std::fs::create_dir_all(parent).map_err(Failure::of)?;
                }
                let text = keys::with_comments(&self.config);
                atomic::write(&recipe, text.as_bytes()).map_err(Failure::of)?;
                let recipe = recipe.display().to_string();
                let start = ["train", "--recipe", &recipe, "--out", &path].map(str::to_owned);
                call(start.into_iter().chain(common.map(str::to_owned)), threads, &mut follow)
            }
        };
        match called {
            Err(Failure::Failed(reason)) if ended_early => Err(Failure::Lost(reason)),
            called => called,
        }?;
        let folder = RunFolder::open(&self.folder).map_err(Failure::of)?;
        self.check_pictures(&folder)?;
        self.check_configuration(&folder)?;
        folder.read_status().map_err(Failure::of)
    }

    /// The folder of a run that goes on. Without a configuration nothing was trained: what is there then is the rest of a start
    /// that was killed, and goes; all else stays where it is.
    fn begun(&self) -> Result<Option<RunFolder>, Failure> {
        let in_the_way = || {
            let folder = self.folder.display();
            Failure::InTheWay(format!(
                "{folder} already exists and does not belong to this trial: move it elsewhere"
            ))
        };
        match RunFolder::open(&self.folder) {
            Ok(folder) if folder.config().is_file() => return Ok(Some(folder)),
            Ok(_) | Err(softreg_run::Error::NotARun { .. }) => {}
            Err(error) => return Err(Failure::of(error)),
        }
        RunFolder::discard_rest(&self.folder);
        let left = std::fs::read_dir(&self.folder).map(|entries| entries.count());
        match left {
            Ok(0) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => Err(in_the_way()),
        }
    }

    /// Refuses a run that has learned from other pictures than the other trials.
    fn check_pictures(&self, folder: &RunFolder) -> Result<(), Failure> {
        let learned =
            read(&folder.data()).and_then(|data| Some(data["fingerprint"].as_str()?.to_owned()));
        match (&self.fingerprint, learned) {
            (Some(wanted), Some(learned)) if *wanted != learned => Err(Failure::InTheWay(format!(
                "the pictures of {} differ from those used at the start",
                self.config.data.source
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses a run of another configuration: what it comes to would be reported as this one's.
    fn check_configuration(&self, folder: &RunFolder) -> Result<(), Failure> {
        let path = folder.config();
        let text = std::fs::read_to_string(&path).map_err(Failure::of)?;
        let mut trained = parse::parse(&text, &path.display().to_string()).map_err(Failure::of)?;
        let mut wanted = self.config.clone();
        wanted.settle_mirrors();
        for config in [&mut wanted, &mut trained] {
            config.network.say_self_modulation();
        }
        match changes(&wanted, &trained).as_slice() {
            [] => Ok(()),
            changed => Err(Failure::InTheWay(format!(
                "{} was trained with a different configuration ({}): move it elsewhere to train it again",
                self.folder.display(),
                changed.join("; ")
            ))),
        }
    }

    /// Beside the folder. The name of a set may hold a dot, which begins no extension.
    fn recipe(&self) -> PathBuf {
        let mut name = self.folder.file_name().unwrap_or_default().to_owned();
        name.push(".toml");
        self.folder.with_file_name(name)
    }

    /// Whether a finished run has gone as far as it is wanted now: a later rung of a search goes on
    /// with a run that finished an earlier one.
    fn is_done(&self, status: &Status) -> bool {
        // One that ran out of patience ends at once where it is gone on with.
        let stop = &self.config.stop;
        stop.steps.is_some_and(|steps| status.step >= steps)
            || stop.images.is_some_and(|images| status.images >= images)
            || stop.minutes.is_some_and(|minutes| status.seconds >= 60.0 * minutes)
    }

    /// The stop conditions on a command line.
    fn stop(&self) -> Vec<String> {
        let stop = &self.config.stop;
        let of = |name: &str, value: Option<String>| value.map(|v| [format!("--{name}"), v]);
        [
            of("steps", stop.steps.map(|n| n.to_string())),
            of("images", stop.images.map(|n| n.to_string())),
            of("minutes", stop.minutes.map(|n| n.to_string())),
        ]
        .into_iter()
        .flatten()
        .flatten()
        .collect()
    }

    /// Whether it is trained and measured as far as it is wanted.
    pub(crate) fn is_measured(&self) -> bool {
        let Ok(folder) = RunFolder::open(&self.folder) else { return false };
        folder.read_status().is_ok_and(|status| {
            self.check_pictures(&folder).is_ok()
                && self.check_configuration(&folder).is_ok()
                && status.state == State::Finished
                && self.is_done(&status)
                && self.measured(status.step).is_some()
        })
    }

    /// Its own file: what a person measures in the folder, perhaps in another way, is not this.
    fn measurement(&self) -> PathBuf {
        self.folder.join("trial-evaluation.json")
    }

    fn measured(&self, step: u64) -> Option<Value> {
        read(&self.measurement()).filter(|report| report["generated"]["step"] == step)
    }

    /// Reads the measurement of this step, or takes it.
    fn measure(&self, protocol: &Protocol, step: u64) -> Result<BTreeMap<String, Metric>, Failure> {
        if let Some(report) = self.measured(step) {
            return Ok(values(&report));
        }
        let path = self.measurement();
        let (run, out) = (self.folder.display().to_string(), path.display().to_string());
        let line = ["evaluate", &run, "--device", &self.device, "--json", "--out", &out, "--force"];
        let line = line.map(str::to_owned);
        let threads = self.config.training.threads;
        call(line.into_iter().chain(protocol.arguments()), threads, &mut |_| {})?;
        let report = read(&path)
            .ok_or_else(|| Failure::Failed(format!("{} was not written", path.display())))?;
        Ok(values(&report))
    }
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn values(report: &Value) -> BTreeMap<String, Metric> {
    let metrics = report["metrics"].as_object().into_iter().flatten();
    let one = |(name, metric): (&String, &Value)| {
        let quantity = metric["quantity"].as_str()?.to_owned();
        let value = Interval { mean: metric["value"].as_f64()?, half: metric["half"].as_f64() };
        Some((name.clone(), Metric { quantity, value }))
    };
    metrics.filter_map(one).collect()
}

/// A process that outlived the experiment that began it may be training yet.
fn wait_for(folder: &RunFolder) -> Result<(), Failure> {
    while folder.is_locked().map_err(Failure::of)? {
        if interrupted() {
            return Err(Failure::Interrupted);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn rate(folder: &Path) -> anyhow::Result<f64> {
    let rows = metrics::read(RunFolder::open(folder)?.metrics())?;
    let rates = rows.iter().map(|row| row.images_per_second);
    let mut rates: Vec<f64> = rates.filter(|rate| rate.is_finite()).collect();
    rates.sort_by(f64::total_cmp);
    Ok(rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_run_goes_on_where_more_is_wanted_only() {
        let trial = |steps| {
            let mut config = RunConfig::default();
            config.stop.steps = steps;
            let folder = PathBuf::from("t");
            Trial { folder, config, device: "cpu".to_owned(), fingerprint: None }
        };
        let status = Status { step: 100, state: State::Finished, ..Status::default() };
        assert!(trial(Some(100)).is_done(&status) && trial(Some(50)).is_done(&status));
        assert!(!trial(Some(200)).is_done(&status));
        let mut patient = trial(Some(200));
        patient.config.stop.patience = Some(3);
        assert!(!patient.is_done(&status), "an earlier rung ended it, not patience");
        let mut minutes = trial(Some(200));
        minutes.config.stop.minutes = Some(1.0);
        assert!(!minutes.is_done(&status));
        let late = Status { seconds: 60.1, ..status.clone() };
        assert!(minutes.is_done(&late), "it ended by the clock");
        assert_eq!(trial(Some(200)).stop(), ["--steps", "200"]);
    }

    #[test]
    fn recipes_of_names_with_dots_are_files_of_their_own() {
        let recipe = |name: &str| {
            let folder = Path::new("trials").join(name);
            let (config, device) = (RunConfig::default(), "cpu".to_owned());
            Trial { folder, config, device, fingerprint: None }.recipe()
        };
        assert_eq!(recipe("l2-0.001-s0"), Path::new("trials/l2-0.001-s0.toml"));
        assert_ne!(recipe("l2-0.001-s0"), recipe("l2-0.5-s0"));
    }

    #[test]
    fn measurements_are_read_with_their_names() {
        let report = serde_json::json!({"metrics": {
            "fd5k_randconv": {"quantity": "fd", "value": 1.5, "half": null},
            "coverage5k_randconv": {"quantity": "coverage", "value": 0.5, "half": 0.1},
        }});
        let read = values(&report);
        assert_eq!(read["fd5k_randconv"].quantity, "fd");
        assert_eq!(read["fd5k_randconv"].value, Interval { mean: 1.5, half: None });
        assert_eq!(read["coverage5k_randconv"].value.half, Some(0.1));
    }
}
