//! `softreg generate`: pictures from a trained run.

use super::target;
use crate::backend;
use crate::failure::usage;
use crate::terminal::{line_to_stderr, line_to_stdout};
use crate::trained::{self, Trained, Which};
use clap::Args;
use image::{ImageBuffer, RgbImage};
use softreg_net::latent;
use softreg_run::sheet::{Layout, contact_sheet, contact_sheet_pdf, contact_sheet_with};
use softreg_run::{Colour, Picture, RunFolder, animation, atomic, encode_png};
use softreg_train::sample::PictureSet;
use std::path::{Path, PathBuf};

/// Generate pictures with a trained run.
///
/// Reads only the configuration and a checkpoint of the run, so it also works during training. The
/// same seed gives the same pictures, whatever the count.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:
  softreg generate runs/motif-001                                 a sheet of 64 pictures
  softreg generate runs/motif-001 --seed 7 --count 16 --sheet new.png
  softreg generate runs/motif-001 --sheet new.pdf                 pages to print
  softreg generate runs/motif-001 --count 500 --out pictures/     single files
  softreg generate runs/motif-001 --truncation 0.7                more typical, less varied
  softreg generate runs/motif-001 --interpolate 6 --animation walk.gif
  softreg generate runs/birds-001 --label owl                     from a conditional run"
)]
pub(crate) struct Generate {
    /// Run folder, such as runs/motif-001
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Number of pictures
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    count: usize,
    /// Random seed: another seed gives other pictures
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Redraw latent values beyond ±T: smaller is more typical and less varied, for example 0.7
    #[arg(long, value_name = "T")]
    truncation: Option<f32>,
    /// Generate only this label, by name or by number from 0 (conditional runs) [default: all in
    /// turn]
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// Checkpoint to use: latest, best (by the validation measure) or a step
    #[arg(long, value_name = "WHICH", default_value = "latest")]
    checkpoint: Which,
    /// Walk through this many pictures and back to the first [default: 6]
    #[arg(long, value_name = "COUNT", help_heading = "Interpolation")]
    interpolate: Option<usize>,
    /// In-between pictures from each picture of the walk to the next [default: 15]
    #[arg(long, value_name = "COUNT", help_heading = "Interpolation")]
    frames: Option<usize>,
    /// Write all pictures on one sheet: .png, or .pdf (A4 pages for printing) [default:
    /// RUN/generated-seedN.png]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    sheet: Option<PathBuf>,
    /// Write single files 00000.png, 00001.png, … to a folder; transparency is kept
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Write the walk as a looping animation: .gif (256 colours), .webp, .png or .apng (all
    /// colours)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    animation: Option<PathBuf>,
    /// Write the walk from the first to the last picture side by side (.png)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    strip: Option<PathBuf>,
    /// Enlarge by a whole number, each pixel becoming a square [default: 1 for files; a suitable
    /// size otherwise]
    #[arg(long, value_name = "FACTOR", help_heading = "Output")]
    scale: Option<u32>,
    /// Replace existing files
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print only the paths of the files written
    #[arg(long, short)]
    quiet: bool,
    /// Device to compute on
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Machine")]
    device: String,
}

/// Most single files: their names have five digits.
const MOST_FILES: usize = 100_000;
/// Bytes of the pictures of a sheet, enlarged.
const MOST_BYTES: u64 = 1 << 31;
/// Most pictures on a sheet; on more, nothing could be seen.
const MOST_ON_SHEET: usize = 4096;
/// Most pictures of an animation or strip.
const MOST_FRAMES: usize = 10_000;
/// Key pictures of a walk where none is asked for.
const KEYS: usize = 6;
/// Pictures between two key pictures of a walk where none is asked for.
const BETWEEN: usize = 15;
/// Greatest enlargement.
const LARGEST_SCALE: u32 = 32;
/// Below, redrawing takes longer than the pictures, which all look alike.
const SMALLEST_TRUNCATION: f32 = 0.01;
/// How long one picture of an animation stands, in milliseconds.
const FRAME_MS: u32 = 50;
/// White pixels between the pictures of a strip.
const STRIP_GAP_PX: u32 = 2;
/// Pictures made before single files are written: bounds the memory.
const CHUNK: usize = 256;

/// What is written where.
#[derive(Default)]
struct Plan {
    files: Option<PathBuf>,
    sheet: Option<PathBuf>,
    animation: Option<PathBuf>,
    strip: Option<PathBuf>,
}

impl Generate {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.check()?;
        let folder = RunFolder::open(&self.run)?;
        let plan = self.plan(&folder)?;
        let device = backend::device(&self.device)?.device;
        let trained = Trained::open(&folder, self.checkpoint, &device)?;
        for note in &trained.notes {
            line_to_stderr(&format!("note: {note}"));
        }
        let label = self.label(&trained)?;
        if let Some(path) = &plan.files {
            self.files(path, &trained, label)?;
            self.tell(&format!("{} pictures", self.count), trained.step, path)?;
        }
        if let Some(path) = &plan.sheet {
            let made = self.stills(0..self.count, &trained, label);
            let bytes = match target::ending(path).as_str() {
                "pdf" => self.printed(&made, &folder.name(), &trained, label)?,
                _ => encode_png(&self.draw_sheet(&made)?)?,
            };
            write(path, &bytes)?;
            self.tell("Picture sheet", trained.step, path)?;
        }
        if plan.animation.is_some() || plan.strip.is_some() {
            self.walk(&plan, &trained, label)?;
        }
        Ok(())
    }

