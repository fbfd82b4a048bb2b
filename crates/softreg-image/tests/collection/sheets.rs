//! Sprite sheets, cut into the pictures of a collection.

use super::{folder_of, idx, opened, png, png_declaring, spec, write, zip_of};
use image::{ImageFormat, RgbaImage};
use softreg_image::{Channels, LoadOptions, doctor, open};
use std::io::Cursor;
use std::path::Path;
/// The picture that cell `number` of a sheet shows.
fn tile(number: u32) -> RgbaImage {
    RgbaImage::from_fn(16, 16, |x, y| {
        let shade = (x * 13 + y * (5 + number)) as u8;
        image::Rgba([shade, (40 * number) as u8, 255 - shade, if x > y { 255 } else { 0 }])
    })
}

fn encoded(image: &RgbaImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A sheet of columns and rows of tiles, where `number` says which, or none.
fn sheet((columns, rows): (u32, u32), number: impl Fn(u32, u32) -> Option<u32>) -> Vec<u8> {
    let mut sheet = RgbaImage::new(columns * 16, rows * 16);
    for (column, row) in (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row))) {
        if let Some(number) = number(column, row) {
            let (x, y) = (i64::from(16 * column), i64::from(16 * row));
            image::imageops::replace(&mut sheet, &tile(number), x, y);
        }
    }
    encoded(&sheet)
}

#[test]
fn cells_of_sheets_are_the_pictures_of_a_collection() {
    let sheets = vec![
        ("fox/a.png", sheet((3, 2), |column, row| (column > 0).then_some(row * 2 + column))),
        ("fox/icon.png", png(8, 40, 1)),
        ("fox/text.png", b"hello".to_vec()),
        ("owl/b.png", sheet((2, 1), |column, _| Some(8 + column))),
        ("owl/c.png", sheet((1, 9), |_, _| None)),
        ("notes.txt", b"notes".to_vec()),
    ];
    let folder = folder_of(&sheets);
    write(&folder.path().join("all.zip"), &zip_of(&sheets));
    let options = LoadOptions { channels: Channels::Rgba, ..LoadOptions::default() };
    let of = |path: &Path| format!("sheet:16x16:{}", spec(path));
    let cut = open(&of(folder.path()), &options).unwrap();
    assert_eq!(
        cut.names,
        [
            "fox/a.png@1,0",
            "fox/a.png@2,0",
            "fox/a.png@1,1",
            "fox/a.png@2,1",
            "owl/b.png@0,0",
            "owl/b.png@1,0"
        ]
    );
    let skipped: Vec<String> =
        cut.skipped.iter().map(|skipped| format!("{}: {}", skipped.name, skipped.reason)).collect();
    let expected = [
        "fox/text.png: is not a PNG, JPEG, WebP, GIF or BMP picture, whatever its name says",
        "2 of 6 cells of fox/a.png: are empty (transparent, or a single colour)",
        "fox/icon.png: has 8 x 40 pixels, too few for a single cell",
        "9 of 9 cells of owl/c.png: are empty (transparent, or a single colour)",
    ];
    assert_eq!(skipped, expected);
    // The same as if somebody had cut them out.
    let pieces: Vec<(String, Vec<u8>)> = [1, 2, 3, 4, 8, 9]
        .map(|n| (format!("{}/{n}.png", if n < 8 { "fox" } else { "owl" }), encoded(&tile(n))))
        .to_vec();
    let pieces: Vec<(&str, Vec<u8>)> =
        pieces.iter().map(|(name, bytes)| (&name[..], bytes.clone())).collect();
    let by_hand = opened(folder_of(&pieces).path(), &options);
    assert_eq!(
        (cut.size, &cut.labels, &cut.classes),
        (by_hand.size, &by_hand.labels, &by_hand.classes)
    );
    assert_eq!(cut.fingerprint, by_hand.fingerprint);
    let zipped = open(&of(&folder.path().join("all.zip")), &options).unwrap();
    assert_eq!((&zipped.names, &zipped.fingerprint), (&cut.names, &cut.fingerprint));
    let one = open(&of(&folder.path().join("fox/a.png")), &options).unwrap();
    assert_eq!((one.names[0].as_str(), one.len(), one.labels), ("a.png@1,0", 4, None));
    // A limit leaves the classes in place, and the cells that are not wanted out.
    let few = open(&of(folder.path()), &LoadOptions { limit: Some(3), ..options.clone() }).unwrap();
    assert_eq!((few.len(), &few.classes), (3, &cut.classes));
    let report = doctor::check(&of(folder.path()), &options, |size| size).unwrap();
    assert_eq!((report.source, report.pictures, report.formats["PNG"]), ("sheet", 6, 6));
    assert_eq!((report.unreadable.len(), report.cells.len(), report.ignored["txt"]), (1, 3, 1));
    let text = report.to_string();
    let listed = expected[1..].iter().all(|line| text.contains(&format!("\n  {line}\n")));
    assert!(listed && text.contains("Left out of sheets (3)"), "{text}");
}

#[test]
fn sheets_that_cannot_be_cut_say_what_to_write() {
    let folder = folder_of(&[
        ("tiles.png", png(40, 40, 1)),
        ("blank.png", encoded(&RgbaImage::new(64, 64))),
        ("text.png", b"hello".to_vec()),
        ("digits/train-images-idx3-ubyte", idx(&[1, 20, 20], &[0; 400])),
        ("huge.png", png_declaring(100_000)),
        ("nothing/a.txt", b"a".to_vec()),
    ]);
    let at = |name: &str| spec(&folder.path().join(name));
    for (grid, name, words) in [
        ("16x", "tiles.png", &["'16x'", "height is ''", "sheet:16x16:FILE"][..]),
        ("16x16,gap=1", "tiles.png", &["'gap'", "sheet:16x16,spacing=1,margin=2:FILE"]),
        ("16x16", "", &["no file name follows it", "sheet:16x16:FILE"]),
        ("16x48", "tiles.png", &["tiles.png", "16x48", "has 40 x 40 pixels", "sheet:16x16:FILE"]),
        ("64", "tiles.png", &["64x64", "has 40 x 40 pixels"]),
        ("16x16", "blank.png", &["blank.png", "16 of 16 cells", "are empty"]),
        ("16x16", "text.png", &["text.png", "is not a PNG", "export others to PNG"]),
        ("16x16", "huge.png", &["huge.png", "64 megapixels"]),
        ("16x16", "tile.png", &["Did you mean", "tiles.png"]),
        ("16x16", "digits", &["digits", "of type 'idx'", "a folder of pictures"]),
        ("16x16", "nothing", &["nothing", "1 .txt"]),
    ] {
        let path = if name.is_empty() { String::new() } else { at(name) };
        let spec = format!("sheet:{grid}:{path}");
        let message = open(&spec, &LoadOptions::default()).unwrap_err().to_string();
        let missing = words.iter().find(|word| !message.contains(**word));
        assert_eq!(missing, None, "{spec}: {message}");
    }
    let message = open("sheet:tiles.png", &LoadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("'tiles.png' is not a valid sheet layout"), "{message}");
    let motif = open("sheet:16x16:motif", &LoadOptions::default()).unwrap_err().to_string();
    assert!(motif.contains("of type 'motif'"), "{motif}");
}
