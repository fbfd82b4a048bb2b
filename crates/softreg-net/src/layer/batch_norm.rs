use super::{Init, Linear};
use crate::onnx::{Builder, Value};
use burn::module::{Module, Param};
use burn::tensor::{
    Tensor,
    module::{batch_norm, batch_norm_train},
};
use rand::Rng;

/// Batch normalisation per channel, `y = (x − μ)/√(σ² + 10⁻⁵)`. Source: arXiv 1502.03167.
///
/// Deviations: it stands behind the activation, so that the next layer's input has mean 0 and
/// variance 1, as equalised weights expect; and it has no learnt gain and shift, which that
/// layer's weights can take on. On small budgets both learn faster than the usual order.
///
/// With self-modulation (arXiv 1810.01365) the generator's input `z`, latent and label, scales and
/// shifts every channel: `(1 + γ(z))·y + β(z)`. Deviation: γ and β are linear in `z` in place of
/// networks with a hidden layer.
///
/// While training, μ and σ² are those of the batch. For making pictures they are the layer's
/// *standing* statistics, measured once for the weights at hand (arXiv 1809.11096, appendix C.1), so
/// that a picture depends on its latent alone. No running average is kept, so there is nothing that
/// a step would have to hand to the next.
#[derive(Module, Debug)]
pub struct BatchNorm {
    standing_mean: Param<Tensor<1>>,
    standing_variance: Param<Tensor<1>>,
    modulation: Option<Linear>,
}

/// Where a generator's normalisation takes its statistics from.
#[derive(Debug)]
pub enum Statistics<'a> {
    /// The batch itself.
    Batch,
    /// The batch itself, and what was found is noted, layer by layer: mean and variance.
    Noted(&'a mut Vec<[Tensor<1>; 2]>),
    /// The standing statistics.
    Standing,
}

const EPSILON: f64 = 1e-5;
/// Gain of the layer that makes γ and β: at the start pictures differ by half of what they have in common.
const GAIN_MODULATION: f64 = 0.5;

impl BatchNorm {
    /// A new layer for `channels` feature maps, modulated by a row of `modulated_by` values where there are any.
    pub fn new<R: Rng>(
        init: &mut Init<'_, R>,
        channels: usize,
        modulated_by: Option<usize>,
    ) -> Self {
        Self {
            standing_mean: init.constant(0.0, channels).set_require_grad(false),
            standing_variance: init.constant(1.0, channels).set_require_grad(false),
            modulation: modulated_by
                .map(|inputs| Linear::new(init, inputs, 2 * channels, GAIN_MODULATION)),
        }
    }

    /// Applies the layer, `[n, c, h, w] → [n, c, h, w]`; `z` `[n, ·]` is the generator's input.
    pub fn forward(
        &self,
        x: Tensor<4>,
        z: &Tensor<2>,
        statistics: &mut Statistics<'_>,
    ) -> Tensor<4> {
        let y = self.normalized(x, statistics);
        match &self.modulation {
            Some(modulation) => softreg_kernel::modulate(y, modulation.forward(z.clone())),
            None => y,
        }
    }

    fn normalized(&self, x: Tensor<4>, statistics: &mut Statistics<'_>) -> Tensor<4> {
        let neutral = |x: &Tensor<4>| {
            let ([_, channels, ..], device) = (x.dims(), x.device());
            (Tensor::ones([channels], &device), Tensor::zeros([channels], &device))
        };
        match statistics {
            Statistics::Batch => softreg_kernel::batch_norm(x, EPSILON as f32),
            Statistics::Noted(noted) => {
                let (gain, shift) = neutral(&x);
                let result = batch_norm_train(x, gain, shift, EPSILON);
                noted.push([result.mean, result.variance]);
                result.output
            }
            Statistics::Standing => {
                let (gain, shift) = neutral(&x);
                let (mean, variance) = (self.standing_mean.val(), self.standing_variance.val());
                batch_norm(x, gain, shift, mean, variance, EPSILON)
            }
        }
    }

    /// Writes the layer down, with the standing statistics.
    pub(crate) fn write(&self, graph: &mut Builder, x: &Value, z: &Value) -> Value {
        let (mean, variance) = (self.standing_mean.val(), self.standing_variance.val());
        let y = graph.normalized(x, mean, variance, EPSILON);
        match &self.modulation {
            Some(modulation) => {
                let style = modulation.write(graph, z);
                graph.modulated(&y, &style, self.standing_mean.val().dims()[0])
            }
            None => y,
        }
    }

    /// Sets the standing statistics.
    pub(crate) fn stand(&mut self, [mean, variance]: [Tensor<1>; 2]) {
        let replace = |param: &Param<Tensor<1>>, value: Tensor<1>| {
            Param::initialized(param.id, value).set_require_grad(false)
        };
        self.standing_mean = replace(&self.standing_mean, mean);
        self.standing_variance = replace(&self.standing_variance, variance);
    }
}
