//! Properties that every entry of every registry must have, whoever added it.

use crate::golden::{floats, relative_error};
use crate::players::{noise, shapes};
use burn::tensor::{Device, Tensor};
use proptest::prelude::*;
use rand::RngExt;
use softreg::adversarial::{self, LOSSES};
use softreg::aim::{AIMS, Aim, Diversify, Slope};
use softreg::augment::{AUGMENTATIONS, Policy};
use softreg::distance::{
    Above, Below, Cosine, DISTANCES, Distance, FeatureSpace, JensenShannon, Kl, L1, PerPosition,
    SquaredL2,
};
use softreg::pairing::{PAIRINGS, PairingError, Partners, Samples};
use softreg::registry::{self, Kind, REGULARIZERS};
use softreg::schedule::SCHEDULES;
use softreg::site::{SITES, Site};
use softreg::term::Body;
use softreg::{Batch, Composition, Purpose, Seed};
use std::sync::Arc;

/// All distances with their default settings.
fn distances() -> impl Iterator<Item = Arc<dyn Distance>> + Clone {
    DISTANCES.iter().map(|part| part.with_defaults())
}

/// All aims with their default settings.
fn aims() -> impl Iterator<Item = Arc<dyn Aim>> + Clone {
    AIMS.iter().map(|part| part.with_defaults())
}

fn assert_sorted_and_unique(registry: &str, names: Vec<&str>) {
    assert!(names.is_sorted_by(|a, b| a < b), "{registry}: {names:?}");
    for name in names {
        let lower_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!name.is_empty() && name.chars().all(lower_kebab), "{registry}: `{name}`");
    }
}

#[test]
fn names_are_sorted_and_unique() {
    assert_sorted_and_unique("REGULARIZERS", REGULARIZERS.iter().map(|e| e.name).collect());
    for entry in REGULARIZERS {
        assert_sorted_and_unique(entry.name, entry.settings.iter().map(|s| s.name).collect());
    }
    assert_sorted_and_unique("DISTANCES", DISTANCES.iter().map(|d| d.name).collect());
    assert_sorted_and_unique("AIMS", AIMS.iter().map(|a| a.name).collect());
    assert_sorted_and_unique("PAIRINGS", PAIRINGS.iter().map(|p| p.name).collect());
    assert_sorted_and_unique("SCHEDULES", SCHEDULES.iter().map(|s| s.name).collect());
    assert_sorted_and_unique("LOSSES", LOSSES.iter().map(|l| l.name()).collect());
    assert_sorted_and_unique("SITES", SITES.iter().map(|(name, ..)| *name).collect());
    // Augmentations stand in the order in which they are applied.
    let mut augmentations: Vec<_> = AUGMENTATIONS.iter().map(|a| a.name()).collect();
    augmentations.sort_unstable();
    assert_sorted_and_unique("AUGMENTATIONS", augmentations);
}

#[test]
fn every_entry_explains_itself() {
    let mut texts = vec![];
    for entry in REGULARIZERS {
        texts.extend([entry.summary, entry.formula, entry.source, entry.about]);
        assert!(entry.about.len() > 80 && !entry.about.contains("TODO"), "{}", entry.name);
        texts.extend(entry.settings.iter().map(|setting| setting.summary));
    }
    texts.extend(LOSSES.iter().flat_map(|loss| [loss.formula(), loss.source()]));
    texts.extend(DISTANCES.iter().map(|distance| distance.formula));
    texts.extend(AIMS.iter().map(|aim| aim.formula));
    texts.extend(PAIRINGS.iter().map(|pairing| pairing.formula));
    texts.extend(AUGMENTATIONS.iter().map(|augmentation| augmentation.summary()));
    texts.extend(SITES.iter().map(|(.., meaning)| *meaning));
    assert!(
        texts.iter().all(|text| text.len() > 3 && text.trim() == *text && !text.contains("  ")),
        "{texts:?}"
    );
}

