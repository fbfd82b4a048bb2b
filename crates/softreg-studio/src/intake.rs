//! Pictures that are dropped onto the page.
//!
//! What arrives is written into a folder of its own under the runs, by names of our own making where theirs are not
//! plain, and is looked at before it is kept: a picture by its first bytes, an archive by its table of contents.
//! Nothing is unpacked: training reads from the archive.

use crate::problem::{Answer, Problem};
use crate::shelf::{Shelf, is_plain};
use axum::extract::Multipart;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use utoipa::ToSchema;

/// What is taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one upload.
    pub bytes: u64,
    /// Pictures of one upload, in an archive too.
    pub pictures: usize,
    /// Pixels of one picture.
    pub pixels: u64,
    /// Bytes of all files of an archive, unpacked.
    pub unpacked: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 2 << 30, pictures: 50_000, pixels: 64 << 20, unpacked: 8 << 30 }
    }
}

/// A collection that a run can be trained on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Collection {
    /// Its name, as a new run takes it.
    pub name: String,
    /// Files in it; 1 for an archive.
    pub files: usize,
}

/// Uploaded collections.
#[derive(Clone, Debug)]
pub struct Intake {
    root: PathBuf,
    limits: Limits,
}

impl Intake {
    /// The uploads of `shelf`.
    ///
    /// # Errors
    /// When their folder cannot be made.
    pub fn new(shelf: &Shelf, limits: Limits) -> std::io::Result<Self> {
        Ok(Self { root: shelf.own("collections")?, limits })
    }

    /// All collections, by name.
    pub fn list(&self) -> Vec<Collection> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let mut found: Vec<Collection> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok().filter(|name| is_plain(name))?;
                let files = fs::read_dir(entry.path()).map_or(1, |files| files.flatten().count());
                Some(Collection { name, files })
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Where the collection called `name` is.
    ///
    /// # Errors
    /// 404 where there is none.
    pub fn path(&self, name: &str) -> Answer<PathBuf> {
        let path = self.root.join(name);
        match is_plain(name) && path.exists() {
            true => Ok(path),
            false => Err(Problem::missing(format!("there is no collection `{name}`"))),
        }
    }

    /// Takes an upload: either one archive, or pictures, whose names may hold one folder each (their label).
    ///
    /// # Errors
    /// 400 for what is no picture or no archive, 413 for too much; nothing is kept then.
    pub async fn take(&self, name: &str, mut parts: Multipart) -> Answer<Collection> {
        let name = self.free_name(name)?;
        let coming = self.root.join(format!(".coming-{name}"));
        let _ = fs::remove_dir_all(&coming);
        fs::create_dir_all(&coming).map_err(Problem::failed)?;
        let taken = self.receive(&coming, &mut parts).await;
        let kept = taken.and_then(|files| self.keep(&coming, &name, &files));
        let _ = fs::remove_dir_all(&coming);
        kept
    }

    /// A name that is not taken yet, made from the one that is wished.
    fn free_name(&self, wish: &str) -> Answer<String> {
        let stem: String = wish
            .trim_end_matches(".zip")
            .chars()
            .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
            .take(60)
            .collect();
        let stem = stem.trim_matches('-');
        let stem = if stem.is_empty() { "pictures" } else { stem };
        let names =
            (1..10_000).map(|i| if i == 1 { stem.to_owned() } else { format!("{stem}-{i}") });
        let taken = |name: &String| {
            self.root.join(name).exists() || self.root.join(format!("{name}.zip")).exists()
        };
        let mut free = names.filter(|name| !taken(name));
        free.next().ok_or_else(|| Problem::conflict(format!("there are too many `{stem}`")))
    }

