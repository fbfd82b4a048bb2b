//! `softreg train`: from pictures to a generator, in one command.

use super::choices::{self, Choices};
use crate::backend::{self, Devices};
use crate::cache;
use crate::failure::{self, usage};
use crate::interruption;
use crate::origin::Origin;
use crate::pictures;
use crate::terminal::{Mode, Progress, line_to_stdout, quoted};
use crate::together::Together;
use crate::trained;
use crate::validation::HeldOut;
use burn::tensor::Device;
use clap::Args;
use serde_json::json;
use softreg_image::Collection;
use softreg_kernel::bfloat16_is_on;
use softreg_run::{RunFolder, atomic, checkpoint, claim};
use softreg_train::checkpoint::Start;
use softreg_train::config::{Checked, Measure, Precision, Stop, keys, parse};
use softreg_train::{Follower, Outcome, Run, RunConfig, Validation};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this process was asked to end.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Whether there is something to save when it is.
static TRAINS: AtomicBool = AtomicBool::new(false);

/// Train a generator on a folder of pictures.
///
/// Without arguments, trains on the built-in collection `motif` for about three minutes. Everything
/// is written to a run folder; an interrupted or killed run can be resumed with --resume.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:
  softreg train                                  built-in pictures, three minutes
  softreg train my-pictures/ --minutes 30        a folder, archive or data file
  softreg train art.zip --size 48x64 --flip
  softreg train --recipe cifar10 --reg consistency=5 --reg l2=0
  softreg train --resume runs/motif-001 --minutes 10
  softreg train few-pictures/ --from runs/many-001    start from an earlier run's networks
  softreg train --print-config > my.toml && softreg train --recipe my.toml
  mpirun -n 4 softreg train my-pictures/         split over four processes (needs --features mpi)"
)]
pub(crate) struct Train {
    #[command(flatten)]
    choices: Choices,
    /// Resume a run; only its stop conditions and output may be changed: --steps, --images,
    /// --minutes, --set stop.… and --set output.…; if its pictures were moved, PATH says where to
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "from", "out"])]
    resume: Option<PathBuf>,
    /// Run folder to create; must not exist yet [default: runs/NAME-001 and so on]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Device to compute on; batches are split over several devices (cuda:0,cuda:1, or cuda:all)
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Machine")]
    device: String,
    /// Save and stop as soon as this file exists, as if Ctrl-C had been pressed
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    stop_file: Option<PathBuf>,
    /// Print the configuration with comments and exit
    #[arg(long)]
    print_config: bool,
    /// Print only the path of the finished picture sheet
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
    /// Print one JSON object per event on stdout
    #[arg(long)]
    json: bool,
}

