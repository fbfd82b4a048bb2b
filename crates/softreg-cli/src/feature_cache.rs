//! Features that were computed before, by the content of the pictures and what was done to them.
//!
//! A file that is missing, broken (by its checksum) or of another kind is no error: its features are computed again.

use crate::cache;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use softreg_feature::Extractor;
use softreg_metric::{Features, Pictures};
use softreg_run::atomic;
use std::collections::HashMap;
use std::path::PathBuf;

/// A folder of feature files.
pub(crate) struct FeatureCache {
    folder: Option<PathBuf>,
}

const TENSOR: &str = "features";
/// Hash of the tensor's bytes, in the metadata.
const CHECKSUM: &str = "blake3";

impl FeatureCache {
    /// In the user's cache folder, where there is one.
    pub(crate) fn of_user() -> Self {
        Self { folder: cache::folder("features") }
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
        let path = folder.join(format!("{}.safetensors", hash.finalize().to_hex()));
        if let Some(features) = read(&path).filter(|features| features.len() == pictures.len()) {
            return Ok(features);
        }
        let features = extractor.features(pictures)?;
        // A cache that cannot be written saves nothing, and loses nothing.
        let _ = std::fs::create_dir_all(folder).map(|()| write(&path, &features));
        Ok(features)
    }
}

fn read(path: &std::path::Path) -> Option<Features> {
    let bytes = std::fs::read(path).ok()?;
    let (_, head) = SafeTensors::read_metadata(&bytes).ok()?;
    let told = head.metadata().as_ref()?.get(CHECKSUM)?;
    let file = SafeTensors::deserialize(&bytes).ok()?;
    let view = file.tensor(TENSOR).ok().filter(|view| view.dtype() == Dtype::F32)?;
    if blake3::hash(view.data()).to_hex().as_str() != told {
        return None;
    }
    let values = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    Features::new(*view.shape().get(1)?, values).ok()
}

fn write(path: &std::path::Path, features: &Features) -> anyhow::Result<()> {
    let bytes: Vec<u8> = features.values().iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![features.len(), features.width()], &bytes)?;
    let checksum = HashMap::from([(CHECKSUM.to_owned(), blake3::hash(&bytes).to_string())]);
    Ok(atomic::write(path, &safetensors::serialize([(TENSOR, view)], Some(checksum))?)?)
}
