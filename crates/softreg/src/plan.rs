//! Which passes a set of regularizers needs: partners that several of them ask for are drawn once, and
//! seen by the network once.

use crate::hard::Point;
use crate::memory::{Anchor, Memory};
use crate::overfitting;
use crate::pairing::{Pairing, PairingError, PartnerInput};
use crate::perturbation::Perturbation;
use crate::scene::{self, Batch, Draw, OwnScene, Pass, Scene};
use crate::site::{Input, Player, Site};
use crate::term::{Body, Term};
use crate::{Purpose, Seed};
use burn::tensor::Tensor;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// The regularizers of a run, and the passes that they share.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    terms: Vec<Term>,
    groups: Vec<Group>,
}

/// Terms that need the same partner of the same sample.
#[derive(Clone, Debug)]
struct Group {
    player: Option<Player>,
    input: Input,
    pairing: Arc<dyn Pairing>,
    /// Indices of terms.
    terms: Vec<usize>,
}

/// A term's part of an objective, at one step.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// Its index in [`Plan::terms`].
    pub term: usize,
    /// What its value is multiplied with: λ at this step, times the steps that a lazy term stands for.
    pub weight: f64,
    /// `R`, `[1]`.
    pub raw: Tensor<1>,
}

/// A regularizer that could not be evaluated.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("regularizer `{name}`: {source}")]
pub struct PlanError {
    /// Its name.
    pub name: String,
    /// Why.
    pub source: PairingError,
}

/// A pass that regularizers add to a step, in units of one forward pass of the whole batch.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtraPass {
    /// Which network runs.
    pub network: Player,
    /// What it sees, in words.
    pub sees: String,
    /// Forward passes, averaged over steps and over the batch.
    pub forward: f64,
    /// Backward passes, likewise; through weights and inputs both, a pass counts twice.
    pub backward: f64,
    /// The terms it is made for.
    pub terms: Vec<String>,
}

/// Steps over which costs are averaged, at the most.
const LONGEST_CYCLE: u64 = 5040;

impl Plan {
    /// The plan for `terms`.
    pub fn new(terms: Vec<Term>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (index, term) in terms.iter().enumerate() {
            let Body::Soft(composition) = &term.body else { continue };
            let (player, input) = (term.body.player(), composition.site.input());
            let identity = composition.pairing.identity();
            let same = |group: &&mut Group| {
                group.player == player
                    && group.input == input
                    && group.pairing.identity() == identity
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.terms.push(index),
                None => groups.push(Group {
                    player,
                    input,
                    pairing: composition.pairing.clone(),
                    terms: vec![index],
                }),
            }
        }
        Self { terms, groups }
    }