impl Train {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if self.print_config {
            let config = match &self.resume {
                Some(folder) => trained::configuration(&RunFolder::open(folder)?)?,
                None => self.choices.recipe()?,
            };
            let config = self.choices.over(config)?;
            config.check_without_pictures()?;
            return Ok(line_to_stdout(keys::with_comments(&config).trim_end())?);
        }
        let progress = Progress::new(match (self.quiet, self.json) {
            (true, _) => Mode::Quiet,
            (_, true) => Mode::Json,
            _ => Mode::Human,
        });
        let mut together = Together::join()?;
        // The first process ends all of them.
        if let Some(file) = self.stop_file.clone().filter(|_| together.group().rank() == 0) {
            interruption::watch_for(file, || {
                INTERRUPTED.store(true, Ordering::SeqCst);
                if !TRAINS.load(Ordering::SeqCst) {
                    let error = anyhow::anyhow!("stopped before the first step");
                    std::process::exit(failure::report(&error).into());
                }
            })?;
        }
        let trained = match (together.group().rank(), &self.resume) {
            (0, Some(folder)) => self.go_on(folder, progress, &mut together),
            (0, None) => self.start(progress, &mut together),
            _ => self.follow(&mut together),
        };
        trained.map_err(|error| together.fail(error))
    }

    fn start(&self, mut progress: Progress, together: &mut Together) -> anyhow::Result<()> {
        let mut config = self.choices.over(self.choices.recipe()?)?;
        config.check_without_pictures()?;
        self.choices.check_source(&config)?;
        // Reading the pictures may take minutes.
        if let Some(path) = &self.out {
            claim::check(path)?;
        }
        let devices = together.devices(&self.device)?;
        // One keeps a graphics processor busy. Several processes on one machine share its cores: one each, where
        // nothing else is said.
        let graphics = devices.iter().any(|found| found.backend.graphics);
        if config.training.threads == 0 && (graphics || together.group().size() > 1) {
            config.training.threads = devices.count();
        }
        backend::use_threads(config.training.threads)?;
        // Thousands of pictures take a while.
        progress.say(&format!("reading {}", config.data.source));
        let (checked, pictures) = choices::with_pictures(config, &mut |note| progress.say(note))?;
        let start = Origin::of(checked.config())?.map(Origin::start);
        let ready = Ready::new(checked, pictures, devices, start)?;
        together.tell(&ready.checked, &ready.pictures);
        // The others find out by themselves.
        ready.checked.check_processes(together.group().size())?;
        let (checked, pictures) = (&ready.checked, &ready.pictures);
        let folder = match &self.out {
            Some(path) => RunFolder::create(path)?,
            None => {
                RunFolder::next_free("runs", &choices::stem(&ready.checked.config().data.source))?
            }
        };
        let _lock = folder.lock()?;
        let about = pictures::describe(pictures);
        let written = atomic::write_json(folder.data(), &about).and_then(|()| {
            // Last: a folder with a configuration is a run that can go on.
            atomic::write(folder.config(), keys::with_comments(checked.config()).as_bytes())
        });
        if let Err(error) = written {
            folder.discard();
            return Err(error.into());
        }
        progress.say(&introduction(checked, pictures, &folder));
        say_skipped(pictures, &folder, &mut progress);
        self.train(&folder, ready, &mut progress, together, false)
    }

    fn go_on(
        &self,
        path: &Path,
        mut progress: Progress,
        together: &mut Together,
    ) -> anyhow::Result<()> {
        let folder = RunFolder::open(path)?;
        let _lock = folder.lock()?;
        let before = trained::configuration(&folder)?;
        let mut config = self.choices.stop(before.clone());
        for assignment in self.choices.assignments() {
            config = parse::set(&config, assignment)?;
        }
        // Pictures may be moved: whether they are the same is seen by their content.
        config.data.source = match self.choices.source() {
            Some(moved) => softreg_image::absolute(moved),
            None => softreg_image::absolute(&config.data.source),
        };
        let fixed = |config: &RunConfig| {
            let (stop, output) = Default::default();
            let mut fixed = RunConfig { stop, output, ..config.clone() };
            fixed.data.source.clear();
            fixed
        };
        if fixed(&self.choices.over(config.clone())?) != fixed(&before) {
            return Err(usage(
                "--resume uses the run's own configuration: only stop, output and the place of the pictures can be changed; start a new run for anything else",
            ));
        }
        let devices = together.devices(&self.device)?;
        backend::use_threads(config.training.threads)?;
        progress.say(&format!("reading {}", config.data.source));
        let pictures = cache::pictures(&config.data.source, &config.load_options()?)?;
        pictures::check(&folder, &pictures, &config.data.source)?;
        let checked = config.check(&pictures)?;
        // It goes on with what it has learned, where it has come to a checkpoint.
        let start = match checkpoint::list(folder.checkpoints())?.is_empty() {
            true => Origin::of(checked.config())?.map(Origin::start),
            false => None,
        };
        let ready = Ready::new(checked, pictures, devices, start)?;
        together.tell(&ready.checked, &ready.pictures);
        progress.say(&introduction(&ready.checked, &ready.pictures, &folder));
        say_skipped(&ready.pictures, &folder, &mut progress);
        let before = folder.read_status()?.step;
        self.train(&folder, ready, &mut progress, together, true)?;
        if folder.read_status()?.step == before {
            progress.say(&format!(
                "note: nothing to train: the run had already reached its end at step {before}; set a later one with --steps, --images or --minutes"
            ));
        }
        Ok(())
    }

    /// All processes but the first: what is trained, the first one says.
    fn follow(&self, together: &mut Together) -> anyhow::Result<()> {
        let config = together.hear()?;
        let (device, beside) = split(together.devices(&self.device)?);
        backend::use_threads(config.training.threads)?;
        // The first one ends the run; here Ctrl-C would take it down with this one.
        interruption::listen(|| {})?;
        let pictures = cache::pictures(&config.data.source, &config.load_options()?)?;
        let checked = config.check(&pictures)?;
        together.compare(&pictures)?;
        let (training, held_out) = checked.config().parts(&pictures);
        let (checked, pictures) = (&checked, &pictures);
        let group = together.group();
        Follower { checked, pictures, training, held_out, device, beside, group }.follow()?;
        Ok(())
    }

    fn train(
        &self,
        folder: &RunFolder,
        ready: Ready,
        progress: &mut Progress,
        together: &mut Together,
        resume: bool,
    ) -> anyhow::Result<()> {
        interruption::listen(|| {
            // The first ends the run after its step, the second ends the process.
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                std::process::exit(1);
            }
        })?;
        TRAINS.store(true, Ordering::SeqCst);
        let processes = together.group().size();
        if processes > 1 {
            progress.say(&match ready.checked.config().training.threads {
                1 => format!("{processes} processes with one thread each"),
                threads => format!("{processes} processes with {threads} threads each"),
            });
        }
        let notes = [bf16_note(&ready), validation_note(&ready)].into_iter().flatten();
        for note in notes.chain(classes_notes(&ready)) {
            progress.say(&format!("note: {note}"));
        }
        let Ready {
            checked,
            pictures,
            names,
            device,
            beside,
            training,
            held_out,
            start,
            validation,
        } = ready;
        let run = Run {
            folder,
            checked: &checked,
            pictures: &pictures,
            training,
            held_out,
            device,
            beside,
            start,
            validation: validation.map(|v| Arc::new(v) as Arc<dyn Validation>),
            observer: progress,
            interrupt: &INTERRUPTED,
            versions: BTreeMap::from([
                ("softreg".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
                ("device".to_owned(), names),
            ]),
            group: together.group(),
        };
        let outcome = run.train(resume)?;
        together.part();
        progress.end();
        self.conclude(folder, &outcome, &checked.config().stop, progress)
    }

    fn conclude(
        &self,
        folder: &RunFolder,
        outcome: &Outcome,
        stop: &Stop,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let (root, sheet) = (quoted(folder.root()), outcome.sheet.display());
        if self.json {
            line_to_stdout(
                &json!({
                    "event": "end", "finished": outcome.finished, "reason": outcome.reason,
                    "step": outcome.step, "images": outcome.images, "seconds": outcome.seconds,
                    "run": folder.root().to_string_lossy(), "sheet": outcome.sheet.to_string_lossy(),
                })
                .to_string(),
            )?;
        } else if self.quiet {
            line_to_stdout(&sheet.to_string())?;
        } else {
            if outcome.finished {
                // All sessions count, so this is about as much again; where patience is over, more time does nothing.
                let more = match outcome.out_of_patience {
                    Some(checks) => format!("--set stop.patience={}", 2 * checks),
                    None => format!("--minutes {}", (outcome.seconds / 30.0).round().max(1.0)),
                };
                // The reason says it where they were the limit.
                let steps = match stop.steps.is_some_and(|limit| outcome.step >= limit) {
                    true => String::new(),
                    false => format!("{} steps, ", outcome.step),
                };
                progress.say(&format!(
                    "{}: {steps}{} pictures seen\nmore pictures: softreg generate \
                     {root}\ntrain longer: softreg train --resume {root} {more}",
                    outcome.reason, outcome.images,
                ));
            }
            line_to_stdout(&format!("Picture sheet: {sheet}"))?;
        }
        if outcome.finished {
            return Ok(());
        }
        anyhow::bail!(
            "{}; everything is saved, resume with: softreg train --resume {root}",
            outcome.reason
        )
    }
}

