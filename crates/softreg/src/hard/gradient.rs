use burn::tensor::Tensor;

/// Where a critic's input gradient is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// At real pictures.
    Real,
    /// At generated pictures.
    Fake,
    /// Somewhere on the line between a real and a generated picture, `u·x + (1 − u)·x̃`, `u ~ U(0, 1)`.
    Between,
}

/// What the length of the gradient should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// 0: `E[‖∇D‖²]`.
    Zero,
    /// 1: `E[(‖∇D‖ − 1)²]`.
    One,
}

/// An exact gradient penalty: a function of the gradient of the critic's score with respect to the
/// picture.
///
/// | | point | target | source |
/// |---|---|---|---|
/// | R1 | real | 0 | arXiv 1801.04406, as `γ/2·E[‖∇D‖²]` |
/// | R2 | generated | 0 | arXiv 1801.04406 |
/// | WGAN-GP | between | 1 | arXiv 1704.00028 |
///
/// It needs the gradient as a function of the weights, to be differentiated once more. A network made of
/// linear layers and leaky ReLUs has one that can be written down: its layers backwards, with the slopes
/// of the activations as constants; softreg's critics do ([`crate::scene::Scene::input_gradient`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradientPenalty {
    /// Where.
    pub point: Point,
    /// How long.
    pub target: Target,
}

/// The square of the shortest gradient that has a direction in which it could grow.
const SMALLEST_SQUARE: f64 = 1e-24;

impl GradientPenalty {
    /// The penalty of gradients `[n, features]`, one number `[1]`.
    ///
    /// The length of a gradient of 0 has no derivative; with [`Target::One`] its subgradient is 0.
    pub fn of(&self, gradients: Tensor<2>) -> Tensor<1> {
        let square: Tensor<1> = gradients.square().sum_dim(1).squeeze_dim(1);
        match self.target {
            Target::Zero => square.mean(),
            Target::One => {
                let length = square.clamp_min(SMALLEST_SQUARE).sqrt();
                length.sub_scalar(1.0).square().mean()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn lengths_are_held_to_their_targets() {
        let device = Device::flex().autodiff();
        let g = Tensor::<2>::from_floats([[3.0, 4.0], [0.0, 0.0]], &device).require_grad();
        let of = |target| {
            let value = GradientPenalty { point: Point::Real, target }.of(g.clone());
            let gradient = g.grad(&value.backward()).unwrap();
            let numbers = gradient.into_data().try_to_vec::<f32>().unwrap();
            (value.into_scalar::<f32>(), numbers)
        };
        assert_eq!(of(Target::Zero), (12.5, vec![3.0, 4.0, 0.0, 0.0]));
        // (5 − 1)²/2 + (0 − 1)²/2; gradient (5 − 1)·g/5.
        let (value, gradient) = of(Target::One);
        assert!((value - 8.5).abs() < 1e-5, "{value}");
        assert!((gradient[0] - 2.4).abs() < 1e-5 && gradient[2..] == [0.0, 0.0], "{gradient:?}");
    }
}
