//! What slides over a picture.

/// A square window that slides over a picture, zeros around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Steps between two positions, at least 1.
    pub stride: usize,
    /// Zeros on every side of the picture, fewer than `kernel`.
    pub padding: usize,
}

/// Longest side of a window, and longest step.
const MOST: usize = 1 << 15;

impl Window {
    /// # Panics
    /// Where there is no such window, or `weight` `[narrow, wide, k, k]` is of another layer.
    pub(crate) fn check(&self, weight: [usize; 4], channels: [usize; 2]) {
        let Self { kernel, stride, padding } = *self;
        assert!(stride > 0 && padding < kernel, "no window: {self:?}");
        // Far beyond any picture, and far below what a product of them could not hold.
        assert!(kernel <= MOST && stride <= MOST, "{self:?} is no window for pictures");
        assert_eq!(weight[2..], [kernel; 2], "weights of another window than {self:?}");
        assert_eq!(weight[..2], channels, "weights for other numbers of channels, narrow and wide");
    }

    /// # Panics
    /// Where the window does not fit the wide side.
    pub(crate) fn check_wide(&self, sides: [usize; 2]) {
        for side in sides {
            assert!(side <= 1 << 31, "a side of {side} is none of a picture");
            let padded = side + 2 * self.padding;
            assert!(padded >= self.kernel, "{self:?} is larger than a side of {side}");
        }
    }

    /// # Panics
    /// Where nothing is left of the wide side.
    pub(crate) fn check_narrow(&self, sides: [usize; 2]) {
        for side in sides {
            assert!((1..=1 << 31).contains(&side), "a side of {side} is none of a picture");
            let wide = side.saturating_sub(1) * self.stride + self.kernel;
            assert!(wide > 2 * self.padding, "{self:?} leaves nothing of a side of {side}");
        }
    }
}