    /// The terms, in order.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The value of every term of `player` that is due at `step`.
    ///
    /// `rng` gives the random numbers for partners, from the name of what they are drawn for: the same
    /// name, the same numbers, so that one regularizer does not change what another draws.
    ///
    /// # Errors
    /// [`PlanError`] where a term finds no partner.
    pub fn evaluate(
        &self,
        player: Option<Player>,
        step: u64,
        memory: &Memory,
        scene: &mut dyn Scene,
        rng: &mut dyn FnMut(&str) -> ChaCha8Rng,
    ) -> Result<Vec<Contribution>, PlanError> {
        let weight = |term: &Term| term.lambda(step, memory) * term.every as f64;
        let n_of = |scene: &dyn Scene, input: Input| scene.inputs(input).rows.dims()[0];
        // Every partner first, so that the networks can see all of them at once.
        let mut drawn: Vec<(Vec<usize>, Draw)> = Vec::new();
        for group in self.groups.iter().filter(|group| group.player == player) {
            let due: Vec<usize> =
                group.terms.iter().copied().filter(|i| self.terms[*i].due(step, memory)).collect();
            if due.is_empty() {
                continue;
            }
            let n = n_of(scene, group.input);
            let rows = |i: &usize| self.terms[*i].rows(n);
            let most = due.iter().map(rows).max().unwrap_or(n);
            // Terms that look at fewer rows than the group's pass are cut down; partners inside the
            // batch cost nothing, and are drawn for each share.
            let mut shares: Vec<usize> = due.iter().map(rows).collect();
            shares.sort_unstable();
            shares.dedup();
            let shares = if group.pairing.extra_pass() { vec![most] } else { shares };
            for share in shares {
                let of_share = |i: &&usize| group.pairing.extra_pass() || rows(i) == share;
                let terms: Vec<usize> = due.iter().filter(of_share).copied().collect();
                let sites = terms.iter().filter_map(|i| self.terms[*i].site()).collect();
                let mut draws = rng(&format!("{:?}/{}", group.input, group.pairing.identity()));
                let pairing = &*group.pairing;
                let draw = scene::draw(pairing, group.input, sites, share, scene, &mut draws)
                    .map_err(self.failed(due[0]))?;
                drawn.push((terms, draw));
            }
        }
        let passes: Vec<Pass<'_>> = drawn.iter().filter_map(|(_, draw)| draw.pass()).collect();
        let mut passed = scene.passes(&passes).into_iter();
        let mut values = Vec::new();
        for (terms, draw) in drawn {
            let passed = draw.pass().and_then(|_| passed.next()).unwrap_or_default();
            let failed = self.failed(terms[0]);
            let pairs = draw.pairs(passed, memory, scene).map_err(failed)?;
            for (i, pairs) in terms.into_iter().zip(pairs.into_iter().flatten()) {
                let term = &self.terms[i];
                let Body::Soft(composition) = &term.body else { continue };
                let pairs = pairs.first(term.rows(n_of(scene, composition.site.input())));
                let raw = composition.value(&pairs).map_err(self.failed(i))?;
                values.push(Contribution { term: i, weight: weight(term), raw });
            }
        }
        for (i, term) in self.terms.iter().enumerate() {
            if term.body.player() != player || !term.due(step, memory) {
                continue;
            }
            let raw = match &term.body {
                Body::Soft(_) | Body::Spectral => None,
                Body::Weights { penalty, .. } => scene.weights(penalty.as_ref()),
                Body::Gradient(penalty) => {
                    let n = scene.inputs(Input::Real).rows.dims()[0];
                    let rows = term.rows(n);
                    let mut draws = rng(&format!("{:?}", penalty.point));
                    let shares: Vec<f32> = match penalty.point {
                        Point::Between => (0..rows).map(|_| draws.random()).collect(),
                        _ => Vec::new(),
                    };
                    scene.input_gradient(penalty.point, &shares, rows).map(|g| penalty.of(g))
                }
            };
            values.extend(raw.map(|raw| Contribution { term: i, weight: weight(term), raw }));
        }
        values.sort_by_key(|contribution| contribution.term);
        Ok(values)
    }

