//! Every term of the registry, and compositions of every part, evaluated on small players: what must hold
//! of all of them, and how a plan counts them.

use crate::golden::{floats, relative_error};
use crate::players::{LATENTS, Players, noise, shapes};
use burn::tensor::Tensor;
use proptest::prelude::*;
use rand::Rng;
use softreg::Composition;
use softreg::knob::Scale;
use softreg::memory::Memory;
use softreg::pairing::{Pairing, PairingError, Partners, Samples};
use softreg::plan::{Plan, PlanError};
use softreg::registry::{Entry, REGULARIZERS};
use softreg::scene::rows;
use softreg::setting::{SettingKind, Value};
use softreg::site::Player;
use softreg::spec::{self, Spec};
use softreg::term::{Body, Term};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every term that a regularizer has with its defaults, and with each other word of a choice. What
/// begins later begins at once here.
pub(crate) fn terms(entry: &Entry) -> Vec<Term> {
    let bare = || Spec { weight: None, settings: BTreeMap::new() };
    let mut specs = vec![bare()];
    for setting in entry.settings {
        if let SettingKind::Choice { of, .. } = setting.kind {
            specs.extend(of.iter().map(|word| {
                let value = Value::Text((*word).to_owned());
                Spec { settings: [(setting.name.to_owned(), value)].into(), ..bare() }
            }));
        }
    }
    let constant = Value::Text("constant".to_owned());
    specs
        .into_iter()
        .flat_map(|mut spec| {
            spec.settings.insert("schedule".to_owned(), constant.clone());
            spec::check(entry.name, &spec).unwrap().terms(&Scale::REFERENCE).unwrap()
        })
        .collect()
}

/// Compositions of every pairing, distance, aim and site at least once.
const COMPOSED: &[&str] = &[
    "again(dropout=0.3) bernoulli attract fake",
    "again(dropout=0.2,modulation=0.3) huber attract real",
    "again(modulation=0.3) l1 attract real",
    "augment huber attract fake-features",
    "fresh l1 repel image",
    "fresh l2 margin image-features",
    "fresh l2 attract real",
    "mix huber attract fake",
    "noise(0.05) l2 slope real",
    "noise(0.05) cosine attract real-features",
    "noise(0.05) l1 diversify image",
    "noise(0.05) l2 attract latent-score",
    "noise(0.05) l2 spread image-features",
    "past(of=fake) above attract real",
    "past(of=real) below attract fake",
    "shuffle l2 attract latent-score",
    "shuffle l2 slope real",
];

fn composed(text: &str) -> Vec<Term> {
    let (name, spec) = spec::parse(text).unwrap();
    spec::check(&name, &spec).unwrap().terms(&Scale::REFERENCE).unwrap()
}

/// All that can be evaluated: spectral normalisation changes weights, and has no value.
fn all_terms() -> Vec<Term> {
    let registered = REGULARIZERS.iter().flat_map(terms);
    let all = registered.chain(COMPOSED.iter().flat_map(|text| composed(text)));
    all.filter(|term| !matches!(term.body, Body::Spectral)).collect()
}

/// Whether the value falls below 0 for what is wanted, instead of rising above 0 for what is not.
fn rewards(term: &Term) -> bool {
    let aim = term.body.composition().map_or("", |composition| composition.aim.name());
    matches!(aim, "diversify" | "spread")
}

fn finite(values: &[f32]) -> bool {
    values.iter().all(|v| v.is_finite())
}

