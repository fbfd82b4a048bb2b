//! The same numbers and pictures for people who look at their runs in TensorBoard.
//!
//! Why beside `metrics.jsonl`: that file is the truth and is read back by every command; this is
//! a copy in another program's format and is never read here.
//!
//! Format: an event file is a row of TFRecords, each an `Event` message of TensorFlow's
//! `event.proto`; version `brain.Event:2`.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::{Error, Result};

mod event;
mod record;

use event::{Event, SessionLog, Summary, Value, What};

/// Appends events to a file of its own.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// Starts a file `events.out.tfevents.<seconds>.softreg` in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(folder: impl AsRef<Path>, now: SystemTime) -> Result<Self> {
        let folder = folder.as_ref();
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        // A run that is resumed within a second needs a second name, later in the alphabet.
        let mut number = 0;
        let (file, path) = loop {
            let again = if number == 0 { String::new() } else { format!(".{number:03}") };
            let path = folder.join(format!("events.out.tfevents.{seconds:010}.softreg{again}"));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => break (file, path),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(Error::io("create", &path)(e)),
            }
        };
        let mut writer = Self { file, path };
        writer.append(now, 0, What::FileVersion("brain.Event:2".to_string()))?;
        Ok(writer)
    }

    /// Starts a further file for a run that goes on after `last_step`: TensorBoard then drops
    /// what earlier files hold of later steps.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn resume(folder: impl AsRef<Path>, last_step: u64, now: SystemTime) -> Result<Self> {
        let mut writer = Self::create(folder, now)?;
        let start = SessionLog { status: event::SESSION_START };
        writer.append(now, last_step + 1, What::SessionLog(start))?;
        Ok(writer)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends numbers of one step.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn scalars<'a>(
        &mut self,
        now: SystemTime,
        step: u64,
        values: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<()> {
        let values = values.into_iter().map(|(tag, v)| Value::scalar(tag, v as f32)).collect();
        self.append(now, step, What::Summary(Summary { values }))
    }

    /// Appends a picture: the bytes of a PNG of `width` by `height` pixels.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn image(
        &mut self,
        now: SystemTime,
        step: u64,
        tag: &str,
        (width, height): (u32, u32),
        png: Vec<u8>,
    ) -> Result<()> {
        let values = vec![Value::image(tag, width, height, png)];
        self.append(now, step, What::Summary(Summary { values }))
    }

    /// Appends a text in Markdown, such as the configuration.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn text(&mut self, now: SystemTime, step: u64, tag: &str, markdown: &str) -> Result<()> {
        let values = vec![Value::text(tag, markdown)];
        self.append(now, step, What::Summary(Summary { values }))
    }

    /// Brings all events to the disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("write", &self.path))
    }

    fn append(&mut self, now: SystemTime, step: u64, what: What) -> Result<()> {
        let wall_time = now.duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let event = Event { wall_time, step, what: Some(what) };
        // One write a record: a kill tears the last one only, and TensorBoard skips that.
        self.file
            .write_all(&record::frame(&event.encode_to_vec()))
            .map_err(Error::io("write", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    const NOW: Duration = Duration::from_millis(1_700_000_000_250);

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The bytes that the `tensorboard` package for Python, 2.21, writes for these events.
    #[test]
    fn the_bytes_are_those_of_tensorboard() {
        let dir = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + NOW;
        let mut writer = EventWriter::create(dir.path(), now).unwrap();
        writer.scalars(now, 3, [("loss/critic", 0.5), ("loss/generator", -1.25)]).unwrap();
        writer.image(now, 4, "samples", (2, 1), vec![1, 2, 3]).unwrap();
        writer.text(now, 0, "config", "a = 1").unwrap();
        writer.sync().unwrap();
        assert_eq!(hex(&fs::read(writer.path()).unwrap()), GOLDEN.replace(['\n', ' '], ""));
    }

    #[test]
    fn a_run_that_goes_on_has_a_later_file_that_begins_with_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + NOW;
        let first = EventWriter::create(dir.path(), now).unwrap();
        let second = EventWriter::resume(dir.path(), 6, now).unwrap();
        assert!(second.path() > first.path());
        let third = EventWriter::resume(dir.path(), 6, now + Duration::from_secs(1)).unwrap();
        assert!(third.path() > second.path());
        let bytes = fs::read(second.path()).unwrap();
        let head = fs::read(first.path()).unwrap().len();
        let start = Event::decode(&bytes[head + 12..bytes.len() - 4]).unwrap();
        let log = SessionLog { status: event::SESSION_START };
        assert_eq!((start.step, start.what), (7, Some(What::SessionLog(log))));
    }

    const GOLDEN: &str = "\
        1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe93800\
        000000000000a3797d570900001040fc54d94110032a2b0a120a0b6c6f73732f63726974696315000000\
        3f0a150a0e6c6f73732f67656e657261746f72150000a0bf55d3e4792500000000000000eabc36f30900\
        001040fc54d94110042a180a160a0773616d706c6573220b0801100218032203010203ee6f6a35300000\
        000000000095f5d05f0900001040fc54d9412a250a230a06636f6e666967420f08071204120208014205\
        61203d20314a080a060a04746578749628182b";
}
