//! Pictures with zeros around them, channels innermost, so that no window needs a look at the border.

use crate::geometry::{Extent, Geometry};
use crate::view::View;
use std::ops::Range;

/// How pictures of one side lie in a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Padded {
    pub(crate) extent: Extent,
    /// Zero rows above and columns to the left.
    pub(crate) before: usize,
    /// Zero rows below and columns to the right.
    pub(crate) after: [usize; 2],
    /// Values from one pixel to the next.
    pub(crate) pitch: usize,
    /// Values between the rows that mean nothing.
    pub(crate) gap: usize,
}

impl Padded {
    /// The wide side, as a convolution's window sees it.
    pub(crate) fn wide(geometry: &Geometry) -> Self {
        let extent = geometry.wide;
        let p = geometry.window.padding;
        Self { extent, before: p, after: [p; 2], pitch: extent.channels, gap: 0 }
            .spread(geometry.window.stride)
    }

    /// The narrow side, as the wide pixels see it.
    pub(crate) fn narrow(geometry: &Geometry) -> Self {
        let Extent { height, width, channels } = geometry.narrow;
        let (low, high) = geometry.reach();
        // The last q of a side, and how far past the last narrow position it reaches.
        let after = |wide: usize, narrow: usize| {
            let last = ((wide - 1) / geometry.window.stride) as isize + high;
            (last - (narrow as isize - 1)).max(0) as usize
        };
        Self {
            extent: geometry.narrow,
            before: (-low).max(0) as usize,
            after: [after(geometry.wide.height, height), after(geometry.wide.width, width)],
            pitch: channels,
            gap: 0,
        }
    }

    /// Nothing around them.
    pub(crate) fn pixels(extent: Extent, pitch: usize) -> Self {
        Self { extent, before: 0, after: [0; 2], pitch, gap: 0 }
    }

    /// Values from one row to the next.
    pub(crate) fn row(&self) -> usize {
        (self.before + self.extent.width + self.after[1]) * self.pitch + self.gap
    }

    /// With a gap behind every row where windows would begin in a few sets of the first-level cache only: pixels whose
    /// distance is a multiple of 256 bytes share every fourth, or fewer, and push each other out. The gap puts the windows
    /// of the next row one line further. It is even: what lies in pairs is read in pairs, from row to row.
    fn spread(mut self, stride: usize) -> Self {
        if (stride * self.pitch).is_multiple_of(64) {
            let line = |gap: &usize| (stride * (self.row() + gap)) % 128 == 16;
            self.gap = (0..128).step_by(2).find(line).unwrap_or(0);
        }
        self
    }

    /// Values of one picture.
    pub(crate) fn picture(&self) -> usize {
        (self.before + self.extent.height + self.after[0]) * self.row()
    }

    /// Where the pixel `y`, `x` of the first picture begins.
    pub(crate) fn pixel(&self, y: isize, x: isize) -> usize {
        let before = self.before as isize;
        (y + before) as usize * self.row() + (x + before) as usize * self.pitch
    }

    /// `pictures` of `source`, in the beginning of `buffer`; a longer one stays as long, so that a layer does not
    /// clear again what the one before did not need.
    pub(crate) fn fill<'b>(
        &self,
        source: &View<'_>,
        pictures: Range<usize>,
        buffer: &'b mut Vec<f32>,
    ) -> &'b [f32] {
        let Extent { height, width, channels } = self.extent;
        let length = pictures.len() * self.picture();
        if buffer.len() < length {
            buffer.resize(length, 0.0);
        }
        let (row, inner) = (self.row(), width * self.pitch);
        let left = self.before * self.pitch;
        let filled = &mut buffer[..length];
        for (n, picture) in pictures.zip(filled.chunks_exact_mut(self.picture())) {
            let (above, rest) = picture.split_at_mut(self.before * row);
            let (rows, below) = rest.split_at_mut(height * row);
            above.fill(0.0);
            below.fill(0.0);
            for (y, line) in rows.chunks_exact_mut(row).enumerate() {
                let (before, rest) = line.split_at_mut(left);
                let (inside, after) = rest.split_at_mut(inner);
                before.fill(0.0);
                after.fill(0.0);
                if self.pitch != channels {
                    inside.fill(0.0);
                }
                source.read(&self.extent, [n, y], self.pitch, inside);
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of values must begin where rows do, whatever the stride.
    #[test]
    fn rows_of_pairs_stay_whole_pairs() {
        for (stride, channels) in [(1, 64), (2, 32), (8, 8), (16, 4), (16, 8), (48, 4), (80, 12)] {
            for width in [1, 7, 32] {
                let extent = Extent { height: 3, width, channels };
                let spread = Padded::pixels(extent, channels).spread(stride);
                assert!(spread.row().is_multiple_of(2), "{stride} {channels} {width}: {spread:?}");
            }
        }
    }
    use crate::window::Window;

    #[test]
    fn windows_begin_all_over_the_cache() {
        for (stride, kernel, channels) in
            [(2, 4, 64), (2, 4, 32), (1, 3, 64), (1, 1, 128), (2, 4, 24)]
        {
            let window = Window { kernel, stride, padding: (kernel - 1) / 2 };
            let side = 8 * stride;
            let wide = Extent { height: side, width: side, channels };
            let padded = Padded::wide(&Geometry::convolution(wide, 5, window));
            // 32 KB of lines of 64 bytes, eight of them for every set.
            let mut sets = [0; 64];
            for (y, x) in (0..8).flat_map(|y| (0..8).map(move |x| (y, x))) {
                sets[padded.pixel((y * stride) as isize, (x * stride) as isize) / 16 % 64] += 1;
            }
            let most = sets.into_iter().max().unwrap();
            assert!(most <= 3, "{channels} channels: {most} in one set");
            assert_eq!(padded.gap > 0, channels != 24, "{channels} channels: {}", padded.gap);
        }
    }
}