#[test]
fn every_choice_is_among_the_compositions() {
    let terms = all_terms();
    let compositions = || terms.iter().filter_map(|term| term.body.composition());
    let missing = |names: Vec<&'static str>, of: fn(&Composition) -> &'static str| {
        let found: Vec<_> = compositions().map(of).collect();
        names.into_iter().filter(|name| !found.contains(name)).collect::<Vec<_>>()
    };
    let pairings = softreg::pairing::PAIRINGS.iter().map(|p| p.name).collect();
    assert!(missing(pairings, |c| c.pairing.name()).is_empty());
    let aims = softreg::aim::AIMS.iter().map(|p| p.name).collect();
    assert!(missing(aims, |c| c.aim.name()).is_empty());
    // A critic has no logits of classes, and no other output than these.
    let distances = softreg::distance::DISTANCES.iter().map(|p| p.name).collect();
    assert_eq!(missing(distances, |c| c.distance.name()), ["jensen-shannon", "kl"]);
    let sites = softreg::site::SITES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(missing(sites, |c| c.site.name()), ["output"]);
}

/// Every composition that is let through, of all that can be written down, compares something and moves its player.
#[test]
fn no_composition_that_is_let_through_is_idle() {
    let players: Vec<Players> = (0..3).map(|seed| Players::new([6, 3, 4, 5], seed)).collect();
    let (mut asked, mut idle) = (0, Vec::new());
    let pairings = softreg::pairing::PAIRINGS.iter().map(|part| match part.name {
        "again" => "again(dropout=0.3)".to_owned(),
        name => name.to_owned(),
    });
    let pairings: Vec<String> = pairings.chain(["past(of=fake)".to_owned()]).collect();
    for pairing in &pairings {
        for distance in softreg::distance::DISTANCES {
            for aim in softreg::aim::AIMS {
                for (site, ..) in softreg::site::SITES {
                    let text = format!("{pairing} {} {} {site}", distance.name, aim.name);
                    let (name, spec) = spec::parse(&text).unwrap();
                    let Ok(checked) = spec::check(&name, &spec) else { continue };
                    let [term] = checked.terms(&Scale::REFERENCE).unwrap().try_into().unwrap();
                    if term.body.player().is_none() {
                        continue;
                    }
                    asked += 1;
                    let moves = |players: &Players| {
                        let gradients = players.value(&term).unwrap().backward();
                        let found = players.gradients(&gradients);
                        found.into_iter().flatten().flatten().any(|gradient| gradient != 0.0)
                    };
                    if !players.iter().any(moves) {
                        idle.push(text);
                    }
                }
            }
        }
    }
    assert!(asked > 500 && idle.is_empty(), "{asked} asked, idle: {idle:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_term_is_finite_and_reaches_its_player_alone(shape in shapes(2), seed in 0u64..1 << 32) {
        let players = Players::new(shape, seed);
        for term in all_terms() {
            let value = players.value(&term).unwrap();
            let gradients = value.backward();
            let value = floats(value);
            prop_assert!(value.len() == 1 && finite(&value), "{}: {value:?}", term.name);
            match rewards(&term) {
                true => prop_assert!(value[0] <= 0.0, "{}: {value:?}", term.name),
                false => prop_assert!(value[0] >= 0.0, "{}: {value:?}", term.name),
            }
            let [critic, generator] = players.gradients(&gradients);
            let (reached, spared) = match term.body.player().expect("it has a player") {
                Player::Critic => (critic, generator),
                Player::Generator => (generator, critic),
            };
            prop_assert!(spared.is_none(), "{} reached the other player", term.name);
            let reached = reached.expect("its own player has a gradient");
            prop_assert!(finite(&reached), "{}: {reached:?}", term.name);
            // A lone pixel may not move at all; otherwise every term has something to say, and what is
            // satisfied is silent.
            let satisfied = value[0] == 0.0;
            if !satisfied && shape[2] > 1 && shape[3] > 1 {
                prop_assert!(reached.iter().any(|g| *g != 0.0), "{} says nothing", term.name);
            }
        }
    }

    #[test]
    fn collapsed_players_have_finite_gradients(shape in shapes(2)) {
        let players = Players::collapsed(shape);
        for term in all_terms() {
            let value = players.value(&term).unwrap();
            let gradients = value.backward();
            prop_assert!(finite(&floats(value)), "{}", term.name);
            for gradient in players.gradients(&gradients) {
                let gradient = gradient.unwrap_or_default();
                prop_assert!(finite(&gradient), "{}: {gradient:?}", term.name);
            }
        }
    }

    #[test]
    fn same_seed_same_value(shape in shapes(2), seed in 0u64..1 << 32) {
        let value = |term: &Term| floats(Players::new(shape, seed).value(term).unwrap());
        for term in all_terms() {
            prop_assert_eq!(value(&term), value(&term), "{}", term.name);
        }
    }

    /// Together every term has the value that it has alone, whoever shares a pass with it.
    #[test]
    fn sharing_changes_no_value(shape in shapes(2), seed in 0u64..1 << 32) {
        let players = Players::new(shape, seed);
        // Different randomness in one critic would be two critics.
        let of_network = |t: &Term| t.body.composition().is_some_and(|c| c.pairing.perturbation().is_some());
        let terms: Vec<Term> = all_terms().into_iter().filter(|term| !of_network(term)).collect();
        let (together, _) = players.evaluate(&Plan::new(terms.clone()), 0).unwrap();
        prop_assert_eq!(together.len(), terms.len());
        for (i, weight, raw) in together {
            prop_assert_eq!(weight, terms[i].weight);
            let alone = floats(players.value(&terms[i]).unwrap());
            prop_assert_eq!(floats(raw), alone, "{}", &terms[i].name);
        }
    }

    /// Partners that are decided beforehand: in whatever order the batch comes, the value is the same.
    #[test]
    fn the_order_of_the_batch_does_not_matter(
        (shape, order) in shapes(2).prop_flat_map(|shape| {
            (Just(shape), Just((0..shape[0]).collect::<Vec<_>>()).prop_shuffle())
        }),
        seed in 0u64..1 << 32,
    ) {
        let players = Players::new(shape, seed);
        let mut moved = Players::new(shape, seed);
        moved.real = reorder(&players.real, &order);
        moved.latents = reorder(&players.latents, &order);
        for term in all_terms() {
            // Masks, mixtures and second draws belong to rows.
            let Some(composition) = term.body.composition() else {
                let of = |players: &Players| floats(players.value(&term).unwrap());
                if term.name != "wgan-gp" {
                    prop_assert!(relative_error(&of(&moved), &of(&players)) < 1e-4, "{}", term.name);
                }
                continue;
            };
            if ["again", "fresh", "mix"].contains(&composition.pairing.name()) {
                continue;
            }
            let given = |rows: Vec<usize>| {
                let pairing: Arc<dyn Pairing> = match composition.pairing.anchor() {
                    Some(_) => composition.pairing.clone(),
                    None => Arc::new(Given(rows)),
                };
                Term { body: Body::Soft(Composition { pairing, ..composition.clone() }), ..term.clone() }
            };
            // Sample i is paired with the next one; in the other order that one stands elsewhere.
            let n = shape[0];
            let place = |row: usize| order.iter().position(|r| *r == row).unwrap();
            let next: Vec<usize> = (0..n).map(|i| (i + 1) % n).collect();
            let elsewhere = order.iter().map(|row| place((row + 1) % n)).collect();
            let there = floats(players.value(&given(next)).unwrap());
            let here = floats(moved.value(&given(elsewhere)).unwrap());
            prop_assert!(relative_error(&here, &there) < 1e-4, "{}: {here:?} {there:?}", term.name);
        }
    }

    /// A partner that equals its sample pulls nowhere.
    #[test]
    fn a_partner_that_equals_its_sample_attracts_no_further(
        shape in shapes(2),
        seed in 0u64..1 << 32,
    ) {
        let players = Players::new(shape, seed);
        let mut asked = 0;
        for term in all_terms() {
            let Some(composition) = term.body.composition() else { continue };
            let comparable = !["mix", "past"].contains(&composition.pairing.name());
            if composition.aim.name() != "attract" || !comparable {
                continue;
            }
            asked += 1;
            let pairing: Arc<dyn Pairing> = Arc::new(Given((0..shape[0]).collect()));
            let body = Body::Soft(Composition { pairing, ..composition.clone() });
            let value = players.value(&Term { body, ..term.clone() }).unwrap();
            let gradients = value.backward();
            prop_assert_eq!(floats(value), vec![0.0], "{}", &term.name);
            for gradient in players.gradients(&gradients).into_iter().flatten() {
                prop_assert!(gradient.iter().all(|g| *g == 0.0), "{}: {gradient:?}", term.name);
            }
        }
        prop_assert!(asked > 5);
    }

    /// A term with a share looks at the first rows, and at no others.
    #[test]
    fn a_share_of_the_batch_is_its_first_rows(seed in 0u64..1 << 32) {
        let shape = [8, 3, 4, 5];
        let players = Players::new(shape, seed);
        let mut others = Players::new(shape, seed);
        let pictures = [players.real.clone().narrow(0, 0, 4), noise([4, 3, 4, 5], seed + 99)];
        others.real = Tensor::cat(pictures.to_vec(), 0);
        let latents = [players.latents.clone().narrow(0, 0, 4), noise([4, LATENTS], seed + 98)];
        others.latents = Tensor::cat(latents.to_vec(), 0);
        for term in all_terms() {
            if matches!(term.body, Body::Weights { .. }) {
                continue;
            }
            let half = Term { share: 0.5, ..term.clone() };
            prop_assert_eq!(half.rows(8), 4);
            let value = |players: &Players, term: &Term| floats(players.value(term).unwrap());
            prop_assert_eq!(value(&players, &half), value(&others, &half), "{}", &term.name);
            // What looks to one side only may find nothing in the rows that differ.
            let one_sided = |c: &Composition| !c.distance.symmetric() || c.aim.name() == "margin";
            if term.body.composition().is_some_and(one_sided) {
                continue;
            }
            prop_assert!(value(&players, &term) != value(&others, &term), "{}", term.name);
        }
    }
}

