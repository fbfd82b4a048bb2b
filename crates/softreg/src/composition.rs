//! One soft regularizer: pairing × distance × aim × site.

use crate::aim::Aim;
use crate::distance::Distance;
use crate::pairing::{Pairing, PairingError, Partners, Samples};
use crate::site::Site;
use burn::tensor::{Int, Tensor, TensorData};
use rand::Rng;
use std::sync::Arc;

/// `R = φ(D(f(x), f(x')), D(x, x'))` with `x' ~ Q(·|x)`.
#[derive(Clone, Debug)]
pub struct Composition {
    /// How the partner is drawn.
    pub pairing: Arc<dyn Pairing>,
    /// How far apart two outputs (and, for some aims, two inputs) are.
    pub distance: Arc<dyn Distance>,
    /// What is asked of the pairs.
    pub aim: Arc<dyn Aim>,
    /// Which output is compared.
    pub site: Site,
}

impl Composition {
    /// Composes a regularizer.
    pub fn new(
        pairing: impl Pairing + 'static,
        distance: impl Distance + 'static,
        aim: impl Aim + 'static,
        site: Site,
    ) -> Self {
        Self { pairing: Arc::new(pairing), distance: Arc::new(distance), aim: Arc::new(aim), site }
    }

    /// The raw value `R`, one number `[1]`, not yet multiplied by λ.
    ///
    /// `x` `[n, …]` are the inputs, `y = f(x)` `[n, …]` their outputs, already computed for the
    /// loss and reused here. `f` is called at most once, for partners that are not in the batch.
    /// `groups` keeps in-batch partners inside the same group (see [`Samples::groups`]).
    ///
    /// # Errors
    /// [`PairingError`] where no partner can be drawn.
    pub fn penalty<const I: usize, const O: usize>(
        &self,
        x: &Tensor<I>,
        y: &Tensor<O>,
        groups: Option<&[u32]>,
        f: &mut dyn FnMut(Tensor<I>) -> Tensor<O>,
        rng: &mut dyn Rng,
    ) -> Result<Tensor<1>, PairingError> {
        let shape = x.dims();
        let inputs = rows(x.clone());
        let outputs = rows(y.clone());
        let samples = Samples { rows: inputs.clone(), shape: &shape, groups };
        let ((x, y), (x2, y2)) = match self.pairing.draw(&samples, rng)? {
            Partners::InBatch { samples, partners } => {
                let left = pick((inputs.clone(), outputs.clone()), &samples);
                (left, pick((inputs, outputs), &partners))
            }
            Partners::Inputs(partners) => {
                let outputs2 = rows(f(partners.clone().reshape(shape)));
                ((inputs, outputs), (partners, outputs2))
            }
        };
        let between_inputs = self.aim.needs_input_distance().then(|| self.distance.per_pair(x, x2));
        Ok(self.aim.value(self.distance.per_pair(y, y2), between_inputs))
    }
}

/// One row per sample: `[n, …] → [n, features]`.
fn rows<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let shape = x.dims();
    x.reshape([shape[0], shape[1..].iter().product()])
}

fn pick((x, y): (Tensor<2>, Tensor<2>), rows: &[usize]) -> (Tensor<2>, Tensor<2>) {
    if rows.len() == x.dims()[0] && rows.iter().enumerate().all(|(i, r)| i == *r) {
        return (x, y);
    }
    let index: Vec<i64> = rows.iter().map(|r| *r as i64).collect();
    let index = TensorData::new(index, [rows.len()]);
    let index_x = Tensor::<1, Int>::from_data(index.clone(), &x.device());
    let index_y = Tensor::<1, Int>::from_data(index, &y.device());
    (x.select(0, index_x), y.select(0, index_y))
}
