//! How the partner `x'` of a sample `x` is drawn: `Q(·|x)`.

use burn::tensor::Tensor;
use rand::Rng;

mod augment;
mod noise;
mod shuffle;

pub use augment::Augment;
pub use noise::Noise;
pub use shuffle::Shuffle;

/// The samples that partners are drawn for.
#[derive(Debug)]
pub struct Samples<'a> {
    /// The inputs, one row per sample: `[n, features]`.
    pub rows: Tensor<2>,
    /// The shape of the inputs before they were flattened, `[n, …]`.
    pub shape: &'a [usize],
    /// Samples are comparable only inside their group (for example: the label a conditional
    /// generator was given). `None`: all are.
    pub groups: Option<&'a [u32]>,
}

/// The partners that were drawn.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one per step, and none is kept")]
pub enum Partners {
    /// Samples of the same batch, as pairs of rows: their outputs exist already, no extra pass.
    InBatch {
        /// Row of the sample, of each pair.
        samples: Vec<usize>,
        /// Row of its partner.
        partners: Vec<usize>,
    },
    /// New inputs, row by row the partners of the samples: one extra pass through the network.
    Inputs(Tensor<2>),
}

/// Why no partner could be drawn.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PairingError {
    /// A lone sample has nobody to be compared with.
    #[error(
        "pairing `{pairing}` found no partner in a batch of {batch}: raise the batch size to 2 or more"
    )]
    NoPartner {
        /// Name of the pairing.
        pairing: &'static str,
        /// Number of samples.
        batch: usize,
    },
    /// Flips and shifts need rows and columns.
    #[error(
        "pairing `{pairing}` needs pictures of shape [n, channels, height, width], not {shape:?}: choose a site whose input is pictures"
    )]
    NotPictures {
        /// Name of the pairing.
        pairing: &'static str,
        /// The shape it was given.
        shape: Vec<usize>,
    },
}

/// A way to draw partners.
pub trait Pairing: Send + Sync + std::fmt::Debug {
    /// Name in the registry and in specifications.
    fn name(&self) -> &'static str;
    /// What it draws, as plain text.
    fn summary(&self) -> &'static str;
    /// Whether partners need a pass of their own through the network.
    fn extra_pass(&self) -> bool;
    /// Draws a partner for every sample.
    ///
    /// # Errors
    /// [`PairingError`] where the samples have no partner of this sort.
    fn draw(&self, samples: &Samples<'_>, rng: &mut dyn Rng) -> Result<Partners, PairingError>;
}

/// All pairings with their default settings, sorted by name.
pub const PAIRINGS: &[&dyn Pairing] =
    &[&Augment { shift: Augment::SHIFT, flip: true }, &Noise { sigma: Noise::SIGMA }, &Shuffle];