fn reorder<const D: usize>(x: &Tensor<D>, order: &[usize]) -> Tensor<D> {
    let rows = order.iter().map(|row| x.clone().narrow(0, *row, 1)).collect();
    Tensor::cat(rows, 0)
}

/// Sample `i` is paired with this row of the batch.
#[derive(Clone, Debug)]
struct Given(Vec<usize>);

impl Pairing for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn extra_pass(&self) -> bool {
        false
    }

    fn draw(&self, samples: &Samples<'_>, _rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        let samples = (0..samples.shape[0]).collect();
        Ok(Partners::InBatch { samples, partners: self.0.clone() })
    }
}

#[test]
fn terms_that_need_the_same_partner_share_its_pass() {
    let players = Players::new([4, 3, 4, 5], 1);
    let passes = |texts: &[&str]| {
        let terms = texts.iter().flat_map(|text| composed(text)).collect();
        players.evaluate(&Plan::new(terms), 0).unwrap().1.len()
    };
    assert_eq!(passes(&["consistency"]), 1);
    assert_eq!(passes(&["balanced"]), 2);
    assert_eq!(passes(&["consistency", "balanced"]), 2, "the real half is the same");
    let features = "augment l1 attract real-features";
    assert_eq!(passes(&["consistency", "balanced", features]), 2, "whatever is read off");
    assert_eq!(passes(&["consistency", "augment(0.25) l2 attract real"]), 2, "other settings");
    assert_eq!(passes(&["slope-real", "noise(0.01) l1 attract real"]), 1);
    assert_eq!(passes(&["slope-real", "slope-fake"]), 2);
    assert_eq!(passes(&["pair", "mode-seeking", "lecam,start=0", "l2", "r1"]), 0);
    assert_eq!(passes(&["latent"]), 2, "one of each player");
}

