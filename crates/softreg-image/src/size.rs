//! The training size: one width and height that every picture is brought to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The shortest side that can be trained on, in pixels.
pub const MIN_SIDE: u32 = 16;
/// The longest side that can be trained on, in pixels.
pub const MAX_SIDE: u32 = 256;
/// The side of the largest square that is suggested without being asked for: larger is a choice with a price, since every step
/// takes longer.
const MAX_SUGGESTED: u32 = 64;

/// Width and height in pixels, each from [`MIN_SIDE`] to [`MAX_SIDE`].
///
/// Written as `32` (square) or `48x64` (width x height), also in configuration files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// A checked size.
    ///
    /// # Errors
    /// [`Error::Size`] when a side is out of range.
    pub fn new(width: u32, height: u32) -> Result<Size, Error> {
        for (name, side) in [("width", width), ("height", height)] {
            if !(MIN_SIDE..=MAX_SIDE).contains(&side) {
                return Err(Error::Size {
                    text: format!("{width}x{height}"),
                    problem: format!("a {name} of {side} is out of range"),
                });
            }
        }
        Ok(Size { width, height })
    }

    /// Width in pixels.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(self) -> u32 {
        self.height
    }

    /// Pixels in one plane: width x height.
    pub fn area(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Size, Error> {
        let error = |problem: String| Error::Size { text: text.to_owned(), problem };
        let side = |part: &str| {
            let part = part.trim();
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(error(format!("'{part}' is not a whole number of pixels")));
            }
            part.parse::<u32>().map_err(|_| error(format!("{part} pixels is out of range")))
        };
        match text.split_once(['x', 'X', '×']) {
            None => {
                let side = side(text)?;
                Size::new(side, side)
            }
            Some((width, height)) => Size::new(side(width)?, side(height)?),
        }
    }
}

impl TryFrom<String> for Size {
    type Error = Error;

    fn try_from(text: String) -> Result<Size, Error> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

/// What the sizes of pictures say about the size to train at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion {
    /// That of [`suggest_size`].
    pub size: Size,
    /// The size of every picture, where all have the same one and it can be trained on.
    pub common: Option<Size>,
}

impl Suggestion {
    /// That of pictures of these `(width, height)`.
    pub fn of(dimensions: &[(u32, u32)]) -> Suggestion {
        Suggestion { size: suggest_size(dimensions), common: common_size(dimensions) }
    }

    /// The size that the pictures have themselves; the suggested one where they differ.
    pub fn own(self) -> Size {
        self.common.unwrap_or(self.size)
    }

    /// That the pictures are larger than what is suggested, and the price of training them as they are, as a clause that
    /// follows "the"; nothing where they are not. `possible` is the nearest size to one at which pictures can be learned.
    pub fn larger(self, possible: impl Fn(Size) -> Size) -> Option<String> {
        let (own, size) = (self.common?, possible(self.size));
        let large = possible(own);
        let how = if large == own { "as they are" } else { "at nearly their own size" };
        // Networks for larger pictures have as many feature maps at each resolution, and narrower layers more: the time of a
        // step grows with the sides, and beyond 128 pixels faster.
        let times = (large.area() as f64 / size.area() as f64).sqrt();
        let times = if times < 2.0 { format!("{times:.1}") } else { format!("{times:.0}") };
        (large.area() > size.area()).then(|| {
            format!(
                "pictures have {own} pixels but are trained at {size}: --size {large} trains them \
                 {how}, and each step takes {times} times as long or more"
            )
        })
    }
}

/// The size that all pictures have, where it can be trained on.
fn common_size(dimensions: &[(u32, u32)]) -> Option<Size> {
    let &(width, height) = dimensions.first()?;
    let equal = dimensions.iter().all(|&other| other == (width, height));
    Size::new(width, height).ok().filter(|_| equal)
}

