//! `softreg tune`: settings chosen on held-out pictures.

mod begun;
mod folder;
mod report;
mod settings;
mod worker;

use super::choices::{self, Choices};
use super::experiment::{self, Machine};
use super::protocol::{self, Protocol};
use crate::backend;
use crate::failure::usage;
use crate::terminal::{line_to_stderr, line_to_stdout, quoted};
use crate::trial::{Pool, interrupted, listen_for_interruption};
use anyhow::Context;
use begun::Program;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use softreg_metric::protocol::Better;
use softreg_run::{atomic, claim};
use softreg_study::{Address, Decision, Method, Plan, Space, Store, tried};
use softreg_train::RunConfig;
use std::path::{Path, PathBuf};

/// Choose λ, or any other setting, on held-out pictures.
///
/// A study tries settings and keeps the results in a folder; after an interruption or a kill it
/// resumes with --resume, and several processes that resume the same folder share the work. It
/// writes the winning recipe, a chart of the response and a report. Pictures meant for a final test
/// are never used: keep them separate, and measure the winner with softreg evaluate --reference.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:
  softreg tune my-pictures/ --vary consistency=0.1..10
  softreg tune motif --vary consistency=0.1..10 --vary mode-seeking=0.01..1 --trials 30
  softreg tune --vary l2=1e-6..1e-2 --method grid --points 5 --seeds 3 --steps 1000
  softreg tune --vary training.loss=logistic,hinge --vary consistency.shift=0..0.3 --metric fd
  softreg tune --resume studies/motif-001       in as many terminals as you like
  softreg tune motif --vary l2=1e-6..1e-2 --out studies/l2 --study postgres://me:secret@db/studies
  softreg tune --resume studies/l2 --study postgres://me:secret@db/studies      on any host"
)]
pub(crate) struct Tune {
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    protocol: Protocol,
    /// What to vary: a regularizer's λ (NAME), one of its settings (NAME.SETTING) or a
    /// configuration key (SECTION.KEY), as =LOW..HIGH or =A,B,C. A range is logarithmic if its ends
    /// are far apart and whole-numbered if the key requires it; append :log, :linear or :whole to
    /// choose. Repeatable
    #[arg(long, value_name = "KEY=VALUES", help_heading = "Search")]
    vary: Vec<String>,
    /// Search method
    #[arg(long, value_enum, default_value = "asha", help_heading = "Search")]
    method: Named,
    /// Number of random settings to try (random, asha)
    #[arg(long, value_name = "COUNT", default_value_t = 20, help_heading = "Search")]
    trials: usize,
    /// Number of values per range (grid)
    #[arg(long, value_name = "COUNT", default_value_t = 5, help_heading = "Search")]
    points: usize,
    /// One in NUMBER trials advances to the next rung, with NUMBER times the budget (asha)
    #[arg(long, value_name = "NUMBER", default_value_t = 3, help_heading = "Search")]
    reduction: usize,
    /// Number of rungs; the last one has the full budget (asha)
    #[arg(long, value_name = "COUNT", default_value_t = 3, help_heading = "Search")]
    rungs: usize,
    /// Runs per trial, over which the value is averaged
    #[arg(long, value_name = "COUNT", default_value_t = 1, help_heading = "Search",
        value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Measure to choose by
    #[arg(long, value_name = "NAME", default_value = "fd", help_heading = "Search")]
    metric: String,
    #[command(flatten)]
    machine: Machine,
    /// Folder to create; must not exist yet [default: studies/NAME-001 and so on]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Resume a study, also alongside other processes working on it
    #[arg(long, value_name = "FOLDER", conflicts_with_all = Choices::OPTIONS,
        conflicts_with_all = Protocol::OPTIONS, conflicts_with_all = ["out", "vary", "method", "trials", "points", "reduction", "rungs", "seeds", "metric"])]
    resume: Option<PathBuf>,
    /// Keep the study on a PostgreSQL server, under the name of its folder: hosts given the same
    /// address and folder name share the work, each with trials in its own folder
    #[arg(long, value_name = "ADDRESS", env = "SOFTREG_STUDY", hide_env_values = true)]
    study: Option<String>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Named {
    /// Random settings, starting on part of the budget; the best advance (arXiv 1810.05934)
    Asha,
    /// Random settings
    Random,
    /// Every combination
    Grid,
}