    /// Numbers that can be judged before anything is read.
    fn check(&self) -> anyhow::Result<()> {
        let within = |name: &str, value: usize, min: usize, max: usize| match value {
            _ if (min..=max).contains(&value) => Ok(()),
            _ => Err(usage(format!("{name} is {value}: it must be from {min} to {max}"))),
        };
        within("--count", self.count, 1, MOST_FILES)?;
        within("--scale", self.scale.unwrap_or(1) as usize, 1, LARGEST_SCALE as usize)?;
        within("--interpolate", self.interpolate.unwrap_or(KEYS), 2, MOST_FRAMES)?;
        let per_key = self.between().saturating_add(1);
        let frames = per_key.saturating_mul(self.interpolate.unwrap_or(KEYS));
        if frames > MOST_FRAMES {
            return Err(usage(format!(
                "--interpolate and --frames make {frames} pictures: at most {MOST_FRAMES} are possible"
            )));
        }
        if let Some(t) = self.truncation
            && !(t.is_finite() && t >= SMALLEST_TRUNCATION)
        {
            return Err(usage(format!(
                "--truncation is {t}: it must be at least {SMALLEST_TRUNCATION}, usually 0.5 to 2"
            )));
        }
        Ok(())
    }

    /// Pictures between two key pictures of a walk.
    fn between(&self) -> usize {
        self.frames.unwrap_or(BETWEEN)
    }

