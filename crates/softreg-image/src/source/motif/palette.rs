//! The colourings: each a ground and four inks that were chosen together, after glazed tiles,
//! woven cloth and enamel, so that any family may use any of them.

use super::angle::sin_cos;
use super::canvas::Rgb;
use super::variation::Variation;

/// A named colouring, as `0xRRGGBB`.
#[derive(Debug)]
pub(super) struct Palette {
    pub(super) name: &'static str,
    /// What lies behind everything.
    ground: u32,
    /// The main ink; reads clearly on the ground.
    ink: u32,
    /// The second ink; reads on the ground and beside the main ink.
    second: u32,
    /// A spark for centres and small pieces.
    accent: u32,
    /// Outlines and grout.
    line: u32,
}

/// A palette as one picture wears it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inks {
    pub(super) ground: Rgb,
    pub(super) ink: Rgb,
    pub(super) second: Rgb,
    pub(super) accent: Rgb,
    pub(super) line: Rgb,
}

const fn palette(name: &'static str, [ground, ink, second, accent, line]: [u32; 5]) -> Palette {
    Palette { name, ground, ink, second, accent, line }
}

pub(super) const COBALT: Palette =
    palette("cobalt", [0xf4efe0, 0x1f4bb0, 0x7fb2e8, 0xe8a92e, 0x12265f]);
pub(super) const IZNIK: Palette =
    palette("iznik", [0xeef4f0, 0x12a0a0, 0xe0432b, 0x1c3a8a, 0x0d3f5c]);
pub(super) const SAFFRON: Palette =
    palette("saffron", [0xf6bb33, 0x9c1c33, 0xfff2cc, 0x1d6a66, 0x5c0f1f]);
pub(super) const EMBER: Palette =
    palette("ember", [0x231416, 0xec4f27, 0xf9b03c, 0xfbe7b8, 0x6e1a14]);
pub(super) const JADE: Palette =
    palette("jade", [0x0e4f43, 0x86d3a8, 0xf4e9c8, 0xef8d57, 0x06302a]);
pub(super) const INDIGO: Palette =
    palette("indigo", [0x1c2160, 0xf3eee0, 0x8797f0, 0xf6c64a, 0x0e1138]);
pub(super) const ROSE: Palette =
    palette("rose", [0xfadcd8, 0xc42a63, 0xf58ba4, 0x2f7358, 0x7a153d]);
pub(super) const TERRACOTTA: Palette =
    palette("terracotta", [0xc9643a, 0xfbead0, 0x5d2316, 0x2f97a0, 0x42170e]);
pub(super) const PLUM: Palette =
    palette("plum", [0x521e5c, 0xf0a4d6, 0xfaeadb, 0xf5a52f, 0x2b0d33]);
pub(super) const OLIVE: Palette =
    palette("olive", [0xe9e6bb, 0x5f8220, 0xb9c23c, 0xb5402a, 0x31450f]);
pub(super) const ONYX: Palette =
    palette("onyx", [0xf2efe9, 0x1d1c20, 0x9c9a98, 0xdd2b40, 0x1d1c20]);
pub(super) const LAGOON: Palette =
    palette("lagoon", [0x0f93b3, 0xfff7e4, 0x063f66, 0xff9c52, 0x042b47]);
pub(super) const MINT: Palette =
    palette("mint", [0xc2ead6, 0x167565, 0xfdfdf4, 0xf26b58, 0x0c4a41]);
pub(super) const LILAC: Palette =
    palette("lilac", [0xddcff5, 0x5d38aa, 0xffffff, 0xf6b834, 0x35206b]);

impl Palette {
    /// This palette for one picture: a slight turn of hue (up to 7°), a slight change of
    /// brightness and of saturation, the same for all inks.
    pub(super) fn wear(&self, variation: &mut Variation) -> Inks {
        let (sin, cos) = sin_cos(variation.about(0.12));
        let brightness = variation.between(0.88, 1.1);
        let saturation = variation.between(0.86, 1.12);
        let tint = |hex: u32| {
            let [r, g, b] = Rgb::hex(hex).0;
            let grey = (r + g + b) / 3.0;
            let rest = [r - grey, g - grey, b - grey];
            // Rodrigues' rotation about the grey axis.
            let root = 1.0 / 3.0f32.sqrt();
            let turned: [f32; 3] = std::array::from_fn(|c| {
                let cross = (rest[(c + 2) % 3] - rest[(c + 1) % 3]) * root;
                rest[c] * cos - cross * sin
            });
            Rgb(turned.map(|v| ((grey + v * saturation) * brightness).clamp(0.0, 1.0)))
        };
        Inks {
            ground: tint(self.ground),
            ink: tint(self.ink),
            second: tint(self.second),
            accent: tint(self.accent),
            line: tint(self.line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worn_palette_stays_near_its_colours() {
        for seed in 0..200 {
            let inks = COBALT.wear(&mut Variation::new(0, seed));
            let Rgb([r, g, b]) = inks.ink;
            assert!(b > 2.0 * g && g > r, "cobalt must stay blue: {r} {g} {b}");
        }
    }
}
