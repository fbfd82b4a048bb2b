//! Which program began a study: others may draw other numbers, or measure in another way.

use crate::program;
use serde::{Deserialize, Serialize};

/// A program, by what it is and by its file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    version: String,
    /// Of its file.
    fingerprint: String,
}

impl Program {
    pub(super) fn own() -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { version, fingerprint: program::fingerprint() }
    }

    /// What a person should know where a study that `self` began goes on with this one.
    pub(super) fn note(&self) -> Option<String> {
        let own = Self::own();
        if self.version != own.version {
            Some(format!(
                "the study was begun with softreg {}, and this is {}: values of different versions may not be comparable",
                self.version, own.version
            ))
        } else if *self != own {
            Some(format!(
                "the study was begun with a different build of softreg: {}",
                program::ADVICE
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_or_build_is_said() {
        assert_eq!(Program::own().note(), None);
        let build = Program { fingerprint: "other".to_owned(), ..Program::own() };
        assert!(build.note().unwrap().contains("different build"));
        let version = Program { version: "0.0.0".to_owned(), ..build };
        assert!(version.note().unwrap().contains("begun with softreg 0.0.0"));
    }
}
