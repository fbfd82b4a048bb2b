//! Differentiable augmentation (DiffAugment, arXiv 2006.10738): whatever the critic sees, real or
//! generated, is changed at random first, and the generator's gradient passes through the change.
//!
//! Pictures are `[n, channels, height, width]` in −1..1. With 4 channels the last is opacity: colour
//! changes leave it alone, moves and cut-outs take it along.

use burn::tensor::{Bool, Tensor, TensorData};
use rand::{Rng, RngExt};

mod colour;
mod cutout;
mod probability;
mod translation;

pub use colour::{Colour, ColourDraws};
pub use cutout::Cutout;
pub use probability::Probability;
pub use translation::Translation;

/// One sort of differentiable change.
pub trait Augmentation: Send + Sync + std::fmt::Debug {
    /// Name in configurations.
    fn name(&self) -> &'static str;
    /// What it does, as plain text.
    fn summary(&self) -> &'static str;
    /// Changes every picture of the batch by its own random draw.
    fn apply(&self, pictures: Tensor<4>, rng: &mut dyn Rng) -> Tensor<4>;
}

/// All augmentations, in the order in which they are applied.
pub const AUGMENTATIONS: &[&dyn Augmentation] =
    &[&Colour, &Translation { reach: Translation::REACH }, &Cutout { side: Cutout::SIDE }];

/// The augmentations that a run uses, applied one after the other.
#[derive(Clone, Debug, Default)]
pub struct Policy(Vec<&'static dyn Augmentation>);

impl Policy {
    /// The policy with the named augmentations, in the order of [`AUGMENTATIONS`]; `Err` holds the
    /// first unknown name.
    ///
    /// # Errors
    /// The name that is not in the registry.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let names: Vec<&str> = names.into_iter().collect();
        let known = |name: &&str| AUGMENTATIONS.iter().any(|a| a.name() == *name);
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            return Err((*unknown).to_owned());
        }
        let chosen = AUGMENTATIONS.iter().copied().filter(|a| names.contains(&a.name()));
        Ok(Self(chosen.collect()))
    }

    /// Whether pictures pass unchanged.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes every picture of the batch, by each augmentation with this probability (1: always).
    ///
    /// Whatever the probability, the same random numbers are drawn.
    pub fn apply(&self, pictures: Tensor<4>, probability: f64, rng: &mut dyn Rng) -> Tensor<4> {
        self.0.iter().fold(pictures, |pictures, change| {
            let n = pictures.dims()[0];
            let chances: Vec<f64> = (0..n).map(|_| rng.random()).collect();
            let changed = change.apply(pictures.clone(), rng);
            if chances.iter().all(|chance| *chance < probability) {
                return changed;
            }
            let kept: Vec<bool> = chances.iter().map(|chance| *chance >= probability).collect();
            let kept = TensorData::new(kept, [n, 1, 1, 1]);
            let kept = Tensor::<4, Bool>::from_data(kept, &pictures.device());
            let kept = kept.expand(pictures.dims());
            changed.mask_where(kept, pictures)
        })
    }
}
