//! Whose a folder is: where a study is on a server, each host has the trials in a folder of the study's name.

use super::STUDY;
use anyhow::Context;
use softreg_run::atomic;
use std::io::ErrorKind;
use std::path::Path;

/// Holds the study's number.
const MARK: &str = "study.id";

/// Makes the folder of a study on this host, and refuses one that holds another study: its trials would be taken for this
/// one's, and its report would be replaced. Studies that were begun earlier have no number.
pub(super) fn enter(folder: &Path, id: Option<&str>) -> anyhow::Result<()> {
    let mark = folder.join(MARK);
    let found = match std::fs::read_to_string(&mark) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", mark.display())),
    };
    let holds = |name: &str| folder.join(name).exists();
    let own = match (&found, id) {
        (Some(found), id) => id == Some(found.trim()),
        (None, None) => !holds(STUDY),
        (None, Some(_)) => ![STUDY, "trials", "report.json"].into_iter().any(holds),
    };
    anyhow::ensure!(
        own,
        "{} holds another study of the same name: move it elsewhere, or resume from a different working folder",
        folder.display()
    );
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    match (found, id) {
        (None, Some(id)) => Ok(atomic::write(&mark, id.as_bytes())?),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "files that a test makes need not survive a kill")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_studys_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("s");
        enter(&folder, Some("1")).unwrap();
        std::fs::create_dir(folder.join("trials")).unwrap();
        enter(&folder, Some("1")).unwrap();
        for other in [Some("2"), None] {
            let error = enter(&folder, other).unwrap_err().to_string();
            assert!(error.contains("another study") && error.contains("move it"), "{error}");
        }
        // Of before studies had numbers: a server's has no file here.
        let older = dir.path().join("older");
        std::fs::create_dir_all(older.join("trials")).unwrap();
        enter(&older, None).unwrap();
        assert!(enter(&older, Some("1")).is_err());
        std::fs::write(older.join(STUDY), "").unwrap();
        assert!(enter(&older, None).is_err());
    }
}
