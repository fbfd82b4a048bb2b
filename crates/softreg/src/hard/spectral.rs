use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use std::collections::BTreeMap;

/// Spectral normalisation: every weight matrix is divided by its largest singular value before it is
/// used, `W̄ = c·W/σ(W)`, `σ(W) = uᵀWv`. Source: arXiv 1802.05957, Eq. 8 and Algorithm 1.
///
/// `u` and `v` are found by power iteration, one per update, kept from update to update and held
/// constant in the derivative, so that `∂W̄/∂W` has the second term of the paper's Eq. 12. A weight of
/// more than two axes counts as the matrix `[outputs, everything else]`; so do the matrices
/// `[inputs, outputs]` of linear layers, whose singular values are those of their transposes. Biases are
/// left alone. `c` is 1 unless a layer scales its weights by itself ([`SpectralNorm::normalized`]).
///
/// It works for any module: [`SpectralNorm::iterate`] once per update, then
/// [`SpectralNorm::normalized`] for the module to run. Gradients reach the raw weights, which are the
/// ones to save and to move.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpectralNorm {
    /// By parameter: `u` `[rows]`, then `v` `[columns]`.
    vectors: BTreeMap<u64, [Vec<f32>; 2]>,
}

/// Lengths and norms below this count as 0. Deviation: PyTorch divides by it.
const EPSILON: f32 = 1e-12;

/// Power iterations before the first use, as in PyTorch: one alone would find half of the norm of a wide matrix.
const FIRST_ITERATIONS: usize = 15;

impl SpectralNorm {
    /// Random `u` for every weight of `module`, then 15 power iterations, so that it can be used at once.
    pub fn new<M: Module>(module: &M, rng: &mut dyn Rng) -> Self {
        let mut norm = Self::default();
        visit(module, &mut |id, _, [rows, columns]| {
            let mut u: Vec<f32> = (0..rows).map(|_| rng.sample(StandardNormal)).collect();
            normalize(&mut u);
            norm.vectors.insert(id, [u, vec![0.0; columns]]);
        });
        (0..FIRST_ITERATIONS).for_each(|_| norm.iterate(module));
        norm
    }

    /// One power iteration for every weight: `v ← Wᵀu/‖Wᵀu‖`, `u ← Wv/‖Wv‖`. A weight of zeros, as layers have that begin with
    /// none, leaves its vectors as they are, so that they find it when it grows.
    pub fn iterate<M: Module>(&mut self, module: &M) {
        visit(module, &mut |id, weights, [_, columns]| {
            let Some([u, v]) = self.vectors.get_mut(&id) else { return };
            let mut image = vec![0.0; columns];
            for (row, u) in weights.chunks_exact(columns).zip(u.iter()) {
                image.iter_mut().zip(row).for_each(|(v, w)| *v += u * w);
            }
            if !normalize(&mut image) {
                return;
            }
            let row = |row: &[f32]| row.iter().zip(&image).map(|(w, v)| w * v).sum();
            let mut back: Vec<f32> = weights.chunks_exact(columns).map(row).collect();
            if normalize(&mut back) {
                (*u, *v) = (back, image);
            }
        });
    }

    /// `module` with every weight `W` replaced by `c(id)·W/σ(W)`, a function of the raw weights. `c` is the
    /// norm that each weight gets: 1, or the reciprocal of the constant by which a layer multiplies its
    /// weight at run time.
    pub fn normalized<M: Module>(&self, module: M, c: &dyn Fn(u64) -> f64) -> M {
        struct Normalize<'a> {
            norm: &'a SpectralNorm,
            c: &'a dyn Fn(u64) -> f64,
        }
        impl ModuleMapper for Normalize<'_> {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let Some([u, v]) = self.norm.vectors.get(&param.id.val()) else { return param };
                let weight = param.val();
                let device = weight.device();
                let vector = |values: &Vec<f32>, shape: [usize; 2]| {
                    Tensor::<2>::from_data(TensorData::new(values.clone(), shape), &device)
                };
                let (rows, columns) = (u.len(), v.len());
                let matrix = weight.clone().reshape([rows, columns]);
                let wv = matrix.matmul(vector(v, [columns, 1]));
                let sigma = vector(u, [1, rows]).matmul(wv).reshape([1; D]);
                // A weight that was all zeros at the last iteration stays as it is.
                let unknown = sigma.clone().detach().abs().lower_elem(EPSILON);
                let divisor = sigma.div_scalar((self.c)(param.id.val())).mask_fill(unknown, 1.0);
                Param::initialized(param.id, weight / divisor)
            }
        }
        module.map(&mut Normalize { norm: self, c })
    }

    /// The largest singular value of every weight, by parameter, as far as the iterations have found it.
    pub fn values<M: Module>(&self, module: &M) -> BTreeMap<u64, f64> {
        let mut values = BTreeMap::new();
        visit(module, &mut |id, weights, [_, columns]| {
            let Some([u, v]) = self.vectors.get(&id) else { return };
            let row = |row: &[f32]| row.iter().zip(v).map(|(w, v)| f64::from(w * v)).sum::<f64>();
            let rows = weights.chunks_exact(columns).zip(u);
            values.insert(id, rows.map(|(w, u)| f64::from(*u) * row(w)).sum());
        });
        values
    }

    /// The vectors by parameter, to be saved.
    pub fn vectors(&self) -> &BTreeMap<u64, [Vec<f32>; 2]> {
        &self.vectors
    }

    /// What [`SpectralNorm::vectors`] gave.
    pub fn from_vectors(vectors: BTreeMap<u64, [Vec<f32>; 2]>) -> Self {
        Self { vectors }
    }
}

