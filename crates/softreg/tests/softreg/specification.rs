//! What users write: every entry takes its defaults, refuses what is out of range, names the way
//! out, and survives being written down and read again.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use softreg::aim::AIMS;
use softreg::composition::{Composition, CompositionError};
use softreg::distance::DISTANCES;
use softreg::knob::Scale;
use softreg::pairing::PAIRINGS;
use softreg::registry::{Entry, REGULARIZERS};
use softreg::schedule::SCHEDULES;
use softreg::setting::{Part, Setting, SettingKind, Value};
use softreg::site::{SITES, Site};
use softreg::spec::{COMMON, Checked, Spec, SpecError, check, parse};
use softreg::term::{Body, Term};
use std::collections::{BTreeMap, BTreeSet};

/// The terms at the reference scale.
fn terms_of(checked: &Checked) -> Vec<Term> {
    checked.terms(&Scale::REFERENCE).unwrap()
}

/// A section of a configuration file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Section {
    regularizers: BTreeMap<String, Spec>,
}

fn through_toml(name: &str, spec: &Spec) -> Spec {
    let section = Section { regularizers: [(name.to_owned(), spec.clone())].into() };
    let text = toml::to_string(&section).unwrap();
    let mut read: Section = toml::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
    read.regularizers.remove(name).unwrap()
}

fn from_toml(text: &str) -> Spec {
    toml::from_str::<BTreeMap<String, Spec>>(text).unwrap().into_values().next().unwrap()
}

/// The spelling of the command line.
fn text(name: &str, spec: &Spec) -> String {
    let weight = spec.weight.map(|weight| format!("={weight}")).unwrap_or_default();
    let settings = spec.settings.iter().map(|(name, value)| format!(",{name}={value}"));
    format!("{name}{weight}{}", settings.collect::<String>())
}

fn bare() -> Spec {
    Spec { weight: None, settings: BTreeMap::new() }
}

fn with(setting: &Setting, value: Value) -> Spec {
    Spec { weight: None, settings: [(setting.name.to_owned(), value)].into() }
}

fn settings() -> impl Iterator<Item = (&'static Entry, &'static Setting)> {
    REGULARIZERS.iter().flat_map(|entry| entry.settings.iter().map(move |s| (entry, s)))
}

/// A value that the setting may have.
fn acceptable(kind: SettingKind) -> BoxedStrategy<Value> {
    match kind {
        SettingKind::Number { min, max, .. } => (min..=max).prop_map(Value::Number).boxed(),
        SettingKind::Whole { min, max, .. } => {
            (min..=max.min(1 << 40)).prop_map(|n| Value::Number(n as f64)).boxed()
        }
        SettingKind::Flag { .. } => any::<bool>().prop_map(Value::Flag).boxed(),
        SettingKind::Choice { of, .. } => {
            prop::sample::select(of).prop_map(|word| Value::Text(word.to_owned())).boxed()
        }
    }
}

/// A regularizer with any weight, and any of its settings.
fn specs() -> impl Strategy<Value = (&'static Entry, Spec)> {
    prop::sample::select(REGULARIZERS.iter().collect::<Vec<_>>()).prop_flat_map(|entry| {
        let weight = prop::option::of(prop_oneof![Just(0.0), 1e-9..1e6, Just(f64::MIN_POSITIVE)]);
        let values: Vec<_> =
            entry.settings.iter().map(|s| prop::option::of(acceptable(s.kind))).collect();
        (weight, values).prop_map(move |(weight, values)| {
            let names = entry.settings.iter().map(|setting| setting.name.to_owned());
            let mut settings: BTreeMap<String, Value> =
                names.zip(values).filter_map(|(name, v)| Some((name, v?))).collect();
            // γ decides λ and σ, and is refused beside them.
            if settings.contains_key("gamma") {
                settings.remove("sigma");
                return (entry, Spec { weight: None, settings });
            }
            (entry, Spec { weight, settings })
        })
    })
}

/// A part with any of its settings, as a word.
fn part<T: ?Sized + std::fmt::Debug>(parts: &'static [Part<T>]) -> impl Strategy<Value = String> {
    prop::sample::select(parts.iter().collect::<Vec<_>>()).prop_flat_map(|part| {
        let values: Vec<_> =
            part.settings.iter().map(|s| prop::option::of(acceptable(s.kind))).collect();
        values.prop_map(move |values| {
            let given = part.settings.iter().zip(values);
            let given: Vec<String> =
                given.filter_map(|(s, v)| Some(format!("{}={}", s.name, v?))).collect();
            match given.is_empty() {
                true => part.name.to_owned(),
                false => format!("{}({})", part.name, given.join(",")),
            }
        })
    })
}

