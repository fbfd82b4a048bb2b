//! What features are: the treatment of a picture, the network and its layer, as data.

use crate::Error;
use crate::network::{NETWORKS, NetworkEntry};
use serde::{Deserialize, Serialize};
use softreg::spec::did_you_mean;
use std::path::{Path, PathBuf};

/// How a picture is brought to the size that the network sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// Bilinear between pixel centres, `x = (i + ½)·scale − ½`, without smoothing: PyTorch's
    /// `interpolate(align_corners=False)`, as pytorch-fid does it.
    Bilinear,
    /// Bilinear with `x = i·scale`, TensorFlow 1's `resize_bilinear`, as the original FID and
    /// torch-fidelity do it.
    BilinearTf1,
}

/// The treatment of a picture: resized, then `(byte − subtract)/divide` for red, green and blue.
///
/// Grey becomes equal red, green and blue; transparent pixels show middle grey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Rows and columns that the network sees; as the picture is where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 2]>,
    /// How to get there.
    #[serde(default = "bilinear")]
    pub resize: Resize,
    /// In units of a byte.
    pub subtract: [f32; 3],
    /// In units of a byte.
    pub divide: [f32; 3],
}

fn bilinear() -> Resize {
    Resize::Bilinear
}

/// A definition of features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What results are called after: letters, digits and `-`.
    pub name: String,
    /// One of [`NETWORKS`].
    pub network: String,
    /// A layer of the network.
    pub layer: String,
    /// The weights, where the network has any; a relative path starts at the definition's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// The treatment of a picture.
    pub input: Input,
}

/// Ready-made definitions, by name.
pub const DEFINITIONS: &[(&str, &str)] = &[
    ("randconv", include_str!("../definitions/randconv.toml")),
    ("resnet20", include_str!("../definitions/resnet20.toml")),
    ("resnet56", include_str!("../definitions/resnet56.toml")),
    ("squeezenet", include_str!("../definitions/squeezenet.toml")),
    ("inception", include_str!("../definitions/inception.toml")),
    ("inception-tf", include_str!("../definitions/inception-tf.toml")),
];

impl Definition {
    /// A ready-made definition by name, a definition file (`.toml`), or a weights file
    /// (`.safetensors`, `.pth`) whose network is told by its weights.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Read`], [`Error::Definition`], [`Error::Unrecognised`].
    pub fn find(text: &str) -> Result<Self, Error> {
        if let Some((_, definition)) = DEFINITIONS.iter().find(|(name, _)| *name == text) {
            return Self::parse(definition, text);
        }
        let path = Path::new(text);
        match path.extension().and_then(|end| end.to_str()) {
            Some("toml") => {
                let read = std::fs::read_to_string(path);
                let content = read.map_err(|error| Error::Read {
                    path: path.into(),
                    reason: error.to_string(),
                })?;
                let mut definition = Self::parse(&content, text)?;
                let folder = path.parent().unwrap_or(Path::new(""));
                definition.weights = definition.weights.map(|weights| folder.join(weights));
                Ok(definition)
            }
            Some(end) if crate::weights::ENDINGS.contains(&end) => {
                let names = crate::weights::names(path)?;
                let network = NETWORKS
                    .iter()
                    .find(|network| network.signature.is_some_and(|signature| signature(&names)));
                let fitting = network.and_then(|network| {
                    let all =
                        DEFINITIONS.iter().filter_map(|(name, text)| Self::parse(text, name).ok());
                    all.into_iter().find(|definition| definition.network == network.name)
                });
                let definition = fitting.ok_or_else(|| Error::Unrecognised {
                    path: path.into(),
                    known: listed(NETWORKS.iter().map(|network| network.name)),
                })?;
                Ok(Self { weights: Some(path.into()), ..definition })
            }
            Some("onnx") => Err(Error::Definition {
                origin: text.to_owned(),
                reason: "an ONNX file does not say how pictures must be preprocessed: write a definition (.toml) with network = \"onnx\", layer = the name of an output, weights = this file, and [input]; see crates/softreg-feature/definitions".to_owned(),
            }),
            _ => Err(Error::Unknown {
                name: text.to_owned(),
                nearest: did_you_mean(text, DEFINITIONS.iter().map(|(name, _)| *name)),
                known: listed(DEFINITIONS.iter().map(|(name, _)| *name)),
            }),
        }
    }

