use super::{AdversarialLoss, softplus};
use burn::tensor::Tensor;

/// Relativistic pairing with the logistic function: real and generated pictures are scored against
/// each other, pair by pair. Source: arXiv 1807.00734 (RSGAN), in the form of arXiv 2501.05441,
/// Eq. 2.
///
/// The two batches must have the same length; picture `i` of one is paired with `i` of the other. Deviation: where pictures
/// have labels, those of a pair are drawn independently, while R3GAN's program gives both the same.
#[derive(Clone, Copy, Debug)]
pub struct Relativistic;

impl AdversarialLoss for Relativistic {
    fn name(&self) -> &'static str {
        "relativistic"
    }

    fn formula(&self) -> &'static str {
        "D: E[softplus(f − r)]; G: E[softplus(r − f)]"
    }

    fn source(&self) -> &'static str {
        "arXiv 1807.00734, 2501.05441"
    }

    fn critic(&self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        softplus(fake - real).mean()
    }

    fn generator(&self, fake: Tensor<1>, real: Option<Tensor<1>>) -> Tensor<1> {
        // Without real scores there is nobody to compare with: zero is the indifferent score.
        let difference = match real {
            Some(real) => real - fake,
            None => fake.neg(),
        };
        softplus(difference).mean()
    }

    fn pairs_players(&self) -> bool {
        true
    }
}
