//! Sprite sheets: picture files that hold many pictures of one size in a grid, `sheet:16x16:PATH`.
//!
//! The path is a file, or a folder or zip of files with the same grid. Every sheet is decoded once, when the source is
//! opened, since which cells show something is known by their pixels alone; these are kept, the rest of the sheet is not.
//! Cells are in the order of reading, and named after column and row, from 0: `tiles.png@3,5`.

mod grid;
mod guess;
mod single;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use self::grid::Grid;
use self::single::Single;
use super::{Listing, Record, Request, Source, SourceEntry, find, folder, path_in, zip};
use crate::collection::Skipped;
use crate::error::Error;
use crate::picture::{self, Head, Raster};
use crate::resample::Area;
use crate::size::Size;

/// What a specification begins with.
const PREFIX: &str = "sheet:";
/// The most bytes of pixels that are kept: 4 GiB, a million cells of 32 x 32.
const MAX_BYTES: u64 = 4 << 30;
/// Sheets decoded between two looks at how much is kept, on every machine.
const CHUNK: usize = 8;
/// More pictures than these are not looked at as if they were sheets.
const MOST_SHEETS: usize = 16;

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "sheet",
    summary: "sprite sheets, cut into cells: sheet:16x16:PATH, or sheet:16x16,spacing=1,margin=2:PATH",
    detect: |text| text.starts_with(PREFIX),
    path: |text| {
        let inner = divided(text).ok()?.1;
        path_in(inner).or(Some(inner))
    },
    open: |request| Ok(Box::new(Cut::open(request)?)),
};

/// The grid of a specification, and where the sheets are.
fn divided(text: &str) -> Result<(Grid, &str), Error> {
    let text = text.strip_prefix(PREFIX).unwrap_or(text);
    let (grid, path) = text.split_once(':').unwrap_or((text, ""));
    let wrong = |problem: String| Error::Grid { text: grid.to_owned(), problem };
    let read = grid.parse().map_err(wrong)?;
    match path {
        "" => Err(wrong("no file name follows it".to_owned())),
        path => Ok((read, path)),
    }
}

/// What pictures seem to be sheets of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guess {
    /// The grid, as a specification has it.
    pub grid: String,
    /// Cells that show something.
    pub cells: usize,
    /// The specification that takes them.
    pub spec: String,
}

impl Guess {
    /// From the picture files of a source that `spec` names, where they are few; `None` where less than half of them seem to
    /// be sheets of the same grid.
    pub(crate) fn of(source: &dyn Source, spec: &str) -> Option<Guess> {
        let count = source.listing().names.len();
        if count > MOST_SHEETS {
            return None;
        }
        // One at a time, since a picture may be large.
        let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (grid, cells) in (0..count).filter_map(|index| guessed(source, index)) {
            let (sheets, all) = found.entry(grid.to_string()).or_default();
            (*sheets, *all) = (*sheets + 1, *all + cells);
        }
        let (grid, (sheets, cells)) = found.into_iter().max_by_key(|(_, (sheets, _))| *sheets)?;
        let spec = specification(&grid, spec);
        (2 * sheets >= count).then_some(Guess { grid, cells, spec })
    }

    /// From a picture file by itself.
    pub(super) fn of_file(spec: &str) -> Option<Guess> {
        Guess::of(&Single::new(Path::new(spec)), spec)
    }
}

/// The grid of a picture, and how many of its cells show something; `None` where it seems to be no sheet, or cannot be read.
fn guessed(source: &dyn Source, index: usize) -> Option<(Grid, usize)> {
    let Record::File(bytes) = source.record(index, None).ok()? else { return None };
    let Head { format, width, height } = picture::head(Cursor::new(&bytes)).ok()?;
    let picture = picture::decode(&bytes).ok()?;
    let grid = guess::grid(&picture)?;
    let cells = Sheet::new(format, width, height).filled(&picture, grid).places.len();
    (cells >= guess::MIN_CELLS).then_some((grid, cells))
}

/// What takes the cells of the sheets that `spec` names.
pub(super) fn specification(grid: &str, spec: &str) -> String {
    format!("{PREFIX}{grid}:{spec}")
}

