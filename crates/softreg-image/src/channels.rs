//! What one pixel holds, and the colour that shows through transparent ones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, suggestion};

/// The channels of the training pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// [`Channels::Grey`] when every picture is grey over the background, else [`Channels::Rgb`].
    #[default]
    Auto,
    /// One: Rec. 709 luma of the stored (gamma-encoded) values.
    Grey,
    /// Three: red, green, blue.
    Rgb,
    /// Four: red, green and blue multiplied by alpha, and alpha. Transparency is kept.
    Rgba,
}

/// Every choice of channels, by name.
pub const CHANNELS: &[(&str, Channels)] = &[
    ("auto", Channels::Auto),
    ("grey", Channels::Grey),
    ("rgb", Channels::Rgb),
    ("rgba", Channels::Rgba),
];

impl Channels {
    /// The choice that keeps so many planes; [`Channels::Rgb`] but for 1 and 4.
    pub fn of(count: usize) -> Self {
        match count {
            1 => Channels::Grey,
            4 => Channels::Rgba,
            _ => Channels::Rgb,
        }
    }
    /// The number of planes; `None` for [`Channels::Auto`], which the pictures decide.
    pub fn count(self) -> Option<usize> {
        match self {
            Channels::Auto => None,
            Channels::Grey => Some(1),
            Channels::Rgb => Some(3),
            Channels::Rgba => Some(4),
        }
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = CHANNELS.iter().find(|(_, value)| value == self).map_or("", |(name, _)| name);
        out.write_str(name)
    }
}

impl FromStr for Channels {
    type Err = Error;

    fn from_str(text: &str) -> Result<Channels, Error> {
        from_name("channels", CHANNELS, text)
    }
}

/// The value called `text` in a table of names, or an error that lists them.
pub(crate) fn from_name<T: Copy>(
    what: &'static str,
    table: &[(&str, T)],
    text: &str,
) -> Result<T, Error> {
    let names = || table.iter().map(|(name, _)| *name);
    table.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        Error::Unknown {
            what,
            text: text.to_owned(),
            known: names().collect::<Vec<_>>().join(", "),
            hint: suggestion(text, names()),
        }
    })
}

/// The colour behind transparent pixels and beside padded pictures.
///
/// White unless chosen: most drawings with transparency are dark lines made to be seen on paper,
/// and black would swallow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Background(pub [u8; 3]);

impl Default for Background {
    fn default() -> Background {
        Background([255; 3])
    }
}

impl fmt::Display for Background {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(out, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Background {
    type Err = Error;

    fn from_str(text: &str) -> Result<Background, Error> {
        let error = || Error::Colour { text: text.to_owned() };
        let digits = text.strip_prefix('#').ok_or_else(error)?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        let value = u32::from_str_radix(digits, 16).map_err(|_| error())?;
        let [_, red, green, blue] = value.to_be_bytes();
        Ok(Background([red, green, blue]))
    }
}

impl TryFrom<String> for Background {
    type Error = Error;

    fn try_from(text: String) -> Result<Background, Error> {
        text.parse()
    }
}

impl From<Background> for String {
    fn from(background: Background) -> String {
        background.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_agree() {
        for (name, value) in CHANNELS {
            assert_eq!(value.to_string(), *name);
            assert_eq!(name.parse::<Channels>().unwrap(), *value);
        }
        let message = "rbga".parse::<Channels>().unwrap_err().to_string();
        assert!(message.contains("Did you mean 'rgba'?"), "{message}");
    }

    #[test]
    fn colours() {
        assert_eq!("#0a10FF".parse::<Background>().unwrap(), Background([10, 16, 255]));
        assert_eq!(Background([10, 16, 255]).to_string(), "#0a10ff");
        for text in ["white", "#fff", "#12345g", "123456", "#+12345", "#ффф"] {
            assert!(text.parse::<Background>().is_err(), "{text}");
        }
    }
}
