//! Runs that wait to be trained or measured, one at work, and those that are done with.
//!
//! Training is a process of its own, the program called by itself, in a process group of its own: a run that crashes
//! takes nothing with it, and a run goes on when the studio ends or is killed. What is in the queue is on disk, so
//! that a studio that starts again finds it, and takes over the run that is still training.

use crate::problem::{Answer, Problem};
use crate::shelf::Shelf;
use serde::{Deserialize, Serialize};
use softreg_run::claim::{self, Claim};
use softreg_run::{State, atomic};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};
use utoipa::ToSchema;

mod process;

use process::{is_alive, kill, log_of, stand_alone};

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Waiting for its turn.
    Waiting,
    /// In progress.
    Running,
    /// Stopped on request, to be resumed later.
    Paused,
    /// Stopped on request.
    Stopped,
    /// A stop condition was reached.
    Finished,
    /// Its process exited with an error.
    Failed,
}

/// What a job does with a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Train it.
    #[default]
    Train,
    /// Measure it.
    Measure,
}

/// A queued job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Increasing number.
    pub id: u64,
    /// What it does.
    #[serde(default)]
    pub task: Task,
    /// Base name of the run, before its number.
    pub stem: String,
    /// The command line, without the output folder.
    pub arguments: Vec<String>,
    /// Name of the run, once it has started.
    pub run: Option<String>,
    /// Its state.
    pub state: JobState,
    /// Why it ended.
    pub reason: Option<String>,
    /// Its process, while running.
    pub process: Option<u32>,
    /// When its process was started, in seconds since 1970.
    #[serde(default)]
    pub began: Option<u64>,
    /// State to take once its process has ended, if requested.
    pub becomes: Option<JobState>,
    /// Total minutes of training, if it was given more.
    #[serde(default)]
    pub minutes: Option<f64>,
}

impl Job {
    /// A job that nothing has become of yet, with a number that none of the others has.
    fn waiting(
        others: &[Self],
        task: Task,
        stem: String,
        arguments: Vec<String>,
        run: Option<String>,
    ) -> Self {
        Self {
            id: others.iter().map(|job| job.id).max().unwrap_or(0) + 1,
            task,
            stem,
            arguments,
            run,
            state: JobState::Waiting,
            reason: None,
            process: None,
            began: None,
            becomes: None,
            minutes: None,
        }
    }

    /// Whether it is the training of the run called `name`.
    pub fn trains(&self, name: &str) -> bool {
        self.task == Task::Train && self.run.as_deref() == Some(name)
    }
}

/// The queue, and the process of the run that trains.
#[derive(Debug)]
pub struct Queue {
    shelf: Shelf,
    program: PathBuf,
    device: String,
    inner: Mutex<Inner>,
    /// Two studios would begin the same job twice.
    _claim: Claim,
}

#[derive(Debug)]
struct Inner {
    jobs: Vec<Job>,
    child: Option<Child>,
}

/// Least and most minutes that a run is given more.
const MOMENT: f64 = 0.001;
const YEAR: f64 = 525_600.0;

/// Most jobs that wait at once.
const MOST_WAITING: usize = 500;
/// Jobs that are done with and remembered.
const REMEMBERED: usize = 200;

impl Queue {
    /// The queue of `shelf`, as it was left; `program` trains, on `device`.
    ///
    /// # Errors
    /// When its file is damaged or cannot be read.
    pub fn open(shelf: Shelf, program: PathBuf, device: String) -> Result<Self, String> {
        let path = file(&shelf)?;
        let claim =
            claim::claim(path.parent().unwrap_or(shelf.root())).map_err(|error| match error {
                softreg_run::Error::Locked { .. } => format!(
                    "another studio has {} open: use that one, or close it first",
                    shelf.root().display()
                ),
                error => error.to_string(),
            })?;
        let jobs = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                format!(
                    "{} is damaged ({error}): remove it to start with an empty queue",
                    path.display()
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        let inner = Mutex::new(Inner { jobs, child: None });
        Ok(Self { shelf, program, device, inner, _claim: claim })
    }

    /// All jobs, in the order in which they came.
    pub fn jobs(&self) -> Vec<Job> {
        self.lock().jobs.clone()
    }

    /// A command of the program, without a terminal.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.shelf.root()).stdin(Stdio::null());
        command
    }

    /// Puts a new run at the end of the queue.
    ///
    /// # Errors
    /// 409 when too many wait, 500 when the queue cannot be written.
    pub fn add(&self, stem: String, arguments: Vec<String>) -> Answer<Job> {
        self.put(&mut self.lock(), Task::Train, stem, arguments, None)
    }

