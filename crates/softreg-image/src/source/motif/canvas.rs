//! From distances to bytes: coverage, blending, sampling. Colours blend as squared values, close
//! to how light mixes, so that thin strokes keep their weight at 32 pixels.

use super::shape::{Point, at};

/// A colour as squared sRGB values in 0..=1 (a gamma of 2, exact on every machine).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rgb(pub(super) [f32; 3]);

impl Rgb {
    /// From `0xRRGGBB`.
    pub(super) fn hex(hex: u32) -> Self {
        Self([16, 8, 0].map(|shift| {
            let value = ((hex >> shift) & 255) as f32 / 255.0;
            value * value
        }))
    }

    /// This colour with a share of another.
    pub(super) fn mix(self, other: Rgb, share: f32) -> Self {
        Self(std::array::from_fn(|c| self.0[c] + (other.0[c] - self.0[c]) * share))
    }

    /// Every channel times `factor`.
    pub(super) fn times(self, factor: f32) -> Self {
        Self(self.0.map(|value| value * factor))
    }
}

/// One sample of the picture while it is painted, from the ground up.
pub(super) struct Spot {
    colour: Rgb,
    per_pixel: f32,
}

impl Spot {
    /// Covers everything.
    pub(super) fn flood(&mut self, ink: Rgb) {
        self.colour = ink;
    }

    /// Lays `ink` where `distance` is negative; within half a pixel of the edge, in part.
    pub(super) fn fill(&mut self, distance: f32, ink: Rgb) {
        let coverage = 0.5 - distance * self.per_pixel;
        if coverage >= 1.0 {
            self.colour = ink;
        } else if coverage > 0.0 {
            self.colour = self.colour.mix(ink, coverage);
        }
    }

    /// A line of `half_width` along the edge of a shape.
    pub(super) fn stroke(&mut self, distance: f32, half_width: f32, ink: Rgb) {
        self.fill(distance.abs() - half_width, ink);
    }

    /// A shape with an outline of `width` around it.
    pub(super) fn outlined(&mut self, distance: f32, ink: Rgb, width: f32, line: Rgb) {
        self.fill(distance - width, line);
        self.fill(distance, ink);
    }

    /// Lets light fall on the spot: every value times `factor`.
    pub(super) fn shade(&mut self, factor: f32) {
        self.colour = self.colour.times(factor);
    }

    /// A shape whose share of `ink` is `share`, like glass over what lies below.
    pub(super) fn glaze(&mut self, distance: f32, ink: Rgb, share: f32) {
        let below = self.colour;
        self.fill(distance, below.mix(ink, share));
    }
}

/// Paints `width` x `height` pixels, `samples` x `samples` places in each, as interleaved RGB8.
/// `paint` gets each place and lays its inks on the spot.
pub(super) fn raster(
    width: u32,
    height: u32,
    samples: u32,
    ground: Rgb,
    paint: impl Fn(Point, &mut Spot),
) -> Vec<u8> {
    let unit = 2.0 / width.min(height) as f32;
    let (middle_x, middle_y) = (width as f32 * 0.5, height as f32 * 0.5);
    // The part of a pixel that one sample stands for, softened a little: the samples overlap.
    let per_pixel = samples as f32 / unit * 0.8;
    let weight = 1.0 / (samples * samples) as f32;
    let mut bytes = Vec::with_capacity(width as usize * height as usize * 3);
    for row in 0..height {
        for column in 0..width {
            let mut sum = [0.0f32; 3];
            for sub in 0..samples * samples {
                let dx = ((sub % samples) as f32 + 0.5) / samples as f32;
                let dy = ((sub / samples) as f32 + 0.5) / samples as f32;
                let p =
                    at((column as f32 + dx - middle_x) * unit, (row as f32 + dy - middle_y) * unit);
                let mut spot = Spot { colour: ground, per_pixel };
                paint(p, &mut spot);
                for (total, value) in sum.iter_mut().zip(spot.colour.0) {
                    *total += value;
                }
            }
            bytes.extend(
                sum.map(|total| ((total * weight).clamp(0.0, 1.0).sqrt() * 255.0 + 0.5) as u8),
            );
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_through_a_pixel_covers_half_of_it() {
        let (black, white) = (Rgb::hex(0), Rgb::hex(0xffffff));
        let bytes = raster(9, 9, 1, black, |p, spot| spot.fill(p.x, white));
        let row = &bytes[..27];
        assert_eq!((row[0], row[24]), (255, 0));
        assert_eq!(row[12], 180, "half the light is 0.5^(1/2) of full scale");
    }
}
