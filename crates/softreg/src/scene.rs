//! What one update has to show to its regularizers: the batch, what the networks made of it, and the
//! means to see more.
//!
//! Everything is in rows, one per sample, so that regularizers need not know shapes. A trainer
//! implements [`Scene`] for the update of each of its players; for a model outside adversarial training
//! there is [`Batch`].

use crate::Composition;
use crate::distance::{Distance, Domain};
use crate::hard::{Point, WeightPenalty};
use crate::memory::Memory;
use crate::pairing::{Pairing, PairingError, PartnerInput, Partners, Samples, mixture};
use crate::pairs::{Pairs, Sides};
use crate::site::{Input, Site};
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use std::sync::Arc;

/// The inputs of a batch.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// One row per sample, `[n, features]`.
    pub rows: Tensor<2>,
    /// The shape before they were flattened, `[n, …]`.
    pub shape: Vec<usize>,
    /// Samples are comparable only inside their group.
    pub groups: Option<Vec<u32>>,
}

/// A further pass through the networks.
#[derive(Clone, Debug)]
pub struct Pass<'a> {
    /// What the inputs are.
    pub input: Input,
    /// The inputs, `[m, features]`.
    pub rows: Tensor<2>,
    /// Whether row `i` stands in for sample `i` (and has its label), and is no sample of its own.
    pub of_samples: bool,
    /// Whether the rows are the samples themselves, seen again with another draw of the network's own
    /// randomness.
    pub same_input: bool,
    /// Where the rows are mixtures: the row of each sample's partner, and the sample's share.
    pub mixed: Option<(&'a [usize], f64)>,
    /// Tells this pass from all others of the update, for whoever wants to use its results again.
    pub key: &'a str,
    /// Where its outputs are wanted; all with this input.
    pub sites: &'a [Site],
}

/// What an update shows to its regularizers.
pub trait Scene {
    /// The inputs of the batch.
    fn inputs(&self, input: Input) -> Inputs;

    /// The outputs of the batch, as computed for the loss, `[n, features]`.
    fn outputs(&mut self, site: Site) -> Tensor<2>;

