//! The history of a study in one SQLite file, which hands out every task once.
//!
//! Why a database: several processes work on one study, any of them may be killed at any moment, and
//! what they decide must be decided on the same history. Every decision is one transaction.

use crate::{Decision, Error, Parameters, Plan, Result, Rung, Tried};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A worker that has not been heard of for so many seconds is dead, and its task is handed out again.
pub const STALE: f64 = 60.0;

const FORMAT: &str = "softreg-study/1";
/// How long to wait for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLES: &str = "
CREATE TABLE study (format TEXT NOT NULL, plan TEXT NOT NULL, about TEXT NOT NULL);
CREATE TABLE task (
    trial      INTEGER NOT NULL,
    rung       INTEGER NOT NULL,
    parameters TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    worker     TEXT    NOT NULL,
    heard      REAL    NOT NULL,
    value      REAL,
    about      TEXT,
    PRIMARY KEY (trial, rung)
) STRICT;
";

/// A study on disk.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    plan: Plan,
}

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
    /// [`Error::Database`], also where there is a file already.
    pub fn create(path: impl Into<PathBuf>, plan: &Plan, about: &str) -> Result<Self> {
        let path = path.into();
        let text = serde_json::to_string(plan).map_err(|e| error(&path)(&e))?;
        let connection = connect(&path, true)?;
        let mut store = Self { connection, path, plan: plan.clone() };
        store.transact(|transaction| {
            transaction.execute_batch(TABLES)?;
            transaction
                .execute("INSERT INTO study VALUES (?1, ?2, ?3)", params![FORMAT, text, about])
        })?;
        Ok(store)
    }

    /// Opens a study, with what was kept about it.
    ///
    /// # Errors
    /// [`Error::Foreign`] where it is none of this version, [`Error::Database`].
    pub fn open(path: impl Into<PathBuf>) -> Result<(Self, String)> {
        let path = path.into();
        let connection = connect(&path, false)?;
        let foreign = |found: String| Error::Foreign { path: path.clone(), found };
        let row = connection
            .query_row("SELECT format, plan, about FROM study", [], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })
            .map_err(|e| foreign(e.to_string()))?;
        let (format, plan, about) = row;
        if format != FORMAT {
            return Err(foreign(format));
        }
        let plan = serde_json::from_str(&plan).map_err(|e| foreign(e.to_string()))?;
        Ok((Self { connection, path, plan }, about))
    }

    /// What is searched, and how.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes the next task for `worker`; `now` is in seconds since a fixed moment, the same for all
    /// workers. What a dead worker held comes first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn claim(&mut self, worker: &str, now: f64) -> Result<Claim> {
        let plan = self.plan.clone();
        self.transact(|transaction| {
            let left = transaction
                .query_row(
                    "SELECT trial, rung, parameters FROM task
                     WHERE state = 'running' AND heard < ?1 ORDER BY rung DESC, trial LIMIT 1",
                    [now - STALE],
                    task,
                )
                .optional()?;
            let (decision, taken_over) = match left {
                Some(task) => (Decision::Try { trial: task.trial, rung: task.rung }, Some(task)),
                None => (plan.next(&tried(&recorded(transaction)?)), None),
            };
            let Decision::Try { trial, rung } = decision else {
                let waits = decision == Decision::Wait;
                return Ok(if waits { Claim::Wait } else { Claim::Finished });
            };
            let task = taken_over.unwrap_or_else(|| Task {
                trial,
                rung,
                parameters: plan.parameters(trial),
            });
            let parameters = serde_json::to_string(&task.parameters).unwrap_or_default();
            transaction.execute(
                "INSERT OR REPLACE INTO task (trial, rung, parameters, state, worker, heard)
                 VALUES (?1, ?2, ?3, 'running', ?4, ?5)",
                params![trial as i64, rung as i64, parameters, worker, now],
            )?;
            Ok(Claim::Task(task))
        })
    }

    /// Says that the worker still lives; false where its task was given to another one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn beat(&mut self, task: &Task, worker: &str, now: f64) -> Result<bool> {
        self.update(task, worker, "heard = ?4", params![now])
    }

    /// Records the value that a task came to; false where it was given to another worker meanwhile,
    /// whose value counts.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn finish(&mut self, task: &Task, worker: &str, value: f64, about: &str) -> Result<bool> {
        self.update(task, worker, "state = 'done', value = ?4, about = ?5", params![value, about])
    }

    /// Records that a task cannot come to a value.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn fail(&mut self, task: &Task, worker: &str, reason: &str) -> Result<bool> {
        self.update(task, worker, "state = 'failed', about = ?4", params![reason])
    }

    /// Gives a task back undone, for the next who asks.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn release(&mut self, task: &Task, worker: &str) -> Result<bool> {
        self.update(task, worker, "heard = -1e300", params![])
    }

    /// Everything that was tried, by trial and rung.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn history(&mut self) -> Result<Vec<Recorded>> {
        self.transact(recorded)
    }

    fn update(
        &mut self,
        task: &Task,
        worker: &str,
        set: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<bool> {
        let sql = format!(
            "UPDATE task SET {set} WHERE trial = ?1 AND rung = ?2 AND worker = ?3 AND state = 'running'"
        );
        let (trial, rung) = (task.trial as i64, task.rung as i64);
        self.transact(|transaction| {
            let mut all: Vec<&dyn rusqlite::ToSql> = vec![&trial, &rung, &worker];
            all.extend(values);
            Ok(transaction.execute(&sql, all.as_slice())? == 1)
        })
    }

    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        // Immediate: what is decided must be decided on what is read here.
        let behavior = TransactionBehavior::Immediate;
        let begun = self.connection.transaction_with_behavior(behavior);
        let result = begun.and_then(|transaction| {
            let result = work(&transaction)?;
            transaction.commit().map(|()| result)
        });
        result.map_err(|e| error(&self.path)(&e))
    }
}

