//! What users write: every entry takes its defaults, refuses what is out of range, names the way
//! out, and survives being written down and read again.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use softreg::composition::Composition;
use softreg::registry::{Entry, REGULARIZERS, Setting, SettingKind};
use softreg::site::Site;
use softreg::spec::{Body, Spec, SpecError, Term, Value, check, parse};
use std::collections::{BTreeMap, BTreeSet};

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
            let settings = names.zip(values).filter_map(|(name, v)| Some((name, v?))).collect();
            (entry, Spec { weight, settings })
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
        prop_assert_eq!(full.weight, Some(spec.weight.unwrap_or(entry.weight)));
        prop_assert_eq!(full.settings.len(), entry.settings.len());
        prop_assert!(spec.settings.iter().all(|(k, v)| full.settings.get(k) == Some(v)));
        for again in [through_toml(name, &full), parse(&text(name, &full)).unwrap().1] {
            prop_assert_eq!(&again, &full);
            let again = check(name, &again).unwrap();
            prop_assert_eq!(&again.spec(), &full);
            prop_assert_eq!(format!("{:?}", again.terms()), format!("{:?}", checked.terms()));
        }
        prop_assert!(checked.terms().iter().all(|term| Some(term.weight) == full.weight));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z0-9=,. \\-]{0,24}") {
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
        assert!(!checked.terms().is_empty(), "{} has no terms", entry.name);
        assert_eq!(checked.spec().weight, Some(entry.weight));
    }
    for (entry, setting) in settings() {
        let value = setting.kind.default();
        check(entry.name, &with(setting, value)).unwrap();
    }
}

/// The terms of a regularizer with one setting given.
fn terms_with(entry: &Entry, setting: &Setting, value: Value) -> Vec<Term> {
    check(entry.name, &with(setting, value)).unwrap().terms()
}

#[test]
fn every_setting_is_heeded() {
    for (entry, setting) in settings() {
        let values = match setting.kind {
            SettingKind::Number { min, max, .. } => vec![Value::Number(min), Value::Number(max)],
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
        let terms = check(entry.name, &bare()).unwrap().terms();
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
        ("mode-seeking", &["mode-seeking"]),
        ("pair,site=image", &["pair"]),
        ("slope-fake", &["slope-fake"]),
    ] {
        let (name, spec) = parse(text).unwrap();
        let terms = check(&name, &spec).unwrap().terms();
        let names: Vec<_> = terms.iter().map(|term| term.name.as_str()).collect();
        assert_eq!(names, expected, "{text}");
    }
}

/// What is named after real or generated pictures looks at them.
#[test]
fn real_and_fake_halves_differ_in_their_site_alone() {
    let soft = |text: &str| -> Vec<_> {
        let terms = check(text, &bare()).unwrap().terms();
        let composition = |term: Term| match term.body {
            Body::Soft(composition) => composition,
            Body::Hard { .. } => panic!("{text} compares no outputs"),
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
            assert!(checked.terms().iter().all(|term| term.weight == weight));
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
