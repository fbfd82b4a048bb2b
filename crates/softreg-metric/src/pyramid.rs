//! The Laplacian pyramid of a picture: what each scale adds to the next coarser one.

/// One channel-planar picture of floats.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plane {
    pub height: usize,
    pub width: usize,
    pub values: Vec<f32>,
}

/// Binomial filter `[1 4 6 4 1]/16`, in both directions.
const TAPS: [f32; 5] = [1. / 16., 4. / 16., 6. / 16., 4. / 16., 1. / 16.];

/// Levels from fine to coarse: the last holds the remaining low frequencies, every other the
/// difference to the next, doubled and smoothed. Halving ends before a side falls below `smallest`.
pub(crate) fn laplacian(plane: Plane, smallest: usize) -> Vec<Plane> {
    let mut levels = vec![plane];
    while let Some(fine) = levels.last_mut() {
        if fine.height.min(fine.width) / 2 < smallest {
            break;
        }
        let coarse = halve(fine);
        let expected = double(&coarse, fine.height, fine.width);
        fine.values.iter_mut().zip(expected.values).for_each(|(value, e)| *value -= e);
        levels.push(coarse);
    }
    levels
}

fn halve(plane: &Plane) -> Plane {
    let smooth = filter(plane, 1.0);
    let (height, width) = (plane.height.div_ceil(2), plane.width.div_ceil(2));
    let values = (0..height * width)
        .map(|i| smooth.values[2 * (i / width) * plane.width + 2 * (i % width)])
        .collect();
    Plane { height, width, values }
}

/// Zeros between the pixels, then the filter with gain 4.
fn double(plane: &Plane, height: usize, width: usize) -> Plane {
    let mut values = vec![0f32; height * width];
    for y in 0..plane.height {
        for x in 0..plane.width {
            values[2 * y * width + 2 * x] = plane.values[y * plane.width + x];
        }
    }
    filter(&Plane { height, width, values }, 2.0)
}

/// The separable filter, pixels mirrored at the border; `gain` counts once per direction.
fn filter(plane: &Plane, gain: f32) -> Plane {
    let (h, w) = (plane.height as isize, plane.width as isize);
    let pass = |source: &[f32], dy: isize, dx: isize| -> Vec<f32> {
        (0..h * w)
            .map(|i| {
                let (y, x) = (i / w, i % w);
                (-2..=2)
                    .zip(TAPS)
                    .map(|(o, tap)| {
                        let (y, x) = (mirror(y + o * dy, h), mirror(x + o * dx, w));
                        gain * tap * source[(y * w + x) as usize]
                    })
                    .sum()
            })
            .collect()
    };
    let values = pass(&pass(&plane.values, 0, 1), 1, 0);
    Plane { height: plane.height, width: plane.width, values }
}

fn mirror(p: isize, side: isize) -> isize {
    if side == 1 {
        return 0;
    }
    let p = p.rem_euclid(2 * (side - 1));
    p.min(2 * (side - 1) - p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_has_no_detail_and_keeps_its_value() {
        let plane = Plane { height: 32, width: 64, values: vec![3.0; 32 * 64] };
        let levels = laplacian(plane, 16);
        assert_eq!(levels.len(), 2);
        assert!(levels[0].values.iter().all(|v| v.abs() < 1e-5));
        assert!(levels[1].values.iter().all(|v| (v - 3.0).abs() < 1e-5));
        assert_eq!((levels[1].height, levels[1].width), (16, 32));
    }

    #[test]
    fn levels_add_up_to_the_picture() {
        let values: Vec<f32> = (0..32 * 32).map(|i| ((i * 7919) % 255) as f32).collect();
        let plane = Plane { height: 32, width: 32, values };
        let levels = laplacian(plane.clone(), 16);
        let up = double(&levels[1], 32, 32);
        for ((detail, coarse), value) in levels[0].values.iter().zip(up.values).zip(plane.values) {
            assert!((detail + coarse - value).abs() < 1e-3);
        }
    }
}
