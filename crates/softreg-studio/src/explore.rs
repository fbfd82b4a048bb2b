//! Pictures of a trained generator, from latents: drawn anew, near others, between two, along a walk.
//!
//! The page keeps the latents of what it shows and sends them back, so that the server remembers nothing about a
//! visitor, and a picture that was found once can always be made again.

use crate::problem::{Answer, Problem};
use axum::body::Bytes;
use image::ImageBuffer;
use serde::{Deserialize, Serialize};
use softreg_run::{Colour, Picture, RunFolder, animation, encode_png};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use utoipa::ToSchema;

/// A generator that is ready.
pub trait Painter: Send + Sync {
    /// The step of the checkpoint that it is of.
    fn step(&self) -> u64;
    /// Numbers in a latent.
    fn latent(&self) -> usize;
    /// Names of labels; none where it does not know any.
    fn labels(&self) -> &[String];
    /// Channels, height and width of a picture.
    fn shape(&self) -> [usize; 3];
    /// The latents of pictures `from..from + count` of a seed; numbers beyond `truncation` are drawn again.
    fn latents(&self, seed: u64, from: usize, count: usize, truncation: Option<f32>) -> Vec<f32>;
    /// The latent at `t` of the way from one to another, as likely as they are.
    fn between(&self, from: &[f32], to: &[f32], t: f32) -> Vec<f32>;
    /// One picture per latent, planar bytes one after the other.
    fn paint(&self, latents: &[f32], labels: Option<&[u32]>) -> Vec<u8>;
    /// The generator as a file.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    fn export(&self, format: Export) -> Result<Vec<u8>, String>;
}

/// A file that other programs can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Export {
    /// Latents to pictures.
    Onnx,
    /// Weights by name.
    Safetensors,
}

/// Opens generators.
pub trait Generators: Send + Sync {
    /// The generator of a run after `step` steps; the newest where nothing is said.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    fn open(&self, run: &RunFolder, step: Option<u64>) -> Result<Arc<dyn Painter>, String>;
}

/// Generators that were asked for lately.
pub struct Painters {
    generators: Arc<dyn Generators>,
    /// The one that was asked for last is last.
    open: Mutex<Vec<Kept>>,
}

/// A generator in memory.
struct Kept {
    name: String,
    /// Of the run's folder: another run may come by the same name.
    run: Stamp,
    step: u64,
    /// Of the checkpoint: a run may come to the same step again.
    file: Stamp,
    painter: Arc<dyn Painter>,
}

/// What tells a file or folder from another one at the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    time: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&about);
        #[cfg(not(unix))]
        let inode = 0;
        // A folder changes with what is in it, and is the same one.
        Some(match about.is_dir() {
            true => Self { inode, time: about.created().ok(), length: 0 },
            false => Self { inode, time: about.modified().ok(), length: about.len() },
        })
    }
}

/// Generators that stay in memory.
const KEPT: usize = 4;
/// Most pictures of one answer.
pub const MOST: usize = 256;
/// Most frames of an animation.
const MOST_FRAMES: usize = 600;
/// How far a latent may be from the middle; drawn ones are within 6.
const FARTHEST: f32 = 100.0;

/// What to show.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wish {
    /// Pictures of a seed.
    Draw {
        /// Another seed, other pictures.
        seed: u64,
        /// How many.
        count: usize,
        /// The first of them.
        #[serde(default)]
        from: usize,
        /// From 0.01 up: smaller is more typical and less varied.
        #[serde(default)]
        truncation: Option<f32>,
        /// A label, by number.
        #[serde(default)]
        label: Option<u32>,
    },
    /// Pictures like one.
    Near {
        /// That one.
        latent: Vec<f32>,
        /// Its label.
        #[serde(default)]
        label: Option<u32>,
        /// From 0, the same, to 1, any other.
        amount: f32,
        /// Another seed, other pictures.
        seed: u64,
        /// How many.
        count: usize,
    },
    /// Pictures from one to another, both included.
    Mix {
        /// The first.
        from: Vec<f32>,
        /// The last.
        to: Vec<f32>,
        /// The label of all.
        #[serde(default)]
        label: Option<u32>,
        /// How many.
        count: usize,
    },
    /// Pictures that are known.
    Again {
        /// Their latents.
        latents: Vec<Vec<f32>>,
        /// Their labels.
        #[serde(default)]
        labels: Option<Vec<u32>>,
    },
}

