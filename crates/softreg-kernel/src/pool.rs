//! What the values under a window come to: their maximum or their mean.

use crate::window::Window;
#[cfg(feature = "flex")]
pub(crate) use kernel::{pull_back, run};

#[cfg(feature = "flex")]
mod kernel;

/// What is taken of the pixels under a window; none is taken of the padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The largest value. Of equal ones the gradient goes to the first.
    Max,
    /// The mean over the pixels that are in the picture.
    Mean,
}

/// A layer of pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its padding is at most half of the kernel, so that every position meets a pixel.
    pub window: Window,
    /// What is taken.
    pub takes: Pooling,
    /// Whether a last position that reaches over the edge counts, if it begins inside.
    pub over_the_edge: bool,
}

impl Pool {
    /// # Panics
    /// Where the window is none, or does not fit the picture.
    pub(crate) fn check(&self, sides: [usize; 2]) {
        let Window { kernel, stride, padding } = self.window;
        assert!(stride > 0 && kernel > 0 && 2 * padding <= kernel, "no window to pool: {self:?}");
        self.window.check_wide(sides);
    }

    /// Positions along a side of `n` pixels: `⌊(n + 2p − k)/s⌋ + 1`, or one more over the edge.
    #[cfg(feature = "flex")]
    pub(crate) fn positions(&self, n: usize) -> usize {
        let Window { kernel, stride, padding } = self.window;
        let room = n + 2 * padding - kernel;
        let whole = room / stride + 1;
        let more = !room.is_multiple_of(stride) && whole * stride < n + padding;
        whole + usize::from(self.over_the_edge && more)
    }
}