    /// Puts the measuring of a run at the end of the queue.
    ///
    /// # Errors
    /// 404 for an unknown run, 409 when it is being measured or waits for it, or when too many wait.
    pub fn measure(&self, run: &str) -> Answer<Job> {
        let folder = self.shelf.run(run)?;
        if !softreg_run::checkpoint::list(folder.checkpoints()).is_ok_and(|c| !c.is_empty()) {
            return Err(Problem::conflict("there is no checkpoint to measure yet"));
        }
        let measures = |job: &Job| {
            job.task == Task::Measure
                && job.run.as_deref() == Some(run)
                && matches!(job.state, JobState::Waiting | JobState::Running)
        };
        // Held from the look to what is put there: two pages may ask at once.
        let mut inner = self.lock();
        if inner.jobs.iter().any(measures) {
            return Err(Problem::conflict(format!("`{run}` is already queued to be measured")));
        }
        let named = run.to_owned();
        self.put(&mut inner, Task::Measure, named.clone(), Vec::new(), Some(named))
    }

    fn put(
        &self,
        inner: &mut Inner,
        task: Task,
        stem: String,
        arguments: Vec<String>,
        run: Option<String>,
    ) -> Answer<Job> {
        let waiting = inner.jobs.iter().filter(|job| job.state == JobState::Waiting).count();
        if waiting >= MOST_WAITING {
            return Err(Problem::conflict(format!(
                "{waiting} runs are waiting: remove some from the queue first"
            )));
        }
        let job = Job::waiting(&inner.jobs, task, stem, arguments, run);
        let mut jobs = inner.jobs.clone();
        jobs.push(job.clone());
        let done = |job: &Job| {
            !matches!(job.state, JobState::Waiting | JobState::Running | JobState::Paused)
        };
        let surplus = jobs.iter().filter(|job| done(job)).count().saturating_sub(REMEMBERED);
        let mut forgotten = 0;
        jobs.retain(|job| {
            let forget = done(job) && forgotten < surplus;
            forgotten += usize::from(forget);
            !forget
        });
        self.keep(inner, jobs)?;
        Ok(job)
    }

    /// Takes a job that waits out of the queue.
    ///
    /// # Errors
    /// 404 where there is none, 409 when it has begun.
    pub fn remove(&self, id: u64) -> Answer<()> {
        let mut inner = self.lock();
        let job = inner.jobs.iter().find(|job| job.id == id);
        let job = job.ok_or_else(|| Problem::missing(format!("there is no job {id}")))?;
        if job.state == JobState::Running {
            return Err(Problem::conflict("it is running: stop it first"));
        }
        let others = inner.jobs.iter().filter(|job| job.id != id).cloned().collect();
        self.keep(&mut inner, others)
    }

    /// Ends the training of a run, which saves first: to go on later (`Paused`), or not (`Stopped`).
    ///
    /// # Errors
    /// 409 when it does not run, or was not begun here.
    pub fn end(&self, run: &str, becomes: JobState) -> Answer<()> {
        let mut inner = self.lock();
        let running = |job: &&Job| job.state == JobState::Running && job.trains(run);
        let Some(id) = inner.jobs.iter().find(running).map(|job| job.id) else {
            let locked = self.shelf.run(run)?.is_locked().unwrap_or(false);
            return Err(Problem::conflict(match locked {
                true => format!("`{run}` was started elsewhere: stop it there, with Ctrl-C"),
                false => format!("`{run}` is not running"),
            }));
        };
        self.end_job(&mut inner, id, becomes)
    }

    /// Ends a job that runs, whether its run has a folder yet or not. A training saves first.
    ///
    /// # Errors
    /// 404 where there is none, 409 when it does not run.
    pub fn stop(&self, id: u64) -> Answer<()> {
        let mut inner = self.lock();
        match inner.jobs.iter().find(|job| job.id == id) {
            None => Err(Problem::missing(format!("there is no job {id}"))),
            Some(job) if job.state == JobState::Running => {
                self.end_job(&mut inner, id, JobState::Stopped)
            }
            Some(job) => Err(Problem::conflict(match job.state {
                JobState::Waiting => "it is waiting: remove it instead",
                _ => "it has already ended",
            })),
        }
    }

    /// Has the process of a running job end, and the job become that then.
    fn end_job(&self, inner: &mut Inner, id: u64, becomes: JobState) -> Answer<()> {
        let mut jobs = inner.jobs.clone();
        let Some(job) = jobs.iter_mut().find(|job| job.id == id) else { return Ok(()) };
        job.becomes = Some(becomes);
        let (task, stop) = (job.task, self.stop_file(id).map_err(Problem::failed)?);
        let at_work = self.process_of(job);
        self.keep(inner, jobs)?;
        match (task, &mut inner.child) {
            (Task::Train, _) => Ok(atomic::write(stop, &[])?),
            // It has nothing to save: its only file is complete or absent.
            (Task::Measure, Some(child)) => child.kill().map_err(Problem::failed),
            (Task::Measure, None) => at_work.map_or(Ok(()), kill).map_err(Problem::failed),
        }
    }

