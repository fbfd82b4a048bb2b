//! From files on disk to collections, good files and bad.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail and may speak")]

mod archives;
mod check;
mod sheets;

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use image::{ImageFormat, RgbImage, RgbaImage};
use softreg_image::{Channels, Collection, Error, LoadOptions, Size, doctor, native_size, open};

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().write_all(bytes).unwrap();
}

fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| {
        let value = (x * 11 + y * y * 3) as u8;
        image::Rgb([value.wrapping_mul(seed), value.wrapping_add(seed), seed])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn png_declaring(side: u32) -> Vec<u8> {
    let mut bytes = png(4, 4, 1);
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    bytes
}

/// An untidy collection: (name, content).
fn untidy() -> Vec<(&'static str, Vec<u8>)> {
    let whole = png(40, 32, 9);
    vec![
        ("art/owl/2.png", png(32, 32, 2)),
        ("art/owl/10.PNG", png(48, 32, 3)),
        ("art/fox/a.png", png(16, 16, 4)),
        ("art/fox/copy of a.png", png(16, 16, 4)),
        ("art/fox/cut.png", whole[..whole.len() / 2].to_vec()),
        ("art/fox/huge.png", png_declaring(100_000)),
        ("art/fox/empty.jpg", Vec::new()),
        ("art/fox/text.gif", b"hello".to_vec()),
        ("art/notes.txt", b"notes".to_vec()),
        ("art/fox/drawing.psd", b"8BPS".to_vec()),
        (".hidden/x.png", png(32, 32, 7)),
        ("art/.DS_Store", b"x".to_vec()),
    ]
}

fn folder_of(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(&folder.path().join(name), content);
    }
    folder
}

