//! The weights of a network, from a safetensors file, each taken by name and shape.

use crate::Error;
use crate::network::Conv;
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Variance below which batch normalisation does not go: PyTorch's default.
pub(crate) const EPSILON: f64 = 1e-5;

/// All weights of a file.
pub(crate) struct Weights {
    path: PathBuf,
    network: &'static str,
    values: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    device: Device,
}

/// The names of the tensors in a file.
pub(crate) fn names(path: &Path) -> Result<BTreeSet<String>, Error> {
    let bytes = read(path)?;
    let file = open(path, &bytes)?;
    Ok(file.names().into_iter().map(str::to_owned).collect())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path)
        .map_err(|error| Error::Read { path: path.into(), reason: error.to_string() })
}

fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, Error> {
    SafeTensors::deserialize(bytes).map_err(|error| Error::Read {
        path: path.into(),
        reason: format!("it is no whole safetensors file ({error})"),
    })
}

impl Weights {
    /// Reads a file, and the BLAKE3 hash of its bytes.
    pub(crate) fn read(
        path: &Path,
        network: &'static str,
        device: &Device,
    ) -> Result<(Self, String), Error> {
        let bytes = read(path)?;
        let file = open(path, &bytes)?;
        let numbers = file.iter().filter(|(_, view)| view.dtype() == Dtype::F32);
        let values = numbers.map(|(name, view)| {
            let numbers = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
            (name.to_owned(), (view.shape().to_vec(), numbers.collect()))
        });
        let values = values.collect();
        let hash = blake3::hash(&bytes).to_hex().to_string();
        Ok((Self { path: path.into(), network, values, device: device.clone() }, hash))
    }

    /// Whether there is a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn wrong(&self, what: String) -> Error {
        Error::Weights { path: self.path.clone(), network: self.network.to_owned(), what }
    }

    /// The numbers of a tensor of this shape.
    pub(crate) fn numbers(&self, name: &str, shape: &[usize]) -> Result<&[f32], Error> {
        match self.values.get(name) {
            None => Err(self.wrong(format!("`{name}` {shape:?} is missing (as 32-bit numbers)"))),
            Some((found, _)) if found != shape => {
                Err(self.wrong(format!("`{name}` is {found:?}, where {shape:?} is expected")))
            }
            Some((_, values)) => Ok(values),
        }
    }

    /// A tensor of this shape.
    pub(crate) fn tensor<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
    ) -> Result<Tensor<D>, Error> {
        let numbers = self.numbers(name, &shape)?;
        Ok(Tensor::from_data(TensorData::new(numbers.to_vec(), shape), &self.device))
    }

    /// A convolution `[outputs, inputs, k, k]` with weights and bias of these names.
    pub(crate) fn conv(
        &self,
        [weight, bias]: [&str; 2],
        shape: [usize; 4],
        stride: usize,
        padding: usize,
    ) -> Result<Conv, Error> {
        let weight = self.tensor(weight, shape)?;
        Ok(Conv { weight, bias: self.tensor(bias, [shape[0]])?, stride, padding })
    }

    /// A convolution without a bias and the batch normalisation behind it, as one convolution:
    /// `w·γ/√(σ² + ε)` and `β − μ·γ/√(σ² + ε)`.
    pub(crate) fn normalised_conv(
        &self,
        [conv, norm]: [&str; 2],
        shape: [usize; 4],
        stride: usize,
        padding: usize,
    ) -> Result<Conv, Error> {
        let outputs = [shape[0]];
        let of_norm = |part: &str| self.numbers(&format!("{norm}.{part}"), &outputs);
        let (gamma, beta) = (of_norm("weight")?, of_norm("bias")?);
        let (mean, variance) = (of_norm("running_mean")?, of_norm("running_var")?);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(variance)
            .map(|(g, v)| f64::from(*g) / (f64::from(*v) + EPSILON).sqrt())
            .collect();
        let weight = self.numbers(&format!("{conv}.weight"), &shape)?;
        let per_output = weight.len() / shape[0];
        let weight = weight
            .chunks_exact(per_output)
            .zip(&scale)
            .flat_map(|(filter, scale)| filter.iter().map(move |w| (f64::from(*w) * scale) as f32));
        let weight: Vec<f32> = weight.collect();
        let bias: Vec<f32> = (0..shape[0])
            .map(|i| (f64::from(beta[i]) - f64::from(mean[i]) * scale[i]) as f32)
            .collect();
        Ok(Conv {
            weight: Tensor::from_data(TensorData::new(weight, shape), &self.device),
            bias: Tensor::from_data(TensorData::new(bias, outputs), &self.device),
            stride,
            padding,
        })
    }
}
