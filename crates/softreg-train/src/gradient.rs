//! The gradients of a network's weights, joined over workers and processes.

use crate::group::{Group, sum};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use softreg_kernel::{Crew, weighted_sums};

/// The gradient of every weight that has one, in the network's order, as a row of values.
pub(crate) struct WeightGradients(Vec<Option<Tensor<1>>>);

impl WeightGradients {
    /// What a backward pass found for the weights of `module`.
    pub(crate) fn of<M: Module>(module: &M, gradients: Gradients) -> Self {
        struct Rows {
            gradients: Gradients,
            found: Vec<Option<Tensor<1>>>,
        }
        impl ModuleVisitor for Rows {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let gradient = param.val().grad_remove(&mut self.gradients);
                self.found.push(gradient.map(|gradient| gradient.flatten(0, D - 1)));
            }
        }
        let mut rows = Rows { gradients, found: Vec::new() };
        module.visit(&mut rows);
        Self(rows.found)
    }

    /// `Σᵢ shareᵢ·gradientsᵢ` of workers, added pairwise on `device`, wherever they come from.
    pub(crate) fn combine(parts: Vec<(f64, Self)>, device: &Device, crew: &dyn Crew) -> Self {
        let count = parts.first().map_or(0, |(_, part)| part.0.len());
        let mut terms = vec![Vec::new(); count];
        for (share, part) in parts {
            for (terms, gradient) in terms.iter_mut().zip(part.0) {
                terms.extend(gradient.map(|gradient| (gradient.to_device(device), share)));
            }
        }
        let there: Vec<bool> = terms.iter().map(|terms| !terms.is_empty()).collect();
        terms.retain(|terms| !terms.is_empty());
        let mut sums = weighted_sums(terms, crew).into_iter();
        Self(there.into_iter().map(|there| if there { sums.next() } else { None }).collect())
    }

    /// The sum over all processes.
    pub(crate) fn sum(self, group: &mut dyn Group) -> Self {
        if group.size() == 1 {
            return self;
        }
        // What has no gradient here has none anywhere: all compute the same terms.
        let mut values = Vec::new();
        for gradient in self.0.iter().flatten() {
            let data = gradient.clone().into_data();
            match data.as_slice::<f32>() {
                Ok(own) => values.extend_from_slice(own),
                Err(_) => values.extend(data.iter::<f32>()),
            }
        }
        sum(group, &mut values);
        let mut rest = values.as_slice();
        let mut fill = |old: Tensor<1>| {
            let (now, others) = rest.split_at(old.dims()[0]);
            rest = others;
            Tensor::from_data(TensorData::new(now.to_vec(), [now.len()]), &old.device())
        };
        Self(self.0.into_iter().map(|gradient| gradient.map(&mut fill)).collect())
    }

    /// One for every weight.
    pub(crate) fn into_rows(self) -> Vec<Option<Tensor<1>>> {
        self.0
    }
}
