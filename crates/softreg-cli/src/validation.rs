//! The validation measure of a run: how far generated pictures are from held-out ones.

use anyhow::Context;
use softreg_image::Collection;
use softreg_metric::{Pictures, SlicedWasserstein};
use softreg_train::sample::PictureSet;
use softreg_train::train::Validation;

/// More pictures hardly change the value, and take longer to generate.
const MOST_PICTURES: usize = 512;

/// Sliced Wasserstein distance from the held-out pictures.
pub(crate) struct HeldOut {
    measure: SlicedWasserstein,
    pictures: usize,
}

impl HeldOut {
    /// A measure against the pictures `indices` of a collection; `None` where there are too few.
    pub(crate) fn new(
        collection: &Collection,
        indices: &[usize],
        seed: u64,
    ) -> anyhow::Result<Option<Self>> {
        if indices.len() < 2 {
            return Ok(None);
        }
        let pixels = collection.pictures(indices);
        let pictures = Pictures {
            channels: collection.channels,
            height: collection.size.height() as usize,
            width: collection.size.width() as usize,
            pixels: &pixels,
        };
        let measure = SlicedWasserstein::new(pictures, seed)
            .context("the held-out pictures cannot be measured")?;
        Ok(Some(Self { measure, pictures: indices.len().min(MOST_PICTURES) }))
    }
}

impl Validation for HeldOut {
    fn name(&self) -> String {
        SlicedWasserstein::NAME.to_owned()
    }

    fn measure(&mut self, generated: &PictureSet) -> f64 {
        let pictures = Pictures {
            channels: generated.channels,
            height: generated.height,
            width: generated.width,
            pixels: &generated.pixels,
        };
        // Same shape and at least two pictures by construction; a failure counts as no improvement.
        self.measure.distance(pictures).unwrap_or(f64::NAN)
    }

    fn pictures(&self) -> usize {
        self.pictures
    }
}
