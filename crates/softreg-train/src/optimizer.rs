//! The update rules, most of them Burn's, behind one type with its state by weight name.

use crate::config;
use crate::error::Error;
use crate::gradient::WeightGradients;
use adam::Adam;
use burn::module::Module;
use burn::optim::{
    DynOptimizer, DynState, RmsPropConfig, SgdConfig, StateSink, StateSource,
    momentum::MomentumConfig,
};
use burn::tensor::{Device, Tensor, TensorData};
use burn_pack::Scalar;
use softreg_kernel::Crew;
use softreg_net::flat::{self, Row};
use softreg_run::checkpoint::{self, Data};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod adam;

/// A line of the registry.
#[derive(Debug)]
pub struct Entry {
    /// Name in configurations.
    pub name: &'static str,
    /// What it is, and what of it is fixed.
    pub summary: &'static str,
    build: fn(&config::Optimizer) -> Box<dyn Rule>,
}

/// All optimisers, sorted by name.
pub const OPTIMIZERS: &[Entry] = &[
    Entry {
        name: "adam",
        summary: "Adam, epsilon 1e-8 (arXiv 1412.6980)",
        build: |o| Box::new(adam(o, 0.0)),
    },
    Entry {
        name: "adamw",
        summary: "Adam with decoupled weight decay 1e-4, epsilon 1e-8 (arXiv 1711.05101)",
        build: |o| Box::new(adam(o, 1e-4)),
    },
    Entry {
        name: "rmsprop",
        summary: "RMSProp, momentum beta-1, decay beta-2, epsilon 1e-8 (Hinton, lecture 6e)",
        build: |o| {
            let config = RmsPropConfig::new()
                .with_alpha(o.beta_2 as f32)
                .with_momentum(o.beta_1 as f32)
                .with_epsilon(1e-8);
            Box::new(OfBurn(Arc::new(config.build())))
        },
    },
    Entry {
        name: "sgd",
        summary: "stochastic gradient descent, momentum beta-1; needs its own learning rates",
        build: |o| {
            let momentum = (o.beta_1 > 0.0).then_some(MomentumConfig {
                momentum: o.beta_1,
                dampening: 0.0,
                nesterov: false,
            });
            Box::new(OfBurn(Arc::new(SgdConfig::new().with_momentum(momentum).build())))
        },
    },
];

fn adam(o: &config::Optimizer, decay: f64) -> Adam {
    Adam::new(o.beta_1 as f32, o.beta_2 as f32, decay)
}

/// The optimiser called `name`.
pub(crate) fn named(name: &str) -> Option<&'static Entry> {
    OPTIMIZERS.iter().find(|entry| entry.name == name)
}

/// How weights move.
pub(crate) trait Rule: Send + Sync {
    /// One step of every row: new values, and what the next step needs to know.
    fn step(
        &self,
        rate: f64,
        rows: Vec<Step>,
        crew: &dyn Crew,
    ) -> Vec<(Tensor<1>, Option<DynState>)>;

    /// Which of Burn's optimisers has this state.
    fn of_burn(&self) -> &dyn DynOptimizer;
}

/// A weight as a row of values, its gradient, and what its last step left.
pub(crate) struct Step {
    weight: Tensor<1>,
    gradient: Tensor<1>,
    state: Option<DynState>,
}

/// An optimiser of Burn's that goes by values: the rank of a weight does not matter to it.
struct OfBurn(Arc<dyn DynOptimizer>);

impl Rule for OfBurn {
    fn step(
        &self,
        rate: f64,
        rows: Vec<Step>,
        _crew: &dyn Crew,
    ) -> Vec<(Tensor<1>, Option<DynState>)> {
        let one = |Step { weight, gradient, state }: Step| {
            let (weight, gradient) = (weight.into_bridge(), gradient.into_bridge());
            let (weight, state) = self.0.step_dyn(1, rate, weight, gradient, state);
            (Tensor::from_bridge(weight), state)
        };
        rows.into_iter().map(one).collect()
    }

    fn of_burn(&self) -> &dyn DynOptimizer {
        &*self.0
    }
}

/// An optimiser at work on one network.
pub(crate) struct PlayerOptimizer {
    rule: Box<dyn Rule>,
    rate: f64,
    states: BTreeMap<String, State>,
}

/// What the last step of a weight left, and the weight's shape.
struct State {
    shape: Vec<usize>,
    of_row: DynState,
}