    /// The same with weights from this file.
    ///
    /// # Errors
    /// [`Error::Definition`] where the network has none.
    pub fn with_weights(self, path: PathBuf) -> Result<Self, Error> {
        if let Some(network) = self.entry().filter(|network| network.is_fixed()) {
            let reason = format!("{} is fixed and has no weights: leave them out", network.name);
            return Err(Error::Definition { origin: self.name, reason });
        }
        Ok(Self { weights: Some(path), ..self })
    }

    /// Reads a definition; `origin` is the file's name in errors.
    ///
    /// # Errors
    /// [`Error::Definition`].
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Definition { origin: origin.to_owned(), reason };
        let definition: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            let origin = format!("{origin}:{line}");
            Error::Definition { origin, reason: error.message().replace('\n', ", ") }
        })?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if definition.name.is_empty() || !definition.name.chars().all(plain) {
            return Err(wrong(format!(
                "name is `{}`: use letters, digits and `-`, since results are named after it",
                definition.name
            )));
        }
        let network = definition.entry().ok_or_else(|| {
            let names = || NETWORKS.iter().map(|network| network.name);
            let (name, nearest) = (&definition.network, did_you_mean(&definition.network, names()));
            wrong(format!("there is no network `{name}`{nearest}: choose from {}", listed(names())))
        })?;
        if !network.layers.is_empty() && !network.layers.contains(&definition.layer.as_str()) {
            let (layer, layers) = (&definition.layer, listed(network.layers.iter().copied()));
            return Err(wrong(format!(
                "{} has no layer `{layer}`: choose from {layers}",
                network.name
            )));
        }
        let Input { size, subtract, divide, .. } = &definition.input;
        if subtract.iter().chain(divide).any(|v| !v.is_finite()) || divide.contains(&0.0) {
            return Err(wrong(
                "subtract and divide must be numbers, and divide must not be 0".to_owned(),
            ));
        }
        if let Some(size) = size
            && size.iter().any(|side| !(network.smallest..=4096).contains(side))
        {
            let smallest = network.smallest;
            return Err(wrong(format!(
                "input.size is {size:?}: sides must be from {smallest} to 4096"
            )));
        }
        match definition.weights.clone() {
            Some(weights) => definition.with_weights(weights),
            None => Ok(definition),
        }
    }

    /// The network, which a checked definition has.
    pub(crate) fn entry(&self) -> Option<&'static NetworkEntry> {
        NETWORKS.iter().find(|network| network.name == self.network)
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_made_definitions_are_called_as_they_are_listed() {
        for (name, _) in DEFINITIONS {
            assert_eq!(Definition::find(name).unwrap().name, *name);
        }
    }

    #[test]
    fn wrong_definitions_are_refused_with_the_way_out() {
        let unknown = Definition::find("resnet65").unwrap_err().to_string();
        assert!(unknown.contains("did you mean `resnet56`?"), "{unknown}");
        let (_, good) = DEFINITIONS[1];
        for (from, to, expected) in [
            ("resnet-cifar-20", "resnet-cifr-20", "did you mean `resnet-cifar-20`?"),
            ("\"pool\"", "\"poool\"", "choose from pool, logits"),
            ("58.395", "0.0", "divide must not be 0"),
            ("[32, 32]", "[3, 32]", "from 8 to 4096"),
            ("resize =", "rezise =", "mine.toml:8: unknown field `rezise`"),
        ] {
            let text = good.replace(from, to);
            assert_ne!(text, good, "{from}");
            let error = Definition::parse(&text, "mine.toml").unwrap_err().to_string();
            assert!(error.starts_with("mine.toml:") && error.contains(expected), "{error}");
        }
    }
}
