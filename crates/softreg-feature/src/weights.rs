//! The weights of a network, from a safetensors or PyTorch file, each taken by name and shape.

use crate::Error;
use crate::network::Conv;
use burn::tensor::{Device, Tensor, TensorData};
use pytorch_reader::PytorchReader;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What is added to the variance of a batch normalisation: PyTorch's default.
pub(crate) const EPSILON: f64 = 1e-5;

/// All weights of a file.
pub(crate) struct Weights {
    path: PathBuf,
    network: &'static str,
    values: Values,
    device: Device,
}

/// Tensors of 32-bit numbers by name, with their shapes.
type Values = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The endings of files of weights.
pub(crate) const ENDINGS: [&str; 3] = ["safetensors", "pth", "pt"];

/// The names of the tensors in a file.
pub(crate) fn names(path: &Path) -> Result<BTreeSet<String>, Error> {
    Ok(match is_safetensors(path) {
        true => open(path, &read(path)?)?.names().into_iter().map(str::to_owned).collect(),
        false => open_pytorch(path)?.keys().into_iter().collect(),
    })
}

fn is_safetensors(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "safetensors")
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path)
        .map_err(|error| Error::Read { path: path.into(), reason: error.to_string() })
}

fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, Error> {
    SafeTensors::deserialize(bytes).map_err(|error| Error::Read {
        path: path.into(),
        reason: format!("it is not a complete safetensors file ({error})"),
    })
}

fn open_pytorch(path: &Path) -> Result<PytorchReader, Error> {
    PytorchReader::new(path).map_err(|error| Error::Read {
        path: path.into(),
        reason: format!("it is not a complete file of PyTorch weights ({error})"),
    })
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn values(path: &Path, bytes: &[u8]) -> Result<Values, Error> {
    if is_safetensors(path) {
        let file = open(path, bytes)?;
        let views = file.iter().filter(|(_, view)| view.dtype() == Dtype::F32);
        let value = |(name, view): (&str, TensorView<'_>)| {
            (name.to_owned(), (view.shape().to_vec(), numbers(view.data())))
        };
        return Ok(views.map(value).collect());
    }
    let tensors = open_pytorch(path)?.into_tensors().into_iter();
    let floats = tensors.filter(|(_, tensor)| tensor.dtype() == pytorch_reader::DType::F32);
    let value = |(name, tensor): (String, pytorch_reader::Tensor)| {
        let bytes = tensor.read().map_err(|error| Error::Read {
            path: path.into(),
            reason: format!("`{name}` cannot be read ({error})"),
        })?;
        Ok((name, (tensor.shape().to_vec(), numbers(&bytes))))
    };
    floats.map(value).collect()
}

impl Weights {
    /// Reads a file, and the BLAKE3 hash of its bytes.
    pub(crate) fn read(
        path: &Path,
        network: &'static str,
        device: &Device,
    ) -> Result<(Self, String), Error> {
        let bytes = read(path)?;
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let values = values(path, &bytes)?;
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
                Err(self.wrong(format!("`{name}` is {found:?}, but {shape:?} is expected")))
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
        let padding = [padding; 2];
        Ok(Conv { weight, bias: self.tensor(bias, [shape[0]])?, stride, padding })
    }

    /// A convolution without a bias and the batch normalisation behind it, as one convolution:
    /// `w·γ/√(σ² + ε)` and `β − μ·γ/√(σ² + ε)`.
    pub(crate) fn normalised_conv(
        &self,
        [conv, norm]: [&str; 2],
        shape: [usize; 4],
        stride: usize,
        padding: [usize; 2],
        epsilon: f64,
    ) -> Result<Conv, Error> {
        let outputs = [shape[0]];
        let weight = self.numbers(&format!("{conv}.weight"), &shape)?;
        let of_norm = |part: &str| self.numbers(&format!("{norm}.{part}"), &outputs);
        let (gamma, beta) = (of_norm("weight")?, of_norm("bias")?);
        let (mean, variance) = (of_norm("running_mean")?, of_norm("running_var")?);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(variance)
            .map(|(g, v)| f64::from(*g) / (f64::from(*v) + epsilon).sqrt())
            .collect();
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
