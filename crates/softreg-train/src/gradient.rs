//! The gradients of a network's weights, joined over workers and processes.

use crate::group::{Group, sum};
use crate::transfer::{changed, moved};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
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
            let part = part.with_rows(|rows| moved(rows, device));
            for (terms, gradient) in terms.iter_mut().zip(part.0) {
                terms.extend(gradient.map(|gradient| (gradient, share)));
            }
        }
        let there = terms.iter().map(|terms| !terms.is_empty()).collect();
        terms.retain(|terms| !terms.is_empty());
        Self::where_there(there, weighted_sums(terms, crew))
    }

    /// The sum over all processes.
    pub(crate) fn sum(self, group: &mut dyn Group) -> Self {
        if group.size() == 1 {
            return self;
        }
        // What has no gradient here has none anywhere: all compute the same terms.
        self.with_rows(|rows| changed(rows, |values| sum(group, values)))
    }

    /// With what `change` makes of the rows that there are.
    fn with_rows(self, change: impl FnOnce(Vec<Tensor<1>>) -> Vec<Tensor<1>>) -> Self {
        let there = self.0.iter().map(Option::is_some).collect();
        Self::where_there(there, change(self.0.into_iter().flatten().collect()))
    }

    fn where_there(there: Vec<bool>, rows: Vec<Tensor<1>>) -> Self {
        let mut rows = rows.into_iter();
        Self(there.into_iter().map(|there| if there { rows.next() } else { None }).collect())
    }

    /// One for every weight.
    pub(crate) fn into_rows(self) -> Vec<Option<Tensor<1>>> {
        self.0
    }
}