#[test]
fn names_lead_back_to_their_entries() {
    assert!(DISTANCES.iter().all(|part| part.with_defaults().name() == part.name));
    assert!(AIMS.iter().all(|part| part.with_defaults().name() == part.name));
    assert!(PAIRINGS.iter().all(|part| part.with_defaults().name() == part.name));
    assert!(SCHEDULES.iter().all(|part| part.with_defaults().name() == part.name));
    assert!(REGULARIZERS.iter().all(|e| registry::named(e.name).unwrap().name == e.name));
    for loss in LOSSES {
        assert_eq!(adversarial::named(loss.name()).unwrap().name(), loss.name());
    }
    for (name, site, _) in SITES {
        assert_eq!((Site::named(name), site.name()), (Some(*site), *name));
    }
    assert!(adversarial::named("Logistic").is_none() && Site::named("").is_none());
}

/// What is soft compares outputs, and what is hard does not.
#[test]
fn kinds_are_told_as_they_are() {
    for entry in REGULARIZERS {
        for term in entry.plan().terms() {
            let soft = matches!(term.body, Body::Soft(_));
            assert_eq!(soft, entry.kind == Kind::Soft, "{}", entry.name);
        }
    }
}

/// Passes forwards and backwards, in words.
#[test]
fn passes_are_told_as_they_are() {
    for (name, expected) in [
        ("balanced", "6 critic"),
        ("consistency", "3 critic"),
        ("dropout", "none"),
        ("interpolation", "4 critic"),
        ("l2", "none"),
        // The generator's picture of a noisy latent is made once, and its gradient is its own.
        ("latent", "3 critic + 3 generator"),
        ("lecam", "none"),
        ("mode-seeking", "none"),
        ("r1", "3 critic"),
        ("wgan-gp", "4 critic"),
    ] {
        assert_eq!(registry::named(name).unwrap().passes(), expected, "{name}");
    }
}

/// Distances `[n]` of a random batch of pairs, positive.
fn distances_of(n: usize, seed: u64) -> Tensor<1> {
    noise([n], seed).abs().add_scalar(0.01)
}

/// Equal but for rounding, in single precision, of numbers of order 1.
fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 + 1e-5 * b.abs())
}

