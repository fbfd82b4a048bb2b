//! What a run folder keeps about its pictures (`data.json`), and how those that are found later differ.

use crate::terminal::quoted;
use serde_json::{Map, Value, json};
use softreg_image::Collection;
use softreg_run::RunFolder;

/// Names of pictures in a message.
const NAMED: usize = 3;
/// Of larger collections it is not kept what each picture is: they are data sets, and nobody changes a single one.
const EACH: usize = 20_000;

/// What the run folder keeps.
pub(crate) fn describe(pictures: &Collection) -> Value {
    let mut about = json!({
        "pictures": pictures.len(),
        "size": pictures.size.to_string(),
        "channels": pictures.channels,
        "classes": pictures.classes,
        "skipped": pictures.skipped.iter()
            .map(|s| json!({"name": s.name, "reason": s.reason}))
            .collect::<Vec<_>>(),
        "fingerprint": pictures.fingerprint,
    });
    if pictures.len() <= EACH {
        about["files"] = Value::Object(each(pictures));
    }
    about
}

/// Of every picture, by its name, a fingerprint of its pixels.
fn each(pictures: &Collection) -> Map<String, Value> {
    let one = pictures.pixels.len() / pictures.len().max(1);
    let hashes = pictures.pixels.chunks_exact(one.max(1)).map(blake3::hash);
    let short = |hash: blake3::Hash| hash.to_hex()[..16].to_owned().into();
    pictures.names.iter().cloned().zip(hashes.map(short)).collect()
}

/// Refuses pictures that are not those that the run began with, and says in what they differ.
pub(crate) fn check(folder: &RunFolder, pictures: &Collection, source: &str) -> anyhow::Result<()> {
    // Without the file the checkpoint tells.
    let Some(before) = std::fs::read(folder.data())
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .filter(|before| before["fingerprint"].is_string())
    else {
        return Ok(());
    };
    anyhow::ensure!(
        before["fingerprint"] == pictures.fingerprint.as_str(),
        "the pictures of {source} have changed since the run began, so it cannot be resumed with the same results: {}; restore them, or start a new run with what this one has learned (--from {})",
        differences(&before, pictures),
        quoted(folder.root())
    );
    Ok(())
}

fn differences(before: &Value, pictures: &Collection) -> String {
    let Some(files) = before["files"].as_object() else {
        return format!("there were {} and are {}", before["pictures"], pictures.len());
    };
    let now = each(pictures);
    let reason = |name: &String| {
        let skipped = pictures.skipped.iter().find(|skipped| skipped.name == *name);
        skipped.map_or_else(|| name.clone(), |skipped| format!("{name}: {}", skipped.reason))
    };
    let added = now.keys().filter(|name| !files.contains_key(*name)).cloned();
    let missing = files.keys().filter(|name| !now.contains_key(*name)).map(reason);
    let changed = now.iter().filter(|(name, hash)| files.get(*name).is_some_and(|h| h != *hash));
    let changed = changed.map(|(name, _)| name.clone());
    let told = [
        told("added", added.collect()),
        told("missing", missing.collect()),
        told("changed", changed.collect()),
    ];
    match told.into_iter().flatten().collect::<Vec<_>>().join(", ") {
        same if same.is_empty() => "their labels or their order".to_owned(),
        told => told,
    }
}

/// `2 missing (a.png, b.png)`.
fn told(how: &str, names: Vec<String>) -> Option<String> {
    let more = match names.len() {
        0 => return None,
        count if count > NAMED => ", …",
        _ => "",
    };
    let first: Vec<String> =
        names.iter().take(NAMED).map(|name| name.escape_debug().to_string()).collect();
    Some(format!("{} {how} ({}{more})", names.len(), first.join(", ")))
}
