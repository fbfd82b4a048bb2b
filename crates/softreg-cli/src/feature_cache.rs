//! Features that were computed before, by the content of the pictures and what was done to them.
//!
//! A file that is missing, broken (by its checksum) or of another kind is no error: its features are computed again. There is
//! room for 4 GiB of them; what was not wanted for longest goes first.

use crate::cache;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use softreg_feature::Extractor;
use softreg_image::cache::{ROOM, make_room};
use softreg_metric::{Features, Pictures};
use softreg_run::atomic;
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder of feature files.
pub(crate) struct FeatureCache {
    folder: Option<PathBuf>,
    /// Bytes of all files.
    room: u64,
}

const ENDING: &str = "safetensors";
const TENSOR: &str = "features";
/// Hash of the tensor's bytes, in the metadata.
const CHECKSUM: &str = "blake3";

impl FeatureCache {
    /// In the user's cache folder, where there is one.
    pub(crate) fn of_user() -> Self {
        Self { folder: cache::folder("features"), room: ROOM }
    }

    /// The features of pictures, read where they are there and kept where they can be.
    pub(crate) fn features(
        &self,
        extractor: &Extractor,
        pictures: &Pictures<'_>,
    ) -> anyhow::Result<Features> {
        let Some(folder) = &self.folder else { return Ok(extractor.features(pictures)?) };
        let mut hash = blake3::Hasher::new();
        let Pictures { channels, height, width, pixels } = pictures;
        hash.update(format!("{} {channels} {height} {width} ", extractor.identity()).as_bytes());
        hash.update(pixels);
        let path = folder.join(format!("{}.{ENDING}", hash.finalize().to_hex()));
        if let Some(features) = read(&path).filter(|features| features.len() == pictures.len()) {
            return Ok(features);
        }
        let features = extractor.features(pictures)?;
        // A cache that cannot be written saves nothing, and loses nothing.
        let _ = self.keep(folder, &path, &features);
        Ok(features)
    }

    fn keep(&self, folder: &Path, path: &Path, features: &Features) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        write(path, features)?;
        let begun = atomic::TEMPORARY_SUFFIX.trim_start_matches('.');
        Ok(make_room(folder, ENDING, begun, self.room)?)
    }
}

fn read(path: &Path) -> Option<Features> {
    let bytes = fs::read(path).ok()?;
    let (_, head) = SafeTensors::read_metadata(&bytes).ok()?;
    let told = head.metadata().as_ref()?.get(CHECKSUM)?;
    let file = SafeTensors::deserialize(&bytes).ok()?;
    let view = file.tensor(TENSOR).ok().filter(|view| view.dtype() == Dtype::F32)?;
    if blake3::hash(view.data()).to_hex().as_str() != told {
        return None;
    }
    // What is wanted stays.
    let _ = File::options().append(true).open(path).map(|f| f.set_modified(SystemTime::now()));
    let values = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    Features::new(*view.shape().get(1)?, values).ok()
}

fn write(path: &Path, features: &Features) -> anyhow::Result<()> {
    let bytes: Vec<u8> = features.values().iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![features.len(), features.width()], &bytes)?;
    let checksum = HashMap::from([(CHECKSUM.to_owned(), blake3::hash(&bytes).to_string())]);
    Ok(atomic::write(path, &safetensors::serialize([(TENSOR, view)], Some(checksum))?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_was_not_wanted_for_longest_makes_room() {
        let place = tempfile::tempdir().unwrap();
        let features = Features::new(2, vec![0.5; 200]).unwrap();
        let path = |name: &str| place.path().join(format!("{name}.{ENDING}"));
        write(&path("a"), &features).unwrap();
        let one = fs::metadata(path("a")).unwrap().len();
        let cache = FeatureCache { folder: Some(place.path().to_owned()), room: 2 * one };
        let old = |name: &str, hours: u64| {
            let time = SystemTime::now() - Duration::from_secs(3600 * hours);
            File::options().append(true).open(path(name)).unwrap().set_modified(time).unwrap();
        };
        cache.keep(place.path(), &path("b"), &features).unwrap();
        old("a", 5);
        old("b", 3);
        // Read, the oldest one is the newest.
        assert_eq!(read(&path("a")).unwrap().values(), features.values());
        cache.keep(place.path(), &path("c"), &features).unwrap();
        let there = ["a", "b", "c"].map(|name| path(name).exists());
        assert_eq!(there, [true, false, true]);
    }
}
