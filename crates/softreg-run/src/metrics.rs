//! `metrics.jsonl`: the numbers of a run, one JSON object a line.
//!
//! Why lines: a row is one write to the end of the file, so a kill can tear only the last line,
//! and any tool can follow the file while it grows. A line counts when its newline is there.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::{Error, Result, atomic};

const OWN_KEYS: [&str; 4] = ["step", "images", "seconds", "images_per_second"];

/// What was measured at one step.
///
/// On disk it is one flat object: the four fields by their names, then the values in the order of
/// their names. NaN and the infinities are written as `null` and read as NaN.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Row {
    /// Steps done, counted from 1.
    pub step: u64,
    /// Real pictures seen, repeats counted.
    pub images: u64,
    /// Training wall time in seconds, over all sessions.
    pub seconds: f64,
    /// Real pictures per second since the row before.
    pub images_per_second: f64,
    /// Named values such as `loss/critic`, `loss/generator`, `reg/consistency/raw` (before its
    /// weight) and `reg/consistency/share` (its part of the total).
    pub values: BTreeMap<String, f64>,
}

impl Row {
    /// The value called `key`, the row's own fields included; `None` when it has none.
    pub fn get(&self, key: &str) -> Option<f64> {
        match key {
            "step" => Some(self.step as f64),
            "images" => Some(self.images as f64),
            "seconds" => Some(self.seconds),
            "images_per_second" => Some(self.images_per_second),
            _ => self.values.get(key).copied(),
        }
    }

    fn to_line(&self, path: &Path) -> Result<String> {
        if let Some(key) = self.values.keys().find(|k| OWN_KEYS.contains(&k.as_str())) {
            return Err(Error::ReservedName { kind: "a metrics value", name: key.clone() });
        }
        let mut line = serde_json::to_string(self)
            .map_err(|e| Error::Json { path: path.to_path_buf(), reason: e.to_string() })?;
        line.push('\n');
        Ok(line)
    }

    /// Reads one line of a metrics file.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn from_line(line: &[u8]) -> std::result::Result<Self, String> {
        let object: Map<String, Value> =
            serde_json::from_slice(line).map_err(|e| format!("it is not a JSON object ({e})"))?;
        let mut row = Row::default();
        let mut missing: Vec<&str> = OWN_KEYS.to_vec();
        for (key, value) in object {
            let number = || match &value {
                Value::Null => Ok(f64::NAN),
                Value::Number(n) => n.as_f64().ok_or(()),
                _ => Err(()),
            };
            let not_a_number = |()| format!("\"{key}\" is {value}, not a number or null");
            let count = || value.as_u64().ok_or_else(|| format!("\"{key}\" is not a whole number"));
            match key.as_str() {
                "step" => row.step = count()?,
                "images" => row.images = count()?,
                "seconds" => row.seconds = number().map_err(not_a_number)?,
                "images_per_second" => row.images_per_second = number().map_err(not_a_number)?,
                _ => {
                    let number = number().map_err(not_a_number)?;
                    row.values.insert(key.clone(), number);
                }
            }
            missing.retain(|own| *own != key);
        }
        match missing.first() {
            None => Ok(row),
            Some(key) => Err(format!("\"{key}\" is missing")),
        }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(OWN_KEYS.len() + self.values.len()))?;
        map.serialize_entry("step", &self.step)?;
        map.serialize_entry("images", &self.images)?;
        map.serialize_entry("seconds", &self.seconds)?;
        map.serialize_entry("images_per_second", &self.images_per_second)?;
        for (key, value) in &self.values {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Appends rows to a metrics file.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    // Where the last whole row ends; what stands after it is a row that failed.
    length: u64,
    torn: bool,
}

impl Writer {
    /// Starts a new file.
    ///
    /// # Errors
    /// [`Error::Io`], also when the file exists: a run's numbers are never overwritten.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        // Not to append: Windows lets nobody cut a file who may append to it only, and there is one writer.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(Error::io("create", &path))?;
        Ok(Self { file, path, length: 0, torn: false })
    }

    /// Goes on with a file of the rows that `keeps`. The others and a half-written
    /// last line are dropped, all at once; the bytes of the rows kept stay as they are. A missing
    /// file is started.
    ///
    /// # Errors
    /// [`Error::Row`] when a whole line is no row (nothing is changed then), [`Error::Io`].
    pub fn resume(path: impl Into<PathBuf>, keeps: impl Fn(&Row) -> bool) -> Result<Self> {
        let path = path.into();
        let bytes = match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Self::create(path),
            other => other.map_err(Error::io("read", &path))?,
        };
        let mut kept = Vec::with_capacity(bytes.len());
        for (line, row) in rows(&path, &bytes) {
            if keeps(&row?) {
                kept.extend_from_slice(line);
            }
        }
        if kept != bytes {
            atomic::write(&path, &kept)?;
        }
        let length = kept.len() as u64;
        let mut file =
            OpenOptions::new().write(true).open(&path).map_err(Error::io("open", &path))?;
        file.seek(SeekFrom::Start(length)).map_err(Error::io("open", &path))?;
        Ok(Self { file, path, length, torn: false })
    }

    /// Appends one row with one write; a reader sees it at once.
    ///
    /// # Errors
    /// [`Error::ReservedName`]; [`Error::Io`], and the file then ends with the row before.
    pub fn append(&mut self, row: &Row) -> Result<()> {
        let line = row.to_line(&self.path)?;
        self.mend().map_err(Error::io("write", &self.path))?;
        if let Err(e) = self.file.write_all(line.as_bytes()) {
            self.torn = true;
            // If that fails as well, the next append tries again, and readers skip the torn line.
            let _ = self.mend();
            return Err(Error::io("write", &self.path)(e));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Brings all rows to the disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("write", &self.path))
    }

    fn mend(&mut self) -> std::io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            self.torn = false;
        }
        Ok(())
    }
}

/// Reads all rows. A last line without a newline is still being written, or was torn by a kill:
/// it is left out.
///
/// # Errors
/// [`Error::Row`] with the line's number, [`Error::Io`].
pub fn read(path: impl AsRef<Path>) -> Result<Vec<Row>> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    rows(path, &bytes).map(|(_, row)| row).collect()
}

/// The whole lines, newline included, each with its row.
fn rows<'a>(path: &'a Path, bytes: &'a [u8]) -> impl Iterator<Item = (&'a [u8], Result<Row>)> {
    let whole = bytes.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n"));
    whole.enumerate().map(move |(index, line)| {
        let row = Row::from_line(line).map_err(|reason| Error::Row {
            path: path.to_path_buf(),
            line: index + 1,
            reason,
        });
        (line, row)
    })
}