#[test]
fn lazy_terms_weigh_more_in_their_turn_and_rest_otherwise() {
    let players = Players::new([4, 3, 4, 5], 2);
    let lazy = composed("consistency=3,every=4");
    let plan = Plan::new([lazy, composed("pair=1")].concat());
    for step in 0..9 {
        let (values, _) = players.evaluate(&plan, step).unwrap();
        let weights: Vec<_> = values.iter().map(|(term, weight, _)| (*term, *weight)).collect();
        match step % 4 {
            0 => assert_eq!(weights, [(0, 12.0), (1, 1.0)]),
            _ => assert_eq!(weights, [(1, 1.0)]),
        }
    }
    // A schedule that is at 0 costs nothing.
    let late = Plan::new(composed("consistency=3,schedule=warm-up,start=5"));
    for step in 0..7 {
        let (values, passes) = players.evaluate(&late, step).unwrap();
        assert_eq!((values.len(), passes.len()), if step < 5 { (0, 0) } else { (1, 1) });
    }
    let ramp = Plan::new(composed("consistency=2,schedule=linear,ramp=10"));
    assert_eq!(players.evaluate(&ramp, 5).unwrap().0[0].1, 1.0);
}

/// The literal definition: over all pairs, the mean square distance is twice the variance.
#[test]
fn the_literal_penalty_is_twice_the_variance() {
    let players = Players::new([6, 3, 4, 5], 3);
    let pictures = rows(players.generator.generate(players.latents.clone(), players.shape));
    let mean = pictures.clone().mean_dim(0);
    let variance: f32 = (pictures - mean).square().mean().into_scalar();
    let [pair] = composed("pair,site=image").try_into().unwrap();
    let composition = pair.body.composition().unwrap();
    // Every shift of the batch against itself: all pairs, a sample with itself included.
    let of_shift = |shift: usize| {
        let pairing: Arc<dyn Pairing> = Arc::new(Given((0..6).map(|i| (i + shift) % 6).collect()));
        let body = Body::Soft(Composition { pairing, ..composition.clone() });
        floats(players.value(&Term { body, ..pair.clone() }).unwrap())[0]
    };
    let over_all = (0..6).map(of_shift).sum::<f32>() / 6.0;
    assert!((over_all - 2.0 * variance).abs() < 1e-6, "{over_all} {variance}");
}