    /// `Σ λ·R` at `step` (from 0) of regularizers of a model outside adversarial training, `[1]`: those of
    /// [`crate::Composition::penalty`], with what belongs to a training around them. λ follows its schedule, a lazy term is evaluated at
    /// every `every`-th step with as many times the weight, one with a share looks at the first rows of the batch, and
    /// terms that need the same partner share its pass.
    ///
    /// `f` is called at most once for each partner that is not in the batch, as for [`crate::Composition::penalty`]; random numbers are
    /// a function of `seed` and `step`.
    ///
    /// ```
    /// use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Distribution, Tensor}};
    /// use softreg::{Batch, Seed, knob::Scale, plan::Plan, spec};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (name, noisy) = spec::parse("noise(0.05) l2 attract output weight=10 every=4")?;
    /// let plan = Plan::new(spec::check(&name, &noisy)?.terms(&Scale::REFERENCE)?);
    ///
    /// let device = Device::flex().autodiff();
    /// let model: Linear = LinearConfig::new(4, 2).init(&device);
    /// for step in 0..8 {
    ///     let x: Tensor<2> = Tensor::random([8, 4], Distribution::Default, &device);
    ///     let y = model.forward(x.clone());
    ///     let r = plan.penalty(&Batch::new(&x, &y), &mut |x| model.forward(x), step, Seed(7))?;
    ///     let loss = y.square().mean() + r; // J = L + Σ λ·R
    ///     # let _ = loss.backward();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PlanError`] where a term looks at a player of adversarial training, and for the reasons of [`crate::Composition::penalty`].
    pub fn penalty<const I: usize, const O: usize>(
        &self,
        batch: &Batch<'_, I, O>,
        f: &mut dyn FnMut(Tensor<I>) -> Tensor<O>,
        step: u64,
        seed: Seed,
    ) -> Result<Tensor<1>, PlanError> {
        for (i, term) in self.terms.iter().enumerate() {
            if let Some(player) = term.body.player() {
                return Err(self.failed(i)(PairingError::NotOwn { player }));
            }
            if let Some(composition) = term.body.composition() {
                batch.check_for(composition).map_err(self.failed(i))?;
            }
        }
        let device = batch.device();
        let empty = Memory::default();
        let memory = batch.memory.unwrap_or(&empty);
        let mut scene = OwnScene::new(batch, f);
        let mut rng = |name: &str| seed.named_rng(Purpose::Partner, step, 0, name);
        let values = self.evaluate(None, step, memory, &mut scene, &mut rng)?;
        let weighted = values.into_iter().map(|value| value.raw.mul_scalar(value.weight));
        Ok(weighted.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::zeros([1], &device)))
    }

    /// What is said when term `i` could not be evaluated.
    fn failed(&self, i: usize) -> impl FnOnce(PairingError) -> PlanError + use<> {
        let name = self.terms[i].name.clone();
        move |source| PlanError { name, source }
    }

    /// The averages that have to be kept ([`Memory::observe`]).
    pub fn anchors(&self) -> Vec<Anchor> {
        let mut anchors: Vec<Anchor> = Vec::new();
        for anchor in self.groups.iter().filter_map(|group| group.pairing.anchor()) {
            if !anchors.contains(&anchor) {
                anchors.push(anchor);
            }
        }
        anchors
    }

    /// The randomness that the critic must have; where terms ask for different ones, the first two.
    pub fn perturbations(&self) -> Vec<(Perturbation, &str)> {
        let mut found: Vec<(Perturbation, &str)> = Vec::new();
        for term in &self.terms {
            let wanted = term.body.composition().and_then(|c| c.pairing.perturbation());
            if let Some(wanted) = wanted.filter(|wanted| found.iter().all(|(p, _)| p != wanted)) {
                found.push((wanted, &term.name));
            }
        }
        found
    }

    /// The norm that spectral normalisation gives the critic's weights, where it is asked for.
    pub fn spectral_norm(&self) -> Option<f64> {
        self.terms.iter().find(|term| matches!(term.body, Body::Spectral)).map(|term| term.weight)
    }

    /// Whether a term compares with a teacher.
    pub fn needs_teacher(&self) -> bool {
        self.groups.iter().any(|group| group.pairing.needs_teacher())
    }

    /// Whether a term's λ follows signs of overfitting on held-out pictures, by name.
    pub fn follower(&self) -> Option<&str> {
        self.terms.iter().find(|term| term.schedule.follows_signs()).map(|term| term.name.as_str())
    }

    /// Whether `player` will run `key`'s pass over `rows` of `n` samples at `step`, as
    /// [`crate::scene::Pass::key`] names it: its results are worth keeping then.
    pub fn will_pass(
        &self,
        player: Player,
        key: &str,
        step: u64,
        memory: &Memory,
        n: usize,
    ) -> bool {
        self.groups.iter().filter(|group| group.player == Some(player)).any(|group| {
            let due = group.terms.iter().filter(|i| self.terms[**i].due(step, memory));
            let rows = due.map(|i| self.terms[*i].rows(n)).max();
            rows.is_some_and(|rows| scene::key(group.input, &*group.pairing, rows) == key)
        })
    }

    /// The passes that the terms add to a step, each partner drawn once.
    pub fn passes(&self) -> Vec<ExtraPass> {
        let mut passes = Vec::new();
        for (i, group) in self.groups.iter().enumerate() {
            let names = group.terms.iter().map(|t| self.terms[*t].name.clone()).collect();
            let sites = group.terms.iter().filter_map(|t| self.terms[*t].site());
            let used = self.use_of(&group.terms);
            // A latent's partner that the critic has seen is already a picture.
            let made = self.groups[..i].iter().chain(&self.groups[i + 1..]).any(|other| {
                group.player == Some(Player::Generator)
                    && other.player == Some(Player::Critic)
                    && other.input == group.input
                    && other.pairing.identity() == group.pairing.identity()
                    && self.same_turns(&other.terms, &group.terms)
            });
            passes.extend(costs(group, sites.collect(), used, made, names));
        }
        for term in &self.terms {
            passes.extend(gradient_cost(term));
        }
        if let Some(name) = self.follower() {
            passes.push(ExtraPass {
                network: Player::Critic,
                sees: "held-out pictures".to_owned(),
                forward: 1.0 / overfitting::INTERVAL as f64,
                backward: 0.0,
                terms: vec![name.to_owned()],
            });
        }
        passes
    }

    /// The passes that the terms would add if each made its own.
    pub fn passes_unshared(&self) -> Vec<ExtraPass> {
        let alone = |term: &Term| Plan::new(vec![term.clone()]).passes();
        self.terms.iter().flat_map(alone).collect()
    }

    /// The share of the batch that a pass for `terms` covers, averaged over steps.
    fn use_of(&self, terms: &[usize]) -> f64 {
        let cycle = self.cycle(terms);
        let at = |step: u64| {
            let due =
                terms.iter().map(|i| &self.terms[*i]).filter(|t| step.is_multiple_of(t.every));
            due.map(|term| term.share).fold(0.0, f64::max)
        };
        (0..cycle).map(at).sum::<f64>() / cycle as f64
    }

    /// Whether two sets of terms ask for passes of the same size in the same steps.
    fn same_turns(&self, a: &[usize], b: &[usize]) -> bool {
        let share = |terms: &[usize], step: u64| {
            let due =
                terms.iter().map(|i| &self.terms[*i]).filter(|t| step.is_multiple_of(t.every));
            due.map(|term| term.share).fold(0.0, f64::max)
        };
        let cycle = self.cycle(&[a, b].concat());
        (0..cycle).all(|step| share(a, step) == share(b, step))
    }

    /// Steps after which turns repeat.
    fn cycle(&self, terms: &[usize]) -> u64 {
        let gcd = |mut a: u64, mut b: u64| {
            while b > 0 {
                (a, b) = (b, a % b);
            }
            a
        };
        let lcm = |a: u64, b: u64| a / gcd(a, b) * b;
        terms.iter().fold(1, |all, i| lcm(all, self.terms[*i].every).min(LONGEST_CYCLE))
    }
}

