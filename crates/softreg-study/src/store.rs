//! The history of a study in a database, which hands out every task once.
//!
//! Why a database: several processes work on one study, any of them may be killed at any moment, and
//! what they decide must be decided on the same history. Every decision is one transaction. One file of
//! SQLite serves the processes of one machine, a PostgreSQL server those of many.

mod postgres;
mod sqlite;

use crate::{Decision, Error, Parameters, Plan, Result, Rung, Tried};
use postgres::Server;
use sqlite::File;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A worker that has not been heard of for so many seconds is dead, and its task is handed out again.
pub const STALE: f64 = 60.0;

const FORMAT: &str = "softreg-study/1";

/// Where a study is.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// A file of SQLite.
    File(PathBuf),
    /// A PostgreSQL server.
    Server {
        /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE`, or `host=… user=… dbname=…`, with the parameters of
        /// libpq: `sslmode` (disable, prefer, require, verify-ca, verify-full), `sslrootcert` (a file, or `system`, which
        /// is also the default here), `sslcert` and `sslkey`.
        url: String,
        /// The study's name there.
        name: String,
    },
}

/// Without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server { url, name } => write!(f, "{name} on {}", postgres::public(url)),
        }
    }
}

/// A study in its database.
pub struct Store {
    base: Box<dyn Base>,
    plan: Plan,
}

/// What a database must do, each in one transaction.
trait Base: Send {
    /// Takes the next task for `worker`; `now` counts where the database has no clock of its own.
    fn claim(&mut self, plan: &Plan, worker: &str, now: f64) -> Result<Claim>;

    /// Changes a running task of `worker`; false where it is not that worker's any more.
    fn change(&mut self, task: &Task, worker: &str, change: Change<'_>) -> Result<bool>;

    /// Everything that was tried, by trial and rung.
    fn history(&mut self) -> Result<Vec<Recorded>>;
}

/// What a worker tells about its task.
#[derive(Clone, Copy)]
enum Change<'a> {
    /// The worker lives.
    Beat(f64),
    Done(f64, &'a str),
    Failed(&'a str),
    /// It is for the next who asks.
    Released,
}

/// When the worker of a released task was heard.
const NEVER: f64 = -1e300;
/// So many seconds none has been silent but those who gave their tasks back.
const NOBODY: f64 = 1e200;

/// A task whose workers fell silent so often takes them down with it, and is given up.
const FALLS: u32 = 3;

/// Nobody is dead for so long after a time in which whoever lives had no means to say so.
const GRACE: Duration = Duration::from_secs(20);

impl<'a> Change<'a> {
    /// The columns state, value and about after it; without the last one it stays as it is.
    fn columns(self) -> (&'static str, Option<f64>, Option<&'a str>) {
        match self {
            Self::Beat(_) | Self::Released => ("running", None, None),
            Self::Done(value, about) => ("done", Some(value), Some(about)),
            Self::Failed(reason) => ("failed", None, Some(reason)),
        }
    }
}

/// How a database's own errors are said.
type Wrong = dyn Fn(&dyn fmt::Display) -> Error + Send;

/// What a worker is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// A task of its own.
    Task(Task),
    /// Nothing now: ask again.
    Wait,
    /// Nothing any more.
    Finished,
}

/// A trial to take to a rung.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Which trial, from 0.
    pub trial: usize,
    /// Which rung, from 0.
    pub rung: usize,
    /// Its settings.
    pub parameters: Parameters,
}

/// A task as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The task.
    pub task: Task,
    /// How far it is.
    pub rung: Rung,
    /// What its worker told about the result, or why it failed.
    pub about: Option<String>,
}

impl Store {
    /// Makes a study; `about` is kept with it word by word.
    ///
    /// # Errors
    /// [`Error::Database`], also where there is one already.
    pub fn create(address: &Address, plan: &Plan, about: &str) -> Result<()> {
        let text = serde_json::to_string(plan).map_err(|e| error(address)(&e))?;
        match address {
            Address::File(path) => File::create(path, &text, about),
            Address::Server { url, name } => Server::create(url, name, &text, about),
        }
    }

    /// Opens a study, with what was kept about it. `notice` is told what a person should know while it is
    /// in use: that a server is away, and that it is back. A server that is away is waited for until `ended` says
    /// that the work is to end.
    ///
    /// # Errors
    /// [`Error::Foreign`] where it is none of this version, [`Error::Database`].
    pub fn open(
        address: &Address,
        notice: impl Fn(&str) + Send + 'static,
        ended: impl Fn() -> bool + Send + 'static,
    ) -> Result<(Self, String)> {
        let (base, [format, plan, about]): (Box<dyn Base>, _) = match address {
            Address::File(path) => {
                let (file, texts) = File::open(path)?;
                (Box::new(file), texts)
            }
            Address::Server { url, name } => {
                let (server, texts) = Server::open(url, name, Box::new(notice), Box::new(ended))?;
                (Box::new(server), texts)
            }
        };
        let foreign = |found: String| Error::Foreign { place: address.to_string(), found };
        if format != FORMAT {
            return Err(foreign(format));
        }
        let plan = serde_json::from_str(&plan).map_err(|e| foreign(e.to_string()))?;
        Ok((Self { base, plan }, about))
    }

    /// What is searched, and how.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes the next task for `worker`. What a dead worker held comes first. `now` is in seconds since a
    /// fixed moment, the same for all workers; a server counts by its own clock instead.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn claim(&mut self, worker: &str, now: f64) -> Result<Claim> {
        self.base.claim(&self.plan, worker, now)
    }

    /// Says that the worker still lives; false where its task was given to another one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn beat(&mut self, task: &Task, worker: &str, now: f64) -> Result<bool> {
        self.base.change(task, worker, Change::Beat(now))
    }

    /// Records the value that a task came to; false where it was given to another worker meanwhile,
    /// whose value counts.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn finish(&mut self, task: &Task, worker: &str, value: f64, about: &str) -> Result<bool> {
        self.base.change(task, worker, Change::Done(value, about))
    }

    /// Records that a task cannot come to a value.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn fail(&mut self, task: &Task, worker: &str, reason: &str) -> Result<bool> {
        self.base.change(task, worker, Change::Failed(reason))
    }

    /// Gives a task back undone, for the next who asks.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn release(&mut self, task: &Task, worker: &str) -> Result<bool> {
        self.base.change(task, worker, Change::Released)
    }

    /// Everything that was tried, by trial and rung.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn history(&mut self) -> Result<Vec<Recorded>> {
        let mut all = self.base.history()?;
        for recorded in all.iter_mut().filter(|recorded| recorded.rung == Rung::Running) {
            recorded.about = None;
        }
        Ok(all)
    }
}

/// A task that is handed out again.
struct Left {
    task: Task,
    /// How many of its workers fell silent.
    falls: u32,
}

impl Left {
    /// From its columns; a running task's `about` is the number of those that fell silent, where there are any.
    fn new(task: Task, about: Option<&str>, heard: f64) -> Self {
        let before = about.and_then(|about| about.parse().ok()).unwrap_or(0);
        // Who gives it back is not silent.
        let silent = heard > NEVER;
        Self { task, falls: before + u32::from(silent) }
    }

    /// Why it is not handed out any more, where it is not.
    fn given_up(&self) -> Option<String> {
        (self.falls >= FALLS).then(|| {
            format!("{FALLS} workers in a row fell silent over it: perhaps it takes more memory than a host has")
        })
    }

    /// The column about, where it is handed out.
    fn about(&self) -> Option<String> {
        (self.falls > 0).then(|| self.falls.to_string())
    }
}

/// The rungs of every trial, from what was recorded.
pub fn tried(recorded: &[Recorded]) -> Vec<Tried> {
    by_trial(recorded.iter().map(|one| (one.task.trial, one.rung)))
}

/// Rungs, of each trial one after the other, by trial.
fn by_trial(rungs: impl Iterator<Item = (usize, Rung)>) -> Vec<Tried> {
    let mut all: Vec<Tried> = Vec::new();
    for (trial, rung) in rungs {
        all.resize(all.len().max(trial + 1), Tried::new());
        all[trial].push(rung);
    }
    all
}

/// What comes next by the plan, after these trials.
fn next(plan: &Plan, tried: &[Tried]) -> Claim {
    match plan.next(tried) {
        Decision::Try { trial, rung } => {
            Claim::Task(Task { trial, rung, parameters: plan.parameters(trial) })
        }
        Decision::Wait => Claim::Wait,
        _ => Claim::Finished,
    }
}

/// A task from its columns.
fn task(trial: i64, rung: i64, parameters: &str, wrong: &Wrong) -> Result<Task> {
    let parameters = serde_json::from_str(parameters).map_err(|e| wrong(&e))?;
    Ok(Task { trial: number(trial, wrong)?, rung: number(rung, wrong)?, parameters })
}

fn number(of_database: i64, wrong: &Wrong) -> Result<usize> {
    usize::try_from(of_database).map_err(|e| wrong(&e))
}

fn rung(state: &str, value: Option<f64>) -> Rung {
    match state {
        // SQLite keeps no NaN: it is null.
        "done" => Rung::Done(value.unwrap_or(f64::NAN)),
        "failed" => Rung::Failed,
        _ => Rung::Running,
    }
}

fn error(address: &Address) -> impl Fn(&dyn fmt::Display) -> Error + use<> {
    let place = address.to_string();
    move |reason| Error::Database { place: place.clone(), reason: reason.to_string() }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "files that a test makes need not survive a kill")]
mod tests {
    use super::*;
    use crate::{Method, Space};
    use std::collections::BTreeSet;

    fn plan(method: Method) -> Plan {
        let space = Space::parse(&["a=0..1:linear".to_owned()]).unwrap();
        Plan::new(space, method, 3, true).unwrap()
    }

    fn value(task: &Task) -> f64 {
        task.parameters["a"].parse().unwrap()
    }

    #[test]
    fn several_workers_do_every_task_once() {
        let dir = tempfile::tempdir().unwrap();
        let address = Address::File(dir.path().join("study.sqlite"));
        let plan = plan(Method::Asha { trials: 20, reduction: 2, rungs: 3 });
        Store::create(&address, &plan, "about").unwrap();
        let work = |worker: usize| {
            let (mut store, about) = Store::open(&address, |_| (), || false).unwrap();
            assert_eq!(about, "about");
            let name = format!("worker {worker}");
            let mut done = Vec::new();
            loop {
                match store.claim(&name, 1000.0).unwrap() {
                    Claim::Task(task) => {
                        std::thread::sleep(Duration::from_millis(2));
                        assert!(store.finish(&task, &name, value(&task), "{}").unwrap());
                        done.push((task.trial, task.rung));
                    }
                    Claim::Wait => std::thread::sleep(Duration::from_millis(1)),
                    Claim::Finished => return done,
                }
            }
        };
        let all: Vec<(usize, usize)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|i| scope.spawn(move || work(i))).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        let (mut store, _) = Store::open(&address, |_| (), || false).unwrap();
        let history = store.history().unwrap();
        assert_eq!(history.len(), all.len());
        let (best, rung) = plan.best(&tried(&history)).unwrap();
        let highest = (0..20).map(|i| plan.parameters(i)["a"].parse::<f64>().unwrap());
        assert_eq!(rung, 2);
        assert_eq!(plan.parameters(best)["a"].parse::<f64>().unwrap(), highest.fold(0.0, f64::max));
    }

    #[test]
    fn what_a_dead_worker_held_is_handed_out_again() {
        let dir = tempfile::tempdir().unwrap();
        let address = Address::File(dir.path().join("study.sqlite"));
        Store::create(&address, &plan(Method::Random { trials: 1 }), "").unwrap();
        let (mut store, _) = Store::open(&address, |_| (), || false).unwrap();
        let Claim::Task(task) = store.claim("dead", 0.0).unwrap() else { panic!() };
        // Each a process that has just begun: to one that was there, time would have jumped.
        let claim = |now: f64| {
            let mut store = Store::open(&address, |_| (), || false).unwrap().0;
            store.claim("other", now).unwrap()
        };
        assert_eq!(claim(STALE - 1.0), Claim::Wait);
        assert!(store.beat(&task, "dead", 30.0).unwrap());
        assert_eq!(claim(STALE + 1.0), Claim::Wait);
        assert_eq!(claim(STALE + 31.0), Claim::Task(task.clone()));
        // The first one was slow, not dead: its value comes too late.
        assert!(!store.finish(&task, "dead", 1.0, "").unwrap());
        assert!(!store.beat(&task, "dead", 99.0).unwrap());
        assert!(store.release(&task, "other").unwrap());
        assert_eq!(store.claim("third", 0.0).unwrap(), Claim::Task(task.clone()));
        assert!(store.finish(&task, "third", f64::NAN, "why").unwrap());
        assert_eq!(store.claim("third", 0.0).unwrap(), Claim::Finished);
        let history = store.history().unwrap();
        assert!(matches!(history[0].rung, Rung::Done(value) if value.is_nan()));
        assert_eq!(history[0].about.as_deref(), Some("why"));
    }

    #[test]
    fn a_task_that_takes_its_workers_down_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let address = Address::File(dir.path().join("study.sqlite"));
        Store::create(&address, &plan(Method::Random { trials: 2 }), "").unwrap();
        let open = || Store::open(&address, |_| (), || false).unwrap().0;
        let at = |fall: u32| f64::from(fall) * (STALE + 1.0);
        for fall in 0..FALLS {
            let Claim::Task(task) = open().claim("falls", at(fall)).unwrap() else { panic!() };
            assert_eq!(task.trial, 0);
            // Signs of life and a task that is given back in order change nothing about it.
            assert!(open().beat(&task, "falls", at(fall)).unwrap());
            assert!(open().release(&task, "falls").unwrap());
            assert_eq!(open().claim("falls", at(fall)).unwrap(), Claim::Task(task));
            assert_eq!(open().history().unwrap()[0].about, None);
        }
        let Claim::Task(task) = open().claim("other", at(FALLS)).unwrap() else { panic!() };
        assert_eq!(task.trial, 1);
        let history = open().history().unwrap();
        assert_eq!(history[0].rung, Rung::Failed);
        assert!(history[0].about.as_deref().unwrap().contains("fell silent"));
    }

    #[test]
    fn after_a_sleep_of_the_machine_whoever_lives_may_say_so_first() {
        let dir = tempfile::tempdir().unwrap();
        let address = Address::File(dir.path().join("study.sqlite"));
        Store::create(&address, &plan(Method::Random { trials: 1 }), "").unwrap();
        let open = || Store::open(&address, |_| (), || false).unwrap().0;
        let (mut busy, mut idle) = (open(), open());
        let Claim::Task(task) = busy.claim("busy", 0.0).unwrap() else { panic!() };
        assert_eq!(idle.claim("idle", 1.0).unwrap(), Claim::Wait);
        // An hour later by the clock, and at once by what the process has lived.
        assert_eq!(idle.claim("idle", 3600.0).unwrap(), Claim::Wait);
        assert!(busy.beat(&task, "busy", 3601.0).unwrap());
        // What was given back may be taken all the same.
        assert!(busy.release(&task, "busy").unwrap());
        assert_eq!(idle.claim("idle", 3602.0).unwrap(), Claim::Task(task));
    }

    #[test]
    fn other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let address = Address::File(path.clone());
        let open = || Store::open(&address, |_| (), || false).map(|_| ());
        assert!(matches!(open(), Err(Error::Database { .. })));
        std::fs::write(&path, "text").unwrap();
        assert!(matches!(open(), Err(Error::Foreign { .. })));
        let plan = plan(Method::Random { trials: 1 });
        assert!(matches!(Store::create(&address, &plan, ""), Err(Error::Database { .. })));
    }
}