    /// What to write, refused where it would replace something.
    fn plan(&self, folder: &RunFolder) -> anyhow::Result<Plan> {
        for (name, path, endings) in [
            ("--sheet", &self.sheet, &["png", "pdf"][..]),
            ("--strip", &self.strip, &["png"]),
            ("--animation", &self.animation, &["gif", "webp", "png", "apng"]),
        ] {
            let Some(path) = path else { continue };
            target::check(name, path, endings, self.force)?;
        }
        let named: Vec<&PathBuf> =
            [&self.sheet, &self.strip, &self.animation].into_iter().flatten().collect();
        if let Some(twice) = (1..named.len()).find(|i| named[..*i].contains(&named[*i])) {
            return Err(usage(format!(
                "{} is given for two outputs: choose another name for one of them",
                named[twice].display()
            )));
        }
        if let Some(out) = &self.out
            && !self.force
            && let Some(there) = (0..self.count).map(|i| file(out, i)).find(|path| path.exists())
        {
            return Err(usage(format!(
                "{} already exists: choose another folder, or add --force to replace it",
                there.display()
            )));
        }
        let mut plan = Plan {
            files: self.out.clone(),
            sheet: self.sheet.clone(),
            animation: self.animation.clone(),
            strip: self.strip.clone(),
        };
        let walks = plan.animation.is_some() || plan.strip.is_some();
        if self.frames.is_some() && self.interpolate.is_none() && !walks {
            return Err(usage(
                "--frames sets the number of in-between pictures of a walk: add --interpolate, --animation or --strip",
            ));
        }
        let source = trained::configuration(folder)?.data.source;
        let first = plan.files.as_ref().map(|out| file(out, 0));
        for (option, path) in [
            ("--out", &first),
            ("--sheet", &plan.sheet),
            ("--animation", &plan.animation),
            ("--strip", &plan.strip),
        ] {
            path.as_ref().map_or(Ok(()), |path| target::outside(option, path, &source))?;
        }
        let own = |ending: &str| folder.root().join(format!("{}.{ending}", self.name()));
        if self.interpolate.is_some() && !walks {
            plan.animation = Some(own("gif"));
        } else if !walks && plan.files.is_none() && plan.sheet.is_none() {
            plan.sheet = Some(own("png"));
        }
        let prints = plan.sheet.as_ref().is_some_and(|path| target::ending(path) == "pdf");
        if prints && self.scale.is_some() && plan.files.is_none() && !walks {
            return Err(usage(
                "--scale has no effect on a .pdf, whose pictures fill the page: leave it out, or write a .png",
            ));
        }
        if plan.sheet.is_some() && self.count > MOST_ON_SHEET {
            return Err(usage(format!(
                "--count is {}: a sheet holds at most {MOST_ON_SHEET} pictures; write single files with --out FOLDER",
                self.count
            )));
        }
        Ok(plan)
    }

    /// The name of what is written into the run folder: other pictures have another one.
    fn name(&self) -> String {
        let mut name = format!("generated-seed{}", self.seed);
        if let Some(t) = self.truncation {
            name += &format!("-truncation{t}");
        }
        if let Some(label) = &self.label {
            let plain = |c: char| if c.is_alphanumeric() { c } else { '-' };
            name += &format!("-{}", label.chars().map(plain).collect::<String>());
        }
        match self.checkpoint {
            Which::Latest => {}
            Which::Best => name += "-best",
            Which::Step(step) => name += &format!("-step{step}"),
        }
        name
    }

    /// The number of the label that was asked for.
    fn label(&self, trained: &Trained) -> anyhow::Result<Option<u32>> {
        let Some(text) = &self.label else { return Ok(None) };
        if trained.labels.is_empty() {
            return Err(usage(format!(
                "--label {text}: this run has no labels; train with --conditional to generate by label"
            )));
        }
        let by_name = trained.labels.iter().position(|label| label == text);
        let by_number = || text.parse().ok().filter(|i| *i < trained.labels.len());
        let unknown = || {
            let names = || trained.labels.iter().map(String::as_str);
            usage(format!(
                "--label {text}: there is no such label{}: choose from {}, or a number from 0 to {}",
                softreg::spec::did_you_mean(text, names()),
                names().collect::<Vec<_>>().join(", "),
                trained.labels.len() - 1
            ))
        };
        by_name.or_else(by_number).map(|i| Some(i as u32)).ok_or_else(unknown)
    }

    fn stills(
        &self,
        pictures: std::ops::Range<usize>,
        trained: &Trained,
        label: Option<u32>,
    ) -> PictureSet {
        let labels = labels(pictures.clone(), trained, label);
        trained.pictures(&trained.latents(pictures, self.truncation, self.seed), labels.as_deref())
    }