/// The device with the players, and those beside it.
fn split(devices: Devices) -> (Device, Vec<Device>) {
    (devices.first.device, devices.beside.into_iter().map(|found| found.device).collect())
}

/// Everything that was settled before a run folder is written.
struct Ready {
    checked: Checked,
    pictures: Arc<Collection>,
    /// Of the devices.
    names: String,
    device: Device,
    beside: Vec<Device>,
    training: Vec<usize>,
    held_out: Vec<usize>,
    start: Option<Start>,
    validation: Option<HeldOut>,
}

impl Ready {
    fn new(
        checked: Checked,
        pictures: Collection,
        devices: Devices,
        start: Option<Start>,
    ) -> anyhow::Result<Self> {
        checked.check_devices(devices.count())?;
        let names = devices.names();
        let (device, beside) = split(devices);
        let config = checked.config();
        let (training, held_out) = config.parts(&pictures);
        let pictures = Arc::new(pictures);
        let parts = (training.as_slice(), held_out.as_slice());
        let validation = HeldOut::new(&pictures, parts, config, &device)?;
        Ok(Self { checked, pictures, names, device, beside, training, held_out, start, validation })
    }
}

/// How much of a run is in single precision although bfloat16 is wanted; nothing where nothing is.
fn bf16_note(ready: &Ready) -> Option<String> {
    if ready.checked.config().training.precision != Precision::Bf16 {
        return None;
    }
    let all = || [&ready.device].into_iter().chain(&ready.beside);
    let how = match all().filter(|device| !bfloat16_is_on(device)).count() {
        0 => return None,
        single if single == all().count() => "this run uses",
        _ => "some of these devices have it, the others use",
    };
    Some(format!(
        "training.precision = \"bf16\" needs a device with bfloat16 arithmetic (see: softreg devices); {how} single precision"
    ))
}

