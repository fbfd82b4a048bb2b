//! Whole-pixel moves of pictures, picture by picture, differentiable on every backend: each output
//! pixel copies one input pixel (or nothing).

use burn::tensor::Tensor;
use softreg_kernel::gather_pixels;

/// What a pixel from outside the picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The picture mirrored at its border, without repeating the border pixel.
    Reflect,
    /// Zero.
    Zero,
}

/// Moves pixels: output pixel `(y, x)` of picture `i` is input pixel `source(i, y, x)`, which may
/// lie outside. `[n, c, h, w] → [n, c, h, w]`.
pub(crate) fn warp(
    pictures: Tensor<4>,
    edge: Edge,
    source: impl Fn(usize, i64, i64) -> (i64, i64),
) -> Tensor<4> {
    let [n, _, h, w] = pictures.dims();
    let (height, width) = (h as i64, w as i64);
    let mut sources = Vec::with_capacity(n * h * w);
    for i in 0..n {
        for y in 0..height {
            for x in 0..width {
                let (sy, sx) = source(i, y, x);
                let (sy, sx) = match edge {
                    Edge::Reflect => (reflect(sy, height), reflect(sx, width)),
                    Edge::Zero => (sy, sx),
                };
                let inside = (0..height).contains(&sy) && (0..width).contains(&sx);
                sources.push(if inside { (sy * width + sx) as u32 } else { OUTSIDE });
            }
        }
    }
    gather_pixels(pictures, sources)
}

/// No pixel has this number.
const OUTSIDE: u32 = u32::MAX;

/// Position `p` folded back into `0..side`: …2 1 | 0 1 2 … (PyTorch's `reflect`).
fn reflect(p: i64, side: i64) -> i64 {
    if side == 1 {
        return 0;
    }
    let period = 2 * (side - 1);
    let p = p.rem_euclid(period);
    p.min(period - p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn row(edge: Edge, shift: i64) -> Vec<f32> {
        let x = Tensor::<4>::from_floats([[[[1., 2., 3., 4.]]]], &Device::flex());
        warp(x, edge, |_, y, x| (y, x - shift)).into_data().try_to_vec().unwrap()
    }

    #[test]
    fn zero_and_reflect_at_the_border() {
        assert_eq!(row(Edge::Zero, 1), [0., 1., 2., 3.]);
        assert_eq!(row(Edge::Reflect, 1), [2., 1., 2., 3.]);
        assert_eq!(row(Edge::Reflect, -2), [3., 4., 3., 2.]);
        assert_eq!(row(Edge::Zero, 0), [1., 2., 3., 4.]);
    }

    #[test]
    fn gradient_returns_to_the_pixel_that_was_copied() {
        let device = Device::flex().autodiff();
        let x = Tensor::<4>::from_floats([[[[1., 2., 3., 4.]]]], &device).require_grad();
        let weights = Tensor::<4>::from_floats([[[[1., 10., 100., 1000.]]]], &device);
        let y = warp(x.clone(), Edge::Zero, |_, y, x| (y, x - 1)) * weights;
        let gradient: Vec<f32> =
            x.grad(&y.sum().backward()).unwrap().into_data().try_to_vec().unwrap();
        assert_eq!(gradient, [10., 100., 1000., 0.]);
    }
}
