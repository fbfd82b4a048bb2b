//! A study on a PostgreSQL server, for the processes of any number of hosts.
//!
//! Many studies share two tables. What is decided is decided while the study's own row is locked, so that
//! workers decide one after the other, and those of other studies do not wait. Signs of life are by the
//! server's clock: those of the hosts need not agree.
//!
//! A server that is away is waited for. What was asked is then asked again, whether or not it was done
//! before the connection broke: a change that was made already changes nothing, and a task that was handed
//! out unheard is handed out again after [`super::STALE`] seconds. Who has found the server away gives the others a moment to
//! be heard again, before it takes any for dead. A connection whose other end is gone without a word ends in less than a minute, on
//! either side.

use super::{
    Address, Base, Change, Claim, FORMAT, GRACE, Left, NEVER, NOBODY, Recorded, STALE, Task, Wrong,
    by_trial, error, next, number, rung, task,
};
use crate::{Error, Plan, Result, Rung};
pub(super) use address::public;
use address::{Target, chain};
use postgres::types::ToSql;
use postgres::{Client, Transaction};
use std::time::{Duration, Instant};
use tokio_postgres_rustls::MakeRustlsConnect;

mod address;
mod tls;

/// How long a server may be away.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two tries to reach it.
const PAUSE: Duration = Duration::from_millis(500);
/// To reach it at all.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection that has been silent for so long is asked whether it still is one.
const SILENT: Duration = Duration::from_secs(20);
/// Between such questions; three without an answer, and it is none.
const ASK: Duration = Duration::from_secs(5);
/// What is sent and not heard of ends a connection.
const UNHEARD: Duration = Duration::from_secs(40);
/// Who has waited so long to decide is as little informed: signs of life may have waited with them.
const SLOW: Duration = Duration::from_secs(5);

/// The server's side of the same: a host that is gone must not keep what others wait for.
const SESSION: &str = "
SET idle_in_transaction_session_timeout = '40s';
SET tcp_keepalives_idle = 20;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
";

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS softreg_study (
    name   TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    plan   TEXT NOT NULL,
    about  TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS softreg_task (
    study      TEXT   NOT NULL REFERENCES softreg_study (name) ON DELETE CASCADE,
    trial      BIGINT NOT NULL,
    rung       BIGINT NOT NULL,
    parameters TEXT   NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    worker     TEXT   NOT NULL,
    heard      DOUBLE PRECISION NOT NULL,
    value      DOUBLE PRECISION,
    about      TEXT,
    PRIMARY KEY (study, trial, rung)
);
";

/// Seconds, by the server's clock.
const NOW: &str = "extract(epoch FROM clock_timestamp())::DOUBLE PRECISION";

pub(super) struct Server {
    config: postgres::Config,
    connector: MakeRustlsConnect,
    name: String,
    client: Option<Client>,
    /// When the server was last found to be away.
    away: Option<Instant>,
    wrong: Box<Wrong>,
    notice: Box<dyn Fn(&str) + Send>,
    ended: Box<dyn Fn() -> bool + Send>,
}

/// What a transaction is about.
struct Asked<'a> {
    name: &'a str,
    wrong: &'a Wrong,
    /// A worker that has not been heard of for so many seconds is dead.
    silence: f64,
}

/// A failure of a transaction: of the server, or of what is in it.
enum Failure {
    Server(postgres::Error),
    Content(Error),
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Content(error)
    }
}

impl Server {
    pub(super) fn create(url: &str, name: &str, plan: &str, about: &str) -> Result<()> {
        let mut server = Self::new(url, name, Box::new(|_| ()), Box::new(|| false))?;
        let made = server.transact(|transaction, &Asked { name, .. }| {
            // Two that make the tables at once would meet in the server's catalogue.
            transaction.batch_execute("SELECT pg_advisory_xact_lock(5060427)")?;
            transaction.batch_execute(TABLES)?;
            Ok(transaction.execute(
                "INSERT INTO softreg_study (name, format, plan, about) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING",
                &[&name, &FORMAT, &plan, &about],
            )?)
        })?;
        match made {
            0 => Err((server.wrong)(
                &"a study of that name already exists: resume it with --resume, or choose another folder name",
            )),
            _ => Ok(()),
        }
    }

    /// Also its format, plan and what is kept about it.
    pub(super) fn open(
        url: &str,
        name: &str,
        notice: Box<dyn Fn(&str) + Send>,
        ended: Box<dyn Fn() -> bool + Send>,
    ) -> Result<(Self, [String; 3])> {
        let mut server = Self::new(url, name, notice, ended)?;
        let texts = server.transact(|transaction, &Asked { name, .. }| {
            let sql = "SELECT format, plan, about FROM softreg_study WHERE name = $1";
            let there = "SELECT to_regclass('softreg_study') IS NOT NULL";
            if !transaction.query_one(there, &[])?.try_get::<_, bool>(0)? {
                return Ok(None);
            }
            let Some(row) = transaction.query_opt(sql, &[&name])? else { return Ok(None) };
            Ok(Some([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?]))
        })?;
        let missing = || (server.wrong)(&"there is no study of that name");
        let texts = texts.ok_or_else(missing)?;
        Ok((server, texts))
    }