/// The rungs of every trial, from what was recorded.
pub fn tried(recorded: &[Recorded]) -> Vec<Tried> {
    let mut all: Vec<Tried> = Vec::new();
    for one in recorded {
        all.resize(all.len().max(one.task.trial + 1), Tried::new());
        all[one.task.trial].push(one.rung);
    }
    all
}

fn recorded(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Recorded>> {
    let mut rows = transaction.prepare(
        "SELECT trial, rung, parameters, state, value, about FROM task ORDER BY trial, rung",
    )?;
    let one = |row: &rusqlite::Row<'_>| {
        let state: String = row.get(3)?;
        let rung = match state.as_str() {
            // SQLite keeps no NaN: it is null.
            "done" => Rung::Done(row.get::<_, Option<f64>>(4)?.unwrap_or(f64::NAN)),
            "failed" => Rung::Failed,
            _ => Rung::Running,
        };
        Ok(Recorded { task: task(row)?, rung, about: row.get(5)? })
    };
    rows.query_map([], one)?.collect()
}

fn task(row: &rusqlite::Row<'_>) -> rusqlite::Result<Task> {
    let parameters: String = row.get(2)?;
    let parameters = serde_json::from_str(&parameters).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(e))
    })?;
    let number = |column| row.get::<_, i64>(column).map(|n| usize::try_from(n).unwrap_or(0));
    Ok(Task { trial: number(0)?, rung: number(1)?, parameters })
}

fn connect(path: &Path, new: bool) -> Result<Connection> {
    use rusqlite::OpenFlags;
    let wrong = error(path);
    if new {
        std::fs::File::create_new(path).map_err(|e| wrong(&e))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| wrong(&e))?;
    connection.busy_timeout(PATIENCE).map_err(|e| wrong(&e))?;
    Ok(connection)
}

fn error(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> Error + use<> {
    let path = path.to_path_buf();
    move |reason| Error::Database { path: path.clone(), reason: reason.to_string() }
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
        let path = dir.path().join("study.sqlite");
        let plan = plan(Method::Asha { trials: 20, reduction: 2, rungs: 3 });
        Store::create(&path, &plan, "about").unwrap();
        let work = |worker: usize| {
            let (mut store, about) = Store::open(&path).unwrap();
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
        let (mut store, _) = Store::open(&path).unwrap();
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
        let path = dir.path().join("study.sqlite");
        let mut store = Store::create(&path, &plan(Method::Random { trials: 1 }), "").unwrap();
        let Claim::Task(task) = store.claim("dead", 0.0).unwrap() else { panic!() };
        assert_eq!(store.claim("other", STALE - 1.0).unwrap(), Claim::Wait);
        assert!(store.beat(&task, "dead", 30.0).unwrap());
        assert_eq!(store.claim("other", STALE + 1.0).unwrap(), Claim::Wait);
        assert_eq!(store.claim("other", STALE + 31.0).unwrap(), Claim::Task(task.clone()));
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
    fn other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert!(matches!(Store::open(&path), Err(Error::Database { .. })));
        std::fs::write(&path, "text").unwrap();
        assert!(matches!(Store::open(&path), Err(Error::Foreign { .. })));
        let plan = plan(Method::Random { trials: 1 });
        assert!(matches!(Store::create(&path, &plan, ""), Err(Error::Database { .. })));
    }
}
