//! How the partner `x'` of a sample `x` is drawn: `Q(·|x)`.

use crate::composition::CompositionError;
use crate::memory::Anchor;
use crate::perturbation::Perturbation;
use crate::setting::Part;
use crate::site::Player;
use burn::tensor::Tensor;
use rand::Rng;

mod again;
mod augment;
mod fresh;
mod mix;
mod noise;
mod past;
mod shuffle;

pub use again::Again;
pub use augment::Augment;
pub use fresh::Fresh;
pub use mix::{Mix, mixture};
pub use noise::Noise;
pub use past::Past;
pub use shuffle::Shuffle;

pub(crate) use augment::{FLIP, SHIFT};
pub(crate) use mix::ALPHA;
pub(crate) use noise::SIGMA;
pub(crate) use past::DECAY;

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
    /// A second draw from where the samples come from, `[n, features]`; needed by [`Fresh`] alone.
    pub fresh: Option<Tensor<2>>,
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
    /// New inputs between two samples, whose outputs are to be compared with the same mixture of the
    /// teacher's outputs for the two: one extra pass, and one of the teacher.
    Mixed {
        /// `share·x + (1 − share)·x'`, row by row.
        inputs: Tensor<2>,
        /// Row of each `x'`.
        partners: Vec<usize>,
        /// How much of the sample itself is in the mixture, 0..=1.
        share: f64,
    },
    /// One partner for all: the average of earlier outputs, which needs no input and no pass.
    Remembered(Anchor),
}

/// What a pairing knows of a partner's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartnerInput {
    /// It has one, other than the sample's.
    Other,
    /// It has the sample's own.
    Same,
    /// It has none: it is an output.
    None,
}

/// Why no partner could be drawn, or no value given to a pair.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PairingError {
    /// A lone sample has nobody to be compared with.
    #[error(
        "pairing `{pairing}` found no partner in a batch of {batch}: use a batch size of at least 2 and, if there are groups, at least two samples per group"
    )]
    NoPartner {
        /// Name of the pairing.
        pairing: &'static str,
        /// Number of samples.
        batch: usize,
    },
    /// Flips and shifts need rows and columns.
    #[error(
        "pairing `{pairing}` needs pictures of shape [n, channels, height, width], got {shape:?}: choose a site whose input is pictures"
    )]
    NotPictures {
        /// Name of the pairing.
        pairing: &'static str,
        /// The shape it was given.
        shape: Vec<usize>,
    },
    /// There was no second draw.
    #[error(
        "pairing `{pairing}` needs a second draw of samples but was given none: see Batch::fresh"
    )]
    NoFresh {
        /// Name of the pairing.
        pairing: &'static str,
    },
    /// There was no teacher.
    #[error(
        "pairing `{pairing}` compares with a teacher's outputs but was given none: see Batch::teacher"
    )]
    NoTeacher {
        /// Name of the pairing.
        pairing: &'static str,
    },
    /// Outputs have too few features for the distance.
    #[error(
        "distance `{distance}` needs outputs of at least {needed} features, got {found}: use `squared-l2` or `l1`"
    )]
    TooFewFeatures {
        /// Name of the distance.
        distance: &'static str,
        /// Features that it needs.
        needed: usize,
        /// Features that there are.
        found: usize,
    },
    /// Features do not divide into positions.
    #[error(
        "distance `{distance}` expects outputs made of {positions} concatenated vectors, but they have {found} features, which is not a multiple of that: adjust one or the other"
    )]
    Positions {
        /// Name of the distance.
        distance: &'static str,
        /// Vectors that it looks for.
        positions: usize,
        /// Features that there are.
        found: usize,
    },
    /// Outputs hold several distributions, which would be taken for one.
    #[error(
        "outputs are {shape:?}, but distance `{distance}` compares distributions over the last axis, of which there are {positions}: use PerPosition::new({positions}, …), with the classes in the last axis"
    )]
    Distributions {
        /// Name of the distance.
        distance: &'static str,
        /// Shape of the outputs.
        shape: Vec<usize>,
        /// Distributions in the output of a sample.
        positions: usize,
    },
    /// Inputs and outputs are not of the same samples.
    #[error(
        "there are {inputs} inputs but {outputs} outputs: the first axis of both counts samples; for one output per position, see PerPosition"
    )]
    Rows {
        /// Length of the first axis of the inputs.
        inputs: usize,
        /// Of the outputs.
        outputs: usize,
    },
    /// Something that is given sample by sample is not of the same samples.
    #[error(
        "there are {inputs} samples but {found} {what}: provide one for each, in the same order"
    )]
    Lengths {
        /// What was given.
        what: &'static str,
        /// Number of samples.
        inputs: usize,
        /// How many were given.
        found: usize,
    },
    /// The average of earlier outputs is of other outputs.
    #[error(
        "the average of earlier outputs has {remembered} features but the outputs have {found}: observe the mean of each feature (Memory::observe)"
    )]
    Remembered {
        /// Features of the average.
        remembered: usize,
        /// Features of the outputs.
        found: usize,
    },
    /// A term looks at a player of adversarial training, where there is none.
    #[error(
        "it looks at the {player}, which only adversarial training has: for a model of your own, write a composition at the site `output`"
    )]
    NotOwn {
        /// Whom it looks at.
        player: Player,
    },
    /// The composition cannot mean anything.
    #[error(transparent)]
    Composition(#[from] CompositionError),
    /// All inputs of a batch are the same, so that no slope can be measured between them.
    #[error(
        "aim `{aim}` divides by the distance between the inputs, but every sample of the batch equals its partner: remove identical samples, or choose a pairing other than `{pairing}`"
    )]
    Coincide {
        /// Name of the pairing.
        pairing: &'static str,
        /// Name of the aim.
        aim: &'static str,
    },
}

