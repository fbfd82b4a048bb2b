//! The update rules, most of them Burn's, behind one type with its state by weight name.

use crate::config;
use crate::error::Error;
use adam::Adam;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{
    DynOptimizer, DynState, GradientsParams, RmsPropConfig, SgdConfig, StateSink, StateSource,
    momentum::MomentumConfig,
};
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_pack::Scalar;
use softreg_run::checkpoint::{self, Data};
use std::collections::BTreeMap;
use std::sync::Arc;

mod adam;

/// A line of the registry.
#[derive(Debug)]
pub struct Entry {
    /// Name in configurations.
    pub name: &'static str,
    /// What it is, and what of it is fixed.
    pub summary: &'static str,
    build: fn(&config::Optimizer) -> Arc<dyn DynOptimizer>,
}

/// All optimisers, sorted by name.
pub const OPTIMIZERS: &[Entry] = &[
    Entry {
        name: "adam",
        summary: "Adam, epsilon 1e-8 (arXiv 1412.6980)",
        build: |o| Arc::new(adam(o, 0.0)),
    },
    Entry {
        name: "adamw",
        summary: "Adam with decoupled weight decay 1e-4, epsilon 1e-8 (arXiv 1711.05101)",
        build: |o| Arc::new(adam(o, 1e-4)),
    },
    Entry {
        name: "rmsprop",
        summary: "RMSProp, momentum beta-1, decay beta-2, epsilon 1e-8 (Hinton, lecture 6e)",
        build: |o| {
            let config = RmsPropConfig::new()
                .with_alpha(o.beta_2 as f32)
                .with_momentum(o.beta_1 as f32)
                .with_epsilon(1e-8);
            Arc::new(config.build())
        },
    },
    Entry {
        name: "sgd",
        summary: "stochastic gradient descent, momentum beta-1; wants rates of its own",
        build: |o| {
            let momentum = (o.beta_1 > 0.0).then_some(MomentumConfig {
                momentum: o.beta_1,
                dampening: 0.0,
                nesterov: false,
            });
            Arc::new(SgdConfig::new().with_momentum(momentum).build())
        },
    },
];

fn adam(o: &config::Optimizer, decay: f64) -> Adam {
    Adam { beta_1: o.beta_1 as f32, beta_2: o.beta_2 as f32, decay }
}

/// The optimiser called `name`.
pub(crate) fn named(name: &str) -> Option<&'static Entry> {
    OPTIMIZERS.iter().find(|entry| entry.name == name)
}

/// An optimiser at work on one network.
pub(crate) struct PlayerOptimizer {
    rule: Arc<dyn DynOptimizer>,
    rate: f64,
    states: BTreeMap<String, DynState>,
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

    /// One update of `module` along `gradients`.
    pub(crate) fn update<M: Module>(&mut self, module: M, gradients: GradientsParams) -> M {
        struct Update<'a> {
            path: Vec<String>,
            optimizer: &'a mut PlayerOptimizer,
            gradients: GradientsParams,
        }
        impl ModuleMapper for Update<'_> {
            fn enter_module(&mut self, name: &str, _: &str) {
                self.path.push(name.to_owned());
            }
            fn exit_module(&mut self, _: &str, _: &str) {
                self.path.pop();
            }
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
                let path = self.path.join(".");
                let optimizer = &mut *self.optimizer;
                param.map(|weight| {
                    let (new, state) = optimizer.rule.step_dyn(
                        D,
                        optimizer.rate,
                        weight.inner().into_bridge(),
                        gradient.into_bridge(),
                        optimizer.states.remove(&path),
                    );
                    optimizer.states.extend(state.map(|state| (path, state)));
                    Tensor::from_inner(Tensor::<D>::from_bridge(new)).require_grad()
                })
            }
        }
        module.map(&mut Update { path: Vec::new(), optimizer: self, gradients })
    }

    /// The state as tensors named `WEIGHT/FIELD`.
    pub(crate) fn export(&self) -> Result<BTreeMap<String, checkpoint::Tensor>, Error> {
        let mut tensors = BTreeMap::new();
        for (path, state) in &self.states {
            let mut sink = StateSink::default();
            self.rule.state_flatten("", state, &mut sink);
            for (field, data) in sink.tensors {
                let shape: Vec<usize> = data.shape().iter().copied().collect();
                let values: Vec<f32> = data.iter::<f32>().collect();
                let tensor = checkpoint::Tensor::new(shape, Data::F32(values))?;
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
        let mut sources = BTreeMap::<String, StateSource>::new();
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
                (None, Data::F32(values)) => {
                    let data = TensorData::from_bytes_vec(
                        values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
                        shape,
                        DType::F32,
                    );
                    leaves.entry(path).or_default().push((field, data));
                }
                (None, _) => return Err(Error::ForeignState { name }),
            }
        }
        for path in scalars.keys().chain(leaves.keys()).cloned().collect::<Vec<_>>() {
            let own = scalars.get(&path).cloned().unwrap_or_default();
            let source = sources.entry(path.clone()).or_insert_with(|| StateSource::new(own));
            for (field, data) in leaves.remove(&path).unwrap_or_default() {
                source.insert_tensor(field, data);
            }
        }
        let ranks = ranks(module);
        for (path, mut source) in sources {
            let foreign = || Error::ForeignState { name: path.clone() };
            let rank = *ranks.get(&path).ok_or_else(foreign)?;
            let state = self.rule.state_unflatten(rank, "", &mut source, device);
            self.states.insert(path.clone(), state.ok_or_else(foreign)?);
        }
        Ok(())
    }
}

/// Number of axes of every weight, by path.
fn ranks<M: Module>(module: &M) -> BTreeMap<String, usize> {
    #[derive(Default)]
    struct Ranks {
        path: Vec<String>,
        found: BTreeMap<String, usize>,
    }
    impl ModuleVisitor for Ranks {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
            self.found.insert(self.path.join("."), D);
        }
    }
    let mut ranks = Ranks::default();
    module.visit(&mut ranks);
    ranks.found
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