    fn new(
        url: &str,
        name: &str,
        notice: Box<dyn Fn(&str) + Send>,
        ended: Box<dyn Fn() -> bool + Send>,
    ) -> Result<Self> {
        let address = Address::Server { url: url.to_owned(), name: name.to_owned() };
        let wrong = error(&address);
        let Target { mut config, tls } = Target::parse(url).map_err(|e| wrong(&e))?;
        let connector = tls.connector().map_err(|e| wrong(&e))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.application_name("softreg");
        config.keepalives_idle(SILENT).keepalives_interval(ASK).keepalives_retries(3);
        config.tcp_user_timeout(UNHEARD);
        // The first time a server that is not there is told at once.
        let client = connect(&config, &connector).map_err(|e| said(&wrong, &e))?;
        let (name, wrong, client) = (name.to_owned(), Box::new(wrong), Some(client));
        Ok(Self { config, connector, name, client, away: None, wrong, notice, ended })
    }

    /// Does `work` in a transaction, and again as long as the server is away.
    fn transact<T>(
        &mut self,
        mut work: impl FnMut(&mut Transaction<'_>, &Asked<'_>) -> std::result::Result<T, Failure>,
    ) -> Result<T> {
        let begun = Instant::now();
        let mut away = false;
        loop {
            let failure = match self.attempt(&mut work) {
                Ok(result) => {
                    if away {
                        (self.notice)("the study's server is back");
                    }
                    return Ok(result);
                }
                Err(Failure::Content(error)) => return Err(error),
                Err(Failure::Server(failure)) => failure,
            };
            // What the server itself refuses, it would refuse again; unless it is just going or coming.
            let code = failure.code().map_or("", |code| code.code());
            // 25P03: a transaction that took too long.
            let passing =
                code == "25P03" || matches!(code.get(..2), None | Some("57" | "08" | "40" | "53"));
            if !passing || begun.elapsed() > PATIENCE || (self.ended)() {
                return Err(said(&*self.wrong, &failure));
            }
            if !away {
                let error = said(&*self.wrong, &failure);
                let minutes = PATIENCE.as_secs() / 60;
                (self.notice)(&format!("{error}; retrying for {minutes} minutes"));
                away = true;
            }
            self.client = None;
            std::thread::sleep(PAUSE);
            self.away = Some(Instant::now());
        }
    }

    fn attempt<T>(
        &mut self,
        work: &mut impl FnMut(&mut Transaction<'_>, &Asked<'_>) -> std::result::Result<T, Failure>,
    ) -> std::result::Result<T, Failure> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(connect(&self.config, &self.connector)?),
        };
        let mut transaction = client.transaction()?;
        let graced = self.away.is_some_and(|away| away.elapsed() < GRACE);
        let silence = if graced { NOBODY } else { STALE };
        let asked = Asked { name: &self.name, wrong: &*self.wrong, silence };
        let result = work(&mut transaction, &asked)?;
        transaction.commit()?;
        Ok(result)
    }
}

fn connect(
    config: &postgres::Config,
    connector: &MakeRustlsConnect,
) -> std::result::Result<Client, postgres::Error> {
    let mut client = config.connect(connector.clone())?;
    client.batch_execute(SESSION)?;
    Ok(client)
}

