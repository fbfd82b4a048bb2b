//! `softreg data check`: what training would find, told before hours are spent on it.

use crate::command::{choices, target};
use crate::failure::usage;
use crate::terminal::{line_to_stderr, line_to_stdout};
use clap::Args;
use softreg_image::{Background, Channels, Collection, Fit, LoadOptions, Size, doctor};
use softreg_net::Geometry;
use softreg_run::sheet::contact_sheet;
use softreg_run::{Picture, atomic, encode_png};
use std::path::PathBuf;

/// Report what is in a picture collection and how training will use it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg data check my-pictures/
  softreg data check art.zip --size 48x64 --fit pad
  softreg data check sheet:16x16:tiles.png       the cells of a sprite sheet
  softreg data check motif --sheet motif.png     see the pictures as training sees them
  softreg data check motif --json")]
pub(crate) struct Check {
    /// Folder or zip of pictures, sprite sheet (sheet:16x16:FILE), CIFAR-10 .bin or IDX files, or
    /// `motif`
    #[arg(value_name = "PATH")]
    source: String,
    /// Size to assume for training: 32 or 48x64 (width x height) [default: what training would
    /// choose]
    #[arg(long, value_name = "SIZE")]
    size: Option<String>,
    /// Channels: auto, grey, rgb, or rgba to keep transparency
    #[arg(long, value_name = "CHANNELS", default_value = "auto")]
    channels: String,
    /// How to fit pictures of another shape: crop, pad or stretch
    #[arg(long, value_name = "FIT", default_value = "crop")]
    fit: String,
    /// Colour behind transparent pixels, #rrggbb (data.background of a run)
    #[arg(long, value_name = "COLOUR", default_value = "#ffffff")]
    background: String,
    /// Look only at the first COUNT pictures
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Write a sheet of up to 128 pictures, as training sees them (.png)
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Replace an existing sheet
    #[arg(long, requires = "sheet")]
    force: bool,
    /// Print all findings as one JSON object
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let wrong = |error: softreg_image::Error| usage(error.to_string());
        let size = match self.size.as_deref() {
            None | Some("auto") => None,
            Some(text) => {
                let size = text.parse::<Size>().map_err(wrong)?;
                // As training refuses it.
                Geometry::new(size.width() as usize, size.height() as usize)
                    .map_err(|error| usage(format!("--size: {error}")))?;
                Some(size)
            }
        };
        let options = LoadOptions {
            size,
            channels: self.channels.parse::<Channels>().map_err(wrong)?,
            fit: self.fit.parse::<Fit>().map_err(wrong)?,
            background: self.background.parse::<Background>().map_err(wrong)?,
            limit: self.limit,
            ..LoadOptions::default()
        };
        if let Some(path) = &self.sheet {
            target::check("--sheet", path, &["png"], self.force)?;
            target::outside("--sheet", path, &self.source)?;
        }
        let report = doctor::check(&self.source, &options, choices::nearest_size)?;
        match self.json {
            true => line_to_stdout(&serde_json::to_string_pretty(&report)?)?,
            false => line_to_stdout(report.to_string().trim_end())?,
        }
        if report.pictures == 0 {
            anyhow::bail!(
                "{} contains no usable picture: the report says why for each; pictures are PNG, JPEG, WebP, GIF or BMP files",
                self.source
            );
        }
        if let Some(path) = &self.sheet {
            let options = LoadOptions {
                size: Some(options.size.unwrap_or(report.suggested_size)),
                ..options
            };
            // Only what is shown is decoded again; where nothing of that can be read, something else can.
            let shown = softreg_image::sample(&self.source, &options, MOST_SHOWN)
                .or_else(|_| softreg_image::open(&self.source, &options))?;
            atomic::write(path, &draw(&shown)?)?;
            line_to_stderr(&format!("Sheet: {}", path.display()));
        }
        Ok(())
    }
}

/// Most pictures on a sheet.
const MOST_SHOWN: usize = 128;

/// Pictures from all over the collection, on one sheet.
fn draw(collection: &Collection) -> anyhow::Result<Vec<u8>> {
    let count = collection.len().min(MOST_SHOWN);
    let (width, height) = (collection.size.width() as usize, collection.size.height() as usize);
    let pictures = (0..count)
        .map(|i| collection.picture(i * collection.len() / count))
        .map(|planes| Picture::new(collection.channels, height, width, planes))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(encode_png(&contact_sheet(&pictures)?)?)
}