/// Pictures, and what makes them again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Shown {
    /// The step of the checkpoint.
    pub step: u64,
    /// One per picture.
    pub latents: Vec<Vec<f32>>,
    /// One per picture, for a generator that knows labels.
    pub labels: Option<Vec<u32>>,
    /// PNG files as data URLs.
    pub pictures: Vec<String>,
}

/// What can be asked of a generator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct About {
    /// The step of the checkpoint.
    pub step: u64,
    /// Numbers in a latent.
    pub latent: usize,
    /// Names of labels.
    pub labels: Vec<String>,
    /// Width of a picture.
    pub width: usize,
    /// Its height.
    pub height: usize,
}

/// A walk through key pictures and back to the first.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// Latents of the key pictures.
    pub keys: Vec<Vec<f32>>,
    /// The label of all.
    #[serde(default)]
    pub label: Option<u32>,
    /// Pictures from one key to the next.
    pub frames: usize,
    /// Each pixel a square of so many.
    #[serde(default = "one")]
    pub scale: u32,
    /// `gif` (256 colours), `webp` or `apng` (all).
    pub format: Format,
}

fn one() -> u32 {
    1
}

/// Of an animation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 256 colours.
    Gif,
    /// All colours, small files.
    Webp,
    /// All colours.
    Apng,
}

impl Painters {
    /// None is open yet.
    pub fn new(generators: Arc<dyn Generators>) -> Self {
        Self { generators, open: Mutex::default() }
    }

    /// The generator of a run after `step` steps; the newest where nothing is said. Slow the first time.
    ///
    /// # Errors
    /// 409 where that checkpoint is gone, or none can be read.
    pub fn of(&self, run: &RunFolder, step: Option<u64>) -> Answer<Arc<dyn Painter>> {
        let name = run.name();
        let missing = || Problem::missing(format!("there is no run `{name}`"));
        let folder = Stamp::of(run.root()).ok_or_else(missing)?;
        let wanted = match step {
            Some(step) => step,
            None => softreg_run::checkpoint::list(run.checkpoints())?.pop().unwrap_or(0),
        };
        let file = Stamp::of(&run.checkpoint(wanted));
        // One that was asked for by its step is still good when its file is gone.
        let fits = |kept: &Kept| {
            let same = kept.name == name && kept.run == folder && kept.step == wanted;
            same && file.as_ref().map_or(step.is_some(), |file| kept.file == *file)
        };
        let lock = || self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut open = lock();
        if let Some(at) = open.iter().position(fits) {
            let found = open.remove(at);
            let painter = found.painter.clone();
            open.push(found);
            return Ok(painter);
        }
        drop(open);
        if let (Some(step), None) = (step, &file) {
            return Err(Problem::conflict(format!(
                "the checkpoint after {step} steps is gone, because `{name}` has saved newer ones: draw anew"
            )));
        }
        let painter = self.generators.open(run, step).map_err(Problem::conflict)?;
        let Some(file) = file else { return Ok(painter) };
        let mut open = lock();
        open.retain(|kept| kept.name != name || (kept.run == folder && kept.step != wanted));
        open.push(Kept { name, run: folder, step: wanted, file, painter: painter.clone() });
        let surplus = open.len().saturating_sub(KEPT);
        open.drain(..surplus);
        Ok(painter)
    }
}

/// What can be asked of it.
pub fn about(painter: &dyn Painter) -> About {
    let [_, height, width] = painter.shape();
    About {
        step: painter.step(),
        latent: painter.latent(),
        labels: painter.labels().to_vec(),
        width,
        height,
    }
}

/// Pictures as a generator makes them.
pub(crate) struct Painted {
    pub(crate) latents: Vec<f32>,
    pub(crate) labels: Option<Vec<u32>>,
    /// Planar, one picture after the other.
    pub(crate) bytes: Vec<u8>,
}

impl Painted {
    /// What was wished for.
    pub(crate) fn of(painter: &dyn Painter, wish: &Wish) -> Answer<Self> {
        let (latents, labels) = latents_of(painter, wish)?;
        let labels = (!painter.labels().is_empty()).then_some(labels);
        let bytes = painter.paint(&latents, labels.as_deref());
        Ok(Self { latents, labels, bytes })
    }

    pub(crate) fn pictures(&self, painter: &dyn Painter) -> Answer<Vec<Picture<'_>>> {
        let [channels, height, width] = painter.shape();
        Ok(Picture::batch(channels, height, width, &self.bytes)?)
    }
}

