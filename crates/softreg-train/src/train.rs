//! A whole run: steps until a stop condition holds, and the run folder written on the way.

use crate::checkpoint::{self, Start};
use crate::config::pace::Pace;
use crate::config::{Checked, keys};
use crate::error::Error;
use crate::group::{Group, Order, Wait};
use crate::observer::{Event, Observer, Tick};
use crate::players::Players;
use crate::sample::{self, PictureSet};
use crate::step::Trainer;
use crate::stop::Progress;
use crate::validation::{Measured, Measuring, Validation};
use burn::tensor::Device;
use image::RgbImage;
use softreg::{Purpose, Seed};
use softreg_image::Collection;
use softreg_net::latent;
use softreg_run::checkpoint as container;
use softreg_run::tensorboard::EventWriter;
use softreg_run::{Picture, RunFolder, State, Status, atomic, chart, encode_png, metrics, sheet};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

/// Everything that a run is made of.
pub struct Run<'a> {
    /// Where it is written.
    pub folder: &'a RunFolder,
    /// What was asked for.
    pub checked: &'a Checked,
    /// The pictures, those held out included.
    pub pictures: &'a Collection,
    /// The pictures to train on, as indices.
    pub training: Vec<usize>,
    /// The pictures held out, as indices: overfitting is measured on them.
    pub held_out: Vec<usize>,
    /// Where it computes.
    pub device: Device,
    /// More devices: the workers of a step are dealt out over all. Players, pictures and measures are on the first.
    pub beside: Vec<Device>,
    /// The networks to begin with, where those are not new; of no use to a run that goes on.
    pub start: Option<Start>,
    /// The validation measure, where there is one.
    pub validation: Option<Arc<dyn Validation>>,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
    /// Set from outside to end the run after the current step.
    pub interrupt: &'a AtomicBool,
    /// Versions for the run's status.
    pub versions: BTreeMap<String, String>,
    /// The processes that train together; this one is rank 0, the others are each a
    /// [`crate::Follower`]. [`crate::Alone`] where there is one.
    pub group: &'a mut dyn Group,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether a stop condition ended it, and not an interruption.
    pub finished: bool,
    /// Why it ended, as a sentence.
    pub reason: String,
    /// The patience that is over, in checks: more steps or time change nothing then.
    pub out_of_patience: Option<u64>,
    /// Steps done.
    pub step: u64,
    /// Real pictures seen.
    pub images: u64,
    /// Seconds of training, over all sessions.
    pub seconds: f64,
    /// The final contact sheet.
    pub sheet: PathBuf,
}

/// The numbers that a session writes, line by line.
struct Records {
    metrics: metrics::Writer,
    events: EventWriter,
    /// The validation value that is on its way.
    measuring: Option<Measuring>,
    /// Seconds of training at the last checkpoint.
    saved: f64,
}

