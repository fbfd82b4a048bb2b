use super::*;
use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

const CLEAR: Rgba<u8> = Rgba([0, 0, 0, 0]);

fn open(spec: &str, limit: Option<usize>) -> Result<Cut, Error> {
    Cut::open(&Request { text: spec, limit, seed: 0 })
}

/// The pixels of a cell.
fn pixels(cut: &Cut, index: usize) -> Raster {
    match cut.record(index, None).unwrap() {
        Record::Pixels("PNG", raster) => raster,
        other => panic!("{other:?}"),
    }
}

fn left_out(cut: &Cut) -> Vec<String> {
    cut.listing.cells.iter().map(|cell| format!("{}: {}", cell.name, cell.reason)).collect()
}

/// A pixel that tells where it is from.
fn place(x: u32, y: u32) -> Rgba<u8> {
    Rgba([x as u8, y as u8, 7, 255])
}

/// Five columns and three rows of 4x6 with one pixel between them and two around, and what is left of more.
fn tiles(clear: impl Fn(u32, u32) -> bool) -> RgbaImage {
    RgbaImage::from_fn(2 + 5 * 5 + 3, 2 + 3 * 7 + 5, |x, y| {
        let inside = |at: u32, cell: u32| at >= 2 && (at - 2) % (cell + 1) < cell;
        let (column, row) = (x.saturating_sub(2) / 5, y.saturating_sub(2) / 7);
        match inside(x, 4) && inside(y, 6) && !clear(column, row) {
            true => place(x, y),
            false => CLEAR,
        }
    })
}

#[test]
fn cells_are_taken_in_the_order_of_reading_and_empty_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiles.png");
    tiles(|column, row| (column + row) % 2 == 1 || row > 2).save(&path).unwrap();
    let spec = format!("sheet:4x6,spacing=1,margin=2:{}", path.display());
    let cut = open(&spec, None).unwrap();
    let places = [(0, 0), (2, 0), (4, 0), (1, 1), (3, 1), (0, 2), (2, 2), (4, 2)];
    let names = places.map(|(column, row)| format!("tiles.png@{column},{row}"));
    assert_eq!((&cut.listing.names[..], &cut.listing.labels), (&names[..], &None));
    for (index, (column, row)) in places.into_iter().enumerate() {
        let (x, y) = (2 + 5 * column, 2 + 7 * row);
        let expected = (0..6).flat_map(|j| (0..4).flat_map(move |i| place(x + i, y + j).0));
        let raster = pixels(&cut, index);
        assert_eq!((raster.width, raster.height, raster.channels), (4, 6, 4));
        assert!(raster.data.into_iter().eq(expected), "{column},{row}");
    }
    assert!(cut.record(8, None).is_err() && cut.head(8).is_err());
    assert_eq!(cut.head(7), Ok(Head { format: "PNG", width: 4, height: 6 }));
    // The sixth column begins at pixel 27 and has 3 of 4 pixels; the fourth row is clear.
    assert_eq!(
        left_out(&cut),
        [
            "7 of 15 cells of tiles.png: are empty (transparent, or of one colour)",
            "1 cell of tiles.png: is cut off by its right or lower edge: check size, spacing and margin"
        ]
    );
    let few = open(&spec, Some(3)).unwrap();
    assert_eq!((&few.listing.names[..], few.cells.len()), (&names[..3], 3));
}

#[test]
fn what_looks_the_same_everywhere_is_empty() {
    let area = Area { x: 0, y: 0, width: 4, height: 4 };
    let empty = |image: image::DynamicImage| is_empty(&Raster::from(image), area);
    // Transparent, in whatever colour; and one colour, seen or half seen.
    assert!(empty(RgbaImage::from_fn(4, 4, |x, y| Rgba([x as u8, y as u8, 9, 0])).into()));
    assert!(empty(RgbaImage::from_pixel(4, 4, Rgba([9, 8, 7, 100])).into()));
    assert!(empty(RgbImage::from_pixel(4, 4, Rgb([255, 0, 255])).into()));
    assert!(empty(GrayImage::from_pixel(4, 4, Luma([3])).into()));
    // A single pixel in the last corner shows something.
    let corner = |x: u32, y: u32| (x, y) == (3, 3);
    for (one, other) in [([9, 8, 7, 255], [9, 8, 7, 254]), ([0; 4], [0, 0, 0, 1])] {
        let image = RgbaImage::from_fn(4, 4, |x, y| Rgba(if corner(x, y) { other } else { one }));
        assert!(!empty(image.into()), "{one:?} {other:?}");
    }
    let image =
        RgbImage::from_fn(4, 4, |x, y| Rgb(if corner(x, y) { [1, 2, 4] } else { [1, 2, 3] }));
    assert!(!empty(image.into()));
    assert!(!empty(GrayImage::from_fn(4, 4, |x, y| Luma([u8::from(corner(x, y))])).into()));
    // What is beside the area does not count.
    assert!(empty(RgbImage::from_fn(5, 5, |x, y| Rgb([u8::from(x > 3 || y > 3); 3])).into()));
}

#[test]
fn a_sheet_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiles.png");
    tiles(|_, _| false).save(&path).unwrap();
    let cut = open(&format!("sheet:4x6,spacing=1,margin=2:{}", path.display()), None).unwrap();
    let (stamp, before) = (cut.stamp().unwrap(), pixels(&cut, 14));
    std::fs::remove_file(&path).unwrap();
    assert_eq!((pixels(&cut, 14), cut.stamp()), (before, Some(stamp)));
    // Only what can be used is kept.
    assert_eq!(cut.sheets[0].pixels.capacity(), 15 * 4 * 6 * 4);
}

#[test]
fn the_path_is_found_behind_the_grid() {
    let folder = tempfile::tempdir().unwrap();
    // Windows has colons behind the letter of a drive alone.
    let name = if cfg!(windows) { "ab" } else { "a:b" };
    let sub = folder.path().join(name);
    std::fs::create_dir(&sub).unwrap();
    tiles(|_, _| false).save(sub.join("tiles.png")).unwrap();
    let full = dunce::canonicalize(&sub).unwrap().join("tiles.png").display().to_string();
    let there = format!("{}/../{name}/tiles.png", sub.display());
    for kind in ["sheet:16x16:", "sheet:8,margin=1:", "stacked:sheet:16x16:", "sheet:9:zip:"] {
        assert_eq!(path_in(&format!("{kind}{there}")), Some(&there[..]), "{kind}");
        assert_eq!(crate::absolute(&format!("{kind}{there}")), format!("{kind}{full}"));
    }
    for none in ["sheet:16x16:", "sheet:16x16", "sheet:x:tiles.png", "sheet:16x16:gone.png"] {
        assert_eq!(crate::absolute(none), none);
    }
}
