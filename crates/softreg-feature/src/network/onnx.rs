//! Any network in an ONNX file, run by rten on the processor. Layer: the name of an output.
//!
//! The network has one input, pictures `[n, 3, h, w]` with any `n`, and the output has one row a picture;
//! further axes are laid out behind each other.

use super::{Build, Network, NetworkEntry};
use crate::Error;
use burn::tensor::{Device, Tensor, TensorData};
use rten::Model;
use rten_tensor::prelude::*;
use std::path::{Path, PathBuf};

pub(super) const ENTRY: NetworkEntry = NetworkEntry {
    name: "onnx",
    summary: "any network in an ONNX file; its layer is the name of an output",
    layers: &[],
    smallest: 1,
    batch: 16,
    signature: None,
    build: Build::File(|path, layer, device| Ok(Box::new(Onnx::open(path, layer, device)?))),
};

struct Onnx {
    path: PathBuf,
    model: Model,
    input: rten::NodeId,
    output: rten::NodeId,
    device: Device,
}

impl Onnx {
    fn open(path: &Path, layer: &str, device: &Device) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Read { path: path.into(), reason };
        let model = Model::load_file(path)
            .map_err(|error| wrong(format!("it is not an ONNX file that can be run ({error})")))?;
        let &[input] = model.input_ids() else {
            let count = model.input_ids().len();
            return Err(wrong(format!(
                "it has {count} inputs, but exactly one is expected, for pictures"
            )));
        };
        let outputs: Vec<String> = model
            .output_ids()
            .iter()
            .filter_map(|id| model.node_info(*id)?.name().map(str::to_owned))
            .collect();
        if !outputs.iter().any(|name| name == layer) {
            return Err(wrong(format!(
                "it has no output `{layer}`{}: choose from {}",
                softreg::spec::did_you_mean(layer, outputs.iter().map(String::as_str)),
                outputs.join(", ")
            )));
        }
        let output = model.node_id(layer).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { path: path.into(), model, input, output, device: device.clone() })
    }
}

impl Network for Onnx {
    fn features(&self, pictures: Tensor<4>, _: &str) -> Result<Tensor<2>, Error> {
        let wrong = |reason: String| Error::Read { path: self.path.clone(), reason };
        let shape = pictures.dims();
        let values: Vec<f32> = pictures.into_data().iter::<f32>().collect();
        let input = rten_tensor::NdTensor::from_data(shape, values);
        let run = self.model.run_n([(self.input, input.into())].into(), [self.output], None);
        let [made] = run.map_err(|error| {
            wrong(format!("it does not accept pictures of shape {shape:?} ({error})"))
        })?;
        let made: rten_tensor::Tensor<f32> = made
            .try_into()
            .map_err(|_| wrong("its output does not hold 32-bit numbers".to_owned()))?;
        let values = made.to_vec();
        if made.shape().first() != Some(&shape[0]) || values.is_empty() {
            let found = made.shape().to_vec();
            return Err(wrong(format!(
                "its output is {found:?} for {} pictures, but one row for each is expected",
                shape[0]
            )));
        }
        let features = values.len() / shape[0];
        Ok(Tensor::from_data(TensorData::new(values, [shape[0], features]), &self.device))
    }
}