/// The files that are to be cut.
fn sheets(text: &str, seed: u64) -> Result<Box<dyn Source>, Error> {
    if Path::new(text).is_file() && !(zip::ENTRY.detect)(text) {
        return Ok(Box::new(Single::new(Path::new(text))));
    }
    let (entry, path) = find(text)?;
    match [folder::ENTRY.name, zip::ENTRY.name].contains(&entry.name) {
        true => (entry.open)(&Request { text: path, limit: None, seed }),
        false => Err(Error::Unrecognised {
            path: path.into(),
            detail: format!(
                ", so it cannot be cut: it is of type '{}', but sheets must be picture files",
                entry.name
            ),
        }),
    }
}

/// What was taken from one file.
struct Sheet {
    format: &'static str,
    width: u32,
    height: u32,
    channels: usize,
    /// Column and row of each cell that shows something.
    places: Vec<(u32, u32)>,
    /// The pixels of these cells, one cell after the other.
    pixels: Vec<u8>,
    /// Whole cells, empty ones too.
    whole: usize,
    /// Cells that show something and are not whole.
    cut_off: usize,
}

impl Sheet {
    /// Without any cells.
    fn new(format: &'static str, width: u32, height: u32) -> Sheet {
        let (places, pixels) = (Vec::new(), Vec::new());
        Sheet { format, width, height, channels: 0, places, pixels, whole: 0, cut_off: 0 }
    }

    /// Decodes a file and takes its cells; none of a file that is smaller than a cell, which is not decoded.
    fn read(source: &dyn Source, index: usize, grid: Grid) -> Result<Sheet, String> {
        let Record::File(bytes) = source.record(index, None)? else {
            return Err("is not a picture file".to_owned());
        };
        let Head { format, width, height } = picture::head(Cursor::new(&bytes))?;
        let nothing = Sheet::new(format, width, height);
        match grid.whole(width, height) {
            (0, _) | (_, 0) => Ok(nothing),
            _ => Ok(nothing.filled(&picture::decode(&bytes)?, grid)),
        }
    }

    /// With the cells of its picture.
    fn filled(mut self, raster: &Raster, grid: Grid) -> Sheet {
        self.channels = raster.channels;
        let (columns, rows) = grid.whole(raster.width, raster.height);
        let (begun_columns, begun_rows) = grid.begun(raster.width, raster.height);
        for row in 0..begun_rows {
            for column in 0..begun_columns {
                let area = grid.area((column, row), raster.width, raster.height);
                let is_whole = column < columns && row < rows;
                self.whole += usize::from(is_whole);
                if is_empty(raster, area) {
                    continue;
                }
                if is_whole {
                    self.places.push((column, row));
                    lines(raster, area).for_each(|line| self.pixels.extend_from_slice(line));
                } else {
                    self.cut_off += 1;
                }
            }
        }
        self.pixels.shrink_to_fit();
        self
    }

    /// What of it was left out, for people.
    fn left_out(&self, name: &str) -> impl Iterator<Item = Skipped> {
        let is = |count: usize| if count == 1 { "is" } else { "are" };
        let empty = self.whole - self.places.len();
        let empty = (empty > 0).then(|| Skipped {
            name: format!("{empty} of {} cells of {name}", self.whole),
            reason: format!("{} empty (transparent, or a single colour)", is(empty)),
        });
        let count = self.cut_off;
        let cut_off = (count > 0).then(|| Skipped {
            name: format!("{count} cell{} of {name}", if count == 1 { "" } else { "s" }),
            reason: format!(
                "{} cut off at the right or bottom edge: check size, spacing and margin",
                is(count)
            ),
        });
        empty.into_iter().chain(cut_off)
    }
}

/// The rows of an area, as bytes.
fn lines(raster: &Raster, area: Area) -> impl Iterator<Item = &[u8]> {
    let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(|n| n as usize);
    let channels = raster.channels;
    let rows = raster.data.chunks_exact(raster.width as usize * channels).skip(y).take(height);
    rows.map(move |row| &row[x * channels..(x + width) * channels])
}

/// Whether all pixels look alike, as transparent ones do whatever their colour.
fn is_empty(raster: &Raster, area: Area) -> bool {
    let mut pixels = lines(raster, area).flat_map(|line| line.chunks_exact(raster.channels));
    let Some(first) = pixels.next() else { return true };
    let hidden = |pixel: &[u8]| matches!(pixel, [_, _, _, 0]);
    pixels.all(|pixel| pixel == first || hidden(pixel) && hidden(first))
}

