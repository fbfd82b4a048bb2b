//! A study in one file of SQLite, for the processes of one machine.

use super::{
    Address, Base, Change, Claim, FORMAT, GRACE, Left, NEVER, NOBODY, Recorded, STALE, Task, Wrong,
    error, next, rung, task, tried,
};
use crate::{Error, Plan, Result};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::Path;
use std::time::{Duration, Instant};

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

pub(super) struct File {
    connection: Connection,
    /// When a task was last asked for: by the time that this process has lived, and by the clock.
    asked: Option<(Instant, f64)>,
    /// When the clock was last found to have gone on without the process, or to have been set.
    woken: Option<Instant>,
    wrong: Box<Wrong>,
}

impl File {
    pub(super) fn create(path: &Path, plan: &str, about: &str) -> Result<()> {
        std::fs::File::create_new(path).map_err(|e| error(&Address::File(path.to_owned()))(&e))?;
        Self::connect(path)?.transact(|transaction, wrong| {
            transaction
                .execute_batch(TABLES)
                .and_then(|()| {
                    let row = params![FORMAT, plan, about];
                    transaction.execute("INSERT INTO study VALUES (?1, ?2, ?3)", row)
                })
                .map_err(|e| wrong(&e))
        })?;
        Ok(())
    }

    /// Also its format, plan and what is kept about it.
    pub(super) fn open(path: &Path) -> Result<(Self, [String; 3])> {
        let file = Self::connect(path)?;
        let row = file.connection.query_row("SELECT format, plan, about FROM study", [], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        });
        let place = path.display().to_string();
        let texts = row.map_err(|e| Error::Foreign { place, found: e.to_string() })?;
        Ok((file, texts))
    }

    fn connect(path: &Path) -> Result<Self> {
        use rusqlite::OpenFlags;
        let wrong = error(&Address::File(path.to_owned()));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|e| wrong(&e))?;
        connection.busy_timeout(PATIENCE).map_err(|e| wrong(&e))?;
        Ok(Self { connection, asked: None, woken: None, wrong: Box::new(wrong) })
    }

    /// A worker that has not been heard of for so many seconds is dead. Where the machine slept, or its clock was set, all were
    /// silent.
    fn silence(&mut self, now: f64) -> f64 {
        if let Some((at, clock)) = self.asked.replace((Instant::now(), now))
            && (now - clock - at.elapsed().as_secs_f64()).abs() > GRACE.as_secs_f64()
        {
            self.woken = Some(Instant::now());
        }
        let graced = self.woken.is_some_and(|woken| woken.elapsed() < GRACE);
        if graced { NOBODY } else { STALE }
    }

    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &Wrong) -> Result<T>,
    ) -> Result<T> {
        let wrong = &*self.wrong;
        // Immediate: what is decided must be decided on what is read here.
        let behavior = TransactionBehavior::Immediate;
        let transaction =
            self.connection.transaction_with_behavior(behavior).map_err(|e| wrong(&e))?;
        let result = work(&transaction, wrong)?;
        transaction.commit().map_err(|e| wrong(&e))?;
        Ok(result)
    }
}

impl Base for File {
    fn claim(&mut self, plan: &Plan, worker: &str, now: f64) -> Result<Claim> {
        let silence = self.silence(now);
        self.transact(|transaction, wrong| {
            let (claim, about) = loop {
                let Some(left) = left(transaction, wrong, now, silence)? else {
                    break (next(plan, &tried(&recorded(transaction, wrong)?)), None);
                };
                let Some(reason) = left.given_up() else {
                    let about = left.about();
                    break (Claim::Task(left.task), about);
                };
                let row = params![left.task.trial as i64, left.task.rung as i64, reason];
                let sql =
                    "UPDATE task SET state = 'failed', about = ?3 WHERE trial = ?1 AND rung = ?2";
                transaction.execute(sql, row).map_err(|e| wrong(&e))?;
            };
            if let Claim::Task(task) = &claim {
                let parameters = serde_json::to_string(&task.parameters).map_err(|e| wrong(&e))?;
                let row =
                    params![task.trial as i64, task.rung as i64, parameters, worker, now, about];
                transaction
                    .execute(
                        "INSERT OR REPLACE INTO task (trial, rung, parameters, state, worker, heard, about)
                         VALUES (?1, ?2, ?3, 'running', ?4, ?5, ?6)",
                        row,
                    )
                    .map_err(|e| wrong(&e))?;
            }
            Ok(claim)
        })
    }

    fn change(&mut self, task: &Task, worker: &str, change: Change<'_>) -> Result<bool> {
        let (state, value, about) = change.columns();
        let heard = match change {
            Change::Beat(now) => Some(now),
            Change::Released => Some(NEVER),
            Change::Done(..) | Change::Failed(_) => None,
        };
        let (trial, rung) = (task.trial as i64, task.rung as i64);
        self.transact(|transaction, wrong| {
            let changed = transaction.execute(
                "UPDATE task SET state = ?4, value = ?5, about = COALESCE(?6, about), heard = COALESCE(?7, heard)
                 WHERE trial = ?1 AND rung = ?2 AND worker = ?3 AND state = 'running'",
                params![trial, rung, worker, state, value, about, heard],
            );
            Ok(changed.map_err(|e| wrong(&e))? == 1)
        })
    }

    fn history(&mut self) -> Result<Vec<Recorded>> {
        self.transact(recorded)
    }
}

/// The first task whose worker is silent or gave it back.
fn left(
    transaction: &Transaction<'_>,
    wrong: &Wrong,
    now: f64,
    silence: f64,
) -> Result<Option<Left>> {
    let found = transaction
        .query_row(
            "SELECT trial, rung, parameters, about, heard FROM task
             WHERE state = 'running' AND (heard < ?1 OR heard > ?2) ORDER BY rung DESC, trial LIMIT 1",
            // Heard of in the future: the clock was set back.
            [now - silence, now + silence],
            |row| Ok((columns(row)?, row.get::<_, Option<String>>(3)?, row.get(4)?)),
        )
        .optional()
        .map_err(|e| wrong(&e))?;
    found
        .map(|((trial, rung, parameters), about, heard)| {
            let task = task(trial, rung, &parameters, wrong)?;
            Ok(Left::new(task, about.as_deref(), heard))
        })
        .transpose()
}

fn recorded(transaction: &Transaction<'_>, wrong: &Wrong) -> Result<Vec<Recorded>> {
    let mut rows = transaction
        .prepare(
            "SELECT trial, rung, parameters, state, value, about FROM task ORDER BY trial, rung",
        )
        .map_err(|e| wrong(&e))?;
    let one = |row: &rusqlite::Row<'_>| {
        let state: String = row.get(3)?;
        Ok((columns(row)?, rung(&state, row.get(4)?), row.get(5)?))
    };
    let rows = rows.query_map([], one).map_err(|e| wrong(&e))?;
    rows.map(|row| {
        let ((trial, number, parameters), rung, about) = row.map_err(|e| wrong(&e))?;
        Ok(Recorded { task: task(trial, number, &parameters, wrong)?, rung, about })
    })
    .collect()
}

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, i64, String)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}