    async fn receive(&self, folder: &Path, parts: &mut Multipart) -> Answer<Vec<PathBuf>> {
        let (mut files, mut bytes) = (Vec::new(), 0u64);
        let broken = |error: axum::extract::multipart::MultipartError| {
            Problem::wrong(format!("the upload broke off: {}", error.body_text()))
        };
        while let Some(mut part) = parts.next_field().await.map_err(broken)? {
            let Some(given) = part.file_name().map(str::to_owned) else { continue };
            if files.len() >= self.limits.pictures {
                return Err(Problem::too_large(format!(
                    "more than {} pictures: choose fewer",
                    self.limits.pictures
                )));
            }
            let path = folder.join(place(&given)?);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(Problem::failed)?;
            }
            // Never over another file: two pictures of one name are told.
            let file = File::create_new(&path);
            let mut file = file.map_err(|_| Problem::wrong(format!("`{given}` came twice")))?;
            while let Some(chunk) = part.chunk().await.map_err(broken)? {
                bytes += chunk.len() as u64;
                if bytes > self.limits.bytes {
                    return Err(Problem::too_large(format!(
                        "more than {} MB in one upload: put the pictures into a folder and use `softreg train FOLDER`",
                        self.limits.bytes >> 20
                    )));
                }
                file.write_all(&chunk).map_err(Problem::failed)?;
            }
            files.push(path);
        }
        Ok(files)
    }

    /// Looks at what has arrived and gives it its name.
    fn keep(&self, coming: &Path, name: &str, files: &[PathBuf]) -> Answer<Collection> {
        let archive =
            |path: &&PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"));
        let (from, to) = match files {
            [] => return Err(Problem::wrong("nothing was uploaded: choose pictures or a .zip")),
            [one] if archive(&one) => {
                self.check_archive(one)?;
                (one.clone(), format!("{name}.zip"))
            }
            _ if files.iter().any(|path| archive(&path)) => {
                return Err(Problem::wrong("upload either one .zip or pictures, not both"));
            }
            pictures => {
                pictures.iter().try_for_each(|path| self.check_picture(path))?;
                (coming.to_owned(), name.to_owned())
            }
        };
        fs::rename(from, self.root.join(&to)).map_err(Problem::failed)?;
        Ok(Collection { name: to, files: files.len() })
    }

    fn check_picture(&self, path: &Path) -> Answer<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let no_picture = |reason: &dyn std::fmt::Display| {
            Problem::wrong(format!("`{name}` is no picture that can be read: {reason}"))
        };
        let file = File::open(path).map_err(Problem::failed)?;
        let reader = image::ImageReader::new(BufReader::new(file)).with_guessed_format();
        let reader = reader.map_err(Problem::failed)?;
        if reader.format().is_none() {
            return Err(no_picture(&"it is not PNG, JPEG, WebP, GIF or BMP"));
        }
        let (width, height) = reader.into_dimensions().map_err(|error| no_picture(&error))?;
        if u64::from(width) * u64::from(height) > self.limits.pixels {
            return Err(Problem::too_large(format!(
                "`{name}` has {width}x{height} pixels: make it smaller"
            )));
        }
        Ok(())
    }

    /// Sizes that are promised and names, before anybody unpacks anything.
    fn check_archive(&self, path: &Path) -> Answer<()> {
        let broken = |error: zip::result::ZipError| {
            Problem::wrong(format!("the archive cannot be read: {error}"))
        };
        let file = File::open(path).map_err(Problem::failed)?;
        let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        if archive.len() > self.limits.pictures {
            return Err(Problem::too_large(format!(
                "the archive holds {} files: at most {} are taken",
                archive.len(),
                self.limits.pictures
            )));
        }
        let mut unpacked = 0u64;
        for i in 0..archive.len() {
            let entry = archive.by_index_raw(i).map_err(broken)?;
            let name = entry.name().map_err(broken)?.into_owned();
            // A reader may take the root off an absolute name instead of refusing it.
            let leads_out = entry.enclosed_name().is_none() || name.starts_with(['/', '\\']);
            if leads_out || entry.is_symlink() {
                return Err(Problem::wrong(format!(
                    "`{name}` in the archive leads out of it: pack the pictures alone"
                )));
            }
            unpacked = unpacked.saturating_add(entry.size());
            // A thousandth is less than any picture can be packed to.
            let bomb = entry.size() > 1 << 20 && entry.size() / 1000 > entry.compressed_size();
            if bomb || unpacked > self.limits.unpacked {
                return Err(Problem::too_large(format!(
                    "`{name}` in the archive unpacks to more than a picture can hold"
                )));
            }
        }
        Ok(())
    }
}

