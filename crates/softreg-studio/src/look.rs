//! What is in a collection, looked at by the program (`softreg data check`): once for all who ask.
//!
//! Thousands of photographs take minutes to decode. So there is one look at a time; its report and its sheet are of the same
//! one, which is remembered for as long as the files are what they were; and it ends with the last request that waits for it.

use crate::problem::{Answer, Problem};
use crate::queue::error_in;
use axum::body::Bytes;
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was seen.
#[derive(Debug)]
pub struct Look {
    /// The report, as the program gives it.
    pub report: Value,
    /// Pictures on one sheet (PNG).
    pub sheet: Bytes,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// As the program takes it.
    source: String,
    /// Of the files: another one where any of them has changed.
    stamp: u64,
}

impl Subject {
    /// A source, and where its files are, if it has any.
    pub fn new(source: String, path: Option<&Path>) -> Self {
        let mut hasher = DefaultHasher::new();
        if let Some(path) = path {
            // What was given may itself be a link.
            stamp(path, fs::metadata(path), &mut hasher);
        }
        Self { source, stamp: hasher.finish() }
    }
}

/// Names, lengths and times of change of a file, or of all files in a folder.
fn stamp(path: &Path, about: std::io::Result<Metadata>, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    let Ok(about) = about else { return };
    if about.is_dir() {
        let mut within: Vec<_> = fs::read_dir(path).into_iter().flatten().flatten().collect();
        within.sort_by_key(fs::DirEntry::file_name);
        // Links are not followed, as in training: they can lead in a circle.
        within.iter().for_each(|entry| stamp(&entry.path(), entry.metadata(), hasher));
        return;
    }
    about.len().hash(hasher);
    about.modified().ok().hash(hasher);
    // Who copies with the times of change may put another file in its place; this time is the system's own.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (about.ctime(), about.ctime_nsec()).hash(hasher);
    }
}

/// Looks, one at a time.
#[derive(Debug, Default)]
pub struct Looks {
    /// Held by whoever looks.
    turn: tokio::sync::Mutex<()>,
    /// The newest last.
    latest: Mutex<VecDeque<(Subject, Arc<Look>)>>,
}

/// Looks that are remembered.
const REMEMBERED: usize = 8;

impl Looks {
    /// What `program`, which runs the program, sees of `subject`; what it draws is for a moment in `folder`. Dropped, it ends the
    /// program.
    ///
    /// # Errors
    /// 400 with what is wrong with the pictures.
    pub async fn at(
        &self,
        subject: Subject,
        program: Command,
        folder: PathBuf,
    ) -> Answer<Arc<Look>> {
        if let Some(known) = self.known(&subject) {
            return Ok(known);
        }
        let _turn = self.turn.lock().await;
        // Whoever had the turn may have looked at the same.
        if let Some(known) = self.known(&subject) {
            return Ok(known);
        }
        let look = Arc::new(look(&subject.source, program, &folder).await?);
        let mut latest = self.lock();
        latest.retain(|(other, _)| other.source != subject.source);
        latest.push_back((subject, look.clone()));
        let surplus = latest.len().saturating_sub(REMEMBERED);
        latest.drain(..surplus);
        Ok(look)
    }

    fn known(&self, subject: &Subject) -> Option<Arc<Look>> {
        self.lock().iter().find(|(known, _)| known == subject).map(|(_, look)| look.clone())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Subject, Arc<Look>)>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look(source: &str, program: Command, folder: &Path) -> Answer<Look> {
    let place = tempfile::tempdir_in(folder).map_err(Problem::failed)?;
    let path = place.path().join("sheet.png");
    let mut command = tokio::process::Command::from(program);
    command.args(["data", "check", source, "--json", "--sheet"]).arg(&path).kill_on_drop(true);
    let output = command.output().await.map_err(Problem::failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let error = error_in(&said).unwrap_or("the program exited without an error message");
        return Err(Problem::wrong(error));
    }
    let report = serde_json::from_slice(&output.stdout).map_err(Problem::failed)?;
    let sheet = tokio::fs::read(path).await.map_err(Problem::failed)?.into();
    Ok(Look { report, sheet })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use softreg_run::{RunFolder, atomic};
    use std::future::Future;
    use std::time::{Duration, Instant};

    /// A program that does what `script` says, at most once at a time, and notes that it did.
    fn program(place: &Path, script: &str) -> impl Fn() -> Command {
        let (name, noted) = (place.join("program"), place.join("noted").display().to_string());
        let script =
            format!("mkdir {noted}.one || exit 1\necho $$ >> {noted}\n{script}\nrmdir {noted}.one");
        atomic::write(&name, script.as_bytes()).unwrap();
        move || {
            let mut command = Command::new("sh");
            command.arg(&name);
            command
        }
    }

    fn noted(place: &Path) -> Vec<String> {
        let text = fs::read_to_string(place.join("noted")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.unwrap().block_on(work)
    }

    const SEES: &str = "sleep 0.05; echo '{\"pictures\": 3}'; echo png > $6";

    #[test]
    fn there_is_one_look_for_all_who_ask() {
        let place = tempfile::tempdir().unwrap();
        let program = program(place.path(), SEES);
        let looks = Looks::default();
        let at = |source: &str| {
            let subject = Subject { source: source.to_owned(), stamp: 1 };
            looks.at(subject, program(), place.path().to_owned())
        };
        run(async {
            let (a, b, c) = tokio::join!(at("a"), at("a"), at("c"));
            let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
            assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &c));
            assert_eq!((&a.report["pictures"], &a.sheet[..]), (&Value::from(3), &b"png\n"[..]));
            assert!(Arc::ptr_eq(&a, &at("a").await.unwrap()));
        });
        assert_eq!(noted(place.path()).len(), 2);
    }

