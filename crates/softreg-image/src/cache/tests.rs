use super::*;
use image::{Rgb, RgbImage};

/// A folder of pictures in two classes, one of them broken.
fn pictures(root: &Path) {
    for (i, class) in ["a", "b", "a", "b"].into_iter().enumerate() {
        let folder = root.join(class);
        fs::create_dir_all(&folder).unwrap();
        let shade = |x: u32, y: u32| Rgb([(40 * i) as u8, (x * 9) as u8, (y * 7) as u8]);
        RgbImage::from_fn(20, 18, shade).save(folder.join(format!("{i}.png"))).unwrap();
    }
    File::create(root.join("a/broken.png")).unwrap().write_all(b"no picture").unwrap();
}

fn same(a: &Collection, b: &Collection) -> bool {
    (a.size, a.channels, &a.pixels, &a.labels) == (b.size, b.channels, &b.pixels, &b.labels)
        && (&a.classes, &a.names, &a.skipped) == (&b.classes, &b.names, &b.skipped)
        && a.fingerprint == b.fingerprint
}

struct Place {
    _root: tempfile::TempDir,
    spec: String,
    cache: Cache,
}

fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("pictures");
    pictures(&folder);
    let cache =
        Cache { worth_keeping: Duration::ZERO, ..Cache::at(root.path().join("cache/pictures")) };
    Place { spec: folder.display().to_string(), cache, _root: root }
}

impl Place {
    fn open(&self, options: &LoadOptions) -> Collection {
        self.cache.open(&self.spec, options).unwrap()
    }

    fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.cache.folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn options(size: u32) -> LoadOptions {
    LoadOptions { size: Some(Size::new(size, size).unwrap()), ..Default::default() }
}

#[test]
fn what_is_read_again_is_what_was_decoded() {
    let place = place();
    let decoded = crate::open(&place.spec, &options(16)).unwrap();
    assert_eq!((decoded.len(), decoded.skipped.len(), decoded.classes.len()), (4, 1, 2));
    assert!(same(&place.open(&options(16)), &decoded));
    let [file] = place.kept().try_into().unwrap();
    assert!(same(&place.open(&options(16)), &decoded));
    // That it is read shows when it says something else, with a fingerprint that fits.
    let other = Collection { names: vec!["x".to_owned(); 4], ..decoded.clone() };
    write(&file, &other).unwrap();
    assert!(same(&place.open(&options(16)), &other));
}

#[test]
fn whatever_it_depends_on_has_a_place_of_its_own() {
    let place = place();
    let first = place.open(&options(16));
    let padded = LoadOptions { fit: crate::Fit::Pad, ..options(16) };
    for other in [options(20), padded, LoadOptions { limit: Some(2), ..options(16) }] {
        let (kept, expected) = (place.kept().len(), crate::open(&place.spec, &other).unwrap());
        assert!(same(&place.open(&other), &expected));
        assert_eq!(place.kept().len(), kept + 1, "{other:?}");
    }
    // Another picture of the same name, a moment later.
    let path = Path::new(&place.spec).join("a/0.png");
    let mut image = image::open(&path).unwrap().to_rgb8();
    image.pixels_mut().for_each(|p| p.0[0] = 255);
    image.save(&path).unwrap();
    assert_ne!(place.open(&options(16)).fingerprint, first.fingerprint);
    let bytes = fs::read(&path).unwrap();
    // One of the same length, and with the same time of change: Unix has another time, of its own.
    if cfg!(unix) {
        let changed = fs::metadata(&path).unwrap().modified().unwrap();
        let before = place.open(&options(16)).fingerprint;
        let mut file = File::create(&path).unwrap();
        file.write_all(&vec![0; bytes.len()]).unwrap();
        file.set_modified(changed).unwrap();
        drop(file);
        assert_ne!(place.open(&options(16)).fingerprint, before);
        File::create(&path).unwrap().write_all(&bytes).unwrap();
    }
    // One more.
    fs::copy(&path, path.with_file_name("9.png")).unwrap();
    assert_eq!(place.open(&options(16)).len(), 5);
}

#[test]
fn cells_of_a_sheet_are_kept_until_it_changes() {
    let place = place();
    let sheet = Path::new(&place.spec).join("a/0.png");
    let of = |grid: &str| format!("sheet:{grid}:{}", sheet.display());
    let open = |grid: &str| place.cache.open(&of(grid), &options(16)).unwrap();
    let before = open("5x6");
    assert!(same(&open("5x6"), &before) && place.kept().len() == 1);
    // Another grid has a place of its own, the same file by another way has not.
    assert_eq!((open("5x9").len(), before.len(), place.kept().len()), (8, 12, 2));
    let detour = format!("sheet:5x6:{}/a/../a/0.png", place.spec);
    assert!(same(&place.cache.open(&detour, &options(16)).unwrap(), &before));
    assert_eq!(place.kept().len(), 2);
    fs::copy(Path::new(&place.spec).join("b/3.png"), &sheet).unwrap();
    assert_ne!(open("5x6").fingerprint, before.fingerprint);
}

#[test]
fn what_is_broken_is_decoded_again() {
    let place = place();
    let decoded = place.open(&options(16));
    let [file] = place.kept().try_into().unwrap();
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let broken = [&b""[..], b"{}\n", &whole[..whole.len() - 1], &whole[..10], &flipped];
    for bytes in broken {
        File::create(&file).unwrap().write_all(bytes).unwrap();
        assert!(read(&file).is_none());
        assert!(same(&place.open(&options(16)), &decoded));
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn what_will_never_be_read_stands_in_nobodys_way() {
    let place = place();
    let empty = Path::new(&place.spec).join("a/empty.png");
    File::create(&empty).unwrap();
    let long = File::create(Path::new(&place.spec).join("a/long.png")).unwrap();
    long.set_len(crate::picture::MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(place.open(&options(16)).skipped.len(), 3);
    assert_eq!(place.kept().len(), 1);
    // Filled, it is another file.
    fs::copy(Path::new(&place.spec).join("a/0.png"), empty).unwrap();
    assert_eq!(place.open(&options(16)).skipped.len(), 2);
    // What was left out by its name alone is told too.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("0.png", Path::new(&place.spec).join("a/link.png")).unwrap();
        assert_eq!(place.open(&options(16)).skipped.len(), 3);
    }
}

#[test]
fn a_broken_entry_of_an_archive_stands_in_nobodys_way() {
    let place = place();
    let picture = fs::read(Path::new(&place.spec).join("a/0.png")).unwrap();
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for name in ["a.png", "b.png"] {
        archive.start_file(name, stored).unwrap();
        archive.write_all(&picture).unwrap();
    }
    let mut bytes = archive.finish().unwrap().into_inner();
    // Its sum no longer holds.
    bytes["PK..".len() + 26 + "a.png".len() + picture.len() / 2] ^= 1;
    let path = place.cache.folder.with_file_name("a.zip");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(&path).unwrap().write_all(&bytes).unwrap();
    let pictures = place.cache.open(&path.display().to_string(), &options(16)).unwrap();
    assert_eq!((&pictures.names[..], pictures.skipped.len()), (&["b.png".to_owned()][..], 1));
    assert_eq!(place.kept().len(), 1);
}

#[test]
fn a_file_that_is_gone_is_out_of_reach_and_a_broken_one_is_not() {
    let place = place();
    let source = crate::source::open(&place.spec, None, 0).unwrap();
    let index = |name: &str| source.listing().names.iter().position(|n| n == name).unwrap();
    let (gone, broken) = (index("a/0.png"), index("a/broken.png"));
    assert!(!source.is_out_of_reach(gone) && !source.is_out_of_reach(broken));
    fs::remove_file(Path::new(&place.spec).join("a/0.png")).unwrap();
    assert!(source.is_out_of_reach(gone) && !source.is_out_of_reach(broken));
}

#[cfg(unix)]
#[test]
#[allow(clippy::print_stdout, reason = "a test that tests nothing says so")]
fn what_could_not_be_read_may_be_another_time() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let locked = Path::new(&place.spec).join("a/0.png");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&locked).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    assert_eq!(place.open(&options(16)).skipped.len(), 2);
    assert!(place.kept().is_empty());
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(place.open(&options(16)).skipped.len(), 1);
    assert_eq!(place.kept().len(), 1);
}

#[test]
fn what_is_quick_to_decode_or_not_a_file_is_not_kept() {
    let place = place();
    let cache = Cache { worth_keeping: Duration::from_secs(60), ..place.cache.clone() };
    cache.open(&place.spec, &options(16)).unwrap();
    let few = LoadOptions { limit: Some(4), ..options(16) };
    place.cache.open("motif", &few).unwrap();
    assert!(place.kept().is_empty());
    // Nothing to decode is the same error as ever.
    let empty = tempfile::tempdir().unwrap();
    let spec = empty.path().display().to_string();
    let told = place.cache.open(&spec, &few).unwrap_err().to_string();
    assert_eq!(told, crate::open(&spec, &few).unwrap_err().to_string());
}

#[test]
fn there_is_room_for_so_much_and_what_is_wanted_stays() {
    let place = place();
    place.open(&options(20));
    let one = fs::metadata(&place.kept()[0]).unwrap().len();
    let cache = Cache { room: 4 * one, ..place.cache.clone() };
    let set_back = |by: u64| {
        for path in place.kept() {
            let file = File::options().write(true).open(path).unwrap();
            let now = file.metadata().unwrap().modified().unwrap();
            file.set_modified(now - Duration::from_secs(by)).unwrap();
        }
    };
    let sized = |width: u32| LoadOptions {
        size: Some(Size::new(width, 20).unwrap()),
        ..Default::default()
    };
    cache.open(&place.spec, &sized(21)).unwrap();
    set_back(50);
    cache.open(&place.spec, &sized(22)).unwrap();
    set_back(50);
    // Wanted again: the one of width 21 goes instead.
    place.open(&options(20));
    cache.open(&place.spec, &sized(23)).unwrap();
    let widths: std::collections::BTreeSet<u32> =
        place.kept().iter().map(|path| read(path).unwrap().size.width()).collect();
    assert_eq!(widths.into_iter().collect::<Vec<_>>(), [20, 22, 23]);
}

#[test]
fn classes_beyond_a_limit_and_collections_beyond_the_room() {
    let place = place();
    let few = LoadOptions { limit: Some(4), ..options(16) };
    assert_eq!(place.open(&few).classes.len(), 2);
    let further = Path::new(&place.spec).join("c");
    fs::create_dir_all(&further).unwrap();
    fs::copy(Path::new(&place.spec).join("b/1.png"), further.join("9.png")).unwrap();
    // None of its pictures is read, and yet there is a class more.
    assert!(same(&place.open(&few), &crate::open(&place.spec, &few).unwrap()));
    assert_eq!(place.open(&few).classes.len(), 3);
    // What has no room at all takes nobody else's.
    let before = place.kept().len();
    let narrow = Cache { room: 100, ..place.cache.clone() };
    narrow.open(&place.spec, &options(32)).unwrap();
    assert_eq!(place.kept().len(), before);
}

#[test]
fn what_killed_writers_left_goes_and_what_is_being_written_stays() {
    let place = place();
    place.open(&options(16));
    let folder = place.kept()[0].parent().unwrap().to_owned();
    let [old, new] = ["old.1.part", "new.2.part"].map(|name| folder.join(name));
    let long_ago = SystemTime::now() - 2 * ABANDONED;
    File::create(&old).unwrap().set_modified(long_ago).unwrap();
    File::create(&new).unwrap();
    place.open(&options(20));
    assert!(!old.exists() && new.exists());
}
