//! Files that a command is told to write: refused before anything is computed where they cannot be.

use crate::failure::usage;
use std::path::Path;

/// Refuses a name with another ending, one that is taken (unless with `force`), and one in a folder that is not there.
pub(super) fn check(
    option: &str,
    path: &Path,
    endings: &[&str],
    force: bool,
) -> anyhow::Result<()> {
    if !endings.contains(&ending(path).as_str()) {
        return Err(usage(format!(
            "{option} {}: the name must end in .{}",
            path.display(),
            endings.join(", .")
        )));
    }
    if path.exists() && !force {
        return Err(usage(format!(
            "{} already exists: choose another name, or add --force to replace it",
            path.display()
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        None => Ok(()),
        Some(folder) => Err(usage(format!(
            "{option} {}: there is no folder {}: create it first",
            path.display(),
            folder.display()
        ))),
    }
}

/// Refuses a picture among those of `source`: whoever trains there next would learn from it.
pub(super) fn outside(option: &str, path: &Path, source: &str) -> anyhow::Result<()> {
    if !softreg_image::takes_in(source, path) {
        return Ok(());
    }
    Err(usage(format!(
        "{option}: {} would be one of the pictures to train on in {}: choose a place outside (to train on what was generated, move it there afterwards)",
        path.display(),
        softreg_image::path_in(source).unwrap_or(source)
    )))
}

/// How a name ends, in small letters.
pub(super) fn ending(path: &Path) -> String {
    path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_lowercase()
}