    #[test]
    fn a_look_ends_with_who_asked() {
        let place = tempfile::tempdir().unwrap();
        let program = program(place.path(), "exec sleep 60");
        let looks = Looks::default();
        let subject = Subject { source: "a".to_owned(), stamp: 1 };
        run(async {
            let look = looks.at(subject, program(), place.path().to_owned());
            let noting = async {
                while noted(place.path()).is_empty() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                _ = look => unreachable!("it sleeps"),
                () = noting => {}
            }
        });
        until_gone(place.path());
        let left = fs::read_dir(place.path()).unwrap().flatten();
        assert!(left.into_iter().all(|entry| !entry.path().join("sheet.png").exists()));
    }

    /// Waits until the first program is gone, or nothing but its number is left of it.
    fn until_gone(place: &Path) {
        let process = Path::new("/proc").join(&noted(place)[0]).join("cmdline");
        let start = Instant::now();
        while fs::read(&process).is_ok_and(|line| !line.is_empty()) {
            assert!(start.elapsed() < Duration::from_secs(10), "it goes on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    struct Nothing;

    impl crate::Generators for Nothing {
        fn open(&self, _: &RunFolder, _: Option<u64>) -> Result<Arc<dyn crate::Painter>, String> {
            Err("there is none".to_owned())
        }
    }

    #[test]
    fn a_look_ends_with_the_page() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let name = place.path().join("program");
        let script =
            format!("#!/bin/sh\necho $$ > {}/noted\nexec sleep 60\n", place.path().display());
        atomic::write(&name, script.as_bytes()).unwrap();
        fs::set_permissions(&name, fs::Permissions::from_mode(0o755)).unwrap();
        let settings = crate::Settings {
            runs: place.path().join("runs"),
            program: name,
            device: "cpu".to_owned(),
            collections: [].into(),
            endings: &[],
            recipes: [].into(),
            token: None,
            generators: Arc::new(Nothing),
        };
        run(async {
            let server = crate::Server::bind(settings, ([127, 0, 0, 1], 0).into()).await.unwrap();
            let address = server.address();
            let leaves = tokio::task::spawn_blocking(move || {
                use std::io::Write;
                let mut page = std::net::TcpStream::connect(address).unwrap();
                let ask = "GET /api/v1/collections/motif/check HTTP/1.1";
                write!(page, "{ask}\r\nHost: {address}\r\n\r\n").unwrap();
                while noted(place.path()).is_empty() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                drop(page);
                until_gone(place.path());
            });
            server.serve(async { leaves.await.unwrap() }).await.unwrap();
        });
    }

    #[test]
    fn what_has_changed_is_looked_at_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("owls");
        fs::create_dir_all(folder.join("snowy")).unwrap();
        let subject = || Subject::new("owls".to_owned(), Some(&folder));
        let mut seen = vec![subject()];
        assert_eq!(seen[0], subject());
        for (name, text) in [("a.png", "a"), ("snowy/b.png", "b"), ("snowy/b.png", "bb")] {
            atomic::write(folder.join(name), text.as_bytes()).unwrap();
            assert!(!seen.contains(&subject()), "{name} {text}");
            seen.push(subject());
        }
        fs::remove_file(folder.join("a.png")).unwrap();
        assert!(!seen.contains(&subject()));
        // A circle is gone around once.
        std::os::unix::fs::symlink(&folder, folder.join("circle")).unwrap();
        assert_eq!(subject(), subject());
    }
}
