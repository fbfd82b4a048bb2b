//! A generator as an ONNX file, for any program that runs those.
//!
//! Inputs `latents` `[n, latent]`, N(0, 1), and, where the generator is conditional, one-hot `labels` `[n, classes]`;
//! output `pictures` `[n, channels, height, width]` in −1..1, where there are four channels the first three multiplied by the fourth, opacity. f32, opset 17. What is written is
//! [`Generator::generate`](crate::Generator::generate): normalised by the standing statistics, so that a picture depends
//! on its latent alone. Equalised weights are written as they are used, with their constants multiplied in.

mod proto;

use burn::tensor::Tensor;
use prost::Message;
use proto::{
    Attribute, Axes, Axis, Constant, Graph, Kind, Length, Model, Node, OperatorSet, Port, Property,
    TensorKind,
};
use softreg_kernel::{Activation, Window};

/// A value of the graph, by its name.
#[derive(Clone, Debug)]
pub(crate) struct Value(String);

/// A graph that grows operation by operation.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    graph: Graph,
    next: usize,
}

const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

impl Builder {
    /// An input `[n, length]`.
    pub(crate) fn input(&mut self, name: &str, length: usize) -> Value {
        self.graph.input.push(port(name, &[length]));
        Value(name.to_owned())
    }

    /// The file; `output` becomes `pictures`, each of the shape `picture`. `about` are properties for whoever reads it.
    pub(crate) fn finish(
        mut self,
        output: Value,
        picture: [usize; 3],
        about: &[(&str, String)],
    ) -> Vec<u8> {
        let name = "pictures";
        self.node("Identity", &[&output.0], name, Vec::new());
        self.graph.output.push(port(name, &picture));
        self.graph.name = "generator".to_owned();
        let range = match picture[0] {
            4 => {
                "values from -1 to 1; red, green and blue are multiplied by the fourth channel, opacity"
            }
            _ => "values from -1 to 1",
        };
        let range = [("pictures", range.to_owned())];
        let property = |(key, value): &(&str, String)| Property {
            key: (*key).to_owned(),
            value: value.clone(),
        };
        let model = Model {
            ir_version: IR_VERSION,
            producer_name: "softreg".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
            metadata_props: range.iter().chain(about).map(property).collect(),
        };
        model.encode_to_vec()
    }

    /// Side by side.
    pub(crate) fn concat(&mut self, a: &Value, b: &Value) -> Value {
        self.apply("Concat", &[a, b], vec![integer("axis", 1)])
    }

    /// `c·x`.
    pub(crate) fn scaled(&mut self, x: &Value, c: f64) -> Value {
        let c = self.constant(&[], &[c as f32]);
        self.apply("Mul", &[x, &c], Vec::new())
    }

    /// `a + b`.
    pub(crate) fn sum(&mut self, a: &Value, b: &Value) -> Value {
        self.apply("Add", &[a, b], Vec::new())
    }

    /// `scale·x·W + b`.
    pub(crate) fn linear(
        &mut self,
        x: &Value,
        weight: Tensor<2>,
        bias: Tensor<1>,
        scale: f64,
    ) -> Value {
        let weight = self.tensor(weight.mul_scalar(scale));
        let product = self.apply("MatMul", &[x, &weight], Vec::new());
        let bias = self.tensor(bias);
        self.sum(&product, &bias)
    }

    /// `[n, ·] → [n, c, h, w]`.
    pub(crate) fn grid(&mut self, x: &Value, shape: [usize; 3]) -> Value {
        let name = self.name();
        let numbers = [-1, shape[0] as i64, shape[1] as i64, shape[2] as i64];
        self.graph.initializer.push(Constant {
            dims: vec![4],
            data_type: 7,
            name: name.clone(),
            raw_data: numbers.iter().flat_map(|n| n.to_le_bytes()).collect(),
        });
        self.apply("Reshape", &[x, &Value(name)], Vec::new())
    }

    /// A convolution, or a transposed one, and what stands behind it.
    pub(crate) fn convolution(
        &mut self,
        x: &Value,
        transposed: bool,
        weight: Tensor<4>,
        bias: Tensor<1>,
        window: Window,
        activation: Activation,
    ) -> Value {
        let (weight, bias) = (self.tensor(weight), self.tensor(bias));
        let attributes = vec![
            integers("kernel_shape", &[window.kernel; 2]),
            integers("strides", &[window.stride; 2]),
            integers("pads", &[window.padding; 4]),
        ];
        let operation = if transposed { "ConvTranspose" } else { "Conv" };
        let y = self.apply(operation, &[x, &weight, &bias], attributes);
        self.activation(&y, activation)
    }

