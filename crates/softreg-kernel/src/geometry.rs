//! Which value of one side meets which of the other.

use crate::window::Window;

/// Rows, columns and channels of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Extent {
    /// Values of one picture.
    pub(crate) fn len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// A convolution between its *wide* side (the input of a convolution, the output of a transposed one) and
/// its *narrow* side. A convolution goes from wide to narrow, its adjoint, the transposed convolution, from
/// narrow to wide; the gradient of one is the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) wide: Extent,
    pub(crate) narrow: Extent,
    pub(crate) window: Window,
}

impl Geometry {
    /// A convolution from `wide` to `outputs` channels.
    pub(crate) fn convolution(wide: Extent, outputs: usize, window: Window) -> Self {
        let side = |n: usize| (n + 2 * window.padding - window.kernel) / window.stride + 1;
        let narrow =
            Extent { height: side(wide.height), width: side(wide.width), channels: outputs };
        Self { wide, narrow, window }
    }

    /// A transposed convolution from `narrow` to `outputs` channels, of the smallest size that fits.
    pub(crate) fn transposed(narrow: Extent, outputs: usize, window: Window) -> Self {
        let side = |n: usize| (n - 1) * window.stride + window.kernel - 2 * window.padding;
        let wide =
            Extent { height: side(narrow.height), width: side(narrow.width), channels: outputs };
        Self { wide, narrow, window }
    }

    /// How far narrow positions that meet a wide one lie from it: of the wide rows `stride·q + r` for every
    /// `r` below the stride, the narrow rows `q + low ..= q + high`.
    #[cfg(feature = "flex")]
    pub(crate) fn reach(&self) -> (isize, isize) {
        let Window { kernel, stride, padding } = self.window;
        let (k, s, p) = (kernel as isize, stride as isize, padding as isize);
        // The last tap of the first row, and the first tap of the last.
        (-(k - 1 - p).div_euclid(s), (s - 1 + p).div_euclid(s))
    }

    /// The row of the window through which the wide row `stride·q + r` meets the narrow row `q + d`.
    #[cfg(feature = "flex")]
    pub(crate) fn tap(&self, r: usize, d: isize) -> Option<usize> {
        let Window { kernel, stride, padding } = self.window;
        let tap = (r + padding) as isize - stride as isize * d;
        (0..kernel as isize).contains(&tap).then_some(tap as usize)
    }
}