fn reordered(values: &Tensor<1>, order: &[usize]) -> Tensor<1> {
    let values = floats(values.clone());
    let values: Vec<f32> = order.iter().map(|i| values[*i]).collect();
    Tensor::from_floats(values.as_slice(), &Device::flex())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn aims_do_not_depend_on_the_order_of_the_pairs(
        order in (2usize..=9).prop_flat_map(|n| Just((0..n).collect::<Vec<_>>()).prop_shuffle()),
        seed in 0u64..1 << 32,
    ) {
        let (outputs, inputs) = (distances_of(order.len(), seed), distances_of(order.len(), seed + 1));
        for aim in aims() {
            let value = floats(aim.value(outputs.clone(), Some(inputs.clone())));
            let inputs = reordered(&inputs, &order);
            let again = floats(aim.value(reordered(&outputs, &order), Some(inputs)));
            prop_assert!(relative_error(&again, &value) < 1e-5, "{}", aim.name());
        }
    }

    #[test]
    fn aims_pull_in_one_direction(n in 2usize..=9, seed in 0u64..1 << 32) {
        // Within every margin and below every bound: beyond them an aim has nothing to say.
        let inputs = distances_of(n, seed + 1).add_scalar(0.2);
        for aim in aims() {
            let outputs = distances_of(n, seed).mul_scalar(0.9).require_grad();
            let value = aim.value(outputs.clone(), Some(inputs.clone()));
            let gradient = floats(outputs.grad(&value.backward()).unwrap());
            let apart = match aim.name() {
                "attract" | "slope" => false,
                "diversify" | "margin" | "repel" | "spread" => true,
                other => panic!("say whether `{other}` drives outputs apart"),
            };
            let right = |g: &f32| if apart { *g <= 0.0 } else { *g >= 0.0 };
            prop_assert!(gradient.iter().all(right), "{}: {gradient:?}", aim.name());
            prop_assert!(gradient.iter().any(|g| *g != 0.0), "{} is mute", aim.name());
        }
    }

    /// What coincides on the side of the inputs neither asks for anything nor hides the others.
    #[test]
    fn ratios_leave_out_equal_inputs(n in 2usize..=9, seed in 0u64..1 << 32) {
        let outputs = distances_of(n, seed);
        let mut inputs = floats(distances_of(n, seed + 1));
        inputs[0] = 0.0;
        let ratios = floats(outputs.clone()).into_iter().zip(&inputs).skip(1).map(|(o, i)| o / i);
        let expected = ratios.sum::<f32>() / n as f32;
        let outputs = outputs.require_grad();
        for (aim, sign) in [(&Slope as &dyn Aim, 1.0), (&Diversify { tau: 1e6 }, -1.0)] {
            let inputs = Tensor::from_floats(inputs.as_slice(), &outputs.device());
            let value = aim.value(outputs.clone(), Some(inputs));
            let gradient = floats(outputs.grad(&value.backward()).unwrap());
            prop_assert!(relative_error(&floats(value), &[sign * expected]) < 1e-5);
            prop_assert!(gradient[0] == 0.0 && gradient[1..].iter().all(|g| *g != 0.0));
        }
    }

    #[test]
    fn directions_have_no_length_and_probabilities_no_offset(
        n in 1usize..=9,
        features in 2usize..=40,
        seed in 0u64..1 << 32,
    ) {
        let (a, b) = (noise([n, features], seed), noise([n, features], seed + 1));
        let same = |distance: &dyn Distance, changed: Tensor<2>| {
            let there = floats(distance.per_pair(a.clone(), b.clone()));
            close(&floats(distance.per_pair(changed, b.clone())), &there)
        };
        prop_assert!(same(&Cosine, a.clone().mul_scalar(37.0)));
        prop_assert!(same(&Cosine, a.clone().mul_scalar(1e-3)));
        prop_assert!(same(&Kl, a.clone().add_scalar(3.0)));
        prop_assert!(same(&JensenShannon, a.clone().sub_scalar(3.0)));
    }

    #[test]
    fn divergences_stay_within_their_bounds(scale in -3f32..5.0, seed in 0u64..1 << 32) {
        // Logits from a thousandth to a hundred thousand.
        let logits = |seed| noise::<2>([5, 6], seed).mul_scalar(10f32.powf(scale)).require_grad();
        let (a, b) = (logits(seed), logits(seed + 1));
        for distance in [&Kl as &dyn Distance, &JensenShannon] {
            let value = distance.per_pair(a.clone(), b.clone());
            let gradient = floats(a.grad(&value.clone().sum().backward()).unwrap());
            let value = floats(value);
            let bound = match distance.name() {
                "jensen-shannon" => std::f32::consts::LN_2 * 1.000_001,
                _ => f32::MAX,
            };
            prop_assert!(value.iter().all(|d| (0.0..=bound).contains(d)), "{value:?}");
            prop_assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
        }
    }

    #[test]
    fn distances_are_distances(n in 1usize..=9, features in 1usize..=40, seed in 0u64..1 << 32) {
        for distance in distances() {
            let features = features.max(distance.min_features());
            let (a, b) = (noise([n, features], seed), noise([n, features], seed + 1));
            let there = distance.per_pair(a.clone(), b.clone());
            prop_assert_eq!(there.dims(), [n]);
            let there = floats(there);
            let back = floats(distance.per_pair(b.clone(), a.clone()));
            if distance.symmetric() {
                prop_assert!(there.iter().all(|d| *d > 0.0), "{}", distance.name());
                prop_assert!(relative_error(&back, &there) < 1e-6, "{} is lopsided", distance.name());
            } else {
                // One side or the other sees every pair.
                let both: Vec<f32> = there.iter().zip(&back).map(|(a, b)| a + b).collect();
                prop_assert!(there.iter().chain(&back).all(|d| *d >= 0.0));
                prop_assert!(both.iter().all(|d| *d > 0.0), "{}", distance.name());
            }
            // λ means the same at every resolution: features that are repeated change nothing.
            let wide = |x: &Tensor<2>| x.clone().repeat_dim(1, 3);
            let wider = floats(distance.per_pair(wide(&a), wide(&b)));
            prop_assert!(close(&wider, &there), "{}: {wider:?}, {there:?}", distance.name());
            // With fewer features than it needs, there is nothing to tell outputs apart by.
            for features in 1..distance.min_features() {
                let (a, b) = (noise([n, features], seed).abs(), noise([n, features], seed + 1).abs());
                let lone = floats(distance.per_pair(a, b));
                prop_assert!(lone.iter().all(|d| *d == 0.0), "{}: {lone:?}", distance.name());
            }
        }
    }

    /// What is read where it lies is what is taken out first.
    #[test]
    fn distances_within_a_batch_are_those_of_its_rows(
        n in 2usize..=9,
        features in 1usize..=20,
        pairs in prop::collection::vec((0usize..60, 0usize..60), 1..12),
        seed in 0u64..1 << 32,
    ) {
        let pairs: Vec<[usize; 2]> = pairs.iter().map(|(a, b)| [a % n, b % n]).collect();
        let squared = || FeatureSpace::new(|x| x.square(), L1);
        let made: [Arc<dyn Distance>; 2] = [Arc::new(squared()), Arc::new(PerPosition::new(2, L1))];
        for distance in distances().chain(made) {
            let x = noise([n, 2 * features.max(distance.min_features())], seed).require_grad();
            let factor = noise::<1>([pairs.len()], seed + 1);
            let run = |value: Tensor<1>| {
                let gradients = (value.clone() * factor.clone()).sum().backward();
                [floats(value), floats(x.grad(&gradients).unwrap())]
            };
            let within = run(distance.within(x.clone(), &pairs));
            let rows = |side: usize| {
                let rows = pairs.iter().map(|pair| x.clone().narrow(0, pair[side], 1));
                Tensor::cat(rows.collect(), 0)
            };
            let apart = run(distance.per_pair(rows(0), rows(1)));
            for (within, apart) in within.iter().zip(&apart) {
                prop_assert!(close(within, apart), "{}: {within:?}, {apart:?}", distance.name());
            }
        }
    }

    #[test]
    fn equal_outputs_attract_no_further(n in 1usize..=9, features in 1usize..=40, seed in 0u64..1 << 32) {
        for distance in distances() {
            let a = noise([n, features], seed).require_grad();
            let b = noise([n, features], seed).require_grad();
            let attract = aims().find(|aim| aim.name() == "attract").unwrap();
            let value = attract.value(distance.per_pair(a.clone(), b.clone()), None);
            let gradients = value.backward();
            prop_assert_eq!(floats(value), vec![0.0]);
            for leaf in [a, b] {
                let gradient = floats(leaf.grad(&gradients).unwrap());
                prop_assert!(gradient.iter().all(|g| *g == 0.0), "{}: {gradient:?}", distance.name());
            }
        }
    }

    #[test]
    fn equal_outputs_or_inputs_leave_every_aim_finite(n in 1usize..=9, seed in 0u64..1 << 32) {
        for (aim, distance) in aims().flat_map(|a| distances().map(move |d| (a.clone(), d))) {
            for (equal_outputs, equal_inputs) in [(true, false), (false, true), (true, true)] {
                let rows = |equal, seed| {
                    let a = noise([n, 6], seed).require_grad();
                    let b = noise([n, 6], if equal { seed } else { seed + 1 });
                    (a.clone(), distance.per_pair(a, b))
                };
                let (y, outputs) = rows(equal_outputs, seed);
                let (x, inputs) = rows(equal_inputs, seed + 2);
                let value = aim.value(outputs, Some(inputs));
                let gradients = value.backward();
                let mut numbers = floats(value);
                numbers.extend(floats(y.grad(&gradients).unwrap()));
                numbers.extend(x.grad(&gradients).map(floats).into_iter().flatten());
                prop_assert!(
                    numbers.iter().all(|v| v.is_finite()),
                    "{} on {}, equal outputs {equal_outputs}, equal inputs {equal_inputs}: {numbers:?}",
                    aim.name(),
                    distance.name(),
                );
            }
        }
    }

    #[test]
    fn partners_have_the_shape_of_their_samples(shape in shapes(2), seed in 0u64..1 << 32) {
        let n = shape[0];
        let rows: Tensor<2> = noise(shape, seed).flatten(1, 3);
        for pairing in PAIRINGS.iter().map(|part| part.with_defaults()) {
            let fresh = pairing.needs_fresh().then(|| rows.clone().neg());
            let samples = Samples { rows: rows.clone(), shape: &shape, groups: None, fresh };
            let mut rng = Seed(seed).rng(Purpose::Partner, 0);
            match pairing.draw(&samples, &mut rng).unwrap() {
                Partners::InBatch { samples, partners } => {
                    prop_assert!(!pairing.extra_pass());
                    prop_assert_eq!(samples.len(), partners.len());
                    prop_assert!(samples.iter().chain(&partners).all(|row| *row < n));
                }
                Partners::Inputs(partners) => {
                    prop_assert!(pairing.extra_pass());
                    prop_assert_eq!(partners.dims(), rows.dims());
                }
                Partners::Mixed { inputs, partners, share } => {
                    prop_assert!(pairing.extra_pass() && pairing.needs_teacher());
                    prop_assert_eq!(inputs.dims(), rows.dims());
                    prop_assert!(partners.len() == n && partners.iter().all(|row| *row < n));
                    prop_assert!((0.0..=1.0).contains(&share));
                }
                Partners::Remembered(anchor) => {
                    prop_assert!(!pairing.extra_pass());
                    prop_assert_eq!(pairing.anchor(), Some(anchor));
                }
            }
        }
    }

    #[test]
    fn augmentations_keep_shape_and_stay_finite(shape in shapes(1), seed in 0u64..1 << 32) {
        let x = noise(shape, seed);
        for augmentation in AUGMENTATIONS {
            let change = |x| augmentation.apply(x, &mut Seed(seed).rng(Purpose::Augmentation, 0));
            let leaf = x.clone().require_grad();
            let changed = change(leaf.clone());
            prop_assert_eq!(changed.dims(), shape);
            let gradient = leaf.grad(&changed.clone().sum().backward()).unwrap();
            let values = [floats(changed.clone()), floats(gradient)].concat();
            prop_assert!(values.iter().all(|v| v.is_finite()), "{}", augmentation.name());
            prop_assert_eq!(floats(changed.clone()), floats(change(x.clone())));
            if augmentation.name() == "colour" && shape[1] == 4 {
                let opacity = |x: Tensor<4>| floats(x.narrow(1, 3, 1));
                prop_assert_eq!(opacity(changed), opacity(x.clone()), "colour changed opacity");
            }
        }
    }

    #[test]
    fn a_policy_applies_in_the_order_of_the_registry(
        names in Just(AUGMENTATIONS.iter().map(|a| a.name()).collect::<Vec<_>>()).prop_shuffle(),
        shape in shapes(1),
        seed in 0u64..1 << 32,
    ) {
        let rng = || Seed(seed).rng(Purpose::Augmentation, 0);
        let found = Policy::named(names).unwrap().apply(noise(shape, seed), 1.0, &mut rng());
        let mut rng = rng();
        let expected = AUGMENTATIONS.iter().fold(noise(shape, seed), |x, change| {
            let _: Vec<f64> = (0..shape[0]).map(|_| rng.random()).collect();
            change.apply(x, &mut rng)
        });
        prop_assert_eq!(floats(found), floats(expected));
    }
}