/// What every worker of a study must know beside the plan.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Design {
    /// The recipe that is varied, with the whole budget.
    recipe: RunConfig,
    protocol: Protocol,
    /// The measure, without its protocol.
    quantity: String,
    seeds: Vec<u64>,
    device: String,
    /// Of the pictures; studies that were begun earlier do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// Unlike that of any other study; those that were begun earlier have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The program that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<Program>,
}

impl Design {
    /// Checks that this host has what a trial needs, and room in the study's folder.
    fn check_host(&self, folder: &Path, device: &str) -> anyhow::Result<()> {
        /// Bytes: as much as a checkpoint of a network that is not large.
        const ROOM: usize = 1 << 22;
        let probe = folder.join(format!("room-{}-{:x}", std::process::id(), rand::random::<u32>()));
        let written = atomic::write(&probe, &vec![1; ROOM]);
        // Nothing else ever looks at it.
        let _ = std::fs::remove_file(&probe);
        written?;
        self.check_needs(device)
    }

    /// Checks that the device computes, that there are weights for the features, and that what every trial here would learn
    /// from is what the study was begun with.
    fn check_needs(&self, device: &str) -> anyhow::Result<()> {
        let device = backend::device(device)?.device;
        self.protocol.extractor(&device)?;
        protocol::extractor(&self.recipe.validation.features, None, &device)
            .context("validation.features")?;
        let (_, pictures) = experiment::with_pictures(self.recipe.clone())?;
        experiment::check_fingerprint(
            self.fingerprint.as_ref(),
            &pictures,
            &self.recipe.data.source,
        )
    }
}

const STUDY: &str = "study.sqlite";

