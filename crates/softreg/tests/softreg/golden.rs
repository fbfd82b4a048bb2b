//! The reference values in `reference/golden`, and the one rule by which equality with them is
//! judged (see `reference/README.md`).

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};

/// Greatest relative error of a value or gradient.
const TOLERANCE: f32 = 1e-5;

struct Stored {
    shape: Vec<usize>,
    values: Vec<f32>,
    integers: Vec<i64>,
}

/// A group of cases with a common prefix, and which of their expected values were compared.
pub(crate) struct Golden {
    device: Device,
    stored: BTreeMap<String, Stored>,
    worst: BTreeMap<String, f32>,
    compared: BTreeSet<String>,
}

impl Golden {
    /// Reads the tensors of the formulas whose names start with `prefix`.
    pub(crate) fn open(prefix: &str) -> Self {
        Self::read("softreg_math", prefix)
    }

    /// Reads the tensors of the file called `file` whose names start with `prefix`.
    pub(crate) fn read(file: &str, prefix: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/golden");
        let path = format!("{folder}/{file}.safetensors");
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let stored: BTreeMap<_, _> = file
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, view)| {
                let mut stored =
                    Stored { shape: view.shape().to_vec(), values: vec![], integers: vec![] };
                let data = view.data();
                match view.dtype() {
                    Dtype::F32 => {
                        let numbers = data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
                        stored.values = numbers.collect();
                    }
                    Dtype::I64 => {
                        let numbers = data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b));
                        stored.integers = numbers.collect();
                    }
                    other => panic!("{name} has an unexpected type {other:?}"),
                }
                (name.to_owned(), stored)
            })
            .collect();
        assert!(!stored.is_empty(), "{path} holds nothing called {prefix}…");
        let device = Device::flex().autodiff();
        Self { device, stored, worst: BTreeMap::new(), compared: BTreeSet::new() }
    }

    fn get(&self, name: &str) -> &Stored {
        self.stored.get(name).unwrap_or_else(|| panic!("no reference tensor is called {name}"))
    }

    /// The names that start with `prefix`.
    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        self.stored.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    /// Part number `index` of a stored tensor, along its first axis.
    pub(crate) fn part<const D: usize>(&self, name: &str, index: usize) -> Tensor<D> {
        let Stored { shape, values, .. } = self.get(name);
        let count: usize = shape[1..].iter().product();
        let values = values[index * count..(index + 1) * count].to_vec();
        Tensor::from_data(TensorData::new(values, shape[1..].to_vec()), &self.device)
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// A constant.
    pub(crate) fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let Stored { shape, values, .. } = self.get(name);
        Tensor::from_data(TensorData::new(values.clone(), shape.clone()), &self.device)
    }

    /// An input that gradients are taken for.
    pub(crate) fn leaf<const D: usize>(&self, name: &str) -> Tensor<D> {
        self.tensor(name).require_grad()
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.get(name).values.clone()
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        self.get(name).integers.clone()
    }

    /// Pairs of integers, from a tensor `[n, 2]`.
    pub(crate) fn integer_pairs(&self, name: &str) -> Vec<(i64, i64)> {
        self.integers(name).as_chunks().0.iter().map(|[a, b]| (*a, *b)).collect()
    }

    /// Compares with the stored tensor `name`.
    pub(crate) fn compare<const D: usize>(&mut self, name: &str, found: Tensor<D>) {
        let expected = self.get(name);
        assert_eq!(found.dims().as_slice(), expected.shape, "shape of {name}");
        let error = relative_error(&floats(found), &expected.values);
        let case = name.rsplit_once('/').map_or(name, |(case, _)| case).to_owned();
        let worst = self.worst.entry(case).or_default();
        *worst = worst.max(error);
        assert!(error <= TOLERANCE, "{name}: relative error {error:e} exceeds {TOLERANCE:e}");
        self.compared.insert(name.to_owned());
    }

    /// Compares the gradient that reached `leaf` with the stored `name.grad`; no gradient is zero.
    pub(crate) fn compare_gradient<const D: usize>(
        &mut self,
        name: &str,
        leaf: &Tensor<D>,
        gradients: &Gradients,
    ) {
        let found = leaf.grad(gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like());
        self.compare(&format!("{name}.grad"), found);
    }

    /// Prints the worst error of each case; fails where an expected value was left out.
    pub(crate) fn finish(self) {
        for (case, error) in &self.worst {
            println!("{error:9.2e}  {case}");
        }
        let expected = |name: &&String| name.ends_with("/value") || name.ends_with(".grad");
        let left_out: Vec<_> =
            self.stored.keys().filter(expected).filter(|n| !self.compared.contains(*n)).collect();
        assert!(left_out.is_empty(), "never compared: {left_out:?}");
    }
}

/// All numbers of a tensor, row by row.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// `max|a − b| / max|b|`; the largest `|a|` where all of `b` is zero; infinite where `a` is not finite.
pub(crate) fn relative_error(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    if a.iter().any(|v| !v.is_finite()) {
        return f32::INFINITY;
    }
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0f32, |m, v| m.max(v.abs()));
    let difference = largest(&mut a.iter().zip(b).map(|(a, b)| a - b));
    match largest(&mut b.iter().copied()) {
        0.0 => difference,
        scale => difference / scale,
    }
}

#[test]
fn equality_is_judged_strictly() {
    assert_eq!(relative_error(&[1.0, 2.5], &[1.0, 2.0]), 0.25);
    assert_eq!(relative_error(&[0.0, 1e-3], &[0.0, 0.0]), 1e-3);
    assert_eq!(relative_error(&[f32::NAN], &[1.0]), f32::INFINITY);
    assert_eq!(relative_error(&[f32::INFINITY], &[1.0]), f32::INFINITY);
}