fn zip_of(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn spec(path: &Path) -> String {
    path.display().to_string()
}

fn opened(path: &Path, options: &LoadOptions) -> Collection {
    open(&spec(path), options).unwrap()
}

/// The error for `path`, which names it and says what to do.
fn refused(path: &Path) -> String {
    let error = open(&spec(path), &LoadOptions::default()).unwrap_err();
    let message = error.to_string();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(message.contains(name), "the path is missing: {message}");
    message
}

fn check_untidy(pictures: &Collection) {
    assert_eq!(
        pictures.names,
        ["art/fox/a.png", "art/fox/copy of a.png", "art/owl/10.PNG", "art/owl/2.png"]
    );
    assert_eq!(pictures.classes, ["fox", "owl"]);
    assert_eq!(pictures.labels, Some(vec![0, 0, 1, 1]));
    assert_eq!(pictures.channels, 3);
    assert_eq!(pictures.pixels.len(), 4 * pictures.picture_len());
    let reasons: Vec<String> =
        pictures.skipped.iter().map(|s| format!("{}: {}", s.name, s.reason)).collect();
    assert_eq!(reasons.len(), 4, "{reasons:#?}");
    for (name, reason) in [
        ("cut.png", "truncated"),
        ("huge.png", "64 megapixels"),
        ("empty.jpg", "0 bytes"),
        ("text.gif", "is not a PNG"),
    ] {
        let hit = reasons.iter().any(|line| line.contains(name) && line.contains(reason));
        assert!(hit, "{name}: {reason} is missing in {reasons:#?}");
    }
}

#[test]
fn a_folder_and_a_zip_of_it_are_the_same_collection() {
    let folder = folder_of(&untidy());
    let from_folder = opened(folder.path(), &LoadOptions::default());
    check_untidy(&from_folder);
    let mut files = untidy();
    files.reverse();
    let archive = folder.path().join("all.zip");
    write(&archive, &zip_of(&files));
    let from_zip = opened(&archive, &LoadOptions::default());
    check_untidy(&from_zip);
    assert_eq!(from_folder.fingerprint, from_zip.fingerprint);
    // The shorter sides that headers declare: 16, 16, 32, 32, and 32 of the cut one.
    assert_eq!(from_folder.size, Size::new(32, 32).unwrap());
    let report = doctor::check(&spec(folder.path()), &LoadOptions::default(), |size| size).unwrap();
    assert_eq!(report.suggested_size, from_folder.size);
}

#[test]
fn the_size_and_the_limit_are_taken() {
    let folder = folder_of(&untidy());
    let size: Size = "48x20".parse().unwrap();
    let options = LoadOptions {
        size: Some(size),
        channels: Channels::Rgba,
        limit: Some(2),
        ..LoadOptions::default()
    };
    let pictures = opened(folder.path(), &options);
    assert_eq!((pictures.size, pictures.channels), (size, 4));
    assert_eq!(pictures.names, ["art/fox/a.png", "art/fox/copy of a.png"]);
    assert_eq!(pictures.picture(0).len(), 4 * 48 * 20);
    assert!(open(&spec(folder.path()), &LoadOptions { limit: Some(0), ..options }).is_err());
}

#[test]
fn options_survive_a_configuration_file() {
    let text = r##"{"size":"48x20","channels":"grey","fit":"pad","background":"#102030"}"##;
    let options: LoadOptions = serde_json::from_str(text).unwrap();
    let again: LoadOptions =
        serde_json::from_str(&serde_json::to_string(&options).unwrap()).unwrap();
    assert_eq!(options, again);
    assert_eq!(options.size, Some("48x20".parse().unwrap()));
    assert!(serde_json::from_str::<LoadOptions>(r#"{"size":"8"}"#).is_err());
    assert!(serde_json::from_str::<LoadOptions>(r#"{"sizes":"32"}"#).is_err());
}

#[test]
fn folders_without_pictures_say_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("nothing");
    std::fs::create_dir(&empty).unwrap();
    assert!(refused(&empty).contains("it is empty"));
    write(&empty.join("a.txt"), b"a");
    write(&empty.join("b.TXT"), b"b");
    let message = refused(&empty);
    assert!(message.contains("2 .txt") && message.contains("PNG"), "{message}");
    write(&empty.join("bad.png"), b"bad");
    let message = refused(&empty);
    assert!(message.contains("bad.png") && message.contains("is not a PNG"), "{message}");
    let sized = LoadOptions { size: Some("32".parse().unwrap()), ..LoadOptions::default() };
    let message = open(&spec(&empty), &sized).unwrap_err().to_string();
    assert!(message.contains("bad.png"), "{message}");
}

#[test]
fn paths_that_are_no_collection() {
    let folder = folder_of(&[("one.png", png(16, 16, 1)), ("notes.txt", b"hello".to_vec())]);
    let one = folder.path().join("one.png");
    let (message, hint) = (refused(&one), format!("'sheet:16x16:{}'", spec(&one)));
    assert!(message.contains("it is a single picture") && message.contains(&hint), "{message}");
    assert!(refused(&folder.path().join("notes.txt")).contains("not a picture collection"));
    assert!(refused(&folder.path().join("ones.png")).contains("Did you mean"));
    let message = open("motif:none", &LoadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("'none'"), "{message}");
}

#[cfg(unix)]
#[test]
fn links_are_listed_not_followed() {
    let folder = folder_of(&[("a.png", png(16, 16, 1))]);
    let outside = folder_of(&[("b.png", png(16, 16, 2))]);
    std::os::unix::fs::symlink(outside.path().join("b.png"), folder.path().join("b.png")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("c")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    let pictures = opened(folder.path(), &LoadOptions::default());
    assert_eq!(pictures.names, ["a.png"]);
    assert_eq!(pictures.skipped.len(), 3, "{:?}", pictures.skipped);
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder_of(&[("in/a.png", png(16, 16, 1)), ("b.zip", zip_of(&[]))]);
    let (inner, archive) = (folder.path().join("in"), folder.path().join("b.zip"));
    for path in [&inner, &archive] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
    }
    if File::open(&archive).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    for path in [&inner, &archive] {
        assert!(refused(path).contains("permission to read"));
    }
    std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn cifar_record(label: u8, value: u8) -> Vec<u8> {
    let mut record = vec![label];
    record.extend((0..3072u32).map(|i| ((i + i / 1024) as u8).wrapping_mul(value)));
    record
}

#[test]
fn cifar_files_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("cifar-10-batches-bin");
    write(&inner.join("data_batch_2.bin"), &cifar_record(9, 5));
    write(&inner.join("data_batch_1.bin"), &[cifar_record(0, 1), cifar_record(3, 3)].concat());
    write(&inner.join("test_batch.bin"), &cifar_record(4, 7));
    for path in [folder.path(), &inner] {
        let pictures = opened(path, &LoadOptions::default());
        assert_eq!(
            pictures.names,
            ["data_batch_1.bin#0", "data_batch_1.bin#1", "data_batch_2.bin#0"]
        );
        assert_eq!(pictures.labels, Some(vec![0, 3, 9]));
        assert_eq!((pictures.classes.len(), &pictures.classes[9][..]), (10, "truck"));
        assert!(pictures.picture(1) == &cifar_record(3, 3)[1..], "exact bytes");
    }
    let limited = LoadOptions { limit: Some(1), ..LoadOptions::default() };
    assert_eq!(opened(&inner, &limited).len(), 1);
    let renamed = folder.path().join("batch.dat");
    write(&renamed, &cifar_record(4, 7));
    assert!(refused(&renamed).contains("not a picture collection"));
    let named = format!("cifar:{}", spec(&renamed));
    assert_eq!(open(&named, &LoadOptions::default()).unwrap().labels, Some(vec![4]));
    let bad = folder.path().join("bad.bin");
    write(&bad, &[1; 3074]);
    assert!(refused(&bad).contains("1 records and 1 bytes"));
    write(&bad, &[]);
    assert!(refused(&bad).contains("0 bytes"));
    write(&bad, &cifar_record(10, 0));
    assert!(refused(&bad).contains("label 10"));
}

fn idx(dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    bytes.extend(dimensions.iter().flat_map(|side| side.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn idx_files_with_their_labels() {
    let values: Vec<u8> = (0..3 * 20 * 16).map(|i| (i % 253) as u8).collect();
    let images = idx(&[3, 20, 16], &values);
    let labels = idx(&[3], &[4, 0, 7]);
    let mut prints = Vec::new();
    for (packed_images, packed_labels) in
        [(false, false), (true, true), (true, false), (false, true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8], packed: bool| {
            let ending = if packed { ".gz" } else { "" };
            let bytes = if packed { gz(bytes) } else { bytes.to_vec() };
            let path = folder.path().join(format!("{name}{ending}"));
            write(&path, &bytes);
            path
        };
        let path = put("train-images-idx3-ubyte", &images, packed_images);
        put("train-labels-idx1-ubyte", &labels, packed_labels);
        let pictures = opened(&path, &LoadOptions::default());
        assert_eq!((pictures.size.width(), pictures.size.height()), (16, 20));
        assert_eq!((pictures.channels, &pictures.pixels), (1, &values));
        assert_eq!(pictures.labels, Some(vec![4, 0, 7]));
        prints.push(pictures.fingerprint);
        prints.push(opened(folder.path(), &LoadOptions::default()).fingerprint);
        let limited = LoadOptions { limit: Some(2), ..LoadOptions::default() };
        assert_eq!(opened(&path, &limited).labels, Some(vec![4, 0]));
    }
    prints.dedup();
    assert_eq!(prints.len(), 1);
}

#[test]
fn idx_files_that_contradict_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let values = vec![1; 2 * 16 * 16];
    let case = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        write(&path, bytes);
        refused(&path)
    };
    let good = idx(&[2, 16, 16], &values);
    assert!(case("a-idx3-ubyte", b"").contains("0 bytes"));
    assert!(case("b-idx3-ubyte", &good[..9]).contains("inside its header"));
    assert!(case("c-idx3-ubyte", b"\x00\x00\x0d\x03aaaaaaaaaaaa").contains("0x00000d03"));
    assert!(case("d-idx3-ubyte", &good[..100]).contains("holds fewer"));
    assert!(case("e-idx3-ubyte", &[&good[..], b"x"].concat()).contains("holds more"));
    let packed = gz(&good);
    assert!(case("f-idx3-ubyte.gz", &packed[..packed.len() - 9]).contains("too early"));
    assert!(case("g-idx3-ubyte.gz", &gz(&good[..100])).contains("holds fewer"));
    assert!(case("h-idx3-ubyte.gz", &gz(&[&good[..], b"x"].concat())).contains("holds more"));
    assert!(
        case("i-idx3-ubyte", &idx(&[u32::MAX; 3], &values))
            .contains("declares the invalid dimensions")
    );
    assert!(case("j-idx3-ubyte.gz", &gz(&idx(&[60_000, 28, 28], &values))).contains("fewer"));
    write(&folder.path().join("k-labels-idx1-ubyte"), &idx(&[3], &[0; 3]));
    let path = folder.path().join("k-images-idx3-ubyte");
    write(&path, &good);
    let message = open(&spec(&path), &LoadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("3 labels for 2 pictures"), "{message}");
}

#[test]
fn the_built_in_pictures_depend_on_the_seed_alone() {
    let options = LoadOptions { limit: Some(100), ..LoadOptions::default() };
    let pictures = open("motif", &options).unwrap();
    assert_eq!((pictures.len(), pictures.channels), (100, 3));
    assert_eq!(pictures.size, Size::new(32, 32).unwrap());
    assert_eq!(pictures.fingerprint, open("motif:100", &options).unwrap().fingerprint);
    let other = open("motif", &LoadOptions { seed: 1, ..options.clone() }).unwrap();
    assert_ne!(pictures.fingerprint, other.fingerprint);
    let large = LoadOptions { size: Some("64x48".parse().unwrap()), ..options };
    let pictures = open("motif", &large).unwrap();
    let unlike_enlarged = pictures.picture(0).chunks(2).any(|pair| pair[0] != pair[1]);
    assert!(unlike_enlarged, "drawn at the size, not enlarged");
}

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        println!("skipped: {name} is not here");
        return None;
    }
    Some(path)
}

#[test]
fn the_real_cifar_file() {
    let Some(path) = shared("cifar10/data_batch_1.bin") else { return };
    let options = LoadOptions { limit: Some(1000), ..LoadOptions::default() };
    let pictures = opened(&path, &options);
    assert_eq!(
        (pictures.len(), pictures.size.to_string(), pictures.channels),
        (1000, "32x32".into(), 3)
    );
    assert_eq!(pictures.labels.unwrap()[..5], [6, 9, 9, 4, 1]);
    let whole = std::fs::read(&path).unwrap();
    assert!(pictures.pixels[999 * 3072..] == whole[999 * 3073 + 1..1000 * 3073], "exact bytes");
    let message = open(&spec(&path.with_file_name("data_batch_2.bin")), &options).unwrap_err();
    assert!(matches!(message, Error::NotFound { .. }), "{message}");
}

#[test]
fn the_real_mnist_folder() {
    let Some(path) = shared("mnist") else { return };
    let pictures = opened(&path, &LoadOptions::default());
    assert_eq!(
        (pictures.len(), pictures.size.to_string(), pictures.channels),
        (60_000, "28x28".into(), 1)
    );
    assert_eq!(pictures.labels.as_ref().unwrap()[..5], [5, 0, 4, 1, 9]);
    let test = opened(&path.join("t10k-images-idx3-ubyte.gz"), &LoadOptions::default());
    assert_eq!((test.len(), test.labels.unwrap()[0]), (10_000, 7));
}

#[test]
fn the_real_tiles_archive() {
    let Some(path) = shared("tiles/crawl-tiles-nov2015.zip") else { return };
    assert_eq!(native_size(&spec(&path), &LoadOptions::default()).unwrap().to_string(), "32x32");
    let pictures = opened(&path, &LoadOptions::default());
    assert_eq!((pictures.len(), pictures.channels, pictures.skipped.len()), (4357, 3, 0));
    assert_eq!(pictures.classes.len(), 8);
    let report = doctor::check(&spec(&path), &LoadOptions::default(), |size| size).unwrap();
    assert_eq!(report.sizes.common[0].count, 4249);
    let alike = |a: &str, b: &str| {
        let near = report.near_duplicates.as_ref().unwrap();
        near.iter().any(|group| group.iter().any(|n| n == a) && group.iter().any(|n| n == b))
    };
    assert!(alike("item/book/leather.png", "item/book/red.png"));
    assert!(!alike("item/book/leather.png", "item/potion/black.png"));
    let paired: usize = report.near_duplicates.as_ref().unwrap().iter().map(Vec::len).sum();
    assert!((100..700).contains(&paired), "{paired} of 4357 in near groups");
}

#[test]
fn grey_pictures_are_stacked_three_to_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    // Four pictures of 4x4 in four kinds of 10; the value tells the kind.
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 8];
    (0..4u8).for_each(|kind| images.extend([50 * kind + 1; 64]));
    write(&folder.path().join("train-images-idx3-ubyte"), &images);
    write(&folder.path().join("train-labels-idx1-ubyte"), &[0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 3]);
    let spec = format!("stacked:{}", spec(folder.path()));
    let of = |seed| open(&spec, &LoadOptions { seed, ..LoadOptions::default() }).unwrap();
    let stacked = of(0);
    assert_eq!((stacked.len(), stacked.channels, stacked.classes.len()), (4, 3, 1000));
    assert_eq!(softreg_image::stacked_kinds(&spec, 1000), Some(10));
    assert_eq!(softreg_image::stacked_kinds("motif", 1000), None);
    let labels = stacked.labels.as_ref().unwrap();
    for (i, label) in labels.iter().enumerate() {
        let digits = [label / 100, label / 10 % 10, label % 10];
        let name = digits.map(|digit| digit.to_string()).join("-");
        assert_eq!(stacked.classes[*label as usize], name);
        for (plane, digit) in stacked.picture(i).chunks(stacked.size.area()).zip(digits) {
            assert!(plane.iter().all(|value| u32::from(*value) == 50 * digit + 1));
        }
    }
    assert_eq!(of(0).labels, stacked.labels);
    assert_ne!(of(1).labels, stacked.labels);
    for (bad, word) in [("stacked:motif", "128 classes"), ("stacked:gone", "gone")] {
        let error = open(bad, &LoadOptions::default()).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_passed_over() {
    let folder = folder_of(&[("a.png", png(16, 16, 1)), ("b.png", png(16, 16, 2))]);
    // A socket, which can be made without a program; a pipe would be waited for in the same way.
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("c.png")).unwrap();
    let pictures = opened(folder.path(), &LoadOptions::default());
    assert_eq!((pictures.len(), pictures.skipped.len()), (2, 1));
    assert!(pictures.skipped[0].reason.contains("is not a file"), "{:?}", pictures.skipped);
}
