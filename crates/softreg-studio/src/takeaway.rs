//! What a person keeps and takes along.

use crate::explore::{self, Painted, Painter, Wish};
use crate::problem::{Answer, Problem};
use crate::shelf::Shelf;
use maud::{DOCTYPE, PreEscaped, html};
use serde::{Deserialize, Serialize};
use softreg_run::{RunFolder, atomic};
use std::path::PathBuf;
use utoipa::ToSchema;

/// A picture that was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Favourite {
    /// What makes it again.
    pub latent: Vec<f32>,
    /// Its label.
    #[serde(default)]
    pub label: Option<u32>,
}

/// Most favourites of a run.
const MOST: usize = 256;
/// Pictures of a gallery where there are no favourites.
const DRAWN: usize = 64;

fn file(run: &RunFolder) -> PathBuf {
    run.root().join("favourites.json")
}

/// The favourites of a run.
///
/// # Errors
/// 500 when their file is damaged.
pub fn favourites(shelf: &Shelf, run: &RunFolder) -> Answer<Vec<Favourite>> {
    let path = file(run);
    if !path.exists() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&shelf.file(&path)?).map_err(|error| {
        Problem::failed(format!("{} is damaged ({error}): remove it", path.display()))
    })
}

/// How a run was measured last; nothing where it was not.
///
/// # Errors
/// 500 when the file is damaged.
pub fn evaluation(shelf: &Shelf, run: &RunFolder) -> Answer<serde_json::Value> {
    let path = run.root().join("evaluation.json");
    if !path.exists() {
        return Ok(serde_json::Value::Null);
    }
    serde_json::from_slice(&shelf.file(&path)?).map_err(|error| {
        Problem::failed(format!("{} is damaged ({error}): measure again", path.display()))
    })
}

/// Replaces the favourites of a run.
///
/// # Errors
/// 400 for too many, and for what the generator cannot make.
pub fn keep(run: &RunFolder, painter: &dyn Painter, kept: &[Favourite]) -> Answer<()> {
    if kept.len() > MOST {
        return Err(Problem::wrong(format!("{} favourites: at most {MOST} are kept", kept.len())));
    }
    for favourite in kept {
        explore::checked_latent(painter, &favourite.latent)?;
        explore::checked_label(painter, favourite.label.unwrap_or(0))?;
    }
    Ok(atomic::write_json(file(run), &kept)?)
}

/// The pictures that were kept; where there are none, drawn ones.
fn wish(kept: &[Favourite]) -> Wish {
    match kept {
        [] => Wish::Draw { seed: 0, count: DRAWN, from: 0, truncation: None, label: None },
        kept => Wish::Again {
            latents: kept.iter().map(|kept| kept.latent.clone()).collect(),
            labels: Some(kept.iter().map(|kept| kept.label.unwrap_or(0)).collect()),
        },
    }
}

/// A PDF to print.
///
/// # Errors
/// 400 for favourites that the generator cannot make.
pub fn contact_sheet(name: &str, painter: &dyn Painter, kept: &[Favourite]) -> Answer<Vec<u8>> {
    let painted = Painted::of(painter, &wish(kept))?;
    let pictures = painted.pictures(painter)?;
    let named = |label: &u32| painter.labels().get(*label as usize).cloned().unwrap_or_default();
    let captions = match &painted.labels {
        None => vec![String::new(); pictures.len()],
        Some(labels) => labels.iter().map(named).collect(),
    };
    let title = format!("{name}, {} steps", painter.step());
    Ok(softreg_run::sheet::contact_sheet_pdf(&title, &pictures, &captions)?)
}

/// One HTML file that needs nothing else.
///
/// # Errors
/// 400 for favourites that the generator cannot make.
pub fn gallery(name: &str, painter: &dyn Painter, kept: &[Favourite]) -> Answer<String> {
    let shown = explore::show(painter, &wish(kept))?;
    let label = |i: usize| {
        let label = shown.labels.as_ref().and_then(|labels| labels.get(i));
        label.and_then(|label| painter.labels().get(*label as usize)).map(String::as_str)
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (name) " · softreg" }
                style { (PreEscaped(GALLERY_STYLE)) }
            }
            body {
                h1 { (name) }
                p { (shown.pictures.len()) " pictures, generated after " (shown.step) " steps of training with softreg." }
                main {
                    @for (i, picture) in shown.pictures.iter().enumerate() {
                        figure {
                            img src=(picture) alt={ "picture " (i + 1) @if let Some(label) = label(i) { ": " (label) } };
                            @if let Some(label) = label(i) { figcaption { (label) } }
                        }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

const GALLERY_STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}main{display:grid;grid-template-columns:repeat(auto-fill,minmax(7rem,1fr));gap:.5rem}figure{margin:0}img{width:100%;image-rendering:pixelated;display:block;border-radius:4px}figcaption{font-size:.85rem;text-align:center}";