#[test]
fn a_past_that_has_not_been_has_no_say() {
    let mut players = Players::new([4, 3, 4, 5], 4);
    players.memory = Memory::default();
    let (values, _) = players.evaluate(&Plan::new(composed("lecam,start=0")), 3).unwrap();
    assert!(values.is_empty());
}

#[test]
fn a_lone_sample_has_no_partner_in_its_batch() {
    let players = Players::new([1, 3, 4, 5], 3);
    let mut refused = 0;
    for term in all_terms() {
        let in_batch = term.body.composition().is_some_and(|c| c.pairing.name() == "shuffle");
        match players.value(&term) {
            Ok(value) => assert!(!in_batch && finite(&floats(value)), "{}", term.name),
            Err(error) => {
                assert!(in_batch, "{error}");
                let source = PairingError::NoPartner { pairing: "shuffle", batch: 1 };
                assert_eq!(error, PlanError { name: term.name.clone(), source });
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "no registered term draws partners from the batch");
}

/// Equal pictures have no slope between them.
#[test]
fn a_batch_of_equal_samples_has_no_slope() {
    let mut players = Players::new([4, 3, 4, 5], 5);
    players.real = players.real.clone().narrow(0, 0, 1).repeat_dim(0, 4);
    let [slope] = composed("shuffle l2 slope real name=slope").try_into().unwrap();
    let error = players.value(&slope).unwrap_err();
    assert_eq!(error.source, PairingError::Coincide { pairing: "shuffle", aim: "slope" });
    assert!(error.to_string().contains("regularizer `slope`"), "{error}");
    // What attracts may have nothing to do, and says so by 0.
    let [pair] = composed("pair").try_into().unwrap();
    assert_eq!(floats(players.value(&pair).unwrap()), [0.0]);
}
