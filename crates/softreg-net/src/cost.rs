//! How much work a pass is.

use crate::architecture::Shape;
use crate::{critic, generator};

/// Floating-point operations of one forward pass of one picture: two, a multiplication and an addition,
/// for every use of a weight. Activations, norms and biases are left out; they are below a hundredth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Latent → picture.
    pub generator: f64,
    /// Picture → score.
    pub critic: f64,
}

impl Cost {
    /// Of the pair of networks with this shape.
    pub fn of(shape: &Shape) -> Self {
        Self {
            generator: 2.0 * generator::multiplications(shape) as f64,
            critic: 2.0 * critic::multiplications(shape) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Geometry;
    use crate::architecture::Architecture;

    #[test]
    fn costs_are_those_of_the_layers() {
        let shape = Shape {
            architecture: Architecture::Dcgan,
            geometry: Geometry::new(32, 32).unwrap(),
            channels: 3,
            width: 24,
            latent: 64,
            self_modulation: false,
            classes: None,
        };
        // 4x4 kernels: 3→24 at 16x16, 24→48 at 8x8, 48→96 at 4x4, and 1536→1.
        let critic = 16 * (3 * 24 * 256 + 24 * 48 * 64 + 48 * 96 * 16) + 1536;
        // 64→1536; each transposed kernel meets every pixel of its input.
        let generator = 64 * 1536 + 16 * (96 * 48 * 16 + 48 * 24 * 64 + 24 * 3 * 256);
        let cost = Cost::of(&shape);
        assert_eq!(cost, Cost { generator: 2.0 * generator as f64, critic: 2.0 * critic as f64 });
        // 3x3 at 32x32, then blocks: 3x3, 4x4 taps for every pixel of the small side, and 1x1 there.
        let block = |large: usize, small: usize, pixels: usize| {
            9 * large * large * 4 * pixels + (16 + 1) * large * small * pixels
        };
        let blocks = block(24, 24, 256) + block(24, 48, 64) + block(48, 96, 16);
        let picture = 9 * 3 * 24 * 1024;
        let critic = picture + blocks + 1536;
        let generator = picture + blocks + 64 * 1536;
        let residual = Cost::of(&Shape { architecture: Architecture::Residual, ..shape });
        let expected = Cost { generator: 2.0 * generator as f64, critic: 2.0 * critic as f64 };
        assert_eq!(residual, expected);
        // Gains and shifts of the layers that are normalised: 96, 48 and 24 channels; 96, 48, 48, 24, 24, 24 and 24.
        let modulated = |shape: Shape| {
            Cost::of(&Shape { self_modulation: true, ..shape }).generator
                - Cost::of(&shape).generator
        };
        assert_eq!(modulated(shape), 2.0 * 64.0 * 2.0 * 168.0);
        let residual = Shape { architecture: Architecture::Residual, ..shape };
        assert_eq!(modulated(residual), 2.0 * 64.0 * 2.0 * 288.0);
        // Labels add a little.
        let labels = Cost::of(&Shape { classes: Some(10), ..shape });
        assert_eq!(labels.critic - cost.critic, 2.0 * 1536.0);
        assert_eq!(labels.generator - cost.generator, 2.0 * 10.0 * 1536.0);
    }
}