/// A way to draw partners.
pub trait Pairing: Send + Sync + std::fmt::Debug {
    /// Name in the registry and in specifications.
    fn name(&self) -> &'static str;
    /// Whether partners need a pass of their own through the network.
    fn extra_pass(&self) -> bool;
    /// What is known of a partner's input.
    fn partner_input(&self) -> PartnerInput {
        PartnerInput::Other
    }
    /// Whether samples have to be pictures.
    fn pictures_only(&self) -> bool {
        false
    }
    /// Whether [`Samples::fresh`] is read.
    fn needs_fresh(&self) -> bool {
        false
    }
    /// Whether outputs are compared with those of a teacher.
    fn needs_teacher(&self) -> bool {
        false
    }
    /// Whether outputs differ by so little that the rounding of less than single precision would hide it.
    fn needs_single_precision(&self) -> bool {
        false
    }
    /// The average that is remembered from step to step, where there is one.
    fn anchor(&self) -> Option<Anchor> {
        None
    }
    /// The randomness that the network itself must have, where it must have any.
    fn perturbation(&self) -> Option<Perturbation> {
        None
    }
    /// Equal for pairings whose partners can stand in for each other: the same name and the same
    /// settings.
    fn identity(&self) -> String {
        format!("{self:?}")
    }
    /// Draws a partner for every sample.
    ///
    /// # Errors
    /// [`PairingError`] where the samples have no partner of this sort.
    fn draw(&self, samples: &Samples<'_>, rng: &mut dyn Rng) -> Result<Partners, PairingError>;
}

/// All pairings, sorted by name.
pub const PAIRINGS: &[Part<dyn Pairing>] =
    &[again::PART, augment::PART, fresh::PART, mix::PART, noise::PART, past::PART, shuffle::PART];

/// The rows of each group, in the order of the groups; one group of all rows where there are none.
fn rows_by_group(samples: &Samples<'_>) -> Vec<Vec<usize>> {
    let n = samples.shape.first().copied().unwrap_or(0);
    let Some(labels) = samples.groups else { return vec![(0..n).collect()] };
    let mut by_label = std::collections::BTreeMap::<u32, Vec<usize>>::new();
    for (row, label) in labels.iter().enumerate().take(n) {
        by_label.entry(*label).or_default().push(row);
    }
    by_label.into_values().collect()
}