/// The zero vector has no direction, and no pull into one.
#[test]
fn a_zero_vector_lies_halfway_to_every_direction() {
    let device = Device::flex().autodiff();
    let a = Tensor::<2>::from_floats([[0., 0.], [0., 0.], [3., 4.]], &device).require_grad();
    let b = Tensor::<2>::from_floats([[0., 0.], [5., 1.], [-6., -8.]], &device);
    let value = Cosine.per_pair(a.clone(), b);
    let gradient = floats(a.grad(&value.clone().sum().backward()).unwrap());
    let value = floats(value);
    assert!(close(&value, &[0.0, 0.5, 2.0]), "{value:?}");
    assert_eq!(gradient[..4], [0.0; 4], "{gradient:?}");
}

/// Even and odd lengths of the hole: no border is blanked more often than the one opposite.
#[test]
fn cutout_favours_no_border() {
    let (n, height, width) = (20_000, 6, 8);
    let x = Tensor::<4>::ones([n, 1, height, width], &Device::flex());
    let cutout = AUGMENTATIONS.iter().find(|a| a.name() == "cutout").unwrap();
    let kept = cutout.apply(x, &mut Seed(5).rng(Purpose::Augmentation, 0));
    let blanked = kept.neg().add_scalar(1.0);
    let share = |axis| floats(blanked.clone().max_dim(axis).mean_dim(0));
    for shares in [share(3), share(2)] {
        for (near, far) in shares.iter().zip(shares.iter().rev()) {
            // Four standard deviations of the difference are 0.02.
            assert!((near - far).abs() < 0.02, "{shares:?}");
        }
    }
}

