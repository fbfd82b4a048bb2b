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
    #[derive(Default)]
    struct Rows {
        path: Vec<String>,
        found: Vec<Row>,
    }
    impl ModuleVisitor for Rows {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            self.found.push(Row {
                path: self.path.join("."),
                shape: value.dims().to_vec(),
                values: value.without_autodiff().flatten(0, D - 1),
            });
        }
    }
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
    /// Leaves something small in place of every weight.
    struct Take;
    impl ModuleMapper for Take {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|old| {
                let tracked = old.is_require_grad();
                let autodiff = old.is_autodiff();
                let empty = Tensor::empty([1; D], &old.device().without_autodiff());
                as_it_was(empty, autodiff, tracked)
            })
        }
    }
    struct Put {
        rows: vec::IntoIter<(Vec<usize>, Tensor<1>)>,
    }
    impl ModuleMapper for Put {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|empty| {
                let Some((shape, row)) = self.rows.next() else {
                    panic!("fewer rows than weights");
                };
                let shape: [usize; D] = std::array::from_fn(|axis| shape[axis]);
                as_it_was(row.reshape(shape), empty.is_autodiff(), empty.is_require_grad())
            })
        }
    }
    let rows = rows(&module);
    let module = module.map(&mut Take);
    let shapes: Vec<Vec<usize>> = rows.iter().map(|row| row.shape.clone()).collect();
    let rows: Vec<_> = shapes.into_iter().zip(f(rows)).collect();
    module.map(&mut Put { rows: rows.into_iter() })
}

fn as_it_was<const D: usize>(x: Tensor<D>, autodiff: bool, tracked: bool) -> Tensor<D> {
    let x = if autodiff { x.autodiff() } else { x };
    if tracked { x.require_grad() } else { x }
}