impl Run<'_> {
    /// Starts a run in a fresh folder, or goes on where a checkpoint left off.
    ///
    /// # Errors
    /// [`Error`]; the folder keeps its last checkpoint.
    pub fn train(mut self, resume: bool) -> Result<Outcome, Error> {
        let config = self.checked.config();
        let batch = config.training.batch;
        let checked = self.checked;
        let devices = [&self.device].into_iter().chain(&self.beside).cloned().collect();
        let trainer = Trainer::new(
            checked,
            self.pictures,
            &self.training,
            &self.held_out,
            devices,
            self.group,
        )?;
        let restored = if resume { self.restored()? } else { None };
        if resume {
            self.keep_configuration()?;
        }
        let fresh = restored.is_none();
        let (mut players, mut progress) = match (restored, self.start.take()) {
            (Some(restored), _) => restored,
            (None, Some(start)) => {
                (checkpoint::begin(start, checked, &self.device)?, Progress::default())
            }
            (None, None) => (Players::new(checked, &self.device), Progress::default()),
        };
        if let Some(validation) = &self.validation {
            progress = progress.measured_by(validation.name());
        }
        let mut records = self.records(&progress, resume)?;
        if fresh {
            self.sheet(&players, &progress, &mut records)?;
            self.checkpoint(&players, &progress, &mut records)?;
        }
        self.status(State::Running, None, &progress)?;
        let mut session = Session::new(&progress);
        let reason = loop {
            if let Some(reason) = config.stop.reached(&progress) {
                break Ok(reason);
            }
            if self.interrupt.load(Ordering::Relaxed) {
                break Err(format!("interrupted after {} steps", progress.step));
            }
            Order::Step.give(self.group);
            let (next, values) = match trainer.step(players, progress.step, self.group) {
                Ok(done) => done,
                Err(error) => return Err(self.failed(error, &progress)),
            };
            players = next;
            progress.step += 1;
            progress.images += (batch * config.training.critic_steps) as u64;
            progress.seconds = session.seconds();
            let written =
                self.after_step(&players, &mut progress, values, &mut records, &mut session);
            if let Err(error) = written {
                return Err(self.failed(error, &progress));
            }
        };
        self.finish(&players, &mut progress, &mut records, reason)
            .map_err(|error| self.failed(error, &progress))
    }

    /// Logs, samples, validates and saves, as far as it is time for each.
    fn after_step(
        &mut self,
        players: &Players,
        progress: &mut Progress,
        mut values: BTreeMap<String, f64>,
        records: &mut Records,
        session: &mut Session,
    ) -> Result<(), Error> {
        let config = self.checked.config();
        let step = progress.step;
        let due = |every: u64| step.is_multiple_of(every);
        let images_per_second = session.rate(progress);
        let due_check =
            self.validation.is_some() && due(config.stop.check_every.unwrap_or(CHECK_EVERY));
        if due_check {
            self.validated(progress, &mut values, records);
            // That of the last step too, but where patience is over.
            let over = |n: &u64| progress.checks_without_improvement >= *n;
            if !config.stop.patience.as_ref().is_some_and(over) {
                progress.pending = Some(step);
            }
        }
        if Pace::LINES.is_due(step, config.output.log_every) || due_check {
            let row = metrics::Row {
                step: progress.step,
                images: progress.images,
                seconds: progress.seconds,
                images_per_second,
                values: values.clone(),
            };
            records.metrics.append(&row)?;
            let scalars = row.values.iter().map(|(name, value)| (name.as_str(), *value));
            records.events.scalars(SystemTime::now(), progress.step, scalars)?;
        }
        let outlook = config.stop.outlook(progress);
        self.observer.notice(Event::Step(Tick {
            step: progress.step,
            images: progress.images,
            seconds: progress.seconds,
            images_per_second,
            done: outlook.map(|o| o.0),
            seconds_left: outlook.map(|o| o.1),
            values,
        }));
        if Pace::SHEETS.is_due(step, config.output.sheet_every) {
            self.sheet(players, progress, records)?;
        }
        let begins = progress.pending == Some(step);
        let overdue = progress.seconds - records.saved > LONGEST_UNSAVED;
        if due(config.output.checkpoint_every) || begins || overdue {
            self.checkpoint(players, progress, records)?;
            self.status(State::Running, None, progress)?;
        }
        if begins {
            records.measuring = self.measuring(step);
        }
        Ok(())
    }

    /// The final files: last checkpoint, contact sheet, loss chart, status.
    fn finish(
        &mut self,
        players: &Players,
        progress: &mut Progress,
        records: &mut Records,
        reason: Result<String, String>,
    ) -> Result<Outcome, Error> {
        if reason.is_ok() {
            self.last_validated(progress, records)?;
        }
        self.checkpoint(players, progress, records)?;
        let count = self.checked.config().output.sheet_count;
        let made = self.samples(players, count, Purpose::Sheet);
        let sheet_path = self.folder.sheet();
        atomic::write(&sheet_path, &encode_png(&sheet_of(&made)?)?)?;
        let rows = metrics::read(self.folder.metrics())?;
        // A run that ends before its first line of metrics has nothing to chart.
        if !rows.is_empty() {
            let chart = chart::draw(&self.folder.name(), &rows)?;
            atomic::write(self.folder.losses(), &encode_png(&chart)?)?;
        }
        records.events.sync()?;
        Order::End.give(self.group);
        let finished = reason.is_ok();
        let (Ok(reason) | Err(reason)) = reason;
        let state = if finished { State::Finished } else { State::Stopped };
        self.status(state, Some(reason.clone()), progress)?;
        let over = |n: &u64| progress.checks_without_improvement >= *n;
        Ok(Outcome {
            finished,
            reason,
            out_of_patience: self.checked.config().stop.patience.filter(over),
            step: progress.step,
            images: progress.images,
            seconds: progress.seconds,
            sheet: sheet_path,
        })
    }

    /// Players and progress of the newest checkpoint that can be read; `None` for a run that ended
    /// before its first one, with nothing to lose.
    fn restored(&mut self) -> Result<Option<(Players, Progress)>, Error> {
        if container::list(self.folder.checkpoints())?.is_empty() {
            let path = self.folder.metrics();
            if !path.exists() || metrics::read(&path)?.is_empty() {
                let notice = "the run ended before its first checkpoint; starting from step 0";
                self.observer.notice(Event::Notice(notice.to_owned()));
                return Ok(None);
            }
        }
        let latest = container::latest_valid(self.folder.checkpoints())?;
        self.hand_out(&latest.path)?;
        for (step, reason) in latest.skipped {
            let notice = format!("{reason}; skipping the checkpoint of step {step}");
            self.observer.notice(Event::Notice(notice));
        }
        let changes = checkpoint::changes_since(&latest.checkpoint, self.checked);
        if !changes.is_empty() {
            let notice = format!(
                "config.toml has changed since step {}, so results will differ from those of an unchanged run: {}",
                latest.step,
                changes.join("; ")
            );
            self.observer.notice(Event::Notice(notice));
        }
        let fingerprint = &self.pictures.fingerprint;
        checkpoint::restore(
            &latest.path,
            latest.checkpoint,
            self.checked,
            fingerprint,
            &self.device,
        )
        .map(Some)
    }

    /// Writes what was changed to go on, now that nothing is in the way of going on.
    fn keep_configuration(&self) -> Result<(), Error> {
        let (path, text) = (self.folder.config(), keys::with_comments(self.checked.config()));
        if std::fs::read(&path).is_ok_and(|before| before == text.as_bytes()) {
            return Ok(());
        }
        Ok(atomic::write(path, text.as_bytes())?)
    }

    fn records(&self, progress: &Progress, resume: bool) -> Result<Records, Error> {
        let (path, events) = (self.folder.metrics(), self.folder.events());
        let now = SystemTime::now();
        Ok(match resume {
            true => Records {
                metrics: metrics::Writer::resume(path, |row| {
                    let measured = row.get("validation/step");
                    // What is measured again now may have been written right before the end.
                    let again = measured
                        .zip(progress.pending)
                        .is_some_and(|(of, pending)| of >= pending as f64);
                    row.step <= progress.step && !again
                })?,
                events: EventWriter::resume(events, progress.step, now)?,
                measuring: progress.pending.and_then(|step| self.measuring(step)),
                saved: progress.seconds,
            },
            false => Records {
                metrics: metrics::Writer::create(path)?,
                events: EventWriter::create(events, now)?,
                measuring: None,
                saved: progress.seconds,
            },
        })
    }

    fn checkpoint(
        &mut self,
        players: &Players,
        progress: &Progress,
        records: &mut Records,
    ) -> Result<(), Error> {
        // What the checkpoint counts as done must be on disk before it.
        records.metrics.sync()?;
        records.events.sync()?;
        let path = self.folder.checkpoint(progress.step);
        let fingerprint = &self.pictures.fingerprint;
        checkpoint::write(&path, self.checked, fingerprint, players, progress, &self.device)?;
        records.saved = progress.seconds;
        self.hand_out(&path)?;
        let best = progress.best.map(|_| progress.best_step);
        // Of the one that is being measured it is not known yet.
        let needed = best.into_iter().chain(progress.pending);
        // A damaged checkpoint of a later step must not push out the one just written.
        let needed: Vec<u64> = needed.chain([progress.step]).collect();
        let keep = self.checked.config().output.keep;
        container::prune(self.folder.checkpoints(), keep, &needed)?;
        self.observer.notice(Event::Checkpoint { step: progress.step });
        Ok(())
    }

    /// Has all processes go on from a checkpoint. That of the same step changes nothing, but where
    /// processors differ, so do the last digits of what they compute, and this keeps them together.
    fn hand_out(&mut self, path: &Path) -> Result<(), Error> {
        if self.group.size() > 1 {
            let mut bytes = std::fs::read(path).map_err(softreg_run::Error::io("read", path))?;
            Order::Take.give(self.group);
            self.group.broadcast(&mut bytes, Wait::Usual);
        }
        Ok(())
    }

    /// A sheet of the same latents every time, so that sheets show one picture's history.
    fn sheet(
        &mut self,
        players: &Players,
        progress: &Progress,
        records: &mut Records,
    ) -> Result<(), Error> {
        let count = self.checked.config().output.sheet_count;
        let drawing = sheet_of(&self.samples(players, count, Purpose::Sheet))?;
        let png = encode_png(&drawing)?;
        let path = self.folder.sample(progress.step);
        atomic::write(&path, &png)?;
        let now = SystemTime::now();
        records.events.image(now, progress.step, "samples", drawing.dimensions(), png)?;
        self.observer.notice(Event::Picture { step: progress.step, path });
        Ok(())
    }

    /// Begins to measure what the checkpoint of a step generates, beside the training.
    fn measuring(&self, step: u64) -> Option<Measuring> {
        let validation = self.validation.clone()?;
        let count = validation.pictures();
        let (latents, _) = self.latents(count, Purpose::Validation);
        let mut rng =
            Seed(self.checked.config().seed).named_rng(Purpose::Validation, 0, 0, "label");
        let labels = self.checked.random_labels(count, &mut rng);
        let path = self.folder.checkpoint(step);
        let shape = *self.checked.shape();
        let device = self.device.clone();
        Some(Measuring::begin(step, validation, move || {
            let file = container::read(&path)?;
            let painter = checkpoint::averaged_generator(&path, file, &shape, &device)?;
            let device = device.without_autodiff();
            Ok(sample::pictures(&painter, &shape, &latents, labels.as_deref(), &device))
        }))
    }

    /// Takes in the validation value that was begun at the check before this one. It counts from this
    /// step on however early it was there, so that a run does not depend on the speed of the measure.
    fn validated(
        &mut self,
        progress: &mut Progress,
        values: &mut BTreeMap<String, f64>,
        records: &mut Records,
    ) {
        progress.pending = None;
        let (Some(measuring), Some(validation)) = (records.measuring.take(), &self.validation)
        else {
            return;
        };
        let (name, higher) = (validation.name(), validation.higher_is_better());
        let step = measuring.step();
        let mut missing = |name: &str, reason: String| {
            let notice = format!("no {name} at step {step}: {reason}");
            self.observer.notice(Event::Notice(notice));
        };
        Order::Pause.give(self.group);
        let measured = measuring.value().unwrap_or_else(|reason| {
            missing(&name, reason);
            Measured { value: f64::NAN, ..Measured::default() }
        });
        let mut beside = BTreeMap::new();
        for (name, value) in measured.beside {
            match value {
                Ok(value) => _ = beside.insert(name, value),
                Err(reason) => missing(&name, reason),
            }
        }
        let value = measured.value;
        let best = progress.validated(step, value, higher);
        let shown = beside.iter().chain([(&name, &value)]);
        values.extend(shown.map(|(name, value)| (format!("validation/{name}"), *value)));
        values.insert("validation/step".to_owned(), step as f64);
        self.observer.notice(Event::Validation { step, name, value, best, beside });
    }

    /// The validation value that is on its way at the end of a run.
    fn last_validated(
        &mut self,
        progress: &mut Progress,
        records: &mut Records,
    ) -> Result<(), Error> {
        let mut values = BTreeMap::new();
        self.validated(progress, &mut values, records);
        if values.is_empty() {
            return Ok(());
        }
        let row = metrics::Row {
            step: progress.step,
            images: progress.images,
            seconds: progress.seconds,
            images_per_second: f64::NAN,
            values,
        };
        Ok(records.metrics.append(&row)?)
    }

    fn latents(&self, count: usize, purpose: Purpose) -> (Vec<f32>, Option<Vec<u32>>) {
        let shape = self.checked.shape();
        let mut rng = Seed(self.checked.config().seed).rng(purpose, 0);
        let latents = latent::draw(count, shape.latent, None, &mut rng);
        (latents, sample::labels_in_turn(count, shape.classes))
    }

    fn samples(&self, players: &Players, count: usize, purpose: Purpose) -> PictureSet {
        let shape = self.checked.shape();
        let (latents, labels) = self.latents(count, purpose);
        let device = self.device.clone().without_autodiff();
        let painter = players.painter(self.checked, &self.device);
        sample::pictures(&painter, shape, &latents, labels.as_deref(), &device)
    }

    fn status(
        &self,
        state: State,
        reason: Option<String>,
        progress: &Progress,
    ) -> Result<(), Error> {
        Ok(self.folder.write_status(&Status {
            state,
            reason,
            step: progress.step,
            images: progress.images,
            seconds: progress.seconds,
            versions: self.versions.clone(),
            ..Status::default()
        })?)
    }

    /// Says in the run's status why it ended, and adds what is kept to the error of a run that
    /// diverged.
    fn failed(&self, mut error: Error, progress: &Progress) -> Error {
        if let Error::Diverged { last, .. } = &mut error
            && let Ok(steps) = container::list(self.folder.checkpoints())
            && let Some(step) = steps.last()
        {
            *last = format!("The checkpoint of step {step} is kept. ");
        }
        // The first error is the one to report.
        let _ = self.status(State::Stopped, Some(error.to_string()), progress);
        error
    }
}

