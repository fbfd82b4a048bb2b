//! The measures against pytorch-fid, torch-fidelity, prdc and scipy on the same features
//! (`reference/softreg_metric.py`).

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use safetensors::{Dtype, SafeTensors};
use softreg_metric::{
    Copies, Features, Manifold, Modes, class_score, diversity, frechet, kernel, path_length,
};
use std::collections::BTreeSet;

/// The stored tensors, and which were asked for.
struct Golden {
    bytes: Vec<u8>,
    asked: BTreeSet<String>,
}

impl Golden {
    fn open() -> Self {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../reference/golden/softreg_metric.safetensors"
        );
        Self { bytes: std::fs::read(path).unwrap(), asked: BTreeSet::new() }
    }

    fn tensor(&mut self, name: &str) -> (Vec<usize>, Vec<f64>) {
        self.asked.insert(name.to_owned());
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(name).unwrap();
        let values = match view.dtype() {
            Dtype::F32 => {
                let numbers = view.data().as_chunks().0.iter();
                numbers.map(|b| f64::from(f32::from_le_bytes(*b))).collect()
            }
            Dtype::I64 => {
                let numbers = view.data().as_chunks().0.iter();
                numbers.map(|b| i64::from_le_bytes(*b) as f64).collect()
            }
            other => panic!("{name} has an unexpected type {other:?}"),
        };
        (view.shape().to_vec(), values)
    }

    fn features(&mut self, name: &str) -> Features {
        let (shape, values) = self.tensor(name);
        Features::new(shape[1], values.into_iter().map(|v| v as f32).collect()).unwrap()
    }

    fn number(&mut self, name: &str) -> f64 {
        self.tensor(name).1[0]
    }

    fn labels(&mut self, name: &str) -> Vec<usize> {
        self.tensor(name).1.into_iter().map(|v| v as usize).collect()
    }

    fn expect(&mut self, name: &str, value: f64) {
        let expected = self.number(name);
        let error = (value - expected).abs() / expected.abs();
        assert!(error <= 1e-5, "{name}: {value} where {expected} was expected, {error:e} off");
    }
}

#[test]
fn every_measure_agrees_with_the_programs_of_the_field() {
    let mut golden = Golden::open();
    for pair in ["plain", "square", "few", "fewer", "collapsed"] {
        let reference = golden.features(&format!("{pair}/reference"));
        let generated = golden.features(&format!("{pair}/generated"));
        let distance = frechet::measure(&reference, &generated, 0).unwrap();
        golden.expect(&format!("{pair}/frechet"), distance.mean);
        golden.expect(
            &format!("{pair}/kernel"),
            kernel::measure(&reference, &generated).unwrap().mean,
        );
        golden.expect(&format!("{pair}/diversity"), diversity::measure(&generated).unwrap().mean);
        for k in [1, 5] {
            let name = format!("{pair}/neighbourhoods.{k}");
            let (_, expected) = golden.tensor(&name);
            let m = Manifold::measure(&reference, &generated, k).unwrap();
            let found = [m.precision, m.recall, m.density, m.coverage].map(|m| m.mean);
            // Counts are equal, not near: only the quotients were rounded to single precision.
            assert_eq!(found.map(|v| v as f32), [0, 1, 2, 3].map(|i| expected[i] as f32), "{name}");
        }
        let (_, expected) = golden.tensor(&format!("{pair}/nearest"));
        let copies = Copies::detect(&[&reference], None, &generated).unwrap();
        for near in copies.pairs {
            let expected = expected[near.generated];
            assert!(
                (near.distance - expected).abs() <= 1e-6 * expected,
                "{pair}: {near:?} {expected}"
            );
        }
    }
    let score = class_score::of_parts(&golden.features("class_score/logits")).unwrap();
    golden.expect("class_score/value", score.mean);

    let [training, held_out, generated] = ["training", "held_out", "generated"]
        .map(|part| golden.features(&format!("copies/{part}")));
    let copies = Copies::detect(&[&training], Some(&held_out), &generated).unwrap();
    golden.expect("copies/nearer", copies.nearer.mean);

    let (reference, shown) = (golden.labels("modes/reference"), golden.labels("modes/generated"));
    let modes = Modes::count(&reference, &shown, 0).unwrap();
    golden.expect("modes/divergence", modes.divergence.mean);
    golden.expect("modes/found", modes.found.mean);

    let (shape, a) = golden.tensor("arc/a");
    let [(_, b), (_, t), (_, points)] =
        ["b", "t", "point"].map(|part| golden.tensor(&format!("arc/{part}")));
    let row = |v: &[f64], i: usize| v[i * shape[1]..][..shape[1]].to_vec();
    for (i, t) in t.into_iter().enumerate() {
        let point = path_length::arc(&row(&a, i), &row(&b, i), t);
        for (found, unit) in point.iter().zip(row(&points, i)) {
            let expected = unit * (shape[1] as f64).sqrt();
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    let file = SafeTensors::deserialize(&golden.bytes).unwrap();
    let stored: BTreeSet<String> = file.names().iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(stored, golden.asked, "every stored tensor is compared");
}
