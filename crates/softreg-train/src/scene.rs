//! What an update shows to its regularizers: the trainer's two scenes.

mod critic;
mod generator;

pub(crate) use critic::{CriticScene, Pictures};
pub(crate) use generator::GeneratorScene;

use burn::tensor::{Device, Tensor};
use softreg::perturbation::Perturbation;
use softreg_net::Critic;

/// Pictures that a pass of one player made of partners, with their graph, for a pass of the other player
/// that needs the same ones, by the name of the pass.
pub(crate) type Kept = Vec<(String, Tensor<4>)>;

/// The random numbers that a critic's features are multiplied with, where there are any.
pub(crate) struct Masks<R> {
    pub perturbation: Option<Perturbation>,
    pub rng: R,
}

impl<R: rand::Rng> Masks<R> {
    /// A fresh draw for `n` pictures.
    pub(crate) fn draw(&mut self, critic: &Critic, n: usize, device: &Device) -> Option<Tensor<2>> {
        let shape = [n, critic.feature_count()];
        let rng = &mut self.rng;
        self.perturbation.map(|perturbation| perturbation.draw(shape, rng, device))
    }
}

/// The first `n` rows of something that may not be there.
fn first(rows: &Option<Tensor<2>>, n: usize) -> Option<Tensor<2>> {
    rows.as_ref()
        .map(|rows| if rows.dims()[0] == n { rows.clone() } else { rows.clone().narrow(0, 0, n) })
}

/// `[n, features]` as pictures of the shape of `like`.
fn pictures(rows: Tensor<2>, like: &Tensor<4>) -> Tensor<4> {
    let mut shape = like.dims();
    shape[0] = rows.dims()[0];
    rows.reshape(shape)
}
