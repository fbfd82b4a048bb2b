//! What a run does, as it does it: rows of metrics, sheets of samples, and how it stands.
//!
//! Read from the run's files, which only grow by whole lines or are replaced whole: a page costs the training nothing
//! but the reading of a few hundred bytes, however many look on.

use crate::problem::Answer;
use crate::shelf::{Summary, summary};
use serde::Serialize;
use softreg_run::{RunFolder, metrics};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use utoipa::ToSchema;

/// An update.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum News {
    /// The run's status, when it changes.
    Status(Summary),
    /// A row of metrics.
    #[schema(value_type = Object)]
    Metrics(metrics::Row),
    /// The step of a new sheet of samples.
    Sample(u64),
}

/// Follows a run from some step on.
#[derive(Debug)]
pub struct Follower {
    run: RunFolder,
    /// Bytes of metrics that were read.
    read: u64,
    after: u64,
    sample: Option<u64>,
    status: Option<Summary>,
}

impl Follower {
    /// News of `run` from the rows after step `after` and the samples after that on.
    pub fn new(run: RunFolder, after: u64) -> Self {
        Self { run, read: 0, after, sample: after.checked_sub(1), status: None }
    }

    /// What is new since the last look.
    pub fn look(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        let now = summary(&self.run);
        // Steps and times change all the time, and come with the rows.
        let key = |s: &Summary| (s.state.clone(), s.reason.clone());
        if self.status.as_ref().map(key) != Some(key(&now)) {
            news.push(News::Status(now.clone()));
            self.status = Some(now);
        }
        for row in self.rows() {
            // A run that went on from a checkpoint writes steps again.
            self.after = row.step;
            news.push(News::Metrics(row));
        }
        for step in samples(&self.run) {
            if self.sample.is_none_or(|last| step > last) {
                self.sample = Some(step);
                news.push(News::Sample(step));
            }
        }
        news
    }

    fn rows(&mut self) -> Vec<metrics::Row> {
        let Ok(mut file) = File::open(self.run.metrics()) else { return Vec::new() };
        let length = file.metadata().map_or(0, |about| about.len());
        if length < self.read {
            // Cut back to a checkpoint.
            self.read = 0;
        }
        let mut bytes = Vec::new();
        let from = SeekFrom::Start(self.read);
        if file.seek(from).is_err() || file.take(MOST).read_to_end(&mut bytes).is_err() {
            return Vec::new();
        }
        // The last piece is a line that is being written, or nothing.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.read += whole as u64;
        let lines = bytes[..whole].split(|byte| *byte == b'\n');
        let rows = lines.filter_map(|line| metrics::Row::from_line(line).ok());
        rows.filter(|row| row.step > self.after).collect()
    }
}

/// Most bytes of metrics that are read at once.
const MOST: u64 = 8 << 20;

/// The steps whose sheets of samples are there, in order.
pub fn samples(run: &RunFolder) -> Vec<u64> {
    let entries = fs::read_dir(run.samples()).into_iter().flatten().flatten();
    let step = |name: &str| name.strip_prefix("step-")?.strip_suffix(".png")?.parse().ok();
    let mut steps: Vec<u64> =
        entries.filter_map(|entry| step(entry.file_name().to_str()?)).collect();
    steps.sort_unstable();
    steps
}

/// Rows of metrics of a run, at most `most` of them and spread over all of it, the last one included.
///
/// # Errors
/// 500 when the file is damaged.
pub fn history(run: &RunFolder, most: usize) -> Answer<Vec<metrics::Row>> {
    if !run.metrics().exists() {
        return Ok(Vec::new());
    }
    let rows = metrics::read(run.metrics())?;
    let every = rows.len().div_ceil(most.max(1)).max(1);
    let last = rows.len().saturating_sub(1);
    let kept = rows.into_iter().enumerate().filter(|(i, _)| (last - i).is_multiple_of(every));
    Ok(kept.map(|(_, row)| row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use softreg_run::atomic;
    use std::io::Write;

    fn row(step: u64) -> metrics::Row {
        let values = [("loss/critic".to_owned(), step as f64)].into();
        metrics::Row { step, images: step, seconds: 1.0, images_per_second: 1.0, values }
    }

    fn steps(news: &[News]) -> Vec<u64> {
        let step = |news: &News| match news {
            News::Metrics(row) => Some(row.step),
            _ => None,
        };
        news.iter().filter_map(step).collect()
    }

    #[test]
    fn news_are_told_once_and_never_by_halves() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::create(place.path().join("run")).unwrap();
        let mut writer = metrics::Writer::create(run.metrics()).unwrap();
        for step in 1..=3 {
            writer.append(&row(step)).unwrap();
        }
        writer.sync().unwrap();
        atomic::write(run.sample(0), b"png").unwrap();
        let mut follower = Follower::new(run.clone(), 0);
        let first = follower.look();
        assert!(matches!(first[0], News::Status(_)));
        assert_eq!(steps(&first), [1, 2, 3]);
        assert_eq!(first.last(), Some(&News::Sample(0)));
        assert_eq!(follower.look(), []);

        // Half a line is none.
        let line = serde_json::to_string(&row(4)).unwrap() + "\n";
        let mut file = fs::OpenOptions::new().append(true).open(run.metrics()).unwrap();
        file.write_all(&line.as_bytes()[..20]).unwrap();
        assert_eq!(follower.look(), []);
        file.write_all(&line.as_bytes()[20..]).unwrap();
        drop(file);
        atomic::write(run.sample(4), b"png").unwrap();
        let news = follower.look();
        assert_eq!((steps(&news), news.last()), (vec![4], Some(&News::Sample(4))));

        // Whoever comes back after step 3 is not told again.
        let mut again = Follower::new(run.clone(), 3);
        assert_eq!(steps(&again.look()), [4]);
        // A file that was cut back to a checkpoint goes on.
        let mut writer = metrics::Writer::resume(run.metrics(), |row| row.step <= 2).unwrap();
        writer.append(&row(5)).unwrap();
        writer.sync().unwrap();
        assert_eq!(steps(&follower.look()), [5]);
    }

    #[test]
    fn a_long_history_is_thinned_and_keeps_its_end() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::create(place.path().join("run")).unwrap();
        assert_eq!(history(&run, 10).unwrap(), []);
        let mut writer = metrics::Writer::create(run.metrics()).unwrap();
        for step in 1..=101 {
            writer.append(&row(step)).unwrap();
        }
        writer.sync().unwrap();
        let rows = history(&run, 10).unwrap();
        assert!(rows.len() <= 10);
        assert_eq!(rows.last().unwrap().step, 101);
        assert_eq!(history(&run, 1000).unwrap().len(), 101);
    }
}