impl Tune {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let folder = match &self.resume {
            Some(folder) => folder.clone(),
            None => self.designed()?,
        };
        let address = self.address(&folder)?;
        let open = || -> anyhow::Result<(Store, Design)> {
            let notice = |text: &str| line_to_stderr(&format!("note: {text}"));
            let (store, about) = Store::open(&address, notice, interrupted)
                .with_context(|| format!("cannot resume {}", folder.display()))?;
            let mut design: Design = serde_json::from_str(&about)
                .with_context(|| format!("cannot parse the study {address}"))?;
            // Further trials of an older study are as the others were.
            design.recipe.network.say_self_modulation();
            Ok((store, design))
        };
        let (mut store, design) = open()?;
        let devices = self.machine.devices(&design.device)?;
        if self.resume.is_some() && has_more(&mut store)? {
            design.check_needs(&devices.first.name)?;
            if let Some(note) = design.program.as_ref().and_then(Program::note) {
                line_to_stderr(&format!("note: {note}"));
            }
        }
        if let Address::Server { .. } = &address {
            folder::enter(&folder, design.id.as_deref())?;
        }
        listen_for_interruption()?;
        let plan = store.plan().clone();
        let at_once = self.machine.at_once(&devices, design.recipe.training.threads);
        if !self.json {
            line_to_stderr(&introduction(&plan, &design, &folder, at_once));
        }
        let pool = Pool::new(at_once, expected(&plan), self.json);
        let resume = format!(
            "softreg tune --resume {}{}",
            quoted(&folder),
            if self.study.is_some() { " --study ADDRESS" } else { "" }
        );
        let ended: Vec<anyhow::Result<()>> = std::thread::scope(|scope| {
            let work = |index| {
                let device = devices.name(index);
                worker::work(index, device, (&folder, &resume), &pool, open()?)
            };
            let workers: Vec<_> =
                (0..at_once).map(|index| scope.spawn(move || work(index))).collect();
            let ended = workers.into_iter().map(|worker| {
                worker.join().map_err(|_| anyhow::anyhow!("a worker of the study crashed"))?
            });
            ended.collect()
        });
        pool.end();
        let mut errors = ended.into_iter().filter_map(Result::err).collect::<Vec<_>>().into_iter();
        let first = errors.next();
        for error in errors {
            line_to_stderr(&format!("note: another worker of the study ended: {error:#}"));
        }
        let history = match (store.history(), first) {
            (Ok(history), None) => history,
            // What one worker could not do, others did.
            (Ok(history), Some(error)) if plan.next(&tried(&history)) == Decision::Finished => {
                line_to_stderr(&format!("note: a worker of the study ended: {error:#}"));
                history
            }
            (_, Some(error)) => return Err(error),
            (Err(error), None) => return Err(error.into()),
        };
        let report = report::write(&folder, &plan, &design, &history)?;
        match self.json {
            true => line_to_stdout(&serde_json::to_string_pretty(&report.json)?)?,
            false => {
                line_to_stdout(report.table.to_string().trim_end())?;
                line_to_stdout(&report.below)?;
            }
        }
        anyhow::ensure!(!interrupted(), "interrupted; everything is saved, resume with: {resume}");
        anyhow::ensure!(
            report.has_winner,
            "no trial produced a value; see the report for the reasons"
        );
        Ok(())
    }

    /// A new study, checked before anything is trained.
    fn designed(&self) -> anyhow::Result<PathBuf> {
        self.protocol.check()?;
        if !self.protocol.leaves_reference_to_the_run() {
            return Err(usage(
                "settings are chosen on the pictures that the runs hold out (data.validation), so that other pictures remain for a test: leave out --reference here, and pass it to softreg evaluate for the winner",
            ));
        }
        // Weights that are missing are told now, and not after the first trial.
        self.protocol.extractor(&self.machine.devices("auto")?.first.device)?;
        if self.vary.is_empty() {
            return Err(usage(
                "nothing to vary: name something with --vary, as in --vary consistency=0.1..10",
            ));
        }
        let (quantity, higher) = self.objective()?;
        let space = Space::parse(&self.vary).map_err(|error| usage(error.to_string()))?;
        let method = match self.method {
            Named::Grid => Method::Grid { points: self.points },
            Named::Random => Method::Random { trials: self.trials },
            Named::Asha => {
                let Self { trials, reduction, rungs, .. } = *self;
                Method::Asha { trials, reduction, rungs }
            }
        };
        let config = experiment::recipe(&self.choices, true)?;
        let plan = Plan::new(settings::whole(space, &config), method, config.seed, higher);
        let plan = plan.map_err(|error| usage(error.to_string()))?;
        let (checked, pictures) = experiment::with_pictures(config)?;
        let recipe = checked.config().clone();
        let stop = &recipe.stop;
        let least = plan.rungs().first().copied().unwrap_or(1.0);
        // By the clock it is not known how many there will be.
        let pictures_per_step = (recipe.training.batch * recipe.training.critic_steps) as u64;
        let of_images = stop.images.map(|images| images.div_ceil(pictures_per_step));
        let steps = stop.steps.into_iter().chain(of_images).min();
        let first_rung = steps.map(|steps| ((steps as f64 * least) as u64).max(1));
        settings::check(&plan.space, &recipe, &pictures, first_rung)?;
        if stop.steps.is_none() && stop.images.is_none() && stop.minutes.is_none() {
            return Err(usage("a trial would never end: set --steps, --images or --minutes"));
        }
        if let Some(steps) = stop.steps.filter(|steps| (*steps as f64) * least < 1.0) {
            return Err(usage(format!(
                "--rungs {}: with this many, the first rung would have less than one of {steps} steps: use fewer rungs or more steps",
                self.rungs
            )));
        }
        let seeds: Vec<u64> = (0..self.seeds).map(|i| recipe.seed + i).collect();
        let last = RunConfig { seed: recipe.seed + self.seeds - 1, ..recipe.clone() };
        last.check_without_pictures()?;
        let trials = seeds.iter().map(|seed| RunConfig { seed: *seed, ..recipe.clone() });
        experiment::refuse_seen(trials, &pictures)?;
        let design = Design {
            seeds,
            protocol: self.protocol.clone().absolute(),
            quantity: quantity.to_owned(),
            device: self.machine.device().to_owned(),
            fingerprint: Some(pictures.fingerprint),
            id: Some(format!("{:032x}", rand::random::<u128>())),
            program: Some(Program::own()),
            recipe,
        };
        let folder = match &self.out {
            Some(path) => claim::create(path)?,
            None => claim::next_free("studies", &choices::stem(&design.recipe.data.source))?,
        };
        let about = serde_json::to_string(&design)?;
        let address = self.address(&folder)?;
        let Address::File(path) = &address else {
            if let Err(error) = Store::create(&address, &plan, &about) {
                // Nothing is in it.
                let _ = std::fs::remove_dir(&folder);
                return Err(error.into());
            }
            return Ok(folder);
        };
        // Renamed into place: a study that is there is whole.
        let begun = folder.join("study.begun");
        Store::create(&Address::File(begun.clone()), &plan, &about)?;
        std::fs::rename(&begun, path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(folder)
    }

    /// Where the study of a folder is.
    fn address(&self, folder: &Path) -> anyhow::Result<Address> {
        let Some(url) = self.study.clone() else { return Ok(Address::File(folder.join(STUDY))) };
        let name = folder.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            usage(format!("{} has no name under which the study could be kept", folder.display()))
        })?;
        Ok(Address::Server { url, name: name.to_owned() })
    }

    /// The measure to choose by, and whether more is better.
    fn objective(&self) -> anyhow::Result<(&'static str, bool)> {
        let quantities = protocol::quantities(&self.metric)?;
        match quantities.as_slice() {
            [one] => match one.better {
                Better::Higher => Ok((one.name, true)),
                Better::Lower => Ok((one.name, false)),
                Better::Near(_) | Better::UpTo(_) => Err(usage(format!(
                    "--metric {}: neither more nor less of it is better, so it cannot be used to choose: use fd, kd or coverage",
                    one.name
                ))),
            },
            _ => Err(usage(format!(
                "--metric {} names {} values: a study needs exactly one, such as fd or coverage",
                self.metric,
                quantities.len()
            ))),
        }
    }
}

