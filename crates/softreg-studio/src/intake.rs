//! Pictures that are dropped onto the page.
//!
//! What arrives is written into a folder of its own under the runs, and is looked at before it is kept: a picture by
//! its first bytes, an archive by its table of contents. What is no picture is left out and counted. Names that are not
//! plain, too long or there already become names of our own (`places.rs`). Nothing is unpacked: training reads from
//! the archive.

mod places;

use crate::problem::{Answer, Problem};
use crate::shelf::{Shelf, is_plain};
use axum::extract::Multipart;
use serde::Serialize;
use softreg_run::claim;
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
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

/// A collection to train on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Collection {
    /// Its name, as used by a new run.
    pub name: String,
    /// Number of files; 1 for an archive.
    pub files: usize,
}

/// Result of an upload.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Taken {
    /// The new collection.
    #[serde(flatten)]
    pub collection: Collection,
    /// Files left out because they are not pictures.
    pub skipped: usize,
}

/// Uploaded collections.
#[derive(Debug)]
pub struct Intake {
    root: PathBuf,
    limits: Limits,
    /// Names of collections that are elsewhere.
    taken: Vec<String>,
    /// Held while a name is chosen and taken.
    naming: Mutex<()>,
}

/// What has arrived: the name that the browser gave, and where it is.
type Arrived = (String, PathBuf);

/// How the folder of an upload that is not whole yet is called; what is hidden is no collection.
const COMING: &str = ".coming-";

impl Intake {
    /// The uploads of `shelf`, without what an earlier studio has left unfinished; `taken` are names of other collections.
    ///
    /// # Errors
    /// When their folder cannot be made.
    pub fn new(shelf: &Shelf, limits: Limits, taken: Vec<String>) -> std::io::Result<Self> {
        let root = shelf.own("collections")?;
        for entry in fs::read_dir(&root)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(COMING) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(Self { root, limits, taken, naming: Mutex::default() })
    }

    /// All collections, by name.
    pub fn list(&self) -> Vec<Collection> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let mut found: Vec<Collection> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok().filter(|name| is_plain(name))?;
                let files = count(&entry.path());
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

    /// Takes an upload: either one archive, or pictures, whose folders become labels.
    ///
    /// # Errors
    /// 400 where there is no picture or no archive, 413 for too much; nothing is kept then.
    pub async fn take(self: Arc<Self>, wish: String, mut parts: Multipart) -> Answer<Taken> {
        // Of its own, whatever else arrives by the same name; gone when this ends, however it ends.
        let coming = tempfile::Builder::new().prefix(COMING).tempdir_in(&self.root);
        let coming = coming.map_err(Problem::failed)?;
        let arrived = self.receive(coming.path(), &mut parts).await?;
        // All of them are looked into.
        let keep = move || self.keep(coming.path(), &wish, arrived);
        tokio::task::spawn_blocking(keep).await.map_err(Problem::failed)?
    }

    /// A name that is not taken yet, made from the one that is wished.
    fn free_name(&self, wish: &str) -> Answer<String> {
        let stem = match wish.trim_end_matches(".zip") {
            "" => "pictures".to_owned(),
            wish => claim::stem(wish),
        };
        let names = (1..10_000).map(|i| if i == 1 { stem.clone() } else { format!("{stem}-{i}") });
        let taken = |name: &String| {
            let zip = format!("{name}.zip");
            let elsewhere = self.taken.iter().any(|taken| taken == name || *taken == zip);
            elsewhere || self.root.join(name).exists() || self.root.join(zip).exists()
        };
        let mut free = names.filter(|name| !taken(name));
        free.next().ok_or_else(|| {
            Problem::conflict(format!(
                "there are too many collections named `{stem}`: choose another name"
            ))
        })
    }