    /// Lets a run that was stopped go on, for so many minutes `more` where they are given: it is the next one.
    ///
    /// # Errors
    /// 400 for minutes that are no time, 409 when it runs, waits already or is finished and given no more.
    pub fn resume(&self, run: &str, more: Option<f64>) -> Answer<Job> {
        let folder = self.shelf.run(run)?;
        if let Some(minutes) = more.filter(|minutes| !(MOMENT..=YEAR).contains(minutes)) {
            return Err(Problem::wrong(format!(
                "minutes is {minutes}: it must be from {MOMENT} to {YEAR}"
            )));
        }
        if folder.is_locked().unwrap_or(false) {
            return Err(Problem::conflict(format!("`{run}` is already running")));
        }
        let status = folder.read_status()?;
        if status.state == State::Finished && more.is_none() {
            return Err(Problem::conflict(format!("`{run}` has finished: give it more minutes")));
        }
        let minutes = more.map(|more| status.seconds / 60.0 + more);
        let mut inner = self.lock();
        let mut jobs = inner.jobs.clone();
        let mut job = match jobs.iter().position(|job| job.trains(run)) {
            Some(at) if jobs[at].state == JobState::Waiting => {
                return Err(Problem::conflict(format!("`{run}` is already waiting for its turn")));
            }
            // It may not have its lock yet.
            Some(at) if jobs[at].state == JobState::Running => {
                return Err(Problem::conflict(format!("`{run}` is already running")));
            }
            Some(at) => jobs.remove(at),
            None => {
                Job::waiting(&jobs, Task::Train, run.to_owned(), Vec::new(), Some(run.to_owned()))
            }
        };
        (job.state, job.reason, job.becomes) = (JobState::Waiting, None, None);
        // Those of an earlier time are in its configuration.
        job.minutes = minutes;
        let first = jobs.iter().position(|job| job.state == JobState::Waiting);
        jobs.insert(first.unwrap_or(jobs.len()), job.clone());
        self.keep(&mut inner, jobs)?;
        Ok(job)
    }

    /// Looks after the process: notices its end, and begins the next job. Called again and again.
    pub fn tend(&self) {
        let mut inner = self.lock();
        let Inner { jobs, child } = &mut *inner;
        let mut changed = false;
        if let Some(job) = jobs.iter_mut().find(|job| job.state == JobState::Running) {
            let status = child.as_mut().and_then(|child| child.try_wait().ok());
            let ended = match &status {
                Some(status) => status.is_some(),
                None => child.is_some() || !self.is_at_work(job),
            };
            if !ended {
                return;
            }
            *child = None;
            self.close(job, status.flatten().map(|status| status.success()));
            changed = true;
        }
        if let Some(job) = jobs.iter_mut().find(|job| job.state == JobState::Waiting) {
            let reserves = job.run.is_none();
            match self.start(job) {
                Ok(process) => {
                    (job.state, job.process) = (JobState::Running, Some(process.id()));
                    *child = Some(process);
                }
                Err(reason) => {
                    (job.state, job.reason) = (JobState::Failed, Some(reason));
                    if let Some(name) = job.run.take_if(|_| reserves) {
                        let _ = fs::remove_dir(self.shelf.root().join(name));
                    }
                }
            }
            changed = true;
        }
        if changed && let Err(problem) = self.save(&inner.jobs) {
            tracing::warn!("the queue cannot be saved: {problem}");
        }
    }

    /// Whether a process that this one did not start is still at work: by its number, and a training by the lock that it takes
    /// when it has read its pictures.
    fn is_at_work(&self, job: &Job) -> bool {
        let Some(name) = job.run.as_deref() else { return false };
        let locked = || self.shelf.run(name).is_ok_and(|run| run.is_locked().unwrap_or(false));
        (job.task == Task::Train && locked()) || self.process_of(job).is_some()
    }

    /// The number of a job's process, which this one need not have started, while it is still that.
    fn process_of(&self, job: &Job) -> Option<u32> {
        let (process, name) = (job.process?, job.run.as_deref()?);
        let task = match job.task {
            Task::Measure => "evaluate",
            Task::Train => "train",
        };
        is_alive(process, task, name, &self.log(job.id).ok()?).then_some(process)
    }

