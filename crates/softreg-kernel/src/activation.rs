//! What stands behind a layer, element by element.

#[cfg(feature = "flex")]
mod kernel;

/// An activation whose derivative is known from its output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `y = x`.
    #[default]
    None,
    /// `y = x` above 0, `slope·x` elsewhere; `slope ≥ 0`.
    LeakyRelu {
        /// Slope below 0.
        slope: f32,
    },
    /// `y = ln(1 + eˣ)`.
    Softplus,
    /// `y = tanh x`.
    Tanh,
}

impl Activation {
    /// The rectifier, `y = max(x, 0)`: a slope of 0. Its derivative at 0 is 0.
    pub const RELU: Self = Self::LeakyRelu { slope: 0.0 };
}
