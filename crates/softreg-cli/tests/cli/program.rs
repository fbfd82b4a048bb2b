//! A folder to work in, the program run in it, and what it said.

use serde_json::Value;
use softreg_run::checkpoint;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Options of a run that takes a fraction of a second.
pub(crate) const TINY: &str = "--limit 32 --size 16 --width 4 --batch 8 --threads 1";

/// What the program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// Exit code; `None` after a kill, but for Windows, where it is 1.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// An empty folder in which commands run.
pub(crate) struct Workplace(TempDir);

impl Workplace {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command line `line`, its words separated by spaces; what stands between single quotes is one.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_softreg"));
        for (i, text) in line.split('\'').enumerate() {
            match i % 2 {
                0 => command.args(text.split_whitespace()),
                _ => command.arg(text),
            };
        }
        command.current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("RUST_BACKTRACE").env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        said(self.command(line).output().unwrap())
    }

    /// Runs what must succeed.
    pub(crate) fn ok(&self, line: &str) -> Said {
        let said = self.run(line);
        assert_eq!(said.code, Some(0), "softreg {line}\n{said:#?}");
        assert!(!said.err.contains("error:"), "softreg {line}\n{said:#?}");
        said
    }

    /// Runs what must fail, with one error line that says all of `words`, and no trace of a bug.
    pub(crate) fn fails(&self, code: i32, line: &str, words: &[&str]) -> Said {
        let said = self.run(line);
        said.is_one_error(code, line, words);
        said
    }

    /// As [`Workplace::fails`], and no file or folder may have changed.
    pub(crate) fn refuses(&self, code: i32, line: &str, words: &[&str]) -> Said {
        let before = tree(self.0.path());
        let said = self.fails(code, line, words);
        let after = tree(self.0.path());
        assert!(before == after, "softreg {line} changed files: {:?}", after.keys());
        said
    }

    pub(crate) fn start(&self, line: &str) -> Child {
        let mut command = self.command(line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

impl Said {
    pub(crate) fn is_one_error(&self, code: i32, line: &str, words: &[&str]) {
        assert_eq!(self.code, Some(code), "softreg {line}\n{self:#?}");
        let errors: Vec<&str> = self.err.lines().filter(|l| l.contains("error:")).collect();
        assert_eq!(errors.len(), 1, "softreg {line}\n{self:#?}");
        for word in words {
            assert!(errors[0].contains(word), "`{word}` is missing: softreg {line}\n{self:#?}");
        }
        for bad in ["panicked", "a bug in softreg", "softreg-tmp"] {
            assert!(!self.err.contains(bad), "softreg {line}\n{self:#?}");
        }
    }
}

/// Paths in a text as they are written in these tests.
fn slashes(text: String) -> String {
    if cfg!(windows) { text.replace('\\', "/") } else { text }
}

/// The whole path to something that is there, as people write it.
pub(crate) fn whole(path: impl AsRef<Path>) -> String {
    slashes(dunce::canonicalize(path).unwrap().display().to_string())
}

/// A setting of a configuration that was written.
pub(crate) fn setting(config: impl AsRef<Path>, section: &str, key: &str) -> String {
    let table: toml::Table = std::fs::read_to_string(config).unwrap().parse().unwrap();
    slashes(table[section][key].as_str().unwrap().to_owned())
}

/// What a process said that has ended.
pub(crate) fn said(output: std::process::Output) -> Said {
    let text = |bytes| slashes(String::from_utf8(bytes).unwrap());
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Waits for the end of a process that was started.
pub(crate) fn wait(child: Child) -> Said {
    said(child.wait_with_output().unwrap())
}

/// Sends Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    signal(child, "INT");
}

/// Sends a signal, by its name.
pub(crate) fn signal(child: &Child, name: &str) {
    let arguments = [format!("-{name}"), child.id().to_string()];
    assert!(Command::new("kill").args(arguments).status().unwrap().success());
}

/// Waits until `condition` holds, three minutes at most.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(180), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Every file below `root` with its bytes, every folder with `None`.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
                found.insert(path, None);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.insert(path, Some(bytes));
            }
        }
    }
    found
}

/// Whether a killed writer has left something behind.
pub(crate) fn has_leftovers(root: &Path) -> bool {
    tree(root).keys().any(|path| path.to_string_lossy().ends_with(".softreg-tmp"))
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for (path, bytes) in tree(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        match bytes {
            None => std::fs::create_dir_all(target).unwrap(),
            Some(bytes) => {
                std::fs::create_dir_all(target.parent().unwrap()).unwrap();
                std::fs::write(target, bytes).unwrap();
            }
        }
    }
}

/// The rows of a run's metrics, without what the clock decides.
pub(crate) fn numbers(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        let fields = row.as_object_mut().unwrap();
        assert!(fields.remove("seconds").is_some());
        assert!(fields.remove("images_per_second").is_some());
        row
    };
    text.lines().map(row).collect()
}

/// Two runs that must be one and the same: numbers, weights, optimiser states, pictures.
pub(crate) fn assert_same_run(a: &Path, b: &Path) {
    let (rows_a, rows_b) = (numbers(a), numbers(b));
    assert_eq!(rows_a.len(), rows_b.len(), "{} and {}", a.display(), b.display());
    for (row_a, row_b) in rows_a.iter().zip(&rows_b) {
        assert_eq!(row_a, row_b);
    }
    let last = |run: &Path| checkpoint::latest_valid(run.join("checkpoints")).unwrap();
    let (last_a, last_b) = (last(a), last(b));
    assert_eq!(last_a.step, last_b.step);
    let (file_a, file_b) = (last_a.checkpoint, last_b.checkpoint);
    assert!(file_a.tensors.len() > 20 && file_a.tensors.keys().eq(file_b.tensors.keys()));
    for (name, tensor) in &file_a.tensors {
        assert!(*tensor == file_b.tensors[name], "{name} differs");
    }
    let bytes = |run: &Path, name: &str| std::fs::read(run.join(name)).unwrap();
    assert!(bytes(a, "sheet.png") == bytes(b, "sheet.png"), "sheet.png differs");
    assert_eq!(bytes(a, "data.json"), bytes(b, "data.json"));
    let samples = |run: &Path| {
        let files = tree(&run.join("samples"));
        files.into_iter().map(|(p, b)| (p.file_name().unwrap().to_owned(), b)).collect::<Vec<_>>()
    };
    assert!(samples(a) == samples(b), "samples differ");
}