    /// Pages of A4.
    fn printed(
        &self,
        made: &PictureSet,
        title: &str,
        trained: &Trained,
        label: Option<u32>,
    ) -> anyhow::Result<Vec<u8>> {
        let title = format!("{title}, {} steps, seed {}", trained.step, self.seed);
        let captions: Vec<String> = match labels(0..made.len(), trained, label) {
            None => vec![String::new(); made.len()],
            Some(labels) => {
                labels.iter().map(|label| trained.labels[*label as usize].clone()).collect()
            }
        };
        let pictures = Picture::batch(made.channels, made.height, made.width, &made.pixels)?;
        let numbers: Vec<u64> = (1..).take(pictures.len()).collect();
        Ok(contact_sheet_pdf(&title, &pictures, &numbers, &captions)?)
    }

    fn files(&self, folder: &Path, trained: &Trained, label: Option<u32>) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder).map_err(|error| {
            anyhow::anyhow!(
                "cannot create the folder {}: {error}; choose another with --out",
                folder.display()
            )
        })?;
        for start in (0..self.count).step_by(CHUNK) {
            let end = (start + CHUNK).min(self.count);
            let made = self.stills(start..end, trained, label);
            for (i, planes) in (start..end).zip(made.iter()) {
                // One by one: enlarged they are large.
                let one = PictureSet { pixels: planes.to_vec(), ..made };
                let one = enlarge(one, self.scale.unwrap_or(1));
                let picture = Picture::new(one.channels, one.height, one.width, &one.pixels)?;
                write(&file(folder, i), &picture.encode_png()?)?;
            }
        }
        Ok(())
    }

    fn draw_sheet(&self, made: &PictureSet) -> anyhow::Result<RgbImage> {
        let batch = |set: &PictureSet| -> anyhow::Result<RgbImage> {
            let pictures = Picture::batch(set.channels, set.height, set.width, &set.pixels)?;
            Ok(match self.scale {
                None => contact_sheet(&pictures)?,
                // Enlarged already: the layout adds nothing.
                Some(_) => {
                    contact_sheet_with(&pictures, Layout { width_px: 0, ..Layout::default() })?
                }
            })
        };
        match self.scale {
            None => batch(made),
            Some(scale) => {
                fits("a sheet", made.pixels.len(), scale)?;
                batch(&enlarge(made.clone(), scale))
            }
        }
    }

    /// Animation and strip of a walk from key picture to key picture.
    fn walk(&self, plan: &Plan, trained: &Trained, label: Option<u32>) -> anyhow::Result<()> {
        let (keys, steps) = (self.interpolate.unwrap_or(KEYS), self.between() + 1);
        let points = trained.latents(0..keys, self.truncation, self.seed);
        let point = |i: usize| &points[i % keys * trained.latent()..][..trained.latent()];
        let mut latents = Vec::with_capacity(keys * steps * trained.latent());
        for key in 0..keys {
            for step in 0..steps {
                let share = step as f32 / steps as f32;
                latents.extend(latent::slerp(point(key), point(key + 1), share));
            }
        }
        let labels = match (trained.labels.first(), label) {
            (None, _) => None,
            (Some(first), None) => {
                line_to_stderr(&format!(
                    "note: all pictures of the walk have the label {first}; choose another with --label"
                ));
                Some(vec![0; keys * steps])
            }
            (Some(_), Some(label)) => Some(vec![label; keys * steps]),
        };
        let (width, height) = trained.size();
        let large = width.max(height);
        if plan.animation.is_some() {
            let bytes = keys * steps * 4 * (width * height) as usize;
            fits("an animation", bytes, self.scale_or(256 / large))?;
        }
        // A strip has ends: the way back from the last picture to the first is left out.
        let count = (keys - 1) * steps + 1;
        let strip_scale =
            self.scale_or((4096 / (count as u32 * (width + STRIP_GAP_PX))).min(256 / large));
        if plan.strip.is_some() {
            fits("a strip", count * 4 * (width * height) as usize, strip_scale)?;
        }
        let made = trained.pictures(&latents, labels.as_deref());
        let pictures = Picture::batch(made.channels, made.height, made.width, &made.pixels)?;
        let draw = |count: usize, scale: u32| -> Vec<RgbImage> {
            pictures.iter().take(count).map(|picture| picture.to_rgb(scale)).collect()
        };
        if let Some(path) = &plan.animation {
            let scale = self.scale_or(256 / large);
            let ending = target::ending(path);
            let bytes = match pictures.first().is_some_and(Picture::has_alpha) {
                true => {
                    let frames: Vec<_> = pictures.iter().map(|p| p.to_rgba(scale)).collect();
                    animated(&ending, &frames)
                }
                false => animated(&ending, &draw(pictures.len(), scale)),
            }?;
            write(path, &bytes)?;
            self.tell("Animation", trained.step, path)?;
        }
        if let Some(path) = &plan.strip {
            let frames = draw(count, strip_scale);
            write(path, &encode_png(&animation::strip(&frames, STRIP_GAP_PX)?)?)?;
            self.tell("Strip", trained.step, path)?;
        }
        Ok(())
    }

    fn scale_or(&self, good: u32) -> u32 {
        self.scale.unwrap_or(good.max(1))
    }

    fn tell(&self, what: &str, step: u64, path: &Path) -> anyhow::Result<()> {
        let path = path.display();
        let text = match self.quiet {
            true => path.to_string(),
            false => format!("{what} after {step} steps: {path}"),
        };
        Ok(line_to_stdout(&text)?)
    }
}

