//! The pairs of networks to choose from, and the numbers that size them.

use crate::Geometry;
use serde::{Deserialize, Serialize};

/// A pair of a generator and a critic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Strided convolutions, after DCGAN (arXiv 1511.06434).
    Dcgan,
    /// Residual blocks, after SNGAN's ResNet (arXiv 1802.05957, appendix B.4).
    Residual,
}

impl Architecture {
    /// Its name in the registry.
    pub fn name(self) -> &'static str {
        let own = ARCHITECTURES.iter().find(|entry| entry.architecture == self);
        own.map_or("", |entry| entry.name)
    }
}

/// A line of the registry.
#[derive(Debug)]
pub struct Entry {
    /// Name in configurations.
    pub name: &'static str,
    /// The pair.
    pub architecture: Architecture,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Where it comes from, and how ours differs.
    pub source: &'static str,
}

/// All pairs, sorted by name.
pub const ARCHITECTURES: &[Entry] = &[
    Entry {
        name: "dcgan",
        architecture: Architecture::Dcgan,
        summary: "4x4 convolutions with stride 2; fastest",
        source: "arXiv 1511.06434, with equalised weights, no normalisation in the critic, and standing statistics",
    },
    Entry {
        name: "residual",
        architecture: Architecture::Residual,
        summary: "residual blocks of 3x3 convolutions; slower, sharper",
        source: "arXiv 1802.05957 B.4, with equalised weights, no normalisation in the critic, and standing statistics",
    },
];

/// Everything that decides the shape of a pair's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Which pair.
    pub architecture: Architecture,
    /// Picture size.
    pub geometry: Geometry,
    /// Channels of a picture: 1 grey, 3 RGB, 4 RGB and opacity.
    pub channels: usize,
    /// Feature maps next to the picture; deeper layers have up to 8 times as many.
    pub width: usize,
    /// Numbers in a latent vector.
    pub latent: usize,
    /// Whether the generator's input scales and shifts its normalised layers (arXiv 1810.01365).
    pub self_modulation: bool,
    /// Number of labels of a conditional pair.
    pub classes: Option<usize>,
}