/// Where a file goes whose name the browser gives: the last folder is the label, if there is one.
fn place(given: &str) -> Answer<PathBuf> {
    let parts: Vec<&str> = given.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() || !parts.iter().all(|part| is_plain(part)) {
        return Err(Problem::wrong(format!("`{given}` is no name of a picture")));
    }
    Ok(match parts.as_slice() {
        // FOLDER/picture: the folder that was dropped. FOLDER/label/picture: labels.
        [_, .., label, file] => Path::new(label).join(file),
        [.., file] => PathBuf::from(file),
        [] => PathBuf::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use softreg_run::atomic;
    use zip::write::{SimpleFileOptions, ZipWriter};

    #[test]
    fn names_give_a_label_at_most_and_lead_nowhere() {
        let at = |given: &str| place(given).ok();
        assert_eq!(at("a.png"), Some("a.png".into()));
        assert_eq!(at("art/a.png"), Some("a.png".into()));
        assert_eq!(at("art/owl/a.png"), Some("owl/a.png".into()));
        for bad in
            ["", "/", "../a.png", "x/../../a.png", ".hidden", "a/.b/c.png", "C:\\x.png", "a\0"]
        {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    fn intake() -> (tempfile::TempDir, Intake) {
        let place = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(place.path()).unwrap();
        let limits = Limits { pictures: 3, pixels: 10_000, unpacked: 4 << 20, ..Limits::default() };
        let intake = Intake::new(&shelf, limits).unwrap();
        (place, intake)
    }

    fn archive(path: &Path, entries: &[(&str, usize)], link: bool) {
        let mut zip = ZipWriter::new(File::create(path).unwrap());
        for (name, size) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(&vec![0; *size]).unwrap();
        }
        if link {
            zip.add_symlink("link.png", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn archives_that_lead_out_or_explode_are_refused() {
        let (place, intake) = intake();
        let path = place.path().join("a.zip");
        for (entries, link, status) in [
            (&[("a.png", 10), ("b/c.png", 10)][..], false, 200),
            (&[("../a.png", 10)], false, 400),
            (&[("/etc/a.png", 10)], false, 400),
            (&[("a.png", 10)], true, 400),
            (&[("a", 1), ("b", 1), ("c", 1), ("d", 1)], false, 413),
            (&[("a.png", 3 << 20)], false, 413),
        ] {
            archive(&path, entries, link);
            let answer = intake.check_archive(&path).map_or_else(status_of, |()| 200);
            assert_eq!(answer, status, "{entries:?} {link}");
        }
        atomic::write(&path, b"no archive").unwrap();
        assert_eq!(intake.check_archive(&path).map_or_else(status_of, |()| 200), 400);
    }

    #[test]
    fn files_that_are_no_pictures_or_too_large_are_refused() {
        let (place, intake) = intake();
        let path = place.path().join("a.png");
        let png = |side: u32| image::RgbImage::new(side, side).save(&path).unwrap();
        png(50);
        intake.check_picture(&path).unwrap();
        png(200);
        assert_eq!(intake.check_picture(&path).map_or_else(status_of, |()| 200), 413);
        atomic::write(&path, b"<svg onload='alert(1)'>").unwrap();
        assert_eq!(intake.check_picture(&path).map_or_else(status_of, |()| 200), 400);
    }

    fn status_of(problem: Problem) -> u16 {
        use axum::response::IntoResponse;
        problem.into_response().status().as_u16()
    }
}