/// Makes what was wished for.
///
/// # Errors
/// 400 for latents of another length, labels that are not there, and numbers out of range.
pub fn show(painter: &dyn Painter, wish: &Wish) -> Answer<Shown> {
    let painted = Painted::of(painter, wish)?;
    let encoded = painted.pictures(painter)?;
    let encoded = encoded.iter().map(|picture| Ok(data_url(&picture.encode_png()?)));
    let pictures = encoded.collect::<Answer<Vec<_>>>()?;
    let latents = painted.latents.chunks(painter.latent()).map(<[f32]>::to_vec).collect();
    Ok(Shown { step: painter.step(), latents, labels: painted.labels, pictures })
}

/// A PNG file that stands in a page.
pub fn data_url(png: &[u8]) -> String {
    use base64::Engine;
    format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png))
}

fn latents_of(painter: &dyn Painter, wish: &Wish) -> Answer<(Vec<f32>, Vec<u32>)> {
    let counted = |count: usize| match count {
        1..=MOST => Ok(count),
        _ => Err(Problem::wrong(format!("count is {count}: it must be from 1 to {MOST}"))),
    };
    Ok(match wish {
        Wish::Draw { seed, count, from, truncation, label } => {
            let (count, truncation) = (counted(*count)?, checked_truncation(*truncation)?);
            if *from > 1 << 40 {
                return Err(Problem::wrong(format!("from is {from}: that is too far")));
            }
            let latents = painter.latents(*seed, *from, count, truncation);
            let labels = match label {
                Some(label) => vec![checked_label(painter, *label)?; count],
                None => in_turn(painter, *from, count),
            };
            (latents, labels)
        }
        Wish::Near { latent, label, amount, seed, count } => {
            checked_latent(painter, latent)?;
            if !(0.0..=1.0).contains(amount) {
                return Err(Problem::wrong(format!("amount is {amount}: it must be from 0 to 1")));
            }
            let count = counted(*count)?;
            // √(1 − a²)·z + a·ε has the distribution of z, however much of it is new.
            let keep = (1.0 - amount * amount).sqrt();
            let mut latents = painter.latents(*seed, 0, count, None);
            for (x, z) in latents.iter_mut().zip(latent.iter().cycle()) {
                *x = keep * z + amount * *x;
            }
            (latents, vec![checked_label(painter, label.unwrap_or(0))?; count])
        }
        Wish::Mix { from, to, label, count } => {
            checked_latent(painter, from)?;
            checked_latent(painter, to)?;
            let count = counted(*count)?;
            let share = |i: usize| i as f32 / (count - 1).max(1) as f32;
            let latents = (0..count).flat_map(|i| painter.between(from, to, share(i))).collect();
            (latents, vec![checked_label(painter, label.unwrap_or(0))?; count])
        }
        Wish::Again { latents, labels } => {
            counted(latents.len())?;
            latents.iter().try_for_each(|latent| checked_latent(painter, latent))?;
            let labels = match labels {
                None => in_turn(painter, 0, latents.len()),
                Some(labels) if labels.len() == latents.len() => {
                    let checked = labels.iter().map(|label| checked_label(painter, *label));
                    checked.collect::<Answer<_>>()?
                }
                Some(labels) => {
                    return Err(Problem::wrong(format!(
                        "{} labels for {} latents",
                        labels.len(),
                        latents.len()
                    )));
                }
            };
            (latents.concat(), labels)
        }
    })
}

/// A latent that the generator can take.
pub(crate) fn checked_latent(painter: &dyn Painter, latent: &[f32]) -> Answer<()> {
    let wanted = painter.latent();
    if latent.len() != wanted {
        return Err(Problem::wrong(format!(
            "a latent of {} numbers: it needs {wanted}",
            latent.len()
        )));
    }
    match latent.iter().find(|x| x.is_nan() || x.abs() > FARTHEST) {
        Some(x) => Err(Problem::wrong(format!("a latent holds {x}: that is too far"))),
        None => Ok(()),
    }
}

/// A label that the generator knows; any where it knows none.
pub(crate) fn checked_label(painter: &dyn Painter, label: u32) -> Answer<u32> {
    let count = painter.labels().len();
    match count == 0 || (label as usize) < count {
        true => Ok(label),
        false => Err(Problem::wrong(format!("label {label}: there are {count}, from 0"))),
    }
}

