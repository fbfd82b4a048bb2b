//! Every weight of a network by name: the bridge to files.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

/// One weight tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Path through the network, for example `network.doublings.0.weight`.
    pub name: String,
    /// Identifier, the same in every process that builds the same network.
    pub id: u64,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

/// Why weights do not fit a network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LoadError {
    /// A weight of the network is not there.
    #[error("weight `{name}` is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A weight has another shape than the network's.
    #[error("weight `{name}` has shape {found:?}, but the network needs {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// The shape there.
        found: Vec<usize>,
        /// The network's shape.
        expected: Vec<usize>,
    },
    /// There are weights that the network does not have.
    #[error("weight `{name}` does not belong to the network")]
    Foreign {
        /// The first such name.
        name: String,
    },
}

/// All weights of `module`, in the network's order.
pub fn collect<M: Module>(module: &M) -> Vec<Parameter> {
    #[derive(Default)]
    struct Collector {
        path: Vec<String>,
        found: Vec<Parameter>,
    }
    impl ModuleVisitor for Collector {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            self.found.push(Parameter {
                name: self.path.join("."),
                id: param.id.val(),
                shape: value.dims().to_vec(),
                values: value.into_data().iter::<f32>().collect(),
            });
        }
    }
    let mut collector = Collector::default();
    module.visit(&mut collector);
    collector.found
}

/// `module` with its weights replaced by those of the same names.
///
/// # Errors
/// [`LoadError`] unless names and shapes are exactly the network's.
pub fn load<M: Module>(
    module: M,
    mut weights: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
) -> Result<M, LoadError> {
    struct Loader<'a> {
        path: Vec<String>,
        weights: &'a mut BTreeMap<String, (Vec<usize>, Vec<f32>)>,
        error: Option<LoadError>,
    }
    impl ModuleMapper for Loader<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = self.path.join(".");
            let expected = param.val().dims();
            let (found, values) = match self.weights.remove(&name) {
                Some(weight) => weight,
                None => {
                    self.error.get_or_insert(LoadError::Missing { name });
                    return param;
                }
            };
            if found != expected {
                let expected = expected.to_vec();
                self.error.get_or_insert(LoadError::Shape { name, found, expected });
                return param;
            }
            param.map(|old| {
                let (device, tracked) = (old.device(), old.is_require_grad());
                let new = Tensor::from_data(TensorData::new(values, found), &device);
                if tracked { new.require_grad() } else { new }
            })
        }
    }
    let mut loader = Loader { path: Vec::new(), weights: &mut weights, error: None };
    let module = module.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    match weights.into_keys().next() {
        Some(name) => Err(LoadError::Foreign { name }),
        None => Ok(module),
    }
}
