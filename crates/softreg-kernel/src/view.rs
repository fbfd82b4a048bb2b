//! Pictures wherever they lie in memory.

use crate::geometry::Extent;

/// Values `[n, channels, height, width]` with any strides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) start: usize,
    pub(crate) strides: [isize; 4],
}

impl<'a> View<'a> {
    /// Row `y` of picture `n`, channels innermost, `pitch ≥ channels` values from one pixel to the next.
    pub(crate) fn read(&self, extent: &Extent, [n, y]: [usize; 2], pitch: usize, row: &mut [f32]) {
        let [of_n, of_c, of_y, of_x] = self.strides;
        let start = self.start as isize + n as isize * of_n + y as isize * of_y;
        let Extent { width, channels, .. } = *extent;
        if of_c == 1 && of_x == channels as isize && pitch == channels {
            row.copy_from_slice(&self.data[start as usize..][..width * channels]);
            return;
        }
        if of_c == 1 && of_x > 0 {
            for (x, pixel) in row.chunks_mut(pitch).take(width).enumerate() {
                let from = &self.data[start as usize + x * of_x as usize..][..channels];
                pixel[..channels].copy_from_slice(from);
            }
            return;
        }
        if of_x == 1 && of_c >= 0 && channels == 3 && pitch == 3 {
            // Coloured pictures as everyone else keeps them: three planes.
            let plane = |c: usize| &self.data[start as usize + c * of_c as usize..][..width];
            let colours = plane(0).iter().zip(plane(1)).zip(plane(2));
            for (pixel, ((r, g), b)) in row.chunks_exact_mut(3).zip(colours) {
                pixel.copy_from_slice(&[*r, *g, *b]);
            }
            return;
        }
        for c in 0..channels {
            let mut from = start + c as isize * of_c;
            for to in row[c..].iter_mut().step_by(pitch).take(width) {
                *to = self.data[from as usize];
                from += of_x;
            }
        }
    }

    /// Plane `c` of picture `n`, row by row: where it lies, or copied to `plane`.
    pub(crate) fn plane<'p>(
        &self,
        extent: &Extent,
        [n, c]: [usize; 2],
        plane: &'p mut [f32],
    ) -> &'p [f32]
    where
        'a: 'p,
    {
        let [of_n, of_c, of_y, of_x] = self.strides;
        let start = self.start as isize + n as isize * of_n + c as isize * of_c;
        let Extent { height, width, .. } = *extent;
        if of_x == 1 && of_y == width as isize {
            return &self.data[start as usize..][..height * width];
        }
        for (y, row) in plane.chunks_exact_mut(width).enumerate() {
            let mut from = start + y as isize * of_y;
            for to in row {
                *to = self.data[from as usize];
                from += of_x;
            }
        }
        plane
    }

    /// All pictures from the first on where they lie, if channels are innermost and nothing is between.
    pub(crate) fn dense(&self, extent: &Extent, count: usize) -> Option<&'a [f32]> {
        (self.strides == Self::innermost(extent))
            .then(|| &self.data[self.start..][..count * extent.len()])
    }

    /// The strides of dense pictures whose channels are innermost.
    pub(crate) fn innermost(extent: &Extent) -> [isize; 4] {
        let row = extent.width * extent.channels;
        [extent.len(), 1, row, extent.channels].map(|stride| stride as isize)
    }

    /// Dense pictures whose channels are innermost.
    pub(crate) fn of(data: &'a [f32], extent: &Extent) -> Self {
        Self { data, start: 0, strides: Self::innermost(extent) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_any_layout() {
        let extent = Extent { height: 3, width: 4, channels: 3 };
        let data: Vec<f32> = (0..500).map(|i| i as f32).collect();
        // Planes, pixels, pixels of more channels than are looked at, every other pixel, and mirrored.
        for (start, strides) in [
            (0, [36, 12, 4, 1]),
            (2, [36, 1, 12, 3]),
            (5, [84, 1, 28, 7]),
            (1, [90, 1, 30, 6]),
            (90, [40, 13, -4, -1]),
        ] {
            let view = View { data: &data, start, strides };
            let value = |n: usize, y: usize, x: usize, c: usize| {
                let along = [n, c, y, x].into_iter().zip(strides).map(|(i, s)| i as isize * s);
                (start as isize + along.sum::<isize>()) as f32
            };
            for pitch in [3, 5] {
                for (n, y) in [(0, 0), (0, 2), (2, 1)] {
                    let mut row = vec![-1.0; 4 * pitch];
                    view.read(&extent, [n, y], pitch, &mut row);
                    for (at, found) in row.into_iter().enumerate() {
                        let (x, c) = (at / pitch, at % pitch);
                        let wanted = if c < 3 { value(n, y, x, c) } else { -1.0 };
                        assert_eq!(
                            found, wanted,
                            "{strides:?}, pitch {pitch}: row {y}, value {at}"
                        );
                    }
                }
            }
        }
    }
}