#[test]
fn a_policy_is_empty_or_known() {
    let none = Policy::named([]).unwrap();
    let x = noise([2, 3, 4, 5], 1);
    let mut rng = Seed(1).rng(Purpose::Augmentation, 0);
    assert!(none.is_empty());
    assert_eq!(floats(none.apply(x.clone(), 1.0, &mut rng)), floats(x));
    assert_eq!(Policy::named(["cutout", "color"]).unwrap_err(), "color");
}

#[test]
fn pairings_of_pictures_refuse_anything_else() {
    let rows = noise([2, 6], 1);
    let augment = PAIRINGS.iter().find(|part| part.name == "augment").unwrap().with_defaults();
    let samples = Samples { rows, shape: &[2, 6], groups: None, fresh: None };
    let error = augment.draw(&samples, &mut Seed(1).rng(Purpose::Partner, 0)).unwrap_err();
    assert_eq!(error, PairingError::NotPictures { pairing: "augment", shape: vec![2, 6] });
}

#[test]
fn one_sided_distances_are_the_halves_of_the_square() {
    let (a, b) = (noise([7, 5], 1), noise([7, 5], 2));
    let of = |distance: &dyn Distance, a: &Tensor<2>, b: &Tensor<2>| {
        floats(distance.per_pair(a.clone(), b.clone()))
    };
    assert_eq!(of(&Above, &a, &b), of(&Below, &b, &a));
    let halves = of(&Above, &a, &b).into_iter().zip(of(&Below, &a, &b)).map(|(x, y)| x + y);
    assert!(close(&halves.collect::<Vec<_>>(), &of(&SquaredL2, &a, &b)));
}