/// That a validation which was asked for does not take place.
fn validation_note(ready: &Ready) -> Option<String> {
    let config = ready.checked.config();
    let asked = config.validation != Measure::default() || config.stop.check_every.is_some();
    if ready.validation.is_some() || !asked {
        return None;
    }
    let few = match ready.held_out.len() {
        0 => "no pictures are held out".to_owned(),
        n => format!("only {n} of the pictures is held out"),
    };
    Some(format!("nothing is validated, because {few}: set data.validation, for example to 0.1"))
}

/// Which classes of a conditional run have no picture to learn from, and why.
fn classes_notes(ready: &Ready) -> Vec<String> {
    let config = ready.checked.config();
    let labels = ready.pictures.labels.as_ref().filter(|_| config.network.conditional);
    let Some(labels) = labels else { return Vec::new() };
    let there: BTreeSet<u32> = labels.iter().copied().collect();
    let seen: BTreeSet<u32> = ready.training.iter().map(|index| labels[*index]).collect();
    let classes = ready.pictures.classes.iter().zip(0..);
    let (mut absent, mut held_out) = (Vec::new(), Vec::new());
    for (name, label) in classes.filter(|(_, label)| !seen.contains(label)) {
        let of_kind = if there.contains(&label) { &mut held_out } else { &mut absent };
        of_kind.push(name.as_str());
    }
    let mut notes = Vec::new();
    if !absent.is_empty() {
        let names = absent.join(", ");
        notes.push(match config.data.limit {
            Some(limit) => format!(
                "no picture of {names} is among the first {limit}, so nothing is learned about it: raise --limit, or leave it out"
            ),
            None => format!(
                "no picture of {names} can be read, so nothing is learned about it: see softreg data check"
            ),
        });
    }
    if !held_out.is_empty() {
        notes.push(format!(
            "all pictures of {} are held out, so nothing is learned about it: lower data.validation, add pictures, or choose another --seed",
            held_out.join(", ")
        ));
    }
    notes
}

/// Which pictures are not used, and why.
fn say_skipped(pictures: &Collection, folder: &RunFolder, progress: &mut Progress) {
    for skipped in pictures.skipped.iter().take(5) {
        let name = skipped.name.escape_debug();
        progress.say(&format!("note: skipped {name}: {}", skipped.reason));
    }
    if pictures.skipped.len() > 5 {
        let more = pictures.skipped.len() - 5;
        progress.say(&format!("note: skipped {more} more, see {}", folder.data().display()));
    }
}

/// What is trained on what, line by line.
fn introduction(checked: &Checked, pictures: &Collection, folder: &RunFolder) -> String {
    let config = checked.config();
    let classes = match pictures.classes.len() {
        0 => String::new(),
        n => format!(" in {n} classes"),
    };
    let regularizers = match checked.terms() {
        [] => "no regularizers".to_owned(),
        terms => {
            let one = |term: &softreg::term::Term| format!("{} {}", term.name, term.weight);
            terms.iter().map(one).collect::<Vec<_>>().join(" + ")
        }
    };
    let augmentation = match config.training.augment.as_slice() {
        [] => String::new(),
        names => format!(", augmented by {}", names.join(", ")),
    };
    let start = match &config.network.from {
        Some(earlier) => format!("starting from the networks of {earlier}\n"),
        None => String::new(),
    };
    format!(
        "{} pictures{classes} from {} at {}\n\
         {} of width {}, {} loss, {regularizers}{augmentation}\n\
         {start}run folder {}",
        pictures.len(),
        config.data.source,
        config.data.size,
        config.network.architecture.name(),
        checked.shape().width,
        config.training.loss,
        folder.root().display(),
    )
}
