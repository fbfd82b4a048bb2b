//! What was computed before, in the user's cache folder. All of it may be removed at any time.

use softreg_image::{Cache, Collection, LoadOptions};
use std::path::PathBuf;

/// The folder for things of one kind: `$XDG_CACHE_HOME/softreg/KIND`, else below `~/.cache`, on Windows below `%LOCALAPPDATA%`;
/// nowhere where none is known.
pub(crate) fn folder(kind: &str) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| match cfg!(windows) {
        true => Some(PathBuf::from(variable("LOCALAPPDATA")?)),
        false => Some(PathBuf::from(variable("HOME")?).join(".cache")),
    });
    Some(cache?.join("softreg").join(kind))
}

/// The pictures of a source, decoded now or before.
pub(crate) fn pictures(
    source: &str,
    options: &LoadOptions,
) -> Result<Collection, softreg_image::Error> {
    match folder("pictures") {
        Some(folder) => Cache::at(folder).open(source, options),
        None => softreg_image::open(source, options),
    }
}
