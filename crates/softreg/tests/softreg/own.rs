//! Regularizers of a model outside adversarial training.

use burn::tensor::{Device, Tensor};
use softreg::knob::Scale;
use softreg::memory::Memory;
use softreg::pairing::PairingError;
use softreg::plan::Plan;
use softreg::site::{Input, Player};
use softreg::term::Term;
use softreg::{Batch, Purpose, Seed, spec};

fn terms(text: &str) -> Vec<Term> {
    let (name, spec) = spec::parse(text).unwrap();
    spec::check(&name, &spec).unwrap().terms(&Scale::REFERENCE).unwrap()
}

fn plan(texts: &[&str]) -> Plan {
    Plan::new(texts.iter().flat_map(|text| terms(text)).collect())
}

/// Eight samples of three numbers.
fn inputs() -> Tensor<2> {
    let values: Vec<f32> = (0..24).map(|i| ((7 * i) % 11) as f32 / 5.0 - 1.0).collect();
    Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape([8, 3])
}

fn number(x: Tensor<1>) -> f64 {
    f64::from(x.into_scalar::<f32>())
}

/// What a plan comes to, and the rows of each pass that it took.
fn evaluated(plan: &Plan, step: u64) -> (f64, Vec<usize>) {
    let x = inputs();
    let model = |x: Tensor<2>| x.powi_scalar(2);
    let (y, mut passes) = (model(x.clone()), Vec::new());
    let mut f = |x: Tensor<2>| {
        passes.push(x.dims()[0]);
        model(x)
    };
    let r = plan.penalty(&Batch::new(&x, &y), &mut f, step, Seed(5)).unwrap();
    (number(r), passes)
}

#[test]
fn a_plan_is_the_weighted_sum_of_what_its_compositions_say() {
    let (noisy, near) =
        ("noise(0.1) l2 attract output weight=2", "shuffle l1 attract output weight=3");
    let (sum, passes) = evaluated(&plan(&[noisy, near]), 4);
    assert_eq!(passes, [8], "one partner of two is in the batch");
    let x = inputs();
    let alone = |text: &str, drawn: &str| {
        let term = terms(text).remove(0);
        let composition = term.body.composition().unwrap();
        let y = x.clone().powi_scalar(2);
        let mut rng = Seed(5).named_rng(Purpose::Partner, 4, 0, drawn);
        let batch = Batch::new(&x, &y);
        number(composition.penalty(&batch, &mut |x| x.powi_scalar(2), &mut rng).unwrap())
    };
    let identity = |text: &str| {
        let term = terms(text).remove(0);
        format!("{:?}/{}", Input::Own, term.body.composition().unwrap().pairing.identity())
    };
    let wanted = 2.0 * alone(noisy, &identity(noisy)) + 3.0 * alone(near, &identity(near));
    assert!((sum - wanted).abs() < 1e-5 * wanted, "{sum} {wanted}");
}

#[test]
fn lazy_terms_shares_and_partners_in_common_are_as_in_training() {
    let lazy = plan(&["noise(0.1) l2 attract output weight=2 every=4"]);
    let always = plan(&["noise(0.1) l2 attract output weight=2"]);
    let (on, off) = (evaluated(&lazy, 8), evaluated(&lazy, 9));
    assert_eq!(off, (0.0, vec![]));
    assert!((on.0 - 4.0 * evaluated(&always, 8).0).abs() < 1e-5 * on.0, "{on:?}");
    let half = plan(&["noise(0.1) l2 attract output share=0.5"]);
    assert_eq!(evaluated(&half, 0).1, [4]);
    let both =
        plan(&["noise(0.1) l2 attract output name=a", "noise(0.1) l1 attract output name=b"]);
    assert_eq!(evaluated(&both, 0).1, [8]);
    assert_eq!(evaluated(&plan(&[]), 0), (0.0, vec![]));
}

#[test]
fn what_only_adversarial_training_has_is_refused() {
    let x = inputs();
    for (text, player) in [
        ("consistency", Player::Critic),
        ("l2", Player::Critic),
        ("mode-seeking", Player::Generator),
    ] {
        let refused = plan(&[text]).penalty(&Batch::new(&x, &x), &mut |x| x, 0, Seed(1));
        let error = refused.unwrap_err();
        assert_eq!(error.source, PairingError::NotOwn { player }, "{text}");
        assert!(error.to_string().contains("site `output`"), "{error}");
    }
}

#[test]
fn averages_of_other_outputs_are_refused() {
    let x = inputs();
    let past = plan(&["past(of=own) l2 attract output"]);
    let anchor = past.anchors()[0];
    let said = |mean: &[f64]| {
        let mut memory = Memory::default();
        memory.observe(&anchor, mean);
        let batch = Batch::new(&x, &x).memory(&memory);
        past.penalty(&batch, &mut |x| x, 0, Seed(1)).map(number)
    };
    assert!(said(&[0.0; 3]).unwrap() > 0.0);
    let source = said(&[0.0]).unwrap_err().source;
    assert_eq!(source, PairingError::Remembered { remembered: 1, found: 3 });
    // A mean of another length begins anew.
    let mut memory = Memory::default();
    memory.observe(&anchor, &[1.0]);
    memory.observe(&anchor, &[1.0, 2.0]);
    assert_eq!(memory.anchor(&anchor), Some(&[1.0, 2.0][..]));
}