    /// The further passes of the update; of each, the outputs at each of its sites, `[m, features]`. They are
    /// asked for at once and before any output of the batch, so that a network which takes every row by
    /// itself may see them and the batch in one pass.
    fn passes(&mut self, passes: &[Pass<'_>]) -> Vec<Vec<Tensor<2>>>;

    /// What the teacher says of the first `rows` of the batch, at each of `sites`; constants. `None`
    /// where there is no teacher.
    fn teacher(&mut self, _sites: &[Site], _rows: usize) -> Option<Vec<Tensor<2>>> {
        None
    }

    /// A second draw of `rows` inputs, where there is one.
    fn fresh(&mut self, _input: Input, _rows: usize) -> Option<Tensor<2>> {
        None
    }

    /// The penalty of the weights of the player that is updated; `None` where it has none.
    fn weights(&self, _penalty: &dyn WeightPenalty) -> Option<Tensor<1>> {
        None
    }

    /// `∇ₓD(x)` at the first `rows` of `point`, `[rows, features]`, with the graph that leads back to the
    /// weights; `None` where the network's gradient is not known. For [`Point::Between`], `shares` holds
    /// how much of the real picture there is in each row.
    fn input_gradient(
        &mut self,
        _point: Point,
        _shares: &[f32],
        _rows: usize,
    ) -> Option<Tensor<2>> {
        None
    }
}

/// The partners of some samples, drawn; their outputs are not known yet.
pub(crate) struct Draw {
    pairing: &'static str,
    input: Input,
    /// The samples, `[n, features]`.
    x: Tensor<2>,
    partners: Partners,
    of_samples: bool,
    same_input: bool,
    key: String,
    sites: Vec<Site>,
}

/// Draws partners for the first `rows` samples, whose outputs are wanted at each of `sites`.
pub(crate) fn draw(
    pairing: &dyn Pairing,
    input: Input,
    sites: Vec<Site>,
    rows: usize,
    scene: &mut dyn Scene,
    rng: &mut dyn Rng,
) -> Result<Draw, PairingError> {
    let all = scene.inputs(input);
    let mut shape = all.shape;
    let n = rows.min(shape[0]);
    shape[0] = n;
    let x = first(all.rows, n);
    let groups = all.groups.as_deref().map(|groups| &groups[..n]);
    let fresh = match pairing.needs_fresh() {
        true => scene.fresh(input, n),
        false => None,
    };
    let samples = Samples { rows: x.clone(), shape: &shape, groups, fresh };
    let partners = pairing.draw(&samples, rng)?;
    Ok(Draw {
        pairing: pairing.name(),
        input,
        x,
        partners,
        of_samples: !pairing.needs_fresh(),
        same_input: pairing.partner_input() == PartnerInput::Same,
        key: key(input, pairing, n),
        sites,
    })
}

impl Draw {
    /// The pass that the partners need, where they need one.
    pub(crate) fn pass(&self) -> Option<Pass<'_>> {
        let (rows, mixed) = match &self.partners {
            Partners::Inputs(x2) => (x2, None),
            Partners::Mixed { inputs, partners, share } => {
                (inputs, Some((partners.as_slice(), *share)))
            }
            Partners::InBatch { .. } | Partners::Remembered(_) => return None,
        };
        Some(Pass {
            input: self.input,
            rows: rows.clone(),
            of_samples: self.of_samples,
            same_input: self.same_input,
            mixed,
            key: &self.key,
            sites: &self.sites,
        })
    }

    /// The pairs at each site, from what came out of the partners' pass. `None` where the partner is a past
    /// that has not been yet.
    pub(crate) fn pairs(
        self,
        passed: Vec<Tensor<2>>,
        memory: &Memory,
        scene: &mut dyn Scene,
    ) -> Result<Option<Vec<Pairs>>, PairingError> {
        let (x, sites, n) = (&self.x, &self.sites, self.x.dims()[0]);
        let own = |scene: &mut dyn Scene| -> Vec<Tensor<2>> {
            sites.iter().map(|site| first(scene.outputs(*site), n)).collect()
        };
        let apart = |inputs: Option<[Tensor<2>; 2]>, a: Vec<Tensor<2>>, b: Vec<Tensor<2>>| {
            let inputs = inputs.map(Sides::Apart);
            let pair = |(a, b)| Pairs { inputs: inputs.clone(), outputs: Sides::Apart([a, b]) };
            Some(a.into_iter().zip(b).map(pair).collect())
        };
        Ok(match self.partners {
            Partners::InBatch { samples, partners } => {
                let pairs = samples.into_iter().zip(partners).map(|(row, other)| [row, other]);
                let pairs: Arc<[[usize; 2]]> = pairs.collect();
                let within = |rows: Tensor<2>| Sides::Within(rows, pairs.clone());
                let pair = |y| Pairs { inputs: Some(within(x.clone())), outputs: within(y) };
                Some(own(scene).into_iter().map(pair).collect())
            }
            Partners::Inputs(x2) => apart(Some([self.x.clone(), x2]), own(scene), passed),
            Partners::Mixed { partners, share, .. } => {
                let no_teacher = || PairingError::NoTeacher { pairing: self.pairing };
                let said = scene.teacher(sites, n).ok_or_else(no_teacher)?;
                let mix = |said| mixture(said, &partners, share);
                apart(None, passed, said.into_iter().map(mix).collect())
            }
            Partners::Remembered(anchor) => {
                let Some(average) = memory.anchor(&anchor) else { return Ok(None) };
                let outputs = own(scene);
                let remembered = average.len();
                let other = outputs.iter().map(|y| y.dims()[1]).find(|n| *n != remembered);
                if let Some(found) = other {
                    return Err(PairingError::Remembered { remembered, found });
                }
                let of = |y: &Tensor<2>| {
                    let row: Vec<f32> = average.iter().map(|v| *v as f32).collect();
                    let row = TensorData::new(row, [1, average.len()]);
                    Tensor::<2>::from_data(row, (&y.device(), y.dtype())).repeat_dim(0, y.dims()[0])
                };
                let past = outputs.iter().map(of).collect();
                apart(None, outputs, past)
            }
        })
    }
}

/// The name of the pass of `rows` partners.
pub(crate) fn key(input: Input, pairing: &dyn Pairing, rows: usize) -> String {
    format!("{input:?}/{}/{rows}", pairing.identity())
}

/// The first `n` rows.
pub(crate) fn first(x: Tensor<2>, n: usize) -> Tensor<2> {
    if x.dims()[0] == n { x } else { x.narrow(0, 0, n) }
}

/// One row per sample: `[n, …] → [n, features]`.
pub fn rows<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let shape = x.dims();
    x.reshape([shape[0], shape[1..].iter().product()])
}

/// A batch of a model outside adversarial training: its inputs `[n, …]` and its outputs `[n, …]`,
/// computed for the loss and used again here.
#[derive(Clone, Debug)]
pub struct Batch<'a, const I: usize, const O: usize> {
    inputs: &'a Tensor<I>,
    outputs: &'a Tensor<O>,
    groups: Option<&'a [u32]>,
    fresh: Option<&'a Tensor<I>>,
    teacher: Option<&'a Tensor<O>>,
    pub(crate) memory: Option<&'a Memory>,
}

impl<'a, const I: usize, const O: usize> Batch<'a, I, O> {
    /// Inputs `x` and outputs `f(x)`.
    pub fn new(inputs: &'a Tensor<I>, outputs: &'a Tensor<O>) -> Self {
        Self { inputs, outputs, groups: None, fresh: None, teacher: None, memory: None }
    }