/// What the pass of one group costs.
fn costs(
    group: &Group,
    sites: Vec<Site>,
    used: f64,
    made: bool,
    terms: Vec<String>,
) -> Vec<ExtraPass> {
    // The critic's randomness is behind its last features, which are there already.
    let same_input = group.pairing.partner_input() == PartnerInput::Same;
    let runs = group.pairing.extra_pass() && !same_input;
    let Some(player) = group.player.filter(|_| runs) else { return vec![] };
    let name = group.pairing.name();
    let sees = match (name, group.input) {
        ("fresh", input) => format!("additional {input}"),
        (name, input) => format!("{input} through `{name}`"),
    };
    let pass = |network, forward: f64, backward: f64, sees: &str| ExtraPass {
        network,
        sees: sees.to_owned(),
        forward: forward * used,
        backward: backward * used,
        terms: terms.clone(),
    };
    let mut passes = Vec::new();
    let teacher = group.pairing.needs_teacher();
    if teacher {
        passes.push(pass(Player::Critic, 1.0, 0.0, &format!("{}, teacher", group.input)));
    }
    match (player, group.input) {
        (Player::Critic, input) => {
            // Pictures of latents, and further generated ones, have to be made first.
            if input == Input::Latent || (input == Input::Fake && group.pairing.needs_fresh()) {
                passes.push(pass(Player::Generator, 1.0, 0.0, &sees));
            }
            passes.push(pass(Player::Critic, 1.0, 2.0, &sees));
        }
        (Player::Generator, _) => {
            passes.push(pass(Player::Generator, if made { 0.0 } else { 1.0 }, 2.0, &sees));
            if sites.contains(&Site::ImageFeatures) {
                passes.push(pass(Player::Critic, 1.0, 1.0, &format!("pictures of {sees}")));
            }
        }
    }
    passes
}

/// The gradient of a score runs backwards through the critic once, and its derivative twice more.
fn gradient_cost(term: &Term) -> Option<ExtraPass> {
    let Body::Gradient(penalty) = &term.body else { return None };
    let used = term.share / term.every as f64;
    let (masks, sees) = match penalty.point {
        Point::Real => (0.0, "real pictures, backward"),
        Point::Fake => (0.0, "generated pictures, backward"),
        Point::Between => (1.0, "pictures between real and generated, forward and backward"),
    };
    Some(ExtraPass {
        network: Player::Critic,
        sees: sees.to_owned(),
        forward: masks * used,
        backward: 3.0 * used,
        terms: vec![term.name.clone()],
    })
}
