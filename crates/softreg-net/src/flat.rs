//! All weights of a network as rows of values, for what moves all of them at once.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;
use std::vec;

/// One weight tensor as a row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Path through the network, for example `network.doublings.0.weight`.
    pub path: String,
    /// Lengths of the weight's axes.
    pub shape: Vec<usize>,
    /// The values, row-major, without a graph.
    pub values: Tensor<1>,
}

/// All weights of `module`, in the network's order, sharing its memory.
pub fn rows<M: Module>(module: &M) -> Vec<Row> {
    let mut rows = Rows::default();
    module.visit(&mut rows);
    rows.found
}

/// `module` with what `f` makes of its weights, in order. Meanwhile the module does not hold them, so that `f` may write
/// where they are.
///
/// # Panics
/// Where `f` gives back fewer rows, or rows of other lengths.
pub fn map<M: Module>(module: M, f: impl FnOnce(Vec<Row>) -> Vec<Tensor<1>>) -> M {
    let mut taken = Taken::default();
    let module = module.map(&mut taken);
    let shapes: Vec<_> = taken.rows.found.iter().map(|row| row.shape.clone()).collect();
    let values = f(taken.rows.found).into_iter();
    let back = values.zip(shapes).zip(taken.graphs).map(|((values, shape), graph)| Back {
        values,
        shape,
        graph,
    });
    module.map(&mut Put { back: back.collect::<Vec<_>>().into_iter() })
}

#[derive(Default)]
struct Rows {
    path: Vec<String>,
    found: Vec<Row>,
}

impl Rows {
    fn push<const D: usize>(&mut self, weight: Tensor<D>) {
        self.found.push(Row {
            path: self.path.join("."),
            shape: weight.dims().to_vec(),
            values: weight.without_autodiff().flatten(0, D - 1),
        });
    }
}

impl ModuleVisitor for Rows {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.push(param.val());
    }
}

/// What a weight is in the graph of derivatives. To make a new one of these takes longer than to move a small weight.
#[derive(Clone, Copy)]
enum Graph {
    None,
    Constant,
    Tracked,
}

/// Takes all weights out of a network, and leaves something small in the place of each.
#[derive(Default)]
struct Taken {
    rows: Rows,
    graphs: Vec<Graph>,
}

impl ModuleMapper for Taken {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.rows.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.rows.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weight| {
            self.graphs.push(match (weight.is_require_grad(), weight.is_autodiff()) {
                (true, _) => Graph::Tracked,
                (_, true) => Graph::Constant,
                _ => Graph::None,
            });
            let device = weight.device().without_autodiff();
            self.rows.push(weight);
            Tensor::empty([1; D], &device)
        })
    }
}

struct Back {
    values: Tensor<1>,
    shape: Vec<usize>,
    graph: Graph,
}

/// Puts weights back.
struct Put {
    back: vec::IntoIter<Back>,
}

impl ModuleMapper for Put {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|_| {
            let Some(Back { values, shape, graph }) = self.back.next() else {
                panic!("fewer rows than weights");
            };
            let weight = values.reshape::<D, _>(std::array::from_fn(|axis| shape[axis]));
            match graph {
                Graph::None => weight,
                Graph::Constant => weight.autodiff(),
                Graph::Tracked => weight.autodiff().require_grad(),
            }
        })
    }
}