/// Takes a weight: identifier, values row by row, and how many rows and columns.
type Visitor<'a> = dyn FnMut(u64, &[f32], [usize; 2]) + 'a;

/// Every trainable weight of two axes or more, as rows and columns.
fn visit<M: Module>(module: &M, f: &mut Visitor<'_>) {
    struct Visit<'a>(&'a mut Visitor<'a>);
    impl ModuleVisitor for Visit<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let weight = param.val();
            if D < 2 || !weight.is_require_grad() {
                return;
            }
            let dims = weight.dims();
            let values: Vec<f32> = weight.into_data().iter::<f32>().collect();
            (self.0)(param.id.val(), &values, [dims[0], dims[1..].iter().product()]);
        }
    }
    module.visit(&mut Visit(&mut |id, values, shape| f(id, values, shape)));
}

/// To a length of 1, if it has any.
fn normalize(vector: &mut [f32]) -> bool {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length >= EPSILON {
        vector.iter_mut().for_each(|v| *v /= length);
    }
    length >= EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, Seed};
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    #[test]
    fn the_largest_singular_value_becomes_the_norm() {
        let device = Device::flex().autodiff();
        let mut linear: Linear = LinearConfig::new(2, 2).init(&device);
        // Singular values 5 and 2: a rotation times diag(5, 2).
        let matrix = Tensor::<2>::from_floats([[3.0, -1.6], [4.0, 1.2]], &device);
        linear.weight = Param::from_tensor(matrix);
        let mut norm = SpectralNorm::new(&linear, &mut Seed(1).rng(Purpose::Weights, 0));
        (0..30).for_each(|_| norm.iterate(&linear));
        let id = linear.weight.id.val();
        assert!((norm.values(&linear)[&id] - 5.0).abs() < 1e-5, "{:?}", norm.values(&linear));
        let half = norm.normalized(linear.clone(), &|_| 0.5);
        let values: Vec<f32> = half.weight.val().into_data().try_to_vec().unwrap();
        for (found, expected) in values.iter().zip([0.3, -0.16, 0.4, 0.12]) {
            assert!((found - expected).abs() < 1e-6, "{values:?}");
        }
        // The derivative along the weight itself is 0: growing it changes nothing.
        let value = half.weight.val().sum();
        let gradient = linear.weight.grad(&value.backward()).unwrap();
        let along: f32 = (gradient * linear.weight.val().inner()).sum().into_scalar();
        assert!(along.abs() < 1e-6, "{along}");
        assert_eq!(SpectralNorm::from_vectors(norm.vectors().clone()), norm);
    }

    #[test]
    fn a_weight_of_zeros_is_left_alone_and_found_when_it_grows() {
        let device = Device::flex().autodiff();
        let mut linear: Linear = LinearConfig::new(2, 2).init(&device);
        let values = |linear: &Linear, norm: &SpectralNorm| -> Vec<f32> {
            let normal = norm.normalized(linear.clone(), &|_| 1.0);
            normal.weight.val().into_data().try_to_vec().unwrap()
        };
        let of = |linear: &Linear, matrix: Tensor<2>| {
            // The same parameter, as an optimiser moves it.
            let weight = Param::initialized(linear.weight.id, matrix.require_grad());
            Linear { weight, ..linear.clone() }
        };
        linear = of(&linear, Tensor::zeros([2, 2], &device));
        let mut norm = SpectralNorm::new(&linear, &mut Seed(1).rng(Purpose::Weights, 0));
        norm.iterate(&linear);
        assert_eq!(values(&linear, &norm), [0.0; 4]);
        let grown = of(&linear, Tensor::from_floats([[3.0, -1.6], [4.0, 1.2]], &device));
        (0..30).for_each(|_| norm.iterate(&grown));
        assert!((norm.values(&grown)[&linear.weight.id.val()] - 5.0).abs() < 1e-5);
        assert!((values(&grown, &norm)[0] - 0.6).abs() < 1e-6);
    }
}