/// The size that pictures of these `(width, height)` are trained at unless another is asked for.
///
/// When all are equal, can be trained on and have no more pixels than 64 x 64, that one. Else a
/// square: the median of the shorter sides, to the nearest multiple of 8, from 16 to 64. No
/// picture at all gives 32 x 32.
pub fn suggest_size(dimensions: &[(u32, u32)]) -> Size {
    if dimensions.is_empty() {
        return Size { width: 32, height: 32 };
    }
    let largest = Size { width: MAX_SUGGESTED, height: MAX_SUGGESTED };
    if let Some(size) = common_size(dimensions).filter(|size| size.area() <= largest.area()) {
        return size;
    }
    let mut shorter: Vec<u32> = dimensions.iter().map(|&(w, h)| w.min(h)).collect();
    let middle = (shorter.len() - 1) / 2;
    let median = *shorter.select_nth_unstable(middle).1;
    let side = (median.min(MAX_SUGGESTED) + 4) / 8 * 8;
    let side = side.clamp(MIN_SIDE, MAX_SUGGESTED);
    Size { width: side, height: side }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_one_and_two_sides() {
        assert_eq!("32".parse::<Size>().unwrap(), Size::new(32, 32).unwrap());
        assert_eq!("48x64".parse::<Size>().unwrap(), Size::new(48, 64).unwrap());
        assert_eq!(" 48 X 64 ".parse::<Size>().unwrap(), Size::new(48, 64).unwrap());
    }

    #[test]
    fn refuses_with_a_way_out() {
        for text in ["", "x", "8", "32x", "-32", "+32", "32x257", "1e2", "99999999999", "32x32x3"] {
            let message = text.parse::<Size>().unwrap_err().to_string();
            assert!(message.contains("WIDTHxHEIGHT"), "{message}");
            assert!(message.contains(text), "{message}");
        }
    }

    #[test]
    fn suggests_the_common_size_or_a_square() {
        let size = |w, h| Size::new(w, h).unwrap();
        assert_eq!(suggest_size(&[]), size(32, 32));
        assert_eq!(suggest_size(&[(48, 64), (48, 64)]), size(48, 64));
        assert_eq!(suggest_size(&[(4000, 3000); 3]), size(64, 64));
        assert_eq!(suggest_size(&[(32, 32), (32, 32), (500, 400)]), size(32, 32));
        assert_eq!(suggest_size(&[(28, 99), (28, 28)]), size(32, 32));
        assert_eq!(suggest_size(&[(8, 8), (8, 8)]), size(16, 16));
        // No jump: what all have in common is taken only where it costs no more than others do.
        assert_eq!(suggest_size(&[(64, 64); 3]), size(64, 64));
        for side in [65, 128, 256, 257] {
            assert_eq!(suggest_size(&[(side, side); 3]), size(64, 64));
        }
        assert_eq!(suggest_size(&[(48, 128); 3]), size(48, 48));
        // A shape of its own costs nothing.
        assert_eq!(suggest_size(&[(48, 72); 3]), size(48, 72));
    }

    #[test]
    fn tells_what_training_larger_pictures_as_they_are_costs() {
        let told = |dimensions: &[(u32, u32)]| Suggestion::of(dimensions).larger(|size| size);
        let large = told(&[(128, 128); 3]).unwrap();
        for words in ["128x128 pixels", "trained at 64x64", "--size 128x128", "takes 2 times"] {
            assert!(large.contains(words), "{words}: {large}");
        }
        assert!(told(&[(72, 72)]).unwrap().contains("1.1 times"));
        for small in [&[(64, 64); 2][..], &[(257, 257); 2], &[(128, 128), (100, 100)], &[]] {
            assert_eq!(told(small), None, "{small:?}");
        }
        let nearest =
            |size: Size| if size.width == 65 { Size { width: 64, height: 64 } } else { size };
        assert_eq!(Suggestion::of(&[(65, 65)]).larger(nearest), None);
    }

    proptest! {
        #[test]
        fn every_suggestion_can_be_trained_on(
            dimensions in prop::collection::vec((1u32..100_000, 1u32..100_000), 0..20)
        ) {
            let size = suggest_size(&dimensions);
            prop_assert_eq!(Size::new(size.width(), size.height()).unwrap(), size);
            prop_assert_eq!(size.to_string().parse::<Size>().unwrap(), size);
        }
    }
}