/// Steps between two validation checks where none is set.
const CHECK_EVERY: u64 = 250;

/// Seconds of training that a killed run may lose, whatever the steps between two checkpoints are.
const LONGEST_UNSAVED: f64 = 300.0;

fn sheet_of(made: &PictureSet) -> Result<RgbImage, Error> {
    let pictures = Picture::batch(made.channels, made.height, made.width, &made.pixels)?;
    Ok(sheet::contact_sheet(&pictures)?)
}

/// The clock of one session.
struct Session {
    before: f64,
    start: Instant,
    /// Seconds and pictures some time ago, to measure the speed lately.
    marks: std::collections::VecDeque<(f64, u64)>,
}

impl Session {
    fn new(progress: &Progress) -> Self {
        let marks = [(progress.seconds, progress.images)].into();
        Self { before: progress.seconds, start: Instant::now(), marks }
    }

    fn seconds(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }

    /// Pictures per second over about the last 20 steps.
    fn rate(&mut self, progress: &Progress) -> f64 {
        self.marks.push_back((progress.seconds, progress.images));
        if self.marks.len() > 20 {
            self.marks.pop_front();
        }
        let (seconds, images) = self.marks[0];
        (progress.images - images) as f64 / (progress.seconds - seconds).max(1e-9)
    }
}
