//! `softreg compare`: the same pictures, seeds and budget under several sets of regularizers.

mod arms;
mod report;
mod summary;

use super::choices::{self, Choices};
use super::experiment::{self, Machine};
use super::protocol::{self, Protocol};
use crate::failure::usage;
use crate::terminal::{counted, duration, line_to_stderr, line_to_stdout, quoted};
use crate::trial::{Failure, Pool, Stage, Trial, Watch, interrupted, listen_for_interruption};
use anyhow::Context;
use arms::Arm;
use clap::Args;
use serde::{Deserialize, Serialize};
use softreg_metric::protocol::Quantity;
use softreg_run::{atomic, claim};
use std::path::{Path, PathBuf};
use summary::{Outcome, Summary};

/// Compare sets of regularizers on the same pictures, with the same seeds and budget.
///
/// Every set is trained with every seed, each in its own process, and measured against held-out
/// pictures. The folder gets a report (Markdown, JSON and HTML) and a sheet of samples; an
/// interrupted or killed comparison can be resumed with --resume.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:
  softreg compare my-pictures/ --minutes 5
  softreg compare motif --arm none --arm hard --arm recipe --seeds 5 --steps 2000
  softreg compare --arm none --arm l2=0.001 --arm 'ours: consistency + mode-seeking=0.1'
  softreg compare art/ --arm recipe --arm 'plain: recipe + training.augment=[]'
  softreg compare --resume comparisons/motif-001 --seeds 5"
)]
pub(crate) struct Compare {
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    protocol: Protocol,
    /// A set of regularizers, [LABEL:] NAME=WEIGHT + …; or none, recipe (the recipe's and those of
    /// --reg), hard (each hard one), soft (each soft one); may include SECTION.KEY=VALUE;
    /// repeatable; the first is the baseline [default: none, hard, recipe]
    #[arg(long = "arm", value_name = "SET", help_heading = "Comparison")]
    arms: Vec<String>,
    /// Number of seeds for each set; can be raised with --resume [default: 3]
    #[arg(long, value_name = "COUNT", help_heading = "Comparison",
        value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Measures to show in the report, comma-separated, or all; everything is measured anyway
    #[arg(
        long,
        value_name = "LIST",
        help_heading = "Comparison",
        default_value = "fd,kd,precision,recall,coverage,near_copies,modes"
    )]
    metric: String,
    #[command(flatten)]
    machine: Machine,
    /// Folder to create; must not exist yet [default: comparisons/NAME-001 and so on]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Resume a comparison
    #[arg(long, value_name = "FOLDER", conflicts_with_all = Choices::OPTIONS,
        conflicts_with_all = Protocol::OPTIONS, conflicts_with_all = ["out", "arms"])]
    resume: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// What is compared; the file of this name in the folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Design {
    format: String,
    arms: Vec<Arm>,
    seeds: Vec<u64>,
    protocol: Protocol,
    device: String,
    /// Of the pictures; comparisons that were begun earlier do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

const DESIGN: &str = "comparison.json";
const FORMAT: &str = "softreg-comparison/1";
/// Seeds for each set.
const SEEDS: u64 = 3;

impl Compare {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let shown = protocol::quantities(&self.metric)?;
        let (folder, mut design) = match &self.resume {
            Some(folder) => (folder.clone(), Design::read(folder)?),
            None => self.designed()?,
        };
        let _lock = claim::claim(&folder)?;
        if let Some(seeds) = self.seeds.filter(|seeds| *seeds > design.seeds.len() as u64) {
            design = design.with_seeds(seeds);
            design.check_seeds()?;
            atomic::write_json(folder.join(DESIGN), &design)?;
        }
        listen_for_interruption()?;
        let trials = design.trials(&folder);
        if self.resume.is_some() && trials.iter().any(|(_, (_, _, trial))| !trial.is_measured()) {
            design.check_pictures()?;
        }
        let threads = design.arms.first().map_or(1, |arm| arm.threads()).max(1);
        let devices = self.machine.devices(&design.device)?;
        let at_once = self.machine.at_once(&devices, threads);
        if !self.json {
            line_to_stderr(&introduction(&design, &folder, trials.len(), at_once));
        }
        let pool = Pool::new(at_once, trials.len(), self.json);
        let outcomes = pool.run(trials, |worker, (arm, seed, trial), watch| {
            let trial = Trial { device: devices.name(worker).to_owned(), ..trial };
            let result = trial.run(&design.protocol, &mut |stage: Stage| watch.stage(stage));
            tell(&result, watch, &shown);
            Outcome { arm, seed, folder: trial.folder, result }
        });
        let stopped = outcomes.iter().any(|o| matches!(o.result, Err(Failure::Interrupted)));
        let summary = Summary::of(&design, outcomes);
        if summary.is_empty() && !stopped {
            anyhow::bail!("no trial produced a result{}", summary.first_failure());
        }
        let report = report::write(&folder, &summary, &design, &shown)?;
        match self.json {
            true => line_to_stdout(&serde_json::to_string_pretty(&report.json)?)?,
            false => {
                line_to_stdout(report.table.to_string().trim_end())?;
                line_to_stdout(&report.below)?;
                line_to_stdout(&format!("Report: {}", report.page.display()))?;
            }
        }
        anyhow::ensure!(
            !stopped || !interrupted(),
            "interrupted; everything is saved, resume with: softreg compare --resume {}",
            quoted(&folder)
        );
        Ok(())
    }

    /// A new comparison, checked for its pictures before anything is trained.
    fn designed(&self) -> anyhow::Result<(PathBuf, Design)> {
        self.protocol.check()?;
        // What is missing is told now, and not after the first trial.
        self.protocol.check_reference()?;
        self.protocol.extractor(&self.machine.devices("auto")?.first.device)?;
        let config = experiment::recipe(&self.choices, self.protocol.reference_name().is_none())?;
        let wanted = match self.arms.as_slice() {
            [] => ["none", "hard", "recipe"].map(str::to_owned).to_vec(),
            arms => arms.to_vec(),
        };
        let first = config.seed;
        let drafts = arms::arms(&wanted, &config)?;
        let (checked, pictures) = experiment::with_pictures(config)?;
        let settled = checked.config();
        let arms = drafts.into_iter().map(|draft| draft.check(settled, &pictures));
        let arms = arms.collect::<anyhow::Result<Vec<Arm>>>()?;
        let seeds: Vec<u64> = (0..self.seeds.unwrap_or(SEEDS)).map(|i| first + i).collect();
        let trials = arms.iter().flat_map(|arm| seeds.iter().map(|seed| arm.with_seed(*seed)));
        experiment::refuse_seen(trials, &pictures)?;
        let design = Design {
            format: FORMAT.to_owned(),
            arms,
            seeds,
            protocol: self.protocol.clone().absolute(),
            device: self.machine.device().to_owned(),
            fingerprint: Some(pictures.fingerprint),
        };
        design.check_seeds()?;
        let folder = match &self.out {
            Some(path) => claim::create(path)?,
            None => claim::next_free("comparisons", &choices::stem(&settled.data.source))?,
        };
        atomic::write_json(folder.join(DESIGN), &design)?;
        Ok((folder, design))
    }
}

