//! What stands behind a layer, element by element.

#[cfg(feature = "flex")]
mod kernel;

/// An activation whose derivative is known from its output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `y = x`.
    #[default]
    None,
    /// `y = x` above 0, `slope·x` elsewhere; `slope > 0`.
    LeakyRelu {
        /// Slope below 0.
        slope: f32,
    },
    /// `y = tanh x`.
    Tanh,
}
