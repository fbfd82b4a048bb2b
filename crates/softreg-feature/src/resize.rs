//! Bilinear resizing without smoothing, by the two conventions of the programs that made FID known.

use crate::definition::Resize;

/// For each place of the result: the two places of the picture that it lies between, and the share of
/// the second.
fn between(from: usize, to: usize, how: Resize) -> Vec<(usize, usize, f32)> {
    let scale = from as f32 / to as f32;
    let last = from - 1;
    let place = |i: usize| {
        let x = match how {
            Resize::Bilinear => ((i as f32 + 0.5) * scale - 0.5).max(0.0),
            Resize::BilinearTf1 => i as f32 * scale,
        };
        let low = (x as usize).min(last);
        (low, (low + 1).min(last), x - low as f32)
    };
    (0..to).map(place).collect()
}

/// One plane `[h, w]` brought to `[height, width]`.
pub(crate) fn plane(
    values: &[f32],
    [h, w]: [usize; 2],
    [height, width]: [usize; 2],
    how: Resize,
) -> Vec<f32> {
    if [h, w] == [height, width] {
        return values.to_vec();
    }
    let (rows, columns) = (between(h, height, how), between(w, width, how));
    let mut out = Vec::with_capacity(height * width);
    for (above, below, y) in rows {
        let at = |row: usize, column: usize| values[row * w + column];
        out.extend(columns.iter().map(|(left, right, x)| {
            let top = at(above, *left) * (1.0 - x) + at(above, *right) * x;
            let bottom = at(below, *left) * (1.0 - x) + at(below, *right) * x;
            top * (1.0 - y) + bottom * y
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_as_wide_by_both_conventions() {
        let row = [0.0, 8.0];
        assert_eq!(plane(&row, [1, 2], [1, 4], Resize::Bilinear), [0.0, 2.0, 6.0, 8.0]);
        assert_eq!(plane(&row, [1, 2], [1, 4], Resize::BilinearTf1), [0.0, 4.0, 8.0, 8.0]);
        assert_eq!(plane(&row, [2, 1], [1, 1], Resize::Bilinear), [4.0]);
        assert_eq!(plane(&row, [2, 1], [1, 1], Resize::BilinearTf1), [0.0]);
        assert_eq!(plane(&row, [1, 2], [1, 2], Resize::BilinearTf1), row);
    }
}