/// With a probability each picture is changed or not, as a whole; with 0 none is, and the draws are the
/// same whatever it is.
#[test]
fn a_policy_changes_as_many_pictures_as_it_should() {
    let (n, shape) = (2000, [2000, 1, 4, 5]);
    let x = noise(shape, 3);
    let policy = Policy::named(["cutout"]).unwrap();
    let apply = |probability| {
        let mut rng = Seed(4).rng(Purpose::Augmentation, 0);
        (floats(policy.apply(x.clone(), probability, &mut rng)), rng.random::<u64>())
    };
    let (original, (never, after)) = (floats(x.clone()), apply(0.0));
    assert_eq!(never, original);
    let (always, after_all) = apply(1.0);
    let (some, after_some) = apply(0.3);
    assert!(after == after_all && after == after_some);
    let mut changed = 0;
    for ((some, always), original) in
        some.chunks(20).zip(always.chunks(20)).zip(original.chunks(20))
    {
        assert!(some == always || some == original, "a picture is changed as a whole");
        changed += usize::from(some != original);
    }
    // Every change shows: no hole lies outside. Five standard deviations are 102.
    assert!((n * 3 / 10 - 102..=n * 3 / 10 + 102).contains(&changed), "{changed}");
}

/// What a lone model asks for and is not given.
#[test]
fn what_is_missing_is_named_with_the_way_out() {
    let (x, y) = (noise([4, 6], 1), noise([4, 2], 2));
    let refuses = |text: &str, batch: Batch<'_, 2, 2>| {
        let (name, spec) = softreg::spec::parse(text).unwrap();
        let terms = softreg::spec::check(&name, &spec).unwrap();
        let terms = terms.terms(&softreg::knob::Scale::REFERENCE).unwrap();
        let mut rng = Seed(1).rng(Purpose::Partner, 0);
        let composition: &Composition = terms[0].body.composition().unwrap();
        composition.penalty(&batch, &mut |x| x.narrow(1, 0, 2), &mut rng)
    };
    let batch = || Batch::new(&x, &y);
    let error = refuses("fresh l2 attract output", batch()).unwrap_err();
    assert_eq!(error, PairingError::NoFresh { pairing: "fresh" });
    assert!(refuses("fresh l2 attract output", batch().fresh(&x)).is_ok());
    let error = refuses("mix l2 attract output", batch()).unwrap_err();
    assert_eq!(error, PairingError::NoTeacher { pairing: "mix" });
    assert!(refuses("mix l2 attract output", batch().teacher(&y)).is_ok());
    let lone = noise([4, 1], 3);
    let lone = Batch::new(&x, &lone);
    let error =
        Composition::new(softreg::pairing::Shuffle, Kl, softreg::aim::Attract, Site::Output)
            .penalty(&lone, &mut |x| x.narrow(1, 0, 1), &mut Seed(1).rng(Purpose::Partner, 0))
            .unwrap_err();
    assert_eq!(error, PairingError::TooFewFeatures { distance: "kl", needed: 2, found: 1 });
    // Distributions at three positions are not one, and five numbers are not of two positions.
    let several = noise([4, 3, 2], 5);
    let of = |distance: &dyn Fn() -> Arc<dyn Distance>| {
        let attract = Arc::new(softreg::aim::Attract);
        let (pairing, site) = (Arc::new(softreg::pairing::Shuffle), Site::Output);
        let composition = Composition { pairing, distance: distance(), aim: attract, site };
        let mut rng = Seed(1).rng(Purpose::Partner, 0);
        composition.penalty(&Batch::new(&x, &several), &mut |_| several.clone(), &mut rng)
    };
    let shape = vec![4, 3, 2];
    let error = of(&|| Arc::new(Kl)).unwrap_err();
    assert_eq!(error, PairingError::Distributions { distance: "kl", shape, positions: 3 });
    assert!(error.to_string().contains("PerPosition::new(3, …)"), "{error}");
    assert!(of(&|| Arc::new(PerPosition::new(3, Kl))).is_ok());
    assert!(of(&|| Arc::new(PerPosition::new(2, Kl))).is_err());
    assert!(of(&|| Arc::new(L1)).is_ok());
    let flat = noise([4, 6], 5);
    let of_flat = Composition::new(
        softreg::pairing::Shuffle,
        PerPosition::new(3, Kl),
        softreg::aim::Attract,
        Site::Output,
    )
    .penalty(
        &Batch::new(&x, &flat),
        &mut |_| flat.clone(),
        &mut Seed(1).rng(Purpose::Partner, 0),
    );
    assert!(of_flat.is_ok());
    let error = of(&|| Arc::new(PerPosition::new(4, L1))).unwrap_err();
    let positions = PairingError::Positions { distance: "per-position", positions: 4, found: 6 };
    assert_eq!(error, positions);
    let flat = noise([8, 2], 4);
    let error = refuses("shuffle l2 attract output", Batch::new(&x, &flat)).unwrap_err();
    assert_eq!(error, PairingError::Rows { inputs: 4, outputs: 8 });
    // The past is 0 until there is one.
    let value = refuses("past(of=own) l2 attract output", batch()).unwrap();
    assert_eq!(floats(value), [0.0]);
    let mut memory = softreg::memory::Memory::default();
    let anchor = softreg::memory::Anchor { of: softreg::site::Input::Own, decay: 0.99 };
    memory.observe(&anchor, &[0.5, -0.5]);
    let value = refuses("past(of=own) l2 attract output", batch().memory(&memory)).unwrap();
    let past = Tensor::<2>::from_floats([[0.5, -0.5]], &y.device());
    let expected = (y.clone() - past).square().mean();
    assert!(relative_error(&floats(value), &floats(expected)) < 1e-6);
}