    /// Writes what comes under numbers: where it belongs is known when all of it is there.
    async fn receive(&self, folder: &Path, parts: &mut Multipart) -> Answer<Vec<Arrived>> {
        let (mut files, mut bytes) = (Vec::new(), 0u64);
        let broken = |error: axum::extract::multipart::MultipartError| {
            Problem::wrong(format!("the upload was interrupted: {}", error.body_text()))
        };
        while let Some(mut part) = parts.next_field().await.map_err(broken)? {
            let Some(given) = part.file_name().map(str::to_owned) else {
                return Err(Problem::wrong("the upload contains something other than files"));
            };
            if files.len() >= self.limits.pictures {
                return Err(Problem::too_large(format!(
                    "more than {} pictures: choose fewer",
                    self.limits.pictures
                )));
            }
            let path = folder.join(files.len().to_string());
            let mut file = File::create_new(&path).map_err(Problem::failed)?;
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
            files.push((given, path));
        }
        Ok(files)
    }

    /// Looks at what has arrived, puts it where it belongs and gives it its name.
    fn keep(&self, coming: &Path, wish: &str, mut arrived: Vec<Arrived>) -> Answer<Taken> {
        places::check(&arrived)?;
        let all = arrived.len();
        arrived.retain(|(given, _)| !places::is_hidden(given));
        let archives = arrived.iter().filter(|(given, _)| is_archive(given)).count();
        let (from, files, ending) = match (archives, arrived.as_slice()) {
            (_, []) if all == 0 => {
                return Err(Problem::wrong("nothing was uploaded: choose pictures or a .zip"));
            }
            (1, [(_, one)]) => {
                self.check_archive(one)?;
                (one.clone(), 1, ".zip")
            }
            (1.., _) => {
                return Err(Problem::wrong("upload either one .zip or pictures, not both"));
            }
            _ => {
                let mut pictures = Vec::new();
                for (given, path) in arrived {
                    if self.is_picture(&given, &path)? {
                        pictures.push((given, path));
                    }
                }
                if pictures.is_empty() {
                    return Err(Problem::wrong(
                        "there are no pictures among the files: choose PNG, JPEG, WebP, GIF or BMP",
                    ));
                }
                // Made by us and not by the temporary folder, which others may not read.
                let folder = coming.join("pictures");
                places::settle(&folder, &pictures).map_err(Problem::failed)?;
                (folder, pictures.len(), "")
            }
        };
        let _naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{}{ending}", self.free_name(wish)?);
        let to = self.root.join(&name);
        fs::rename(from, &to).map_err(Problem::failed)?;
        Ok(Taken { collection: Collection { name, files: count(&to) }, skipped: all - files })
    }

    /// Whether it is a picture that can be read; too large a one is refused.
    fn is_picture(&self, given: &str, path: &Path) -> Answer<bool> {
        let file = File::open(path).map_err(Problem::failed)?;
        let reader = image::ImageReader::new(BufReader::new(file)).with_guessed_format();
        let reader = reader.map_err(Problem::failed)?;
        let Ok((width, height)) = reader.into_dimensions() else { return Ok(false) };
        match u64::from(width) * u64::from(height) > self.limits.pixels {
            true => Err(Problem::too_large(format!(
                "`{given}` has {width}x{height} pixels: make it smaller"
            ))),
            false => Ok(true),
        }
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
                "the archive contains {} files: at most {} are allowed",
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
                    "the path `{name}` leads out of the archive: pack only the pictures"
                )));
            }
            unpacked = unpacked.saturating_add(entry.size());
            // A thousandth is less than any picture can be packed to.
            let bomb = entry.size() > 1 << 20 && entry.size() / 1000 > entry.compressed_size();
            if bomb || unpacked > self.limits.unpacked {
                return Err(Problem::too_large(format!(
                    "`{name}` in the archive is larger, unpacked, than a picture may be"
                )));
            }
        }
        Ok(())
    }
}