fn checked_truncation(truncation: Option<f32>) -> Answer<Option<f32>> {
    match truncation {
        Some(t) if !(t.is_finite() && t >= 0.01) => {
            Err(Problem::wrong(format!("truncation is {t}: it must be a number from 0.01 up")))
        }
        fine => Ok(fine),
    }
}

fn in_turn(painter: &dyn Painter, from: usize, count: usize) -> Vec<u32> {
    let classes = painter.labels().len().max(1);
    (from..from + count).map(|i| (i % classes) as u32).collect()
}

/// The animation of a walk.
///
/// # Errors
/// 400 for numbers out of range.
pub fn walk(painter: &dyn Painter, walk: &Walk) -> Answer<Bytes> {
    walk.keys.iter().try_for_each(|key| checked_latent(painter, key))?;
    let (keys, frames) = (walk.keys.len(), walk.frames);
    if keys < 2 || frames < 1 || keys.saturating_mul(frames) > MOST_FRAMES {
        return Err(Problem::wrong(format!(
            "{keys} keys with {frames} frames each: there must be 2 keys or more and at most {MOST_FRAMES} frames in all"
        )));
    }
    if !(1..=16).contains(&walk.scale) {
        return Err(Problem::wrong(format!("scale is {}: it must be from 1 to 16", walk.scale)));
    }
    let label = checked_label(painter, walk.label.unwrap_or(0))?;
    let latents: Vec<f32> = (0..keys * frames)
        .flat_map(|i| {
            let (a, b) = (&walk.keys[i / frames], &walk.keys[(i / frames + 1) % keys]);
            painter.between(a, b, (i % frames) as f32 / frames as f32)
        })
        .collect();
    let labels = (!painter.labels().is_empty()).then(|| vec![label; keys * frames]);
    let [channels, height, width] = painter.shape();
    let bytes = painter.paint(&latents, labels.as_deref());
    let pictures = Picture::batch(channels, height, width, &bytes)?;
    let file = match pictures.iter().any(Picture::has_alpha) {
        true => moving(pictures.iter().map(|picture| picture.to_rgba(walk.scale)), walk.format),
        false => moving(pictures.iter().map(|picture| picture.to_rgb(walk.scale)), walk.format),
    };
    Ok(file?.into())
}

fn moving<P: Colour>(
    frames: impl Iterator<Item = ImageBuffer<P, Vec<u8>>>,
    format: Format,
) -> softreg_run::Result<Vec<u8>> {
    let frames: Vec<_> = frames.collect();
    match format {
        Format::Gif => animation::gif(&frames, FRAME_MS),
        Format::Webp => animation::webp(&frames, FRAME_MS),
        Format::Apng => animation::apng(&frames, FRAME_MS),
    }
}

/// How long a frame stands, in milliseconds.
const FRAME_MS: u32 = 50;

/// Known pictures, large enough to print or repeated to a pattern.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Print {
    /// The picture.
    pub latent: Vec<f32>,
    /// Its label.
    #[serde(default)]
    pub label: Option<u32>,
    /// Each pixel a square of so many.
    pub scale: u32,
    /// Side by side so often, in both directions.
    #[serde(default = "one")]
    pub repeat: u32,
}

/// Most pixels along a side of a print.
const LARGEST_SIDE: u32 = 8192;

/// A picture as a PNG file of its own.
///
/// # Errors
/// 400 for numbers out of range.
pub fn print(painter: &dyn Painter, print: &Print) -> Answer<Bytes> {
    checked_latent(painter, &print.latent)?;
    let [channels, height, width] = painter.shape();
    let largest = print.scale.saturating_mul(print.repeat).saturating_mul(height.max(width) as u32);
    if print.scale == 0 || print.repeat == 0 || largest > LARGEST_SIDE {
        return Err(Problem::wrong(format!(
            "scale {} and repeat {} make {largest} pixels a side: it must be from 1 to {LARGEST_SIDE}",
            print.scale, print.repeat
        )));
    }
    let label = checked_label(painter, print.label.unwrap_or(0))?;
    let labels = (!painter.labels().is_empty()).then(|| vec![label]);
    let bytes = painter.paint(&print.latent, labels.as_deref());
    let picture = Picture::new(channels, height, width, &bytes)?;
    let png = match picture.has_alpha() {
        true => encode_png(&tiled(&picture.to_rgba(print.scale), print.repeat)),
        false if print.scale == 1 && print.repeat == 1 => picture.encode_png(),
        false => encode_png(&tiled(&picture.to_rgb(print.scale), print.repeat)),
    };
    Ok(png?.into())
}