impl Base for Server {
    fn claim(&mut self, plan: &Plan, worker: &str, _now: f64) -> Result<Claim> {
        self.transact(|transaction, &Asked { name, wrong, silence }| {
            let asked = Instant::now();
            // Until the end of the transaction: others decide after this.
            let lock = "SELECT 1 FROM softreg_study WHERE name = $1 FOR UPDATE";
            transaction.query_one(lock, &[&name])?;
            let silence = if asked.elapsed() > SLOW { NOBODY } else { silence };
            let (claim, about) = loop {
                let Some(left) = left(transaction, name, wrong, silence)? else {
                    let rows = transaction.query(RUNGS, &[&name])?;
                    break (next(plan, &by_trial(rungs(&rows, wrong)?)), None);
                };
                let Some(reason) = left.given_up() else {
                    let about = left.about();
                    break (Claim::Task(left.task), about);
                };
                let (trial, rung) = (left.task.trial as i64, left.task.rung as i64);
                transaction.execute(
                    "UPDATE softreg_task SET state = 'failed', about = $4
                     WHERE study = $1 AND trial = $2 AND rung = $3 AND state = 'running'",
                    &[&name, &trial, &rung, &reason],
                )?;
            };
            if let Claim::Task(task) = &claim {
                let parameters = serde_json::to_string(&task.parameters).map_err(|e| wrong(&e))?;
                let sql = format!(
                    "INSERT INTO softreg_task (study, trial, rung, parameters, state, worker, heard, about)
                     VALUES ($1, $2, $3, $4, 'running', $5, {NOW}, $6)
                     ON CONFLICT (study, trial, rung) DO UPDATE SET worker = $5, heard = {NOW}, about = $6
                     WHERE softreg_task.state = 'running'"
                );
                let (trial, rung) = (task.trial as i64, task.rung as i64);
                let row: [&(dyn ToSql + Sync); 6] =
                    [&name, &trial, &rung, &parameters, &worker, &about];
                if transaction.execute(&sql, &row)? == 0 {
                    // Its worker has just told what came of it.
                    return Ok(Claim::Wait);
                }
            }
            Ok(claim)
        })
    }

    fn change(&mut self, task: &Task, worker: &str, change: Change<'_>) -> Result<bool> {
        let (trial, rung) = (task.trial as i64, task.rung as i64);
        let (state, value, about) = change.columns();
        let heard = matches!(change, Change::Released).then_some(NEVER);
        let sql = format!(
            "UPDATE softreg_task SET state = $5, value = $6, about = COALESCE($7, about), heard = COALESCE($8, {NOW})
             WHERE study = $1 AND trial = $2 AND rung = $3 AND worker = $4 AND state = 'running'"
        );
        self.transact(|transaction, &Asked { name, .. }| {
            let values: [&(dyn ToSql + Sync); 8] =
                [&name, &trial, &rung, &worker, &state, &value, &about, &heard];
            Ok(transaction.execute(&sql, &values)? == 1)
        })
    }

    fn history(&mut self) -> Result<Vec<Recorded>> {
        self.transact(|transaction, &Asked { name, wrong, .. }| {
            Ok(recorded(&transaction.query(HISTORY, &[&name])?, wrong)?)
        })
    }
}

/// The first task whose worker is silent or gave it back.
fn left(
    transaction: &mut Transaction<'_>,
    name: &str,
    wrong: &Wrong,
    silence: f64,
) -> std::result::Result<Option<Left>, Failure> {
    let sql = format!(
        "SELECT trial, rung, parameters, about, heard FROM softreg_task
         WHERE study = $1 AND state = 'running' AND heard < {NOW} - $2
         ORDER BY rung DESC, trial LIMIT 1"
    );
    let Some(row) = transaction.query_opt(&sql, &[&name, &silence])? else { return Ok(None) };
    let parameters: String = row.try_get(2)?;
    let about: Option<String> = row.try_get(3)?;
    let task = task(row.try_get(0)?, row.try_get(1)?, &parameters, wrong)?;
    Ok(Some(Left::new(task, about.as_deref(), row.try_get(4)?)))
}

const HISTORY: &str = "SELECT trial, rung, parameters, state, value, about FROM softreg_task
     WHERE study = $1 ORDER BY trial, rung";

/// What decides what is next.
const RUNGS: &str =
    "SELECT trial, state, value FROM softreg_task WHERE study = $1 ORDER BY trial, rung";

fn rungs(
    rows: &[postgres::Row],
    wrong: &Wrong,
) -> std::result::Result<impl Iterator<Item = (usize, Rung)>, Failure> {
    let one = |row: &postgres::Row| {
        let state: String = row.try_get(1)?;
        Ok((number(row.try_get(0)?, wrong)?, rung(&state, row.try_get(2)?)))
    };
    let all: std::result::Result<Vec<_>, Failure> = rows.iter().map(one).collect();
    Ok(all?.into_iter())
}

fn recorded(rows: &[postgres::Row], wrong: &Wrong) -> Result<Vec<Recorded>> {
    let one = |row: &postgres::Row| {
        let parameters: String = row.try_get(2)?;
        let state: String = row.try_get(3)?;
        let rung = rung(&state, row.try_get(4)?);
        let task = task(row.try_get(0)?, row.try_get(1)?, &parameters, wrong)?;
        Ok(Recorded { task, rung, about: row.try_get(5)? })
    };
    let all: std::result::Result<Vec<_>, Failure> = rows.iter().map(one).collect();
    all.map_err(|failure| match failure {
        Failure::Server(error) => said(wrong, &error),
        Failure::Content(error) => error,
    })
}

/// An error with its causes, and the way out.
fn said(wrong: &Wrong, error: &postgres::Error) -> Error {
    wrong(&format!("{}{}", chain(error), tls::advice(error)))
}
