//! Trained generators, ready to paint: what the studio asks of them, and which stay in memory.

use crate::problem::{Answer, Problem};
use serde::Deserialize;
use softreg_run::RunFolder;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use utoipa::ToSchema;

#[cfg(test)]
pub(crate) mod plain;

/// A generator that is ready.
pub trait Painter: Send + Sync {
    /// The step of the checkpoint that it is of.
    fn step(&self) -> u64;
    /// Numbers in a latent.
    fn latent(&self) -> usize;
    /// Names of labels; none where it does not know any.
    fn labels(&self) -> &[String];
    /// Channels, height and width of a picture.
    fn shape(&self) -> [usize; 3];
    /// The latents of pictures `from..from + count` of a seed; numbers beyond `truncation` are drawn again.
    fn latents(&self, seed: u64, from: usize, count: usize, truncation: Option<f32>) -> Vec<f32>;
    /// The latent at `t` of the way from one to another, as likely as they are.
    fn between(&self, from: &[f32], to: &[f32], t: f32) -> Vec<f32>;
    /// One picture per latent, planar bytes one after the other.
    fn paint(&self, latents: &[f32], labels: Option<&[u32]>) -> Vec<u8>;
    /// The generator as a file.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    fn export(&self, format: Export) -> Result<Vec<u8>, String>;
}

/// File format for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Export {
    /// Turns latents into pictures.
    Onnx,
    /// Weights by name.
    Safetensors,
}

/// Opens generators.
pub trait Generators: Send + Sync {
    /// The generator of a run after `step` steps; the newest where nothing is said.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    fn open(&self, run: &RunFolder, step: Option<u64>) -> Result<Arc<dyn Painter>, String>;
}

/// Generators that were asked for lately.
pub struct Painters {
    generators: Arc<dyn Generators>,
    /// The one that was asked for last is last.
    open: Mutex<Vec<Kept>>,
}

/// A generator in memory.
struct Kept {
    name: String,
    /// Of the run's folder: another run may come by the same name.
    run: Stamp,
    step: u64,
    /// Of the checkpoint: a run may come to the same step again.
    file: Stamp,
    painter: Arc<dyn Painter>,
}

/// What tells a file or folder from another one at the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    time: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&about);
        #[cfg(not(unix))]
        let inode = 0;
        // A folder changes with what is in it, and is the same one.
        Some(match about.is_dir() {
            true => Self { inode, time: about.created().ok(), length: 0 },
            false => Self { inode, time: about.modified().ok(), length: about.len() },
        })
    }
}

/// Generators that stay in memory.
const KEPT: usize = 4;

impl Painters {
    /// None is open yet.
    pub fn new(generators: Arc<dyn Generators>) -> Self {
        Self { generators, open: Mutex::default() }
    }

    /// The generator of a run after `step` steps; the newest where nothing is said. Slow the first time.
    ///
    /// # Errors
    /// 409 where that checkpoint is gone, or none can be read.
    pub fn of(&self, run: &RunFolder, step: Option<u64>) -> Answer<Arc<dyn Painter>> {
        let name = run.name();
        let missing = || Problem::missing(format!("there is no run `{name}`"));
        let folder = Stamp::of(run.root()).ok_or_else(missing)?;
        let wanted = match step {
            Some(step) => step,
            None => softreg_run::checkpoint::list(run.checkpoints())?.pop().unwrap_or(0),
        };
        let file = Stamp::of(&run.checkpoint(wanted));
        // One that was asked for by its step is still good when its file is gone.
        let fits = |kept: &Kept| {
            let same = kept.name == name && kept.run == folder && kept.step == wanted;
            same && file.as_ref().map_or(step.is_some(), |file| kept.file == *file)
        };
        let lock = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = lock();
        if let Some(at) = open.iter().position(fits) {
            let found = open.remove(at);
            let painter = found.painter.clone();
            open.push(found);
            return Ok(painter);
        }
        drop(open);
        if let (Some(step), None) = (step, &file) {
            return Err(Problem::conflict(format!(
                "the checkpoint at step {step} is gone, because `{name}` has saved newer ones: draw new pictures"
            )));
        }
        let painter = self.generators.open(run, step).map_err(Problem::conflict)?;
        let Some(file) = file else { return Ok(painter) };
        let mut open = lock();
        open.retain(|kept| kept.name != name || (kept.run == folder && kept.step != wanted));
        open.push(Kept { name, run: folder, step: wanted, file, painter: painter.clone() });
        let surplus = open.len().saturating_sub(KEPT);
        open.drain(..surplus);
        Ok(painter)
    }
}

#[cfg(test)]
mod tests {
    use super::plain::Plain;
    use super::*;

    /// Opens what is asked for, and counts how often.
    #[derive(Default)]
    struct Counted(Mutex<Vec<Option<u64>>>);

    impl Generators for Counted {
        fn open(&self, _: &RunFolder, step: Option<u64>) -> Result<Arc<dyn Painter>, String> {
            self.0.lock().unwrap().push(step);
            Ok(Arc::new(Plain::GREY))
        }
    }

    #[test]
    fn a_generator_is_that_of_its_run_and_step() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::create(place.path().join("one")).unwrap();
        let save = |run: &RunFolder, step, text: &str| {
            softreg_run::atomic::write(run.checkpoint(step), text.as_bytes()).unwrap();
        };
        save(&run, 10, "a");
        let counted = Arc::new(Counted::default());
        let painters = Painters::new(counted.clone());
        let opened = || counted.0.lock().unwrap().len();
        for step in [None, Some(10), None] {
            painters.of(&run, step).unwrap();
        }
        assert_eq!(opened(), 1);
        // The newest is another one now; the one before it is asked for by its step, even when its file is gone.
        save(&run, 20, "b");
        painters.of(&run, None).unwrap();
        std::fs::remove_file(run.checkpoint(10)).unwrap();
        painters.of(&run, Some(10)).unwrap();
        assert_eq!(opened(), 2);
        let gone = painters.of(&run, Some(15)).err().unwrap();
        assert!(gone.error.contains("at step 15 is gone"), "{gone}");
        // The same step again, after training went back.
        save(&run, 20, "longer");
        painters.of(&run, None).unwrap();
        assert_eq!(opened(), 3);
        // Another run of the same name.
        std::fs::rename(run.root(), place.path().join("old")).unwrap();
        let next = RunFolder::create(place.path().join("one")).unwrap();
        assert!(painters.of(&next, Some(10)).is_err());
        std::fs::rename(
            place.path().join("old/checkpoints/step-00000020.safetensors"),
            next.checkpoint(20),
        )
        .unwrap();
        painters.of(&next, None).unwrap();
        assert_eq!(opened(), 4);
    }
}
