//! What a person keeps and takes along.
//!
//! A favourite holds the picture itself beside what made it: training goes on, and what makes it again may be gone.

use crate::explore::{self, Wish};
use crate::painter::Painter;
use crate::problem::{Answer, Problem};
use crate::shelf::Shelf;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageFormat;
use maud::{DOCTYPE, PreEscaped, html};
use serde::{Deserialize, Serialize};
use softreg_run::{Picture, RunFolder, atomic};
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use utoipa::ToSchema;

/// A picture to keep as a favourite.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Its latent.
    pub latent: Vec<f32>,
    /// Its label.
    #[serde(default)]
    pub label: Option<u32>,
    /// Step of the checkpoint that generated it.
    pub step: u64,
    /// The PNG file as a data URL, as shown.
    pub picture: String,
}

/// A favourite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Favourite {
    /// Its number, which never changes.
    #[serde(default)]
    pub id: u64,
    /// Its latent.
    pub latent: Vec<f32>,
    /// Its label.
    #[serde(default)]
    pub label: Option<u32>,
    /// Step of the checkpoint that generated it; unknown for those of earlier versions.
    #[serde(default)]
    pub step: Option<u64>,
    /// The PNG file as a data URL; those of earlier versions are generated again.
    #[serde(default)]
    pub picture: Option<String>,
}

/// Most favourites of a run.
const MOST: usize = 256;
/// Most bytes of their file.
const MOST_BYTES: usize = 48 << 20;
/// Pictures of a gallery where there are no favourites.
const DRAWN: usize = 64;
/// How a picture begins that stands in a page.
const DATA: &str = "data:image/png;base64,";

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
    let mut kept: Vec<Favourite> =
        serde_json::from_slice(&shelf.file(&path)?).map_err(|error| {
            Problem::failed(format!("{} is damaged ({error}): remove it", path.display()))
        })?;
    // Those of earlier versions have no number: they are the same ones at every reading.
    let next = kept.iter().map(|kept| kept.id).max().unwrap_or(0) + 1;
    for (id, kept) in (next..).zip(kept.iter_mut().filter(|kept| kept.id == 0)) {
        kept.id = id;
    }
    Ok(kept)
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

/// Changes favourites one at a time, so that two pages lose nothing of each other.
#[derive(Debug, Default)]
pub struct Keeper(Mutex<()>);

impl Keeper {
    /// Keeps one picture more; one that is kept already is answered as it is.
    ///
    /// # Errors
    /// 400 for too many, and for what the generator of the run cannot make.
    pub fn add(
        &self,
        shelf: &Shelf,
        run: &RunFolder,
        painter: &dyn Painter,
        chosen: Chosen,
    ) -> Answer<Favourite> {
        explore::checked_latent(painter, &chosen.latent)?;
        explore::checked_label(painter, chosen.label.unwrap_or(0))?;
        // As we would write it, whatever else the text held.
        let picture = explore::data_url(&png(painter, &chosen.picture)?);
        let _held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = favourites(shelf, run)?;
        let Chosen { latent, label, step, .. } = chosen;
        let same = |kept: &&Favourite| {
            kept.latent == latent && kept.label == label && kept.step == Some(step)
        };
        if let Some(same) = kept.iter().find(same) {
            return Ok(same.clone());
        }
        let full = |what: String| Problem::wrong(format!("{what}: remove some favourites first"));
        if kept.len() >= MOST {
            return Err(full(format!("a run can have at most {MOST} favourites")));
        }
        let id = kept.iter().map(|kept| kept.id).max().unwrap_or(0) + 1;
        let added = Favourite { id, latent, label, step: Some(step), picture: Some(picture) };
        kept.push(added.clone());
        write(run, &kept)?
            .then_some(added)
            .ok_or_else(|| full(format!("favourites can take at most {} MB", MOST_BYTES >> 20)))
    }

    /// Keeps one picture no longer.
    ///
    /// # Errors
    /// 404 where there is none of that number.
    pub fn remove(&self, shelf: &Shelf, run: &RunFolder, id: u64) -> Answer<()> {
        let _held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = favourites(shelf, run)?;
        let at = kept.iter().position(|kept| kept.id == id);
        kept.remove(at.ok_or_else(|| Problem::missing(format!("there is no favourite {id}")))?);
        write(run, &kept)?;
        Ok(())
    }
}

/// Writes the favourites of a run; nothing, where they are too many bytes to be read again.
fn write(run: &RunFolder, kept: &[Favourite]) -> Answer<bool> {
    let bytes = serde_json::to_vec(kept).map_err(Problem::failed)?;
    let fits = bytes.len() <= MOST_BYTES;
    if fits {
        atomic::write(file(run), &bytes)?;
    }
    Ok(fits)
}