    /// Element by element.
    pub(crate) fn activation(&mut self, x: &Value, activation: Activation) -> Value {
        match activation {
            Activation::None => x.clone(),
            Activation::Softplus => self.apply("Softplus", &[x], Vec::new()),
            Activation::Tanh => self.apply("Tanh", &[x], Vec::new()),
            Activation::LeakyRelu { slope } => {
                let alpha =
                    Attribute { name: "alpha".to_owned(), f: slope, kind: 1, ..Default::default() };
                self.apply("LeakyRelu", &[x], vec![alpha])
            }
        }
    }

    /// `(x − μ)/√(σ² + ε)`.
    pub(crate) fn normalized(
        &mut self,
        x: &Value,
        mean: Tensor<1>,
        variance: Tensor<1>,
        epsilon: f64,
    ) -> Value {
        let channels = mean.dims()[0];
        let gain = self.constant(&[channels], &vec![1.0; channels]);
        let shift = self.constant(&[channels], &vec![0.0; channels]);
        let (mean, variance) = (self.tensor(mean), self.tensor(variance));
        let epsilon = Attribute {
            name: "epsilon".to_owned(),
            f: epsilon as f32,
            kind: 1,
            ..Default::default()
        };
        self.apply("BatchNormalization", &[x, &gain, &shift, &mean, &variance], vec![epsilon])
    }

    /// `x·(1 + γ) + β` for every picture and channel; a row of `style` holds γ and then β.
    pub(crate) fn modulated(&mut self, x: &Value, style: &Value, channels: usize) -> Value {
        let (gain, shift) = (self.name(), self.name());
        self.graph.node.push(Node {
            input: vec![style.0.clone()],
            output: vec![gain.clone(), shift.clone()],
            name: format!("Split_{gain}"),
            op_type: "Split".to_owned(),
            attribute: vec![integer("axis", 1)],
        });
        let [gain, shift] = [gain, shift].map(|part| self.grid(&Value(part), [channels, 1, 1]));
        let one = self.constant(&[], &[1.0]);
        let gain = self.sum(&gain, &one);
        let scaled = self.apply("Mul", &[x, &gain], Vec::new());
        self.sum(&scaled, &shift)
    }

    /// Twice the rows and columns, each pixel four times.
    pub(crate) fn doubled(&mut self, x: &Value) -> Value {
        let scales = self.constant(&[4], &[1.0, 1.0, 2.0, 2.0]);
        let text = |name: &str, value: &str| Attribute {
            name: name.to_owned(),
            s: value.as_bytes().to_vec(),
            kind: 3,
            ..Default::default()
        };
        let attributes = vec![
            text("mode", "nearest"),
            text("coordinate_transformation_mode", "asymmetric"),
            text("nearest_mode", "floor"),
        ];
        // The second input, a region, is left out.
        self.apply("Resize", &[x, &Value(String::new()), &scales], attributes)
    }

    fn tensor<const D: usize>(&mut self, tensor: Tensor<D>) -> Value {
        let dims = tensor.dims();
        let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
        self.constant(&dims, &values)
    }

    fn constant(&mut self, dims: &[usize], values: &[f32]) -> Value {
        let name = self.name();
        self.graph.initializer.push(Constant {
            dims: dims.iter().map(|d| *d as i64).collect(),
            data_type: 1,
            name: name.clone(),
            raw_data: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        });
        Value(name)
    }

    fn apply(&mut self, operation: &str, inputs: &[&Value], attributes: Vec<Attribute>) -> Value {
        let name = self.name();
        let inputs: Vec<&str> = inputs.iter().map(|value| value.0.as_str()).collect();
        self.node(operation, &inputs, &name, attributes);
        Value(name)
    }

    fn node(&mut self, operation: &str, inputs: &[&str], output: &str, attribute: Vec<Attribute>) {
        self.graph.node.push(Node {
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            name: format!("{operation}_{output}"),
            op_type: operation.to_owned(),
            attribute,
        });
    }

    fn name(&mut self) -> String {
        self.next += 1;
        format!("v{}", self.next)
    }
}

fn integer(name: &str, value: i64) -> Attribute {
    Attribute { name: name.to_owned(), i: value, kind: 2, ..Default::default() }
}

fn integers(name: &str, values: &[usize]) -> Attribute {
    let ints = values.iter().map(|v| *v as i64).collect();
    Attribute { name: name.to_owned(), ints, kind: 7, ..Default::default() }
}

/// `[n, …]` in f32.
fn port(name: &str, rest: &[usize]) -> Port {
    let batch = Axis { length: Some(Length::Named("n".to_owned())) };
    let fixed = rest.iter().map(|d| Axis { length: Some(Length::Fixed(*d as i64)) });
    let shape = Axes { dim: std::iter::once(batch).chain(fixed).collect() };
    let tensor = TensorKind { elem_type: 1, shape: Some(shape) };
    Port { name: name.to_owned(), kind: Some(Kind { tensor: Some(tensor) }) }
}
