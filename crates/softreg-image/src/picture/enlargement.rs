//! How large the pixels of a picture were drawn: artists of small pictures often enlarge what they show.

use super::Raster;

impl Raster {
    /// The pixel at column `x` and row `y`, transparent ones all alike, as they look.
    pub(crate) fn seen(&self, x: u32, y: u32) -> [u8; 4] {
        let at = (y as usize * self.width as usize + x as usize) * self.channels;
        match &self.data[at..at + self.channels] {
            [_, _, _, 0] => [0; 4],
            pixel => std::array::from_fn(|channel| pixel.get(channel).copied().unwrap_or(255)),
        }
    }

    /// The largest `k` with which the picture is one of `k x k` blocks of one colour each; 0 where it has one colour alone.
    pub(crate) fn enlargement(&self) -> u32 {
        let mut divisor = 0;
        for y in 0..self.height {
            for x in 0..self.width {
                let pixel = self.seen(x, y);
                if x > 0 && pixel != self.seen(x - 1, y) {
                    divisor = common_divisor(divisor, x);
                }
                if y > 0 && pixel != self.seen(x, y - 1) {
                    divisor = common_divisor(divisor, y);
                }
                // Of most pictures the first pixels tell.
                if divisor == 1 {
                    return 1;
                }
            }
        }
        match divisor {
            0 => 0,
            divisor => common_divisor(common_divisor(divisor, self.width), self.height),
        }
    }
}

/// The greatest number that divides both; 0 is divided by all.
pub(crate) fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Raster {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let data = places.flat_map(|(x, y)| pixel(x, y)).collect();
        Raster { width, height, channels: 4, data }
    }

    #[test]
    fn blocks_of_one_colour_are_the_pixels_that_were_drawn() {
        let drawn = |x: u32, y: u32| [(x * 37 + y * 91) as u8, (x ^ y) as u8, 3, 255];
        for scale in 1..6 {
            let large = picture(12 * scale, 8 * scale, |x, y| drawn(x / scale, y / scale));
            assert_eq!(large.enlargement(), scale);
            // One pixel that is not as large, and a side that is not divided.
            let spoiled =
                picture(12 * scale, 8 * scale, |x, y| match (x, y) == (12 * scale - 1, 0) {
                    true => [1, 2, 4, 255],
                    false => drawn(x / scale, y / scale),
                });
            assert_eq!(spoiled.enlargement(), 1);
            let wider = picture(12 * scale + 1, 8 * scale, |x, y| drawn(x / scale, y / scale));
            assert_eq!(wider.enlargement(), 1);
        }
        // Transparent pixels look alike, and one colour says nothing.
        assert_eq!(picture(9, 9, |x, y| [x as u8, y as u8, 0, 0]).enlargement(), 0);
        let grey = Raster { width: 4, height: 2, channels: 1, data: vec![1, 1, 2, 2, 1, 1, 2, 2] };
        assert_eq!(grey.enlargement(), 2);
    }
}