    /// Keeps partners inside the same group, one number per sample.
    pub fn groups(self, groups: &'a [u32]) -> Self {
        Self { groups: Some(groups), ..self }
    }

    /// A second draw of inputs, for the pairing [`crate::pairing::Fresh`].
    pub fn fresh(self, inputs: &'a Tensor<I>) -> Self {
        Self { fresh: Some(inputs), ..self }
    }

    /// What the teacher says of the inputs, for the pairing [`crate::pairing::Mix`]. Taken as
    /// constants.
    pub fn teacher(self, outputs: &'a Tensor<O>) -> Self {
        Self { teacher: Some(outputs), ..self }
    }

    /// What was observed in earlier steps, for the pairing [`crate::pairing::Past`].
    pub fn memory(self, memory: &'a Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.inputs.dims()[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Samples among the inputs, and among the outputs.
    fn rows(&self) -> (usize, usize) {
        (self.inputs.dims()[0], self.outputs.dims()[0])
    }

    /// Refuses what is not of the same samples.
    fn check(&self) -> Result<(), PairingError> {
        let inputs = self.len();
        let of = |what, found: Option<usize>| match found.filter(|found| *found != inputs) {
            Some(found) => Err(PairingError::Lengths { what, inputs, found }),
            None => Ok(()),
        };
        of("groups", self.groups.map(<[u32]>::len))?;
        // Of more, the first ones are taken.
        of("inputs from a second draw", self.fresh.map(|fresh| fresh.dims()[0].min(inputs)))?;
        of("outputs from the teacher", self.teacher.map(|teacher| teacher.dims()[0]))
    }

    /// Refuses a distance that would take the distributions at several positions for one.
    fn check_distributions(&self, distance: &dyn Distance) -> Result<(), PairingError> {
        let shape = self.outputs.dims();
        // What has no further axes is as its user says.
        let positions = if O > 2 { shape[1..O - 1].iter().product() } else { distance.positions() };
        match distance.domain() == Domain::Logits && positions != distance.positions() {
            false => Ok(()),
            true => Err(PairingError::Distributions {
                distance: distance.name(),
                shape: shape.to_vec(),
                positions,
            }),
        }
    }

    /// Refuses a batch of which a composition can say nothing, and the other way round.
    pub(crate) fn check_for(&self, composition: &Composition) -> Result<(), PairingError> {
        let (inputs, outputs) = self.rows();
        if inputs != outputs {
            return Err(PairingError::Rows { inputs, outputs });
        }
        composition.check()?;
        self.check()?;
        self.check_distributions(&*composition.distance)
    }

    pub(crate) fn device(&self) -> Device {
        self.outputs.device()
    }
}

/// The scene of a lone model.
pub(crate) struct OwnScene<'a, 'b, const I: usize, const O: usize> {
    batch: &'b Batch<'a, I, O>,
    f: &'b mut dyn FnMut(Tensor<I>) -> Tensor<O>,
}

impl<'a, 'b, const I: usize, const O: usize> OwnScene<'a, 'b, I, O> {
    pub(crate) fn new(
        batch: &'b Batch<'a, I, O>,
        f: &'b mut dyn FnMut(Tensor<I>) -> Tensor<O>,
    ) -> Self {
        Self { batch, f }
    }
}

impl<const I: usize, const O: usize> Scene for OwnScene<'_, '_, I, O> {
    fn inputs(&self, _input: Input) -> Inputs {
        let batch = self.batch;
        Inputs {
            rows: rows(batch.inputs.clone()),
            shape: batch.inputs.dims().to_vec(),
            groups: batch.groups.map(<[u32]>::to_vec),
        }
    }

    fn outputs(&mut self, _site: Site) -> Tensor<2> {
        rows(self.batch.outputs.clone())
    }

    fn passes(&mut self, passes: &[Pass<'_>]) -> Vec<Vec<Tensor<2>>> {
        let mut run = |pass: &Pass<'_>| {
            let mut shape = self.batch.inputs.dims();
            shape[0] = pass.rows.dims()[0];
            let outputs = rows((self.f)(pass.rows.clone().reshape(shape)));
            pass.sites.iter().map(|_| outputs.clone()).collect()
        };
        passes.iter().map(&mut run).collect()
    }

    fn teacher(&mut self, sites: &[Site], rows_wanted: usize) -> Option<Vec<Tensor<2>>> {
        let said = first(rows(self.batch.teacher?.clone().detach()), rows_wanted);
        Some(sites.iter().map(|_| said.clone()).collect())
    }

    fn fresh(&mut self, _input: Input, rows_wanted: usize) -> Option<Tensor<2>> {
        let fresh = rows(self.batch.fresh?.clone());
        (fresh.dims()[0] >= rows_wanted).then(|| first(fresh, rows_wanted))
    }
}
