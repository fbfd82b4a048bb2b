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
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use utoipa::ToSchema;

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Its turn has not come.
    Waiting,
    /// It trains.
    Running,
    /// Ended on request, to go on later.
    Paused,
    /// Ended on request.
    Stopped,
    /// A stop condition held.
    Finished,
    /// Its process ended with an error.
    Failed,
}

/// What is done with a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// It is trained.
    #[default]
    Train,
    /// It is measured.
    Measure,
}

/// A run that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Counts up.
    pub id: u64,
    /// What is done.
    #[serde(default)]
    pub task: Task,
    /// What the run will be called, before its number.
    pub stem: String,
    /// The command line, without the folder to write.
    pub arguments: Vec<String>,
    /// The run's name, once it has begun.
    pub run: Option<String>,
    /// How it stands.
    pub state: JobState,
    /// Why it ended.
    pub reason: Option<String>,
    /// Its process, while it runs.
    pub process: Option<u32>,
    /// What it becomes when its process has ended, where that was asked for.
    pub becomes: Option<JobState>,
}

impl Job {
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
                    "another studio is open on {}: use that one, or end it first",
                    shelf.root().display()
                ),
                error => error.to_string(),
            })?;
        let jobs = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                format!(
                    "{} is damaged ({error}): remove it to begin an empty queue",
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
        self.put(Task::Train, stem, arguments, None)
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
        if self.lock().jobs.iter().any(measures) {
            return Err(Problem::conflict(format!("`{run}` is about to be measured")));
        }
        self.put(Task::Measure, run.to_owned(), Vec::new(), Some(run.to_owned()))
    }

    fn put(
        &self,
        task: Task,
        stem: String,
        arguments: Vec<String>,
        run: Option<String>,
    ) -> Answer<Job> {
        let mut inner = self.lock();
        let waiting = inner.jobs.iter().filter(|job| job.state == JobState::Waiting).count();
        if waiting >= MOST_WAITING {
            return Err(Problem::conflict(format!(
                "{waiting} runs are waiting: take some out of the queue first"
            )));
        }
        let id = inner.jobs.iter().map(|job| job.id).max().unwrap_or(0) + 1;
        let job = Job {
            id,
            task,
            stem,
            arguments,
            run,
            state: JobState::Waiting,
            reason: None,
            process: None,
            becomes: None,
        };
        inner.jobs.push(job.clone());
        let done = |job: &Job| {
            !matches!(job.state, JobState::Waiting | JobState::Running | JobState::Paused)
        };
        let surplus = inner.jobs.iter().filter(|job| done(job)).count().saturating_sub(REMEMBERED);
        let mut forgotten = 0;
        inner.jobs.retain(|job| {
            let forget = done(job) && forgotten < surplus;
            forgotten += usize::from(forget);
            !forget
        });
        self.save(&inner)?;
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
        inner.jobs.retain(|job| job.id != id);
        self.save(&inner)
    }

    /// Ends the training of a run, which saves first: to go on later (`Paused`), or not (`Stopped`).
    ///
    /// # Errors
    /// 409 when it does not run, or was not begun here.
    pub fn end(&self, run: &str, becomes: JobState) -> Answer<()> {
        let mut inner = self.lock();
        let Inner { jobs, child } = &mut *inner;
        let running = |job: &&mut Job| job.state == JobState::Running && job.trains(run);
        let Some(job) = jobs.iter_mut().find(running) else {
            let locked = self.shelf.run(run)?.is_locked().unwrap_or(false);
            return Err(Problem::conflict(match locked {
                true => format!("`{run}` was begun elsewhere: end it there, with Ctrl-C"),
                false => format!("`{run}` is not running"),
            }));
        };
        job.becomes = Some(becomes);
        if let Some(process) = job.process {
            terminate(process, run, child.as_mut());
        }
        self.save(&inner)
    }

    /// Lets a run that was stopped go on: it is the next one.
    ///
    /// # Errors
    /// 409 when it runs, waits already or is finished.
    pub fn resume(&self, run: &str) -> Answer<Job> {
        let folder = self.shelf.run(run)?;
        if folder.is_locked().unwrap_or(false) {
            return Err(Problem::conflict(format!("`{run}` is running")));
        }
        if folder.read_status()?.state == State::Finished {
            return Err(Problem::conflict(format!("`{run}` has reached its end: start a new run")));
        }
        let mut inner = self.lock();
        let mut job = match inner.jobs.iter().position(|job| job.trains(run)) {
            Some(at) if inner.jobs[at].state == JobState::Waiting => {
                return Err(Problem::conflict(format!("`{run}` is waiting for its turn")));
            }
            Some(at) => inner.jobs.remove(at),
            None => Job {
                id: inner.jobs.iter().map(|job| job.id).max().unwrap_or(0) + 1,
                task: Task::Train,
                stem: run.to_owned(),
                arguments: Vec::new(),
                run: Some(run.to_owned()),
                state: JobState::Waiting,
                reason: None,
                process: None,
                becomes: None,
            },
        };
        (job.state, job.reason, job.becomes) = (JobState::Waiting, None, None);
        let first = inner.jobs.iter().position(|job| job.state == JobState::Waiting);
        let at = first.unwrap_or(inner.jobs.len());
        inner.jobs.insert(at, job.clone());
        self.save(&inner)?;
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
                None => child.is_some() || !self.is_training(job),
            };
            if !ended {
                return;
            }
            *child = None;
            self.close(job, status.flatten().is_some_and(|status| status.success()));
            changed = true;
        }
        if let Some(job) = jobs.iter_mut().find(|job| job.state == JobState::Waiting) {
            match self.start(job) {
                Ok(process) => {
                    (job.state, job.process) = (JobState::Running, Some(process.id()));
                    *child = Some(process);
                }
                Err(reason) => (job.state, job.reason) = (JobState::Failed, Some(reason)),
            }
            changed = true;
        }
        if changed && let Err(problem) = self.save(&inner) {
            tracing::warn!("the queue cannot be saved: {problem}");
        }
    }

    /// Whether a process that this one did not start is still training. Measuring holds no lock and is short:
    /// it counts as ended, and is asked for again.
    fn is_training(&self, job: &Job) -> bool {
        if job.task == Task::Measure {
            return false;
        }
        let run = job.run.as_deref().and_then(|name| self.shelf.run(name).ok());
        run.is_some_and(|run| run.is_locked().unwrap_or(false))
    }

    /// What became of a job whose process has ended.
    fn close(&self, job: &mut Job, succeeded: bool) {
        job.process = None;
        let run = job.run.as_deref().and_then(|name| self.shelf.run(name).ok());
        let status = match job.task {
            Task::Train => run.and_then(|run| run.read_status().ok()),
            Task::Measure => None,
        };
        let finished = match job.task {
            Task::Train => status.as_ref().is_some_and(|status| status.state == State::Finished),
            Task::Measure => succeeded,
        };
        let said = self.log(job.id).ok().and_then(|path| fs::read_to_string(path).ok());
        let error = said.as_deref().and_then(error_in).map(str::to_owned);
        (job.state, job.reason) = match (finished, job.becomes.take(), error) {
            (true, ..) => (JobState::Finished, status.and_then(|status| status.reason)),
            (false, Some(becomes), _) => (becomes, None),
            (false, None, Some(error)) => (JobState::Failed, Some(error)),
            (false, None, None) => {
                (JobState::Failed, Some("its process ended without a word".to_owned()))
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
        let path = self.shelf.root().join(&name);
        let log = self.log(job.id)?;
        let mut command = self.command();
        match (job.task, resumes) {
            (Task::Measure, _) => command.arg("evaluate").arg(path),
            (Task::Train, true) => command.args(["train", "--quiet", "--resume"]).arg(path),
            (Task::Train, false) => {
                command.args(["train", "--quiet"]).args(&job.arguments).arg("--out").arg(path)
            }
        };
        command.args(["--device", &self.device]);
        // A terminal's Ctrl-C ends the studio and not the training.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdout(Stdio::null()).stderr(File::create(log).map_err(told)?).spawn().map_err(told)
    }

    /// Where the process of a job writes what it has to say.
    fn log(&self, id: u64) -> Result<PathBuf, String> {
        let folder = self.shelf.own("logs").map_err(|error| error.to_string())?;
        Ok(folder.join(format!("{id}.log")))
    }

    fn save(&self, inner: &Inner) -> Answer<()> {
        let path = file(&self.shelf).map_err(Problem::failed)?;
        Ok(atomic::write_json(path, &inner.jobs)?)
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

/// Asks the training of `run` to save and end.
#[cfg(unix)]
fn terminate(process: u32, run: &str, _: Option<&mut Child>) {
    use rustix::process::{Pid, Signal, kill_process};
    // The number may meanwhile be that of another program.
    let line = fs::read(Path::new("/proc").join(process.to_string()).join("cmdline"));
    if line.is_ok_and(|line| !String::from_utf8_lossy(&line).contains(run)) {
        return;
    }
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// Ends the training of a run, which goes on from its last checkpoint.
#[cfg(not(unix))]
fn terminate(_: u32, _: &str, child: Option<&mut Child>) {
    // It may have ended by itself meanwhile.
    let _ = child.map(Child::kill);
}