/// Whether anything of a study is left to do.
fn has_more(store: &mut Store) -> anyhow::Result<bool> {
    let tried = tried(&store.history()?);
    Ok(store.plan().next(&tried) != Decision::Finished)
}

/// Tasks that a search takes, where nothing fails: halving may promote a few more.
fn expected(plan: &Plan) -> usize {
    let (first, mut all) = (plan.trials(), 0);
    let mut rung = first;
    for _ in plan.rungs() {
        all += rung;
        rung = match plan.method {
            Method::Asha { reduction, .. } => (rung / reduction).max(1),
            Method::Grid { .. } | Method::Random { .. } => 0,
        };
    }
    all
}

fn introduction(plan: &Plan, design: &Design, folder: &Path, at_once: usize) -> String {
    let keys: Vec<&str> = plan.space.dimensions.iter().map(|d| d.key.as_str()).collect();
    let rungs = plan.rungs();
    let method = match plan.method {
        Method::Grid { .. } => format!("grid of {} points", plan.trials()),
        Method::Random { .. } => format!("{} random settings", plan.trials()),
        Method::Asha { reduction, .. } => format!(
            "{} random settings, starting on {:.0} % of the budget, one in {reduction} advances",
            plan.trials(),
            100.0 * rungs.first().unwrap_or(&1.0)
        ),
    };
    format!(
        "varying {} on {}: {method}, {at_once} at a time, by {}\nfolder {}",
        keys.join(", "),
        design.recipe.data.source,
        design.quantity,
        folder.display()
    )
}

/// Writes a recipe for a person.
fn write_recipe(path: &Path, head: &str, config: &RunConfig) -> anyhow::Result<()> {
    let text = format!("{head}\n{}", softreg_train::config::keys::with_comments(config));
    Ok(atomic::write(path, text.as_bytes())?)
}