fn is_archive(given: &str) -> bool {
    Path::new(given).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

/// Files of a collection, those in its folders too; 1 for an archive.
fn count(path: &Path) -> usize {
    let Ok(entries) = fs::read_dir(path) else { return 1 };
    entries.flatten().map(|entry| count(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use softreg_run::atomic;
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn intake() -> (tempfile::TempDir, Intake) {
        let place = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(place.path()).unwrap();
        let limits = Limits { pictures: 3, pixels: 10_000, unpacked: 4 << 20, ..Limits::default() };
        let intake = Intake::new(&shelf, limits, vec!["motif".to_owned()]).unwrap();
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

    /// An upload that has arrived whole.
    fn arrive(intake: &Intake, wish: &str, files: &[(&str, &[u8])]) -> Answer<Taken> {
        let coming = tempfile::Builder::new().prefix(COMING).tempdir_in(&intake.root).unwrap();
        let arrived = files.iter().enumerate().map(|(i, (given, bytes))| {
            let path = coming.path().join(i.to_string());
            atomic::write(&path, bytes).unwrap();
            ((*given).to_owned(), path)
        });
        intake.keep(coming.path(), wish, arrived.collect())
    }

    fn png(side: u32) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let picture = image::RgbImage::new(side, side);
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn what_is_no_picture_is_left_out_and_counted() {
        let (_place, intake) = intake();
        let (small, large) = (png(50), png(200));
        let svg = b"<svg onload='alert(1)'>".as_slice();
        let files = [
            ("art/a.png", small.as_slice()),
            ("art/Thumbs.db", b"\xd0\xcf"),
            ("art/.DS_Store", b""),
            ("art/x.png", svg),
        ];
        let taken = arrive(&intake, "art", &files).unwrap();
        assert_eq!((taken.collection.files, taken.skipped), (1, 3));
        assert!(intake.root.join("art/a.png").is_file());
        for (files, status) in [
            (&[("a.png", svg)][..], 400),
            (&[("a.png", &small), (".hidden.png", &small), ("notes.txt", b"hi")], 200),
            (&[("a.png", &small), ("b.png", &large)], 413),
            (&[("../../a.png", &small)], 400),
            (&[("a.png", &small), ("b.zip", b"")], 400),
            (&[], 400),
        ] {
            let answer = arrive(&intake, "x", files).map_or_else(status_of, |_| 200);
            assert_eq!(answer, status, "{files:?}");
        }
    }

    #[test]
    fn uploads_of_one_name_do_not_meet() {
        let (place, intake) = intake();
        let picture = png(4);
        let names = std::thread::scope(|threads| {
            let one = |_| {
                threads.spawn(|| {
                    let files = [("a.png", picture.as_slice()), ("b.png", picture.as_slice())];
                    arrive(&intake, "art", &files).unwrap().collection
                })
            };
            let all: Vec<_> = (0..8).map(one).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(names.iter().all(|one| one.files == 2), "{names:?}");
        assert_eq!(intake.list().len(), 8);
        // What a studio that was killed has left is swept.
        fs::create_dir(intake.root.join(".coming-x")).unwrap();
        Intake::new(&Shelf::new(place.path()).unwrap(), Limits::default(), Vec::new()).unwrap();
        assert_eq!(fs::read_dir(&intake.root).unwrap().count(), 8);
    }

    #[test]
    fn every_wish_is_a_name_that_is_found_again() {
        let (_place, intake) = intake();
        // That is another collection already.
        let files = [("a.png", &png(4)[..])];
        assert_eq!(arrive(&intake, "motif", &files).unwrap().collection.name, "motif-2");
        let long = "絵".repeat(60);
        for (wish, expected) in
            [("my art (1)", "my-art-1"), ("_owls", "owls"), ("", "pictures"), (&long, &long[..78])]
        {
            for _ in 0..2 {
                let name = arrive(&intake, wish, &[("a.png", &png(4))]).unwrap().collection.name;
                assert!(name.starts_with(expected), "{name}");
                assert!(intake.path(&name).is_ok() && intake.list().iter().any(|c| c.name == name));
            }
        }
    }

    fn status_of(problem: Problem) -> u16 {
        use axum::response::IntoResponse;
        problem.into_response().status().as_u16()
    }
}