/// A picture side by side with itself, in both directions.
fn tiled<P: Colour>(one: &ImageBuffer<P, Vec<u8>>, repeat: u32) -> ImageBuffer<P, Vec<u8>> {
    let (w, h) = one.dimensions();
    ImageBuffer::from_fn(w * repeat, h * repeat, |x, y| *one.get_pixel(x % w, y % h))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paints the first number of a latent.
    struct Plain;

    impl Painter for Plain {
        fn step(&self) -> u64 {
            7
        }
        fn latent(&self) -> usize {
            2
        }
        fn labels(&self) -> &[String] {
            &[]
        }
        fn shape(&self) -> [usize; 3] {
            [1, 1, 1]
        }
        fn latents(&self, seed: u64, from: usize, count: usize, _: Option<f32>) -> Vec<f32> {
            (0..2 * count).map(|i| (seed as usize + from + i) as f32).collect()
        }
        fn between(&self, from: &[f32], to: &[f32], t: f32) -> Vec<f32> {
            from.iter().zip(to).map(|(a, b)| a + t * (b - a)).collect()
        }
        fn export(&self, _: Export) -> Result<Vec<u8>, String> {
            Ok(Vec::new())
        }
        fn paint(&self, latents: &[f32], _: Option<&[u32]>) -> Vec<u8> {
            latents.chunks(2).map(|z| z[0] as u8).collect()
        }
    }

    #[test]
    fn wishes_become_latents() {
        let shown =
            show(&Plain, &Wish::Draw { seed: 3, count: 2, from: 1, truncation: None, label: None });
        let shown = shown.unwrap();
        assert_eq!(shown.latents, [vec![4.0, 5.0], vec![6.0, 7.0]]);
        assert_eq!((shown.step, shown.pictures.len(), shown.labels), (7, 2, None));
        assert!(shown.pictures[0].starts_with("data:image/png;base64,"));

        let near = |amount| {
            let wish =
                Wish::Near { latent: vec![1.0, 2.0], label: None, amount, seed: 5, count: 1 };
            latents_of(&Plain, &wish).map(|(latents, _)| latents)
        };
        assert_eq!(near(0.0).unwrap(), [1.0, 2.0]);
        assert_eq!(near(1.0).unwrap(), [5.0, 6.0]);
        assert_eq!(near(0.6).unwrap(), [0.8 * 1.0 + 0.6 * 5.0, 0.8 * 2.0 + 0.6 * 6.0]);
        assert!(near(1.1).is_err() && near(f32::NAN).is_err());

        let (from, to) = (vec![1.0, 0.0], vec![0.0, 1.0]);
        let mix = |count| {
            let wish = Wish::Mix { from: from.clone(), to: to.clone(), label: None, count };
            latents_of(&Plain, &wish).map(|(latents, _)| latents)
        };
        assert_eq!(mix(3).unwrap(), [1.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
        assert_eq!(mix(1).unwrap(), [1.0, 0.0]);
        assert!(mix(0).is_err() && mix(MOST + 1).is_err());
    }

    #[test]
    fn what_makes_no_picture_is_refused() {
        for latents in [vec![vec![1.0]], vec![vec![1.0, f32::NAN]], vec![vec![1.0, 1e9]], vec![]] {
            assert!(show(&Plain, &Wish::Again { latents, labels: None }).is_err());
        }
        let again = |labels| Wish::Again { latents: vec![vec![1.0, 2.0]], labels };
        assert!(show(&Plain, &again(None)).is_ok());
        assert!(show(&Plain, &again(Some(vec![0, 0]))).is_err());
        let ask = |keys: usize, frames, scale| Walk {
            keys: vec![vec![1.0, 2.0]; keys],
            label: None,
            frames,
            scale,
            format: Format::Gif,
        };
        assert_eq!(&walk(&Plain, &ask(2, 3, 1)).unwrap()[..6], b"GIF89a");
        for (keys, frames, scale) in [(1, 3, 1), (2, 0, 1), (2, 301, 1), (2, 3, 0), (2, 3, 17)] {
            assert!(walk(&Plain, &ask(keys, frames, scale)).is_err());
        }
        let ask = |scale, repeat| Print { latent: vec![9.0, 0.0], label: None, scale, repeat };
        let png = print(&Plain, &ask(4, 3)).unwrap();
        let read = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!((read.dimensions(), read.get_pixel(11, 0).0), ((12, 12), [9, 9, 9]));
        for (scale, repeat) in [(0, 1), (1, 0), (8193, 1), (u32::MAX, u32::MAX)] {
            assert!(print(&Plain, &ask(scale, repeat)).is_err());
        }
    }

    /// Half of every picture is transparent.
    struct Clear;

    impl Painter for Clear {
        fn step(&self) -> u64 {
            0
        }
        fn latent(&self) -> usize {
            1
        }
        fn labels(&self) -> &[String] {
            &[]
        }
        fn shape(&self) -> [usize; 3] {
            [4, 1, 2]
        }
        fn latents(&self, _: u64, _: usize, count: usize, _: Option<f32>) -> Vec<f32> {
            vec![0.0; count]
        }
        fn between(&self, from: &[f32], _: &[f32], _: f32) -> Vec<f32> {
            from.to_vec()
        }
        fn export(&self, _: Export) -> Result<Vec<u8>, String> {
            Ok(Vec::new())
        }
        fn paint(&self, latents: &[f32], _: Option<&[u32]>) -> Vec<u8> {
            latents.iter().flat_map(|_| [200, 0, 100, 0, 50, 0, 255, 0]).collect()
        }
    }

    #[test]
    fn what_is_transparent_stays_so_in_every_file() {
        let corners = |file: &[u8]| {
            let read = image::load_from_memory(file).unwrap().to_rgba8();
            (read.dimensions(), [0, read.width() - 1].map(|x| read.get_pixel(x, 0).0[3]))
        };
        for (scale, repeat, size) in [(1, 1, (2, 1)), (16, 1, (32, 16)), (1, 3, (6, 3))] {
            let wanted = Print { latent: vec![0.0], label: None, scale, repeat };
            assert_eq!(corners(&print(&Clear, &wanted).unwrap()), (size, [255, 0]));
        }
        for format in [Format::Gif, Format::Webp, Format::Apng] {
            let keys = vec![vec![0.0]; 2];
            let wanted = Walk { keys, label: None, frames: 2, scale: 16, format };
            assert_eq!(corners(&walk(&Clear, &wanted).unwrap()), ((32, 16), [255, 0]));
        }
    }

    /// Opens what is asked for, and counts how often.
    #[derive(Default)]
    struct Counted(Mutex<Vec<Option<u64>>>);

    impl Generators for Counted {
        fn open(&self, _: &RunFolder, step: Option<u64>) -> Result<Arc<dyn Painter>, String> {
            self.0.lock().unwrap().push(step);
            Ok(Arc::new(Plain))
        }
    }

    #[test]
    fn a_generator_is_that_of_its_run_and_step() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::create(place.path().join("one")).unwrap();
        let save = |run: &RunFolder, step, text: &str| {
            softreg_run::atomic::write(run.checkpoint(step), text.as_bytes()).unwrap();
        };
        save(&run, 10, "a");
        let counted = Arc::new(Counted::default());
        let painters = Painters::new(counted.clone());
        let opened = || counted.0.lock().unwrap().len();
        for step in [None, Some(10), None] {
            painters.of(&run, step).unwrap();
        }
        assert_eq!(opened(), 1);
        // The newest is another one now; the one before it is asked for by its step, even when its file is gone.
        save(&run, 20, "b");
        painters.of(&run, None).unwrap();
        std::fs::remove_file(run.checkpoint(10)).unwrap();
        painters.of(&run, Some(10)).unwrap();
        assert_eq!(opened(), 2);
        let gone = painters.of(&run, Some(15)).err().unwrap();
        assert!(gone.error.contains("after 15 steps is gone"), "{gone}");
        // The same step again, after training went back.
        save(&run, 20, "longer");
        painters.of(&run, None).unwrap();
        assert_eq!(opened(), 3);
        // Another run of the same name.
        std::fs::rename(run.root(), place.path().join("old")).unwrap();
        let next = RunFolder::create(place.path().join("one")).unwrap();
        assert!(painters.of(&next, Some(10)).is_err());
        std::fs::rename(
            place.path().join("old/checkpoints/step-00000020.safetensors"),
            next.checkpoint(20),
        )
        .unwrap();
        painters.of(&next, None).unwrap();
        assert_eq!(opened(), 4);
    }
}