/// The PNG file of a data URL, of the size that the generator makes.
pub(crate) fn png(painter: &dyn Painter, url: &str) -> Answer<Vec<u8>> {
    let wrong = |reason: &dyn std::fmt::Display| {
        Problem::wrong(format!("the picture is not a PNG file as a data URL: {reason}"))
    };
    let text = url
        .strip_prefix(DATA)
        .ok_or_else(|| wrong(&format_args!("it does not start with `{DATA}`")))?;
    let bytes = STANDARD.decode(text).map_err(|error| wrong(&error))?;
    let reader = image::ImageReader::with_format(Cursor::new(&bytes), ImageFormat::Png);
    let [_, height, width] = painter.shape();
    let (found_width, found_height) = reader.into_dimensions().map_err(|error| wrong(&error))?;
    if (found_width as usize, found_height as usize) != (width, height) {
        return Err(Problem::wrong(format!(
            "the picture has {found_width}x{found_height} pixels, but those of this run have {width}x{height}"
        )));
    }
    image::load_from_memory_with_format(&bytes, ImageFormat::Png).map_err(|error| wrong(&error))?;
    Ok(bytes)
}

/// What a gallery, a sheet or an archive shows.
pub(crate) struct Shown {
    /// One per picture: that of the favourite, or counted from 1.
    pub(crate) ids: Vec<u64>,
    /// PNG files as data URLs.
    pub(crate) pictures: Vec<String>,
    /// One per picture, empty where there is none.
    labels: Vec<String>,
    /// The first step and the last.
    steps: [u64; 2],
}

impl Shown {
    /// The pictures that were kept; where there are none, drawn ones.
    pub(crate) fn of(painter: &dyn Painter, kept: &[Favourite]) -> Answer<Self> {
        let named = |label: u32| painter.labels().get(label as usize).cloned().unwrap_or_default();
        let now = painter.step();
        if kept.is_empty() {
            let wish = Wish::Draw { seed: 0, count: DRAWN, from: 0, truncation: None, label: None };
            let drawn = explore::show(painter, &wish)?;
            let labels = match drawn.labels {
                Some(labels) => labels.into_iter().map(named).collect(),
                None => vec![String::new(); drawn.pictures.len()],
            };
            let ids = (1..).take(drawn.pictures.len()).collect();
            return Ok(Self { ids, pictures: drawn.pictures, labels, steps: [now; 2] });
        }
        let picture = |kept: &Favourite| match &kept.picture {
            Some(picture) => Ok(explore::data_url(&png(painter, picture)?)),
            None => {
                let labels = Some(vec![kept.label.unwrap_or(0)]);
                let wish = Wish::Again { latents: vec![kept.latent.clone()], labels };
                Ok(explore::show(painter, &wish)?.pictures.concat())
            }
        };
        let steps = || kept.iter().map(|kept| kept.step.unwrap_or(now));
        Ok(Self {
            ids: kept.iter().map(|kept| kept.id).collect(),
            pictures: kept.iter().map(picture).collect::<Answer<_>>()?,
            labels: kept.iter().map(|kept| named(kept.label.unwrap_or(0))).collect(),
            steps: [steps().min().unwrap_or(now), steps().max().unwrap_or(now)],
        })
    }

    /// Such as `500 steps`, or `500 to 900 steps`.
    fn when(&self) -> String {
        match self.steps {
            [first, last] if first == last => format!("{last} steps"),
            [first, last] => format!("{first} to {last} steps"),
        }
    }
}

/// A PDF to print.
///
/// # Errors
/// 400 for favourites that the generator cannot make.
pub fn contact_sheet(name: &str, painter: &dyn Painter, kept: &[Favourite]) -> Answer<Vec<u8>> {
    let shown = Shown::of(painter, kept)?;
    let planes = shown.pictures.iter().map(|url| planes(painter, url));
    let planes = planes.collect::<Answer<Vec<_>>>()?.concat();
    let [channels, height, width] = painter.shape();
    let pictures = Picture::batch(channels, height, width, &planes)?;
    let title = format!("{name}, {}", shown.when());
    Ok(softreg_run::sheet::contact_sheet_pdf(&title, &pictures, &shown.ids, &shown.labels)?)
}

/// The planes of a picture, as the generator makes them.
fn planes(painter: &dyn Painter, url: &str) -> Answer<Vec<u8>> {
    let png = png(painter, url)?;
    let read = image::load_from_memory_with_format(&png, ImageFormat::Png);
    let read = read.map_err(Problem::failed)?.into_rgba8();
    let [channels, ..] = painter.shape();
    let plane = |c: usize| {
        read.pixels().map(move |pixel| match (channels, c) {
            (4, 0..3) => {
                let times = u16::from(pixel.0[c]) * u16::from(pixel.0[3]);
                ((u32::from(times) + 127) / 255) as u8
            }
            _ => pixel.0[c],
        })
    };
    Ok((0..channels).flat_map(plane).collect())
}