impl std::fmt::Debug for PlayerOptimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlayerOptimizer").field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl PlayerOptimizer {
    /// A fresh optimiser with learning rate `rate`; the name was checked.
    pub(crate) fn new(config: &config::Optimizer, rate: f64) -> Self {
        let entry = named(&config.name).unwrap_or(&OPTIMIZERS[0]);
        Self { rule: (entry.build)(config), rate, states: BTreeMap::new() }
    }

    /// One update of `module` along `gradients`, all weights at once, by the threads of `crew`.
    pub(crate) fn update<M: Module>(
        &mut self,
        module: M,
        gradients: WeightGradients,
        crew: &dyn Crew,
    ) -> M {
        flat::map(module, |rows| {
            let mut steps = Vec::with_capacity(rows.len());
            let (mut moved, mut values) = (Vec::new(), Vec::new());
            for (row, gradient) in rows.into_iter().zip(gradients.into_rows()) {
                let Row { path, shape, values: weight } = row;
                // What has no gradient stays.
                let Some(gradient) = gradient else {
                    values.push(Some(weight));
                    continue;
                };
                values.push(None);
                let state = self.states.remove(&path).map(|state| state.of_row);
                steps.push(Step { weight, gradient, state });
                moved.push((path, shape));
            }
            let mut stepped = moved.into_iter().zip(self.rule.step(self.rate, steps, crew));
            let mut next = || {
                let ((path, shape), (weight, state)) = stepped.next()?;
                let state = state.map(|of_row| (path, State { shape, of_row }));
                self.states.extend(state);
                Some(weight)
            };
            values.into_iter().filter_map(|value| value.or_else(&mut next)).collect()
        })
    }

    /// The state as tensors named `WEIGHT/FIELD`.
    pub(crate) fn export(&self) -> Result<BTreeMap<String, checkpoint::Tensor>, Error> {
        let mut tensors = BTreeMap::new();
        for (path, State { shape, of_row }) in &self.states {
            let mut sink = StateSink::default();
            self.rule.of_burn().state_flatten("", of_row, &mut sink);
            for (field, data) in sink.tensors {
                let values: Vec<f32> = data.iter::<f32>().collect();
                let tensor = checkpoint::Tensor::new(shape.clone(), Data::F32(values))?;
                tensors.insert(format!("{path}/{field}"), tensor);
            }
            for (field, scalar) in sink.scalars {
                tensors.insert(format!("{path}/{field}"), from_scalar(scalar)?);
            }
        }
        Ok(tensors)
    }

    /// Takes over a state that [`PlayerOptimizer::export`] wrote, for the weights of `module`.
    pub(crate) fn import<M: Module>(
        &mut self,
        module: &M,
        tensors: BTreeMap<String, checkpoint::Tensor>,
        device: &Device,
    ) -> Result<(), Error> {
        let rows = flat::rows(module).into_iter();
        let mut shapes: BTreeMap<String, Vec<usize>> =
            rows.map(|row| (row.path, row.shape)).collect();
        let mut scalars = BTreeMap::<String, BTreeMap<String, Scalar>>::new();
        let mut leaves = BTreeMap::<String, Vec<(String, TensorData)>>::new();
        for (name, tensor) in tensors {
            let (path, field) = name.split_once('/').unwrap_or((&name, ""));
            let (path, field) = (path.to_owned(), field.to_owned());
            let scalar = to_scalar(&tensor);
            let (shape, data) = tensor.into_parts();
            match (scalar, data) {
                (Some(scalar), _) => {
                    scalars.entry(path).or_default().insert(field, scalar);
                }
                (None, Data::F32(values)) if shapes.get(&path) == Some(&shape) => {
                    let length = values.len();
                    let data = TensorData::new(values, [length]);
                    leaves.entry(path).or_default().push((field, data));
                }
                (None, _) => return Err(Error::ForeignState { name }),
            }
        }
        let paths: BTreeSet<String> = scalars.keys().chain(leaves.keys()).cloned().collect();
        for path in paths {
            let mut source = StateSource::new(scalars.remove(&path).unwrap_or_default());
            for (field, data) in leaves.remove(&path).unwrap_or_default() {
                source.insert_tensor(field, data);
            }
            let foreign = || Error::ForeignState { name: path.clone() };
            let shape = shapes.remove(&path).ok_or_else(foreign)?;
            let of_row = self.rule.of_burn().state_unflatten(1, "", &mut source, device);
            let of_row = of_row.ok_or_else(foreign)?;
            self.states.insert(path, State { shape, of_row });
        }
        Ok(())
    }
}

/// Counters are kept as single integers, so that a shape of `[]` tells them from weights.
fn from_scalar(scalar: Scalar) -> Result<checkpoint::Tensor, Error> {
    let data = match scalar {
        Scalar::Int(v) => Data::I64(vec![v]),
        Scalar::UInt(v) => Data::U64(vec![v]),
        Scalar::Float(v) => Data::U64(vec![v.to_bits()]),
        Scalar::Bool(v) => Data::U8(vec![v.into()]),
    };
    let shape = if matches!(scalar, Scalar::Float(_)) { vec![1] } else { Vec::new() };
    Ok(checkpoint::Tensor::new(shape, data)?)
}

fn to_scalar(tensor: &checkpoint::Tensor) -> Option<Scalar> {
    match (tensor.shape(), tensor.data()) {
        ([], Data::I64(v)) => Some(Scalar::Int(v[0])),
        ([], Data::U64(v)) => Some(Scalar::UInt(v[0])),
        ([1], Data::U64(v)) => Some(Scalar::Float(f64::from_bits(v[0]))),
        ([], Data::U8(v)) => Some(Scalar::Bool(v[0] != 0)),
        _ => None,
    }
}
