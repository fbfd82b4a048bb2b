use super::Aim;
use burn::tensor::Tensor;

/// Outputs of a pair should be alike: `φ = E[D(f(x), f(x'))]`.
#[derive(Clone, Copy, Debug)]
pub struct Attract;

impl Aim for Attract {
    fn name(&self) -> &'static str {
        "attract"
    }

    fn formula(&self) -> &'static str {
        "E[D(f(x), f(x'))]"
    }

    fn needs_input_distance(&self) -> bool {
        false
    }

    fn value(&self, outputs: Tensor<1>, _inputs: Option<Tensor<1>>) -> Tensor<1> {
        outputs.mean()
    }
}