impl Design {
    /// The comparison of a folder.
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(DESIGN);
        let text = std::fs::read(&path).with_context(|| {
            format!("{} is not a comparison: cannot read {}", folder.display(), path.display())
        })?;
        let mut design: Self = serde_json::from_slice(&text)
            .with_context(|| format!("cannot parse {}", path.display()))?;
        if design.format != FORMAT {
            return Err(usage(format!(
                "{} has format {}, but this version reads {FORMAT}: use the version that wrote it",
                path.display(),
                design.format
            )));
        }
        design.arms.iter_mut().for_each(Arm::say_self_modulation);
        Ok(design)
    }

    /// Checks that what further trials would learn from is what the others did.
    fn check_pictures(&self) -> anyhow::Result<()> {
        let Some(arm) = self.arms.first() else { return Ok(()) };
        let source = &arm.config().data.source;
        let (_, pictures) = experiment::with_pictures(arm.config().clone())?;
        experiment::check_fingerprint(self.fingerprint.as_ref(), &pictures, source)
    }

    /// Refuses seeds that no run can have.
    fn check_seeds(&self) -> anyhow::Result<()> {
        let (Some(arm), Some(last)) = (self.arms.first(), self.seeds.last()) else { return Ok(()) };
        Ok(arm.with_seed(*last).check_without_pictures()?)
    }

    /// The same with so many seeds, from the first one on.
    fn with_seeds(self, count: u64) -> Self {
        let first = self.seeds.first().copied().unwrap_or(0);
        Self { seeds: (0..count).map(|i| first + i).collect(), ..self }
    }

    /// Every set with the first seed, then with the second: what is there early is a comparison.
    fn trials(&self, folder: &Path) -> Vec<(String, (usize, u64, Trial))> {
        let of = |seed: u64| {
            self.arms.iter().enumerate().map(move |(index, arm)| {
                let name = format!("{}-s{seed}", arm.file);
                let trial = Trial {
                    folder: folder.join("trials").join(&name),
                    config: arm.with_seed(seed),
                    device: self.device.clone(),
                    fingerprint: experiment::fixed_fingerprint(
                        self.fingerprint.as_ref(),
                        &arm.config().data.source,
                    ),
                };
                (name, (index, seed, trial))
            })
        };
        self.seeds.iter().flat_map(|seed| of(*seed)).collect()
    }
}

fn tell(result: &Result<crate::trial::Results, Failure>, watch: &Watch<'_>, shown: &[&Quantity]) {
    match result {
        Ok(results) => {
            let of = |quantity: &&Quantity| {
                let name = quantity.name;
                let metric = results.metrics.values().find(|m| m.quantity == name)?;
                Some(format!("{name} {}", crate::terminal::number::digits(metric.value.mean)))
            };
            let values: Vec<String> = shown.iter().filter_map(of).take(4).collect();
            let seconds = duration(results.seconds);
            watch.say(&format!("{} ({} steps, {seconds})", values.join(", "), results.steps));
        }
        Err(failure) => {
            if let Some(reason) = failure.reason() {
                watch.say(&format!("failed: {reason}"));
            }
        }
    }
}

fn introduction(design: &Design, folder: &Path, trials: usize, at_once: usize) -> String {
    let labels: Vec<&str> = design.arms.iter().map(|arm| arm.label.as_str()).collect();
    let rounds = trials.div_ceil(at_once) as f64;
    let minutes = design
        .arms
        .iter()
        .filter_map(|arm| arm.minutes())
        .fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.max(b))));
    let time = minutes.map_or(String::new(), |minutes| {
        format!(", {} of training", duration(60.0 * minutes * rounds))
    });
    format!(
        "{}: {}\n{}, {trials} trials, {at_once} at once{time}\nfolder {}",
        counted(labels.len(), "set of regularizers", "sets of regularizers"),
        labels.join(", "),
        counted(design.seeds.len(), "seed", "seeds"),
        folder.display()
    )
}