/// Sheets that have been cut.
struct Cut {
    grid: Grid,
    sheets: Vec<Sheet>,
    /// The sheet of each listed cell, and its number among those of the sheet.
    cells: Vec<(usize, usize)>,
    listing: Listing,
    /// That of the files, from before they were read.
    stamp: Option<String>,
}

impl Cut {
    fn open(request: &Request<'_>) -> Result<Cut, Error> {
        let (grid, text) = divided(request.text)?;
        let source = sheets(text, request.seed)?;
        let (files, stamp) = (source.listing(), source.stamp());
        // Classes are those of all files, under a limit too.
        let labels = files.labels.as_ref().map(|_| Vec::new());
        let listing = Listing { names: Vec::new(), labels, ..files.clone() };
        let mut cut = Cut { grid, sheets: Vec::new(), cells: Vec::new(), listing, stamp };
        let limit = request.limit.unwrap_or(usize::MAX);
        let (mut bytes, mut start) = (0, 0);
        while start < files.names.len() && cut.cells.len() < limit {
            let chunk = start..files.names.len().min(start + CHUNK);
            start = chunk.end;
            let read = |index| (index, Sheet::read(source.as_ref(), index, grid));
            let sheets: Vec<_> = chunk.into_par_iter().map(read).collect();
            for (index, sheet) in sheets {
                bytes += sheet.as_ref().map_or(0, |sheet| sheet.pixels.len() as u64);
                cut.take(files, index, sheet);
            }
            if bytes > MAX_BYTES {
                let problem = "its cells take more than 4 GiB of pixels".to_owned();
                return Err(Error::Sheet { path: text.into(), grid: grid.to_string(), problem });
            }
        }
        if cut.cells.is_empty() {
            return Err(cut.instead_of_cells(text));
        }
        cut.listing.skipped.sort();
        cut.listing.truncate(request.limit);
        cut.cells.truncate(limit);
        Ok(cut)
    }

    /// Adds the cells of a file, or why there are none.
    fn take(&mut self, files: &Listing, index: usize, sheet: Result<Sheet, String>) {
        let name = &files.names[index];
        let skipped = |reason| Skipped { name: name.clone(), reason };
        let sheet = match sheet {
            Ok(sheet) if sheet.whole > 0 => sheet,
            Ok(Sheet { width, height, .. }) => {
                let reason = format!("has {width} x {height} pixels, too few for a single cell");
                return self.listing.cells.push(skipped(reason));
            }
            Err(reason) => return self.listing.skipped.push(skipped(reason)),
        };
        self.listing.cells.extend(sheet.left_out(name));
        for (number, (column, row)) in sheet.places.iter().enumerate() {
            self.listing.names.push(format!("{name}@{column},{row}"));
            self.cells.push((self.sheets.len(), number));
            if let (Some(labels), Some(of_files)) = (&mut self.listing.labels, &files.labels) {
                labels.push(of_files[index]);
            }
        }
        self.sheets.push(sheet);
    }

    /// Why there is nothing to learn from.
    fn instead_of_cells(&self, text: &str) -> Error {
        let path = text.into();
        match self.listing.cells.first() {
            Some(Skipped { name, reason }) => {
                let problem = format!("{name} {reason}");
                Error::Sheet { path, grid: self.grid.to_string(), problem }
            }
            None => Error::Empty { path, detail: self.listing.instead_of_pictures() },
        }
    }

    fn cell(&self, index: usize) -> Option<(&Sheet, &[u8])> {
        let (sheet, number) = *self.cells.get(index)?;
        let sheet = self.sheets.get(sheet)?;
        let length = self.grid.width as usize * self.grid.height as usize * sheet.channels;
        Some((sheet, sheet.pixels.get(number * length..(number + 1) * length)?))
    }
}

impl Source for Cut {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn record(&self, index: usize, _: Option<Size>) -> Result<Record, String> {
        let (sheet, pixels) = self.cell(index).ok_or("is not in the sheets")?;
        let Grid { width, height, .. } = self.grid;
        let raster = Raster { width, height, channels: sheet.channels, data: pixels.to_vec() };
        Ok(Record::Pixels(sheet.format, raster))
    }

    fn stamp(&self) -> Option<String> {
        self.stamp.clone()
    }

    fn head(&self, index: usize) -> Result<Head, String> {
        let (sheet, _) = self.cell(index).ok_or("is not in the sheets")?;
        Ok(Head { format: sheet.format, width: self.grid.width, height: self.grid.height })
    }
}

#[cfg(test)]
mod tests;
