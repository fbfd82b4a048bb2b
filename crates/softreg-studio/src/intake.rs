//! Pictures that are dropped onto the page.
//!
//! What arrives is written into a folder of its own under the runs, and is looked at before it is kept: a picture by
//! its first bytes, an archive by its table of contents. What is no picture is left out and counted. Names that are not
//! plain, too long or there already become names of our own (`places.rs`), and those that do not end like a picture's get
//! such an ending: training goes by it. Nothing is unpacked: training reads from the archive.

mod places;

use crate::Given;
use crate::app::BUILT_IN;
use crate::problem::{Answer, Problem};
use crate::shelf::{Shelf, is_plain};
use axum::extract::Multipart;
use image::ImageFormat;
use serde::Serialize;
use softreg_run::claim;
use std::collections::BTreeMap;
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
    /// Those of files that are taken for pictures.
    endings: &'static [&'static str],
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
    /// The uploads of `shelf`, without what an earlier studio has left unfinished; files of these `endings` are read as pictures.
    ///
    /// # Errors
    /// When their folder cannot be made.
    pub fn new(
        shelf: &Shelf,
        limits: Limits,
        endings: &'static [&'static str],
    ) -> std::io::Result<Self> {
        let root = shelf.own("collections")?;
        for entry in fs::read_dir(&root)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(COMING) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let taken = vec![BUILT_IN.to_owned()];
        Ok(Self { root, limits, endings, taken, naming: Mutex::default() })
    }

    /// Makes room for collections that are elsewhere: no two of all have the same name, by which one would be taken for the
    /// other. Those that were `given` under the name of an upload come back under others, and which ones these are.
    pub fn beside(
        mut self,
        given: BTreeMap<String, Given>,
    ) -> (Self, BTreeMap<String, Given>, Vec<(String, String)>) {
        let uploads: Vec<String> = self.list().into_iter().map(|one| one.name).collect();
        let asked: Vec<String> = given.keys().cloned().collect();
        let (mut named, mut renamed) = (BTreeMap::new(), Vec::new());
        for (name, collection) in given {
            let free = |new: &String| {
                let taken = named.contains_key(new) || self.taken.contains(new);
                !taken && !uploads.contains(new) && (*new == name || !asked.contains(new))
            };
            let mut names = (1..).map(|i| numbered(&name, i));
            // The numbers do not end before the names do.
            let new = names.find(free).unwrap_or_default();
            if new != name {
                renamed.push((name, new.clone()));
            }
            named.insert(new, collection);
        }
        self.taken.extend(named.keys().cloned());
        (self, named, renamed)
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
                    if let Some(format) = self.format_of(&given, &path)? {
                        pictures.push((self.readable(given, format), path));
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

    /// The format of a picture that can be read; too large a one is refused.
    fn format_of(&self, given: &str, path: &Path) -> Answer<Option<ImageFormat>> {
        let file = File::open(path).map_err(Problem::failed)?;
        let reader = image::ImageReader::new(BufReader::new(file)).with_guessed_format();
        let reader = reader.map_err(Problem::failed)?;
        let format = reader.format();
        let Ok((width, height)) = reader.into_dimensions() else { return Ok(None) };
        match u64::from(width) * u64::from(height) > self.limits.pixels {
            true => Err(Problem::too_large(format!(
                "`{given}` has {width}x{height} pixels: make it smaller"
            ))),
            false => Ok(format),
        }
    }

    /// The name of a picture by which it is taken for one.
    fn readable(&self, given: String, format: ImageFormat) -> String {
        let ending = Path::new(&given).extension().unwrap_or_default().to_string_lossy();
        let known = self.endings.contains(&ending.to_lowercase().as_str());
        match format.extensions_str().first() {
            Some(ending) if !known => {
                format!("{}.{ending}", given.trim_end_matches(['/', '\\']))
            }
            _ => given,
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

/// The `nth` name like this one: the first is itself, others have their number before the ending.
fn numbered(name: &str, nth: usize) -> String {
    match (nth, name.rsplit_once('.')) {
        (1, _) => name.to_owned(),
        (_, Some((stem, ending))) if !stem.is_empty() => format!("{stem}-{nth}.{ending}"),
        _ => format!("{name}-{nth}"),
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
        let intake = Intake::new(&shelf, limits, &["png", "jpg"]).unwrap();
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
    fn pictures_get_an_ending_by_which_they_are_read() {
        let (_place, intake) = intake();
        let picture = png(4);
        let mut jpeg = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(4, 4).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        for (given, bytes, expected) in [
            (["a.jpg_large", "b.PNG"], jpeg.get_ref(), ["a.jpg_large.jpg", "b.PNG"]),
            (["c", "c.png"], &picture, ["c-2.png", "c.png"]),
            (["d.jpg", "d."], &picture, ["d..png", "d.jpg"]),
        ] {
            let files = given.map(|name| (name, bytes.as_slice()));
            let taken = arrive(&intake, "x", &files).unwrap().collection;
            assert_eq!(taken.files, 2);
            let folder = fs::read_dir(intake.root.join(taken.name)).unwrap();
            let mut names: Vec<_> =
                folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            assert_eq!(names, expected);
        }
    }

    #[test]
    fn no_two_collections_have_the_same_name() {
        let (_place, intake) = intake();
        let picture = png(4);
        for wish in ["owls", "owls-2", "foxes"] {
            arrive(&intake, wish, &[("a.png", &picture)]).unwrap();
        }
        let at = |name: &str| Given { source: format!("/art/{name}"), path: "/art".into() };
        let given = ["owls", "owls-3", "cats", "tiles.png"].map(|name| (name.to_owned(), at(name)));
        let (intake, named, renamed) = intake.beside(given.into());
        assert_eq!(renamed, [("owls".to_owned(), "owls-4".to_owned())]);
        let names = named.iter().map(|(name, one)| (name.as_str(), one.source.as_str()));
        let names: Vec<_> = names.collect();
        let expected = [("cats", "/art/cats"), ("owls-3", "/art/owls-3"), ("owls-4", "/art/owls")];
        assert_eq!(names[..3], expected);
        // Nor will one that is uploaded now.
        let later = arrive(&intake, "owls-4", &[("a.png", &picture)]).unwrap();
        assert!(!named.contains_key(&later.collection.name), "{}", later.collection.name);
        assert_eq!(numbered("tiles.png", 2), "tiles-2.png");
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
        Intake::new(&Shelf::new(place.path()).unwrap(), Limits::default(), &[]).unwrap();
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