/// One HTML file that needs nothing else.
///
/// # Errors
/// 400 for favourites that the generator cannot make.
pub fn gallery(name: &str, painter: &dyn Painter, kept: &[Favourite]) -> Answer<String> {
    let shown = Shown::of(painter, kept)?;
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
                p { (shown.pictures.len()) @if shown.pictures.len() == 1 { " picture" } @else { " pictures" } ", generated after " (shown.when()) " of training with softreg." }
                main {
                    @for ((id, picture), label) in shown.ids.iter().zip(&shown.pictures).zip(&shown.labels) {
                        figure {
                            img src=(picture) alt={ "picture " (id) @if !label.is_empty() { ": " (label) } };
                            @if !label.is_empty() { figcaption { (label) } }
                        }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

const GALLERY_STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}main{display:grid;grid-template-columns:repeat(auto-fill,minmax(7rem,1fr));gap:.5rem}figure{margin:0}img{width:100%;image-rendering:pixelated;display:block;border-radius:4px}figcaption{font-size:.85rem;text-align:center}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::painter::plain::Plain;

    fn run() -> (tempfile::TempDir, Shelf, RunFolder) {
        let place = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(place.path()).unwrap();
        let run = RunFolder::create(shelf.root().join("one")).unwrap();
        (place, shelf, run)
    }

    /// As the page chooses what the painter shows.
    fn chosen(painter: &Plain, value: f32) -> Chosen {
        let wish = Wish::Again { latents: vec![vec![value, 0.0]], labels: None };
        let picture = explore::show(painter, &wish).unwrap().pictures.concat();
        Chosen { latent: vec![value, 0.0], label: None, step: painter.step, picture }
    }

    #[test]
    fn favourites_come_and_go_one_at_a_time() {
        let (_place, shelf, run) = run();
        let (keeper, painter) = (Keeper::default(), Plain::veiled(7));
        // As earlier versions kept them.
        atomic::write(
            file(&run),
            br#"[{"latent": [1.0, 0.0]}, {"latent": [2.0, 0.0], "label": 0}]"#,
        )
        .unwrap();
        std::thread::scope(|threads| {
            for i in 3..11 {
                let (keeper, shelf, run, painter) = (&keeper, &shelf, &run, &painter);
                threads.spawn(move || {
                    keeper.add(shelf, run, painter, chosen(painter, i as f32)).unwrap();
                });
            }
        });
        let kept = favourites(&shelf, &run).unwrap();
        let mut ids: Vec<u64> = kept.iter().map(|kept| kept.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, (1..=10).collect::<Vec<_>>());
        // The same one again is no other one; gone, it is gone.
        let again = keeper.add(&shelf, &run, &painter, chosen(&painter, 5.0)).unwrap();
        assert_eq!(favourites(&shelf, &run).unwrap().len(), 10);
        keeper.remove(&shelf, &run, again.id).unwrap();
        assert!(keeper.remove(&shelf, &run, again.id).is_err());
        assert_eq!(favourites(&shelf, &run).unwrap().len(), 9);
        assert!(gallery("one", &painter, &favourites(&shelf, &run).unwrap()).is_ok());
    }

    #[test]
    fn a_favourite_stays_what_was_chosen_while_training_goes_on() {
        let (_place, shelf, run) = run();
        let keeper = Keeper::default();
        let old = chosen(&Plain::veiled(100), 40.0);
        keeper.add(&shelf, &run, &Plain::veiled(200), old.clone()).unwrap();
        let kept = favourites(&shelf, &run).unwrap();
        assert_eq!((kept[0].step, kept[0].picture.as_ref()), (Some(100), Some(&old.picture)));
        let page = gallery("one", &Plain::veiled(200), &kept).unwrap();
        assert!(page.contains(&old.picture) && page.contains("after 100 steps"), "{page}");
        keeper.add(&shelf, &run, &Plain::veiled(200), chosen(&Plain::veiled(200), 40.0)).unwrap();
        let kept = favourites(&shelf, &run).unwrap();
        assert!(
            gallery("one", &Plain::veiled(300), &kept)
                .unwrap()
                .contains("2 pictures, generated after 100 to 200 steps")
        );
        assert!(contact_sheet("one", &Plain::veiled(300), &kept).unwrap().starts_with(b"%PDF"));
        // Straight alpha in the file, multiplied in for drawing.
        assert_eq!(
            planes(&Plain::veiled(1), &old.picture).unwrap(),
            Plain::veiled(1).paint(&[40.0, 0.0], None)
        );
    }

    #[test]
    fn what_is_no_picture_of_the_run_is_not_kept() {
        let (_place, shelf, run) = run();
        let keeper = Keeper::default();
        let good = chosen(&Plain::veiled(1), 1.0);
        let larger = softreg_run::encode_png(&image::RgbImage::new(3, 3)).unwrap();
        for picture in [
            String::new(),
            "data:text/html,<script>".to_owned(),
            format!("{DATA}\"><script>"),
            format!("{DATA}AAAA"),
            explore::data_url(&larger),
        ] {
            let bad = Chosen { picture, ..good.clone() };
            assert!(keeper.add(&shelf, &run, &Plain::veiled(1), bad).is_err());
        }
        let bad = Chosen { latent: vec![0.5], ..good };
        assert!(keeper.add(&shelf, &run, &Plain::veiled(1), bad).is_err());
        assert!(!file(&run).exists());
    }
}