/// Differences are taken in single precision even where the network works in less.
#[test]
fn slopes_of_a_network_in_half_precision_are_single() {
    use burn::tensor::{DType, FloatDType};
    use softreg::pairing::{Noise, Pairing};
    let half = noise([4, 6], 1).cast(FloatDType::BF16);
    let samples = Samples { rows: half.clone(), shape: &[4, 6], groups: None, fresh: None };
    let mut rng = Seed(1).rng(Purpose::Partner, 0);
    let drawn = Noise { sigma: 0.001 }.draw(&samples, &mut rng).unwrap();
    let Partners::Inputs(partners) = drawn else { panic!("noisy copies are new inputs") };
    assert_eq!(partners.dtype(), DType::F32);
    // bfloat16 would have rounded most of the noise away.
    let added = floats(partners - half.clone().cast(FloatDType::F32));
    assert!(added.iter().all(|v| *v != 0.0 && v.abs() < 0.01), "{added:?}");
    let slope = Composition::new(Noise { sigma: 0.001 }, SquaredL2, Slope, Site::Output);
    let outputs = half.clone().sum_dim(1);
    let value = slope
        .penalty(
            &Batch::new(&half, &outputs),
            &mut |x| {
                assert_eq!(x.dtype(), DType::F32);
                x.sum_dim(1)
            },
            &mut Seed(2).rng(Purpose::Partner, 0),
        )
        .unwrap();
    assert_eq!(value.dtype(), DType::F32);
}
