//! The training size: one width and height that every picture is brought to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The shortest side that can be trained on, in pixels.
pub const MIN_SIDE: u32 = 16;
/// The longest side that can be trained on, in pixels.
pub const MAX_SIDE: u32 = 256;
/// The longest side that is suggested without being asked for: larger is a choice with a price.
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

/// The size that pictures of these `(width, height)` ask for.
///
/// When all are equal and can be trained on, that one. Else a square: the median of the shorter
/// sides, to the nearest multiple of 8, from 16 to 64. No picture at all gives 32 x 32.
pub fn suggest_size(dimensions: &[(u32, u32)]) -> Size {
    let Some(&(width, height)) = dimensions.first() else {
        return Size { width: 32, height: 32 };
    };
    if dimensions.iter().all(|&other| other == (width, height))
        && let Ok(size) = Size::new(width, height)
    {
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
