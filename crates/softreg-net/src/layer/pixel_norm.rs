use burn::tensor::Tensor;

/// Scales the feature vector of every pixel to mean square 1: `x / √(mean_c x² + 10⁻⁸)`,
/// `[n, c, h, w] → [n, c, h, w]`. Source: arXiv 1710.10196, section 4.2.
///
/// It has no state and looks at one sample only, so that a picture never depends on the other
/// pictures of its batch.
pub fn pixel_norm(x: Tensor<4>) -> Tensor<4> {
    let norm = x.clone().square().mean_dim(1).add_scalar(1e-8).sqrt().recip();
    x * norm
}