    /// What became of a job whose process has ended, and how that ended, where it is known.
    fn close(&self, job: &mut Job, succeeded: Option<bool>) {
        job.process = None;
        let run = job.run.as_deref().and_then(|name| self.shelf.run(name).ok());
        // Nobody tells how a process of an earlier studio ended: what it wrote does.
        let wrote = || {
            let written = fs::metadata(run.as_ref()?.root().join("evaluation.json")).ok()?;
            let written = seconds(written.modified().ok()?);
            Some(written >= job.began?)
        };
        let succeeded = succeeded.or_else(wrote).unwrap_or(false);
        let status = match job.task {
            Task::Train => run.as_ref().and_then(|run| run.read_status().ok()),
            Task::Measure => None,
        };
        // Asked to end, a training can still fail to save: it is where it was told to be only if that is on disk. One that
        // was asked before its first step has nothing to save.
        let saved = match (&run, &status) {
            (Some(run), Some(status)) => {
                let there = softreg_run::checkpoint::list(run.checkpoints());
                status.state == State::Created || there.is_ok_and(|all| all.contains(&status.step))
            }
            _ => true,
        };
        let finished = match job.task {
            Task::Train => status.as_ref().is_some_and(|status| status.state == State::Finished),
            Task::Measure => succeeded,
        };
        let said = self.log(job.id).ok().and_then(|path| fs::read_to_string(path).ok());
        let error = said.as_deref().and_then(error_in).map(str::to_owned);
        (job.state, job.reason) = match (finished, job.becomes.take().filter(|_| saved), error) {
            (true, ..) => (JobState::Finished, status.and_then(|status| status.reason)),
            (false, Some(becomes), _) => (becomes, None),
            (false, None, Some(error)) => (JobState::Failed, Some(error)),
            (false, None, None) => {
                (JobState::Failed, Some("its process exited without an error message".to_owned()))
            }
        };
        // A folder that was only reserved.
        if let Some(name) = job.run.take_if(|name| self.shelf.run(name).is_err()) {
            let _ = fs::remove_dir(self.shelf.root().join(name));
        }
    }

    fn start(&self, job: &mut Job) -> Result<Child, String> {
        let told = |error: std::io::Error| error.to_string();
        let resumes = job.run.is_some();
        let name = match job.run.clone() {
            Some(name) => name,
            None => {
                let path = claim::next_free(self.shelf.root(), &job.stem);
                let path = path.map_err(|error| error.to_string())?;
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
        };
        job.run = Some(name.clone());
        job.began = Some(seconds(SystemTime::now()));
        let path = self.shelf.root().join(&name);
        let log = self.log(job.id)?;
        let stop = self.stop_file(job.id)?;
        match fs::remove_file(&stop) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(told(error)),
            _ => {}
        }
        let mut command = self.command();
        match (job.task, resumes) {
            (Task::Measure, _) => command.arg("evaluate").arg(path),
            (Task::Train, true) => {
                command.args(["train", "--quiet", "--resume"]).arg(path);
                command.args(job.minutes.map(|minutes| format!("--minutes={minutes}")))
            }
            (Task::Train, false) => {
                command.args(["train", "--quiet"]).args(&job.arguments).arg("--out").arg(path)
            }
        };
        command.args(["--device", &self.device]);
        if job.task == Task::Train {
            command.arg("--stop-file").arg(stop);
        }
        stand_alone(&mut command);
        command.stdout(Stdio::null()).stderr(log_of(&log).map_err(told)?).spawn().map_err(told)
    }

    /// What the training of a job ends at, saved, when it comes to be there.
    fn stop_file(&self, id: u64) -> Result<PathBuf, String> {
        let folder = self.shelf.own("stops").map_err(|error| error.to_string())?;
        Ok(folder.join(id.to_string()))
    }

    /// Where the process of a job writes what it has to say.
    fn log(&self, id: u64) -> Result<PathBuf, String> {
        let folder = self.shelf.own("logs").map_err(|error| error.to_string())?;
        Ok(folder.join(format!("{id}.log")))
    }

    /// Takes `jobs` as the queue once they are on disk: a change that cannot be saved is none.
    fn keep(&self, inner: &mut Inner, jobs: Vec<Job>) -> Answer<()> {
        self.save(&jobs)?;
        inner.jobs = jobs;
        Ok(())
    }

    fn save(&self, jobs: &[Job]) -> Answer<()> {
        let path = file(&self.shelf).map_err(Problem::failed)?;
        Ok(atomic::write_json(path, &jobs)?)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The error among what the program said.
pub(crate) fn error_in(said: &str) -> Option<&str> {
    said.lines().rev().find_map(|line| line.strip_prefix("error: "))
}

fn file(shelf: &Shelf) -> Result<PathBuf, String> {
    let folder = shelf.own("queue").map_err(|error| format!("cannot write the queue: {error}"))?;
    Ok(folder.join("queue.json"))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