proptest! {
    #[test]
    fn a_spec_survives_both_spellings((entry, spec) in specs()) {
        let name = entry.name;
        prop_assert_eq!(&parse(&text(name, &spec)).unwrap(), &(name.to_owned(), spec.clone()));
        prop_assert_eq!(&through_toml(name, &spec), &spec);
        let checked = check(name, &spec).unwrap();
        let full = checked.spec();
        // Nothing is left to defaults, and nothing that was asked for is changed.
        if !entry.has_setting("gamma") {
            prop_assert_eq!(full.weight, Some(spec.weight.unwrap_or(entry.weight)));
        }
        let course = SCHEDULES.iter().find(|part| part.name == entry.schedule.0).unwrap();
        let known = entry.settings.len() + COMMON.len() + course.settings.len();
        prop_assert_eq!(full.settings.len(), known);
        prop_assert!(spec.settings.iter().all(|(k, v)| full.settings.get(k) == Some(v)));
        for again in [through_toml(name, &full), parse(&text(name, &full)).unwrap().1] {
            prop_assert_eq!(&again, &full);
            let again = check(name, &again).unwrap();
            prop_assert_eq!(&again.spec(), &full);
            let [again, first] = [&again, &checked].map(|c| format!("{:?}", terms_of(c)));
            prop_assert_eq!(again, first);
        }
        let first = terms_of(&checked).first().map(|term| term.weight);
        prop_assert!(full.weight.is_none() || first.is_none() || first == full.weight);
    }

    /// Any four choices that go together, with any common setting and any schedule, in words and in a
    /// table, come back as themselves.
    #[test]
    fn a_composition_survives_both_spellings(
        parts in (part(PAIRINGS), part(DISTANCES), part(AIMS), prop::sample::select(SITES.to_vec())),
        weight in 1e-9..1e6f64,
        every in 1u64..=1000,
        share in 0.001..=1.0f64,
        schedule in prop::sample::select(SCHEDULES.iter().collect::<Vec<_>>()),
        order in Just([0usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let (pairing, distance, aim, (site, ..)) = parts;
        let choices = [pairing, distance, aim, site.to_owned()];
        let words: Vec<&str> = order.iter().map(|i| choices[*i].as_str()).collect();
        let text = format!(
            "{} weight={weight} every={every} share={share} schedule={} name=mine",
            words.join(" "),
            schedule.name
        );
        let (name, spec) = parse(&text).unwrap();
        prop_assert_eq!(name.as_str(), "mine");
        match check(&name, &spec) {
            // What does not go together says so whatever the spelling.
            Err(SpecError::Refused { reason, .. }) => {
                prop_assert!(share < 1.0 && reason.contains("leave out share"), "{reason}");
            }
            Err(error) => prop_assert!(matches!(error, SpecError::Composition { .. }), "{error}"),
            Ok(checked) => {
                let full = checked.spec();
                prop_assert_eq!(&through_toml("mine", &full), &full);
                let again = check("mine", &full).unwrap();
                prop_assert_eq!(&again.spec(), &full);
                let [terms] = terms_of(&checked).try_into().unwrap();
                let Body::Soft(composition) = &terms.body else { panic!("it compares outputs") };
                prop_assert_eq!((terms.weight, terms.every, terms.share), (weight, every, share));
                prop_assert_eq!(terms.schedule.name(), schedule.name);
                prop_assert_eq!(composition.site.name(), site);
                let names = [
                    composition.pairing.name(),
                    composition.distance.name(),
                    composition.aim.name(),
                ];
                for (name, choice) in names.iter().zip(&choices) {
                    prop_assert_eq!(*name, choice.split('(').next().unwrap());
                }
                prop_assert_eq!(format!("{:?}", terms_of(&again)[0]), format!("{terms:?}"));
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        text in "[a-z0-9=,.() \\-]{0,24}|(noise|l2|slope|real| |\\(|\\)|=|,|0\\.1){0,9}",
    ) {
        if let Ok((name, spec)) = parse(&text) {
            let _ = check(&name, &spec);
        }
    }
}

#[test]
fn weights_may_be_written_as_whole_numbers_and_in_either_place() {
    let expected = Spec { weight: Some(10.0), settings: BTreeMap::new() };
    for text in ["consistency = 10", "consistency = 10.0", "consistency = { weight = 10 }"] {
        assert_eq!(from_toml(text), expected, "{text}");
    }
    for text in ["consistency=10", " consistency = 10 ", "consistency,weight=10"] {
        assert_eq!(parse(text).unwrap(), ("consistency".to_owned(), expected.clone()), "{text}");
    }
    let moved = from_toml("consistency = { weight = 1, shift = 0, flip = false }");
    assert_eq!(parse("consistency=1,shift=0,flip=false").unwrap().1, moved);
}

#[test]
fn text_without_the_grammar_is_refused() {
    for text in [
        "",
        "=1",
        "pair=",
        "pair=much",
        "pair,site",
        "pair,",
        "pair=1,weight=2",
        "pair,site=image,site=image",
    ] {
        assert_eq!(parse(text).unwrap_err(), SpecError::Grammar { text: text.to_owned() });
    }
}

#[test]
fn defaults_are_accepted() {
    for entry in REGULARIZERS {
        let checked = check(entry.name, &bare()).unwrap();
        assert!(!terms_of(&checked).is_empty(), "{} has no terms", entry.name);
        assert_eq!(terms_of(&checked)[0].weight, entry.weight);
    }
    for (entry, setting) in settings() {
        let value = setting.kind.default();
        check(entry.name, &with(setting, value)).unwrap();
    }
}

/// The terms of a regularizer with one setting given.
fn terms_with(entry: &Entry, setting: &Setting, value: Value) -> Vec<Term> {
    terms_of(&check(entry.name, &with(setting, value)).unwrap())
}

#[test]
fn every_setting_is_heeded() {
    for (entry, setting) in settings() {
        let values = match setting.kind {
            SettingKind::Number { min, max, .. } => vec![Value::Number(min), Value::Number(max)],
            SettingKind::Whole { min, max, .. } => {
                [min, max].map(|n| Value::Number(n as f64)).into()
            }
            SettingKind::Flag { .. } => vec![Value::Flag(false), Value::Flag(true)],
            SettingKind::Choice { of, .. } => {
                of.iter().map(|word| Value::Text((*word).to_owned())).collect()
            }
        };
        let built = |value: &Value| format!("{:?}", terms_with(entry, setting, value.clone()));
        let different: BTreeSet<_> = values.iter().map(built).collect();
        assert_eq!(different.len(), values.len(), "{} of {}", setting.name, entry.name);
    }
}

#[test]
fn a_chosen_word_names_what_is_built() {
    for (entry, setting) in settings() {
        let SettingKind::Choice { of, .. } = setting.kind else { continue };
        for word in of {
            for term in terms_with(entry, setting, Value::Text((*word).to_owned())) {
                let player = term.body.player().map(|player| player.to_string());
                match (setting.name, &term.body) {
                    ("site", Body::Soft(composition)) => assert_eq!(composition.site.name(), *word),
                    ("player", _) if *word != "both" => assert_eq!(player.as_deref(), Some(*word)),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn terms_of_one_regularizer_have_names_of_their_own() {
    for entry in REGULARIZERS {
        let terms = terms_of(&check(entry.name, &bare()).unwrap());
        let names: BTreeSet<_> = terms.iter().map(|t| &t.name).collect();
        assert_eq!(names.len(), terms.len(), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with(entry.name)), "{names:?}");
    }
}

/// Metrics of earlier runs keep their names.
#[test]
fn several_terms_are_told_apart_by_player_or_by_what_they_look_at() {
    for (text, expected) in [
        ("balanced", &["balanced.real", "balanced.fake"][..]),
        ("consistency", &["consistency"]),
        ("diversity", &["diversity"]),
        ("l2", &["l2.critic", "l2.generator"]),
        ("l2,player=critic", &["l2"]),
        ("latent", &["latent.critic", "latent.generator"]),
        ("lecam", &["lecam.real", "lecam.fake"]),
        ("modulated", &["modulated.real", "modulated.fake"]),
        ("r1", &["r1"]),
        ("spectral", &["spectral"]),
        ("noise l2 slope real", &["noise-squared-l2-slope-real-score"]),
        ("noise l2 slope real name=smooth", &["smooth"]),
        ("mode-seeking", &["mode-seeking"]),
        ("pair,site=image", &["pair"]),
        ("slope-fake", &["slope-fake"]),
    ] {
        let (name, spec) = parse(text).unwrap();
        let terms = terms_of(&check(&name, &spec).unwrap());
        let names: Vec<_> = terms.iter().map(|term| term.name.as_str()).collect();
        assert_eq!(names, expected, "{text}");
    }
}

/// What is named after real or generated pictures looks at them.
#[test]
fn real_and_fake_halves_differ_in_their_site_alone() {
    let soft = |text: &str| -> Vec<_> {
        let terms = terms_of(&check(text, &bare()).unwrap());
        let composition = |term: Term| match term.body {
            Body::Soft(composition) => composition,
            _ => panic!("{text} compares no outputs"),
        };
        terms.into_iter().map(composition).collect()
    };
    for halves in [[soft("slope-real"), soft("slope-fake")].concat(), soft("balanced")] {
        let [real, fake] = halves.try_into().unwrap();
        assert_eq!((real.site, fake.site), (Site::RealScore, Site::FakeScore));
        let moved = Composition { site: real.site, ..fake };
        assert_eq!(format!("{moved:?}"), format!("{real:?}"));
    }
}

#[test]
fn weights_are_finite_and_not_negative() {
    for entry in REGULARIZERS {
        for weight in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -f64::MIN_POSITIVE] {
            let error = check(entry.name, &Spec { weight: Some(weight), ..bare() }).unwrap_err();
            assert!(matches!(error, SpecError::Weight { .. }), "{}: {error}", entry.name);
        }
        for weight in [0.0, f64::MAX] {
            let checked = check(entry.name, &Spec { weight: Some(weight), ..bare() }).unwrap();
            let first = terms_of(&checked).first().map(|term| term.weight);
            assert!(first.is_none_or(|first| first == weight), "{}", entry.name);
        }
    }
    for text in ["pair=nan", "pair=inf", "pair=-1", "pair,weight=-1"] {
        let (name, spec) = parse(text).unwrap();
        assert!(matches!(check(&name, &spec).unwrap_err(), SpecError::Weight { .. }), "{text}");
    }
    let error = check("pair", &from_toml("pair = { weight = 'much' }")).unwrap_err();
    assert!(error.to_string().contains("`weight`") && error.to_string().contains("`much`"));
}

#[test]
fn settings_refuse_what_they_cannot_be() {
    for (entry, setting) in settings() {
        let mut refused = vec![];
        match setting.kind {
            SettingKind::Number { min, max, .. } => {
                for edge in [min, max] {
                    check(entry.name, &with(setting, Value::Number(edge))).unwrap();
                }
                let outside = [min.next_down(), max.next_up(), min - 1.0, max + 1.0];
                let undefined = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
                refused.extend(outside.into_iter().chain(undefined).map(Value::Number));
                refused.extend([Value::Flag(true), Value::Text("some".to_owned())]);
            }
            SettingKind::Whole { min, max, .. } => {
                let outside = [min as f64 - 1.0, max as f64 * 2.0, min as f64 + 0.5, f64::NAN];
                refused.extend(outside.map(Value::Number));
                refused.extend([Value::Flag(true), Value::Text("some".to_owned())]);
            }
            SettingKind::Flag { .. } => {
                refused.extend([Value::Number(1.0), Value::Text("yes".to_owned())]);
            }
            SettingKind::Choice { of, .. } => {
                for word in of {
                    check(entry.name, &with(setting, Value::Text((*word).to_owned()))).unwrap();
                }
                let none_of_them = Value::Text(of.concat());
                refused.extend([none_of_them, Value::Number(0.0), Value::Flag(false)]);
            }
        }
        for value in refused {
            let error = check(entry.name, &with(setting, value.clone())).unwrap_err();
            assert_eq!(
                error,
                SpecError::Setting {
                    name: entry.name.to_owned(),
                    setting: setting.name.to_owned(),
                    value: value.to_string(),
                    expected: setting.kind.expected(),
                }
            );
        }
    }
}

#[test]
fn a_slip_of_the_pen_is_answered_with_the_nearest_name() {
    let slips = |word: &str| [format!("{word}s"), format!("{word}-1"), word.replace('-', "_")];
    for entry in REGULARIZERS {
        for slip in slips(entry.name).iter().filter(|slip| *slip != entry.name) {
            let error = check(slip, &bare()).unwrap_err();
            assert!(matches!(error, SpecError::UnknownName { .. }), "{error}");
            let hint = format!("did you mean `{}`?", entry.name);
            assert!(error.to_string().contains(&hint), "{error}");
        }
    }
    for (entry, setting) in settings() {
        let slip = format!("{}s", setting.name);
        let spec = Spec { weight: None, settings: [(slip, setting.kind.default())].into() };
        let error = check(entry.name, &spec).unwrap_err();
        assert!(matches!(error, SpecError::UnknownSetting { .. }), "{error}");
        let hint = format!("did you mean `{}`?", setting.name);
        assert!(error.to_string().contains(&hint), "{error}");
    }
    let error = check("zzz", &bare()).unwrap_err().to_string();
    assert!(!error.contains("did you mean") && error.contains("choose from"), "{error}");
    assert!(REGULARIZERS.iter().all(|entry| error.contains(entry.name)), "{error}");
}

#[test]
fn compositions_are_read_as_they_are_meant() {
    let composition = |text: &str| {
        let (name, spec) = parse(text).unwrap();
        let [term] = terms_of(&check(&name, &spec).unwrap()).try_into().unwrap();
        term
    };
    let term = composition("noise(0.05) l2 slope real weight=0.1 every=4");
    assert_eq!((term.weight, term.every, term.share), (0.1, 4, 1.0));
    let expected = Composition::new(
        softreg::pairing::Noise { sigma: 0.05 },
        softreg::distance::SquaredL2,
        softreg::aim::Slope,
        Site::RealScore,
    );
    assert_eq!(format!("{:?}", term.body.composition().unwrap()), format!("{expected:?}"));
    // Words in any order, settings in full, and what stands between brackets holds together.
    let other = composition("every=4 real slope weight=0.1 squared-l2 noise( sigma = 0.05 )");
    assert_eq!(format!("{other:?}"), format!("{term:?}"));
    // A share can be written as people say it.
    assert_eq!(composition("noise l2 slope real weight=0.1 share=1/4").share, 0.25);
    for wrong in ["1/0", "1/", "/4", "1/4/2", "4/1"] {
        let (name, spec) = parse(&format!("noise l2 slope real weight=0.1 share={wrong}")).unwrap();
        let error = check(&name, &spec).unwrap_err().to_string();
        assert!(error.contains("a number from 0.001 to 1"), "{wrong}: {error}");
    }
    // A named one with spaces around its sign is no composition.
    assert_eq!(parse("l2 = 1e-5").unwrap().1.weight, Some(1e-5));
    // A table, as a configuration has it.
    let table = from_toml(
        "smooth = { pairing = 'noise(0.05)', distance = 'l2', aim = 'slope', site = 'real', weight = 0.1, every = 4 }",
    );
    let [of_table] = terms_of(&check("smooth", &table).unwrap()).try_into().unwrap();
    assert_eq!(format!("{:?}", of_table.body), format!("{:?}", term.body));
    // Without a weight of its own a composition weighs 1.
    assert_eq!(composition("shuffle l2 attract real").weight, 1.0);
}

#[test]
fn partners_are_not_mirrored_where_pictures_are_not() {
    for (text, flip) in [
        ("consistency", "flip: false"),
        ("consistency=1,flip=true", "flip: true"),
        ("augment l2 attract real", "flip: false"),
        ("augment() l2 attract real", "flip: false"),
        ("augment(0.1) l2 attract real", "flip: false"),
        ("augment(flip=true) l2 attract real", "flip: true"),
    ] {
        let (name, mut spec) = parse(text).unwrap();
        spec.without_mirror(&name);
        let terms = terms_of(&check(&name, &spec).unwrap());
        assert!(format!("{terms:?}").contains(flip), "{text}: {terms:?}");
    }
    let (name, mut spec) = parse("noise l2 attract real").unwrap();
    let before = spec.clone();
    spec.without_mirror(&name);
    assert_eq!(spec, before);
}

#[test]
fn what_does_not_go_together_is_refused_with_the_reason() {
    for (text, reason) in [
        ("noise kl attract real", "class distributions"),
        ("noise jensen-shannon attract image", "holds pixels"),
        ("noise bernoulli attract image", "yes/no odds"),
        ("noise bernoulli attract real-features", "activations"),
        ("noise cosine attract fake", "has none"),
        ("again(0.1) l2 slope real", "always 0"),
        ("mix l2 slope real", "the partner has no input"),
        ("past(of=fake) l2 repel real", "the partner has no input"),
        ("augment l2 attract image", "function of latents"),
        ("augment l2 attract latent-score", "function of latents"),
        ("again l2 attract real", "again(dropout=0.1)"),
        ("again(0.1) l2 attract image", "no randomness other than its latent"),
        ("again(0.1) l2 attract real-features", "before the noise"),
        ("mix l2 attract image", "only the critic has a teacher"),
        ("past(of=own) l2 attract real", "past(of=real)"),
        ("past(of=real) l2 attract output", "past(of=own)"),
        ("past(of=real) l2 attract real-features", "only scores can be remembered"),
    ] {
        let (name, spec) = parse(text).unwrap();
        let error = check(&name, &spec).unwrap_err();
        assert!(matches!(error, SpecError::Composition { .. }), "{text}: {error}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
    // The same from the library.
    let wrong = Composition::new(
        softreg::pairing::Shuffle,
        softreg::distance::Kl,
        softreg::aim::Attract,
        Site::RealScore,
    );
    assert!(matches!(wrong.check(), Err(CompositionError::NotLogits { .. })));
    for (text, words) in [
        ("noise l2 slope", "has no site"),
        ("l2 slope real", "has no pairing"),
        ("noise noise l2 slope real", "gives its pairing twice"),
        ("noise l2 slope real weight=1 weight=2", "gives its weight twice"),
        ("nose l2 slope real", "did you mean `noise`"),
        ("noise(0.05,0.1) l2 slope real", "is not a regularizer"),
        ("noise(sgma=0.1) l2 slope real", "did you mean `sigma`"),
        ("noise(99) l2 slope real", "from 0.0001 to 10"),
        ("noise l2 slope real evry=4", "did you mean `every`"),
        ("noise l2 slope real name=pair", "this name is taken"),
        ("noise l2 slope real name=a/b", "letters, digits"),
        ("consistency=1,every=1.5", "a whole number"),
        ("consistency=1,schedule=linear,ramp=0", "ramp"),
        ("balanced=1,every=2", "both halves"),
        ("spectral=1,every=2", "applies at every step"),
        ("spectral=1,share=0.5", "leave out share"),
        ("spectral=1,schedule=linear", "leave out schedule"),
        ("l2=1,share=0.5", "leave out share"),
        ("latent=1,share=0.5", "use every"),
        ("fresh l1 attract image share=0.5", "use every"),
        ("fresh l1 attract fake-score share=0.5", "use every"),
        ("slope-real=1,gamma=1", "not both"),
        ("slope-real,gamma=1,sigma=0.1", "leave sigma out"),
        ("r1=1,gamma=1", "not both"),
    ] {
        let error = parse(text).and_then(|(name, spec)| check(&name, &spec)).unwrap_err();
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}

#[test]
fn gamma_scales_with_pictures_and_batch() {
    let weights = |text: &str, scale: Scale| {
        let (name, spec) = parse(text).unwrap();
        let [term] = check(&name, &spec).unwrap().terms(&scale).unwrap().try_into().unwrap();
        (term.weight, format!("{:?}", term.body))
    };
    let (weight, body) = weights("slope-real,gamma=0.02", Scale::REFERENCE);
    assert!((weight - 100.0).abs() < 1e-9 && body.contains("sigma: 0.01"), "{weight} {body}");
    let large = Scale { pixels: 64 * 64, channels: 3, batch: 32 };
    let (weight, body) = weights("slope-fake,gamma=0.02", large);
    // γ fourfold, σ half: λ = γ/(2σ²) sixteenfold.
    assert!((weight - 1600.0).abs() < 1e-6 && body.contains("sigma: 0.005"), "{weight} {body}");
    assert!((weights("r2,gamma=0.02", large).0 - 0.04).abs() < 1e-12);
}

/// A schedule's settings are its own, whatever regularizer it is for.
#[test]
fn settings_of_schedules_and_of_all_collide_with_none() {
    let of_schedules = SCHEDULES.iter().flat_map(|part| part.settings);
    let shared: BTreeSet<&str> = of_schedules.chain(COMMON).map(|setting| setting.name).collect();
    for (entry, setting) in settings() {
        assert!(!shared.contains(setting.name), "{} of {}", setting.name, entry.name);
    }
    let schedule = COMMON.iter().find(|setting| setting.name == "schedule").unwrap();
    let SettingKind::Choice { default, of } = schedule.kind else { panic!("it is a choice") };
    let mut words = of.to_vec();
    words.sort_unstable();
    assert_eq!(words, SCHEDULES.iter().map(|part| part.name).collect::<Vec<_>>());
    assert_eq!(default, "constant");
    for entry in REGULARIZERS {
        let part = SCHEDULES.iter().find(|part| part.name == entry.schedule.0).unwrap();
        for (name, _) in entry.schedule.1 {
            assert!(part.settings.iter().any(|s| s.name == *name), "{name} of {}", entry.name);
        }
    }
}