/// The labels of pictures: the one that was asked for, or each in turn.
fn labels(
    pictures: std::ops::Range<usize>,
    trained: &Trained,
    label: Option<u32>,
) -> Option<Vec<u32>> {
    match trained.labels.len() {
        0 => None,
        n => Some(pictures.map(|i| label.unwrap_or((i % n) as u32)).collect()),
    }
}

/// Refuses to enlarge so many bytes beyond what is sensible; not enlarged, they are few.
fn fits(what: &str, bytes: usize, scale: u32) -> anyhow::Result<()> {
    let bytes = |scale: u32| bytes as u64 * u64::from(scale).pow(2);
    if scale == 1 || bytes(scale) <= MOST_BYTES {
        return Ok(());
    }
    let fits = (1..scale).rev().find(|scale| bytes(*scale) <= MOST_BYTES);
    Err(usage(format!(
        "--scale {scale}: {what} of this many pictures would need {:.0} GB: use --scale {} or less, or fewer pictures",
        bytes(scale) as f64 / 1e9,
        fits.unwrap_or(1)
    )))
}

/// The path of single file `i`.
fn file(folder: &Path, i: usize) -> PathBuf {
    folder.join(format!("{i:05}.png"))
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    Ok(atomic::write(path, bytes)?)
}

/// Frames as an animation of the format that a name ends in.
fn animated<P: Colour>(
    ending: &str,
    frames: &[ImageBuffer<P, Vec<u8>>],
) -> softreg_run::Result<Vec<u8>> {
    match ending {
        "gif" => animation::gif(frames, FRAME_MS),
        "webp" => animation::webp(frames, FRAME_MS),
        _ => animation::apng(frames, FRAME_MS),
    }
}

/// The pictures `scale` times as large, each pixel a square.
fn enlarge(set: PictureSet, scale: u32) -> PictureSet {
    let scale = scale as usize;
    if scale == 1 {
        return set;
    }
    let mut pixels = Vec::with_capacity(set.pixels.len() * scale * scale);
    for row in set.pixels.chunks_exact(set.width) {
        let wide: Vec<u8> = row.iter().flat_map(|x| std::iter::repeat_n(*x, scale)).collect();
        (0..scale).for_each(|_| pixels.extend_from_slice(&wide));
    }
    PictureSet { height: set.height * scale, width: set.width * scale, pixels, ..set }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enlarging_makes_squares() {
        let set = PictureSet { channels: 1, height: 2, width: 2, pixels: vec![1, 2, 3, 4] };
        let large = enlarge(set, 2);
        assert_eq!((large.height, large.width, large.len()), (4, 4, 1));
        assert_eq!(large.pixels, [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    }
}
