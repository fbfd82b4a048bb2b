//! Many tensors from one device to another, or to the memory of the host and back, at once: a transfer takes as long as it
//! takes to begin one.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// `rows` of values, all on one device, on `device`.
pub(crate) fn moved(rows: Vec<Tensor<1>>, device: &Device) -> Vec<Tensor<1>> {
    if rows.iter().all(|row| row.device() == *device) {
        return rows;
    }
    let lengths = lengths(&rows);
    let whole = Tensor::cat(rows, 0);
    // Between two cards NCCL moves it, beside what both compute: neither end may still be written, nor be used again before it is
    // there, which CubeCL does not see to. What fails here fails where the values are read.
    let _ = (whole.device().sync(), device.sync());
    let there = whole.clone().to_device(device);
    let _ = device.sync();
    drop(whole);
    there.split_with_sizes(lengths, 0)
}

/// `rows` of values, all on one device, with what `change` makes of their values, one row's after the other's.
pub(crate) fn changed(rows: Vec<Tensor<1>>, change: impl FnOnce(&mut [f32])) -> Vec<Tensor<1>> {
    let Some(device) = rows.first().map(Tensor::device) else { return rows };
    let lengths = lengths(&rows);
    let data = Tensor::cat(rows, 0).into_data();
    let mut values = data.as_slice().map_or_else(|_| data.iter().collect(), <[f32]>::to_vec);
    change(&mut values);
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), &device).split_with_sizes(lengths, 0)
}

/// `module` on another device, in a graph of derivatives of its own where it is in one.
pub(crate) fn sent<M: Module>(module: &M, device: &Device) -> M {
    let mut weights = Weights(Vec::new());
    module.visit(&mut weights);
    module.clone().map(&mut Arrived(moved(weights.0, device).into_iter()))
}

fn lengths(rows: &[Tensor<1>]) -> Vec<usize> {
    rows.iter().map(|row| row.dims()[0]).collect()
}

/// The weights of a module as rows, in its order.
struct Weights(Vec<Tensor<1>>);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().inner().flatten(0, D - 1));
    }
}

/// The same weights, elsewhere.
struct Arrived(std::vec::IntoIter<Tensor<1>>);

impl ModuleMapper for Arrived {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weight| {
            let Some(row) = self.0.next() else {
                unreachable!("a module is mapped in the order in which it is visited")
            };
            let copy = row.reshape(weight.dims());
            match (weight.is_autodiff(), weight.is_require_grad()) {
                (false, _) => copy,
                (true, false) => copy.autodiff(),
                (true, true) => copy.autodiff().require_grad(),
            }
        })
    }
}
