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
            "7 of 15 cells of tiles.png: are empty (transparent, or a single colour)",
            "1 cell of tiles.png: is cut off at the right or bottom edge: check size, spacing and margin"
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

/// A sheet of so many columns, with what lies between its tiles and around them in one colour, each pixel drawn so large.
fn laid_out(
    tiles: &[RgbaImage],
    columns: u32,
    [spacing, margin, scale]: [u32; 3],
    back: Rgba<u8>,
) -> Raster {
    let (width, height) = tiles[0].dimensions();
    let side = |count: u32, cell: u32| 2 * margin + count * (cell + spacing) - spacing;
    let rows = (tiles.len() as u32).div_ceil(columns);
    let mut sheet = RgbaImage::from_pixel(side(columns, width), side(rows, height), back);
    for (tile, at) in tiles.iter().zip(0..) {
        let place = |at: u32, cell: u32| i64::from(margin + at * (cell + spacing));
        image::imageops::overlay(
            &mut sheet,
            tile,
            place(at % columns, width),
            place(at / columns, height),
        );
    }
    let large = |side: u32| side * scale;
    let (width, height) = sheet.dimensions();
    let filter = image::imageops::FilterType::Nearest;
    let sheet = image::imageops::resize(&sheet, large(width), large(height), filter);
    Raster::from(image::DynamicImage::from(sheet))
}

/// Numbers from 0 to 1 without an end.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A disc of some colour and size, a little off the middle.
fn sprite(seed: u64, width: u32, height: u32) -> RgbaImage {
    let mut next = noise(seed);
    let mut upto = |limit: f64| next() * limit;
    let colour = Rgba([upto(255.0) as u8, upto(255.0) as u8, upto(255.0) as u8, 255]);
    let (x0, y0) = (f64::from(width) / 2.0 + upto(3.0), f64::from(height) / 2.0 + upto(3.0));
    let radius = f64::from(width) * (0.2 + upto(0.25));
    RgbaImage::from_fn(width, height, |x, y| {
        let far =
            (f64::from(x) - x0).hypot((f64::from(y) - y0) * f64::from(width) / f64::from(height));
        if far < radius { colour } else { CLEAR }
    })
}

#[test]
fn the_grid_of_a_sheet_is_seen() {
    let pink = Rgba([255, 0, 255, 255]);
    for (grid, columns, back) in [
        ("16x16", 8, CLEAR),
        ("16x16,spacing=1,margin=1", 10, CLEAR),
        ("16x24,spacing=2", 7, pink),
        ("24x24,spacing=2,margin=1", 9, pink),
        ("32x32", 12, CLEAR),
    ] {
        let Grid { width, height, .. } = grid.parse().unwrap();
        let tiles: Vec<RgbaImage> = (0..63).map(|seed| sprite(seed, width, height)).collect();
        let number = |name: &str| {
            grid.split(',').find_map(|part| part.strip_prefix(name)?.parse().ok()).unwrap_or(0)
        };
        let gaps = [number("spacing="), number("margin=")];
        let seen = |scale| guess::grid(&laid_out(&tiles, columns, [gaps[0], gaps[1], scale], back));
        assert_eq!(seen(1).map(|grid| grid.to_string()).as_deref(), Some(grid));
        let large = Grid::new([width, height, gaps[0], gaps[1]].map(|pixels| 3 * pixels));
        assert_eq!(seen(3), Some(large));
    }
}

#[test]
fn what_is_no_sheet_is_not_taken_for_one() {
    let seen = |picture: RgbaImage| guess::grid(&Raster::from(image::DynamicImage::from(picture)));
    for seed in 0..20 {
        // Waves of many lengths and directions, the longer the stronger, and noise.
        let mut next = noise(seed + 1);
        let waves: Vec<[f64; 4]> = (1..60)
            .map(|i| {
                let frequency = 0.01 * f64::from(i);
                let turn = next() * std::f64::consts::TAU;
                [frequency * turn.cos(), frequency * turn.sin(), next() * 6.0, 1.0 / f64::from(i)]
            })
            .collect();
        let picture = RgbaImage::from_fn(320, 256, |x, y| {
            let (x, y) = (f64::from(x), f64::from(y));
            let sum: f64 = waves.iter().map(|[u, v, w, a]| a * (u * x + v * y + w).sin()).sum();
            Rgba([(128.0 + 40.0 * sum + 10.0 * next()) as u8, (128.0 + 40.0 * sum) as u8, 90, 255])
        });
        assert_eq!(seen(picture.clone()), None, "{seed}");
        // As JPEG files leave it, in blocks of 8 and 16, and drawn larger afterwards.
        for quality in [10, 30, 75] {
            let mut file = Vec::new();
            let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, quality);
            let rgb = image::DynamicImage::from(picture.clone()).into_rgb8();
            rgb.write_with_encoder(encoder).unwrap();
            let compressed = image::load_from_memory(&file).unwrap().into_rgba8();
            for (width, height) in [(640, 512), (480, 384)] {
                let filter = image::imageops::FilterType::CatmullRom;
                let larger = image::imageops::resize(&compressed, width, height, filter);
                assert_eq!(seen(larger), None, "{seed}, quality {quality}, {width}x{height}");
            }
            assert_eq!(seen(compressed), None, "{seed}, quality {quality}");
        }
    }
    // One colour, one sprite, one sprite drawn large.
    assert_eq!(seen(RgbaImage::from_pixel(256, 256, Rgba([1, 2, 3, 255]))), None);
    assert_eq!(seen(sprite(3, 128, 128)), None);
    assert_eq!(guess::grid(&laid_out(&[sprite(3, 32, 32)], 1, [0, 0, 8], CLEAR)), None);
    for (width, height) in [(1, 1), (1, 300), (300, 1), (8, 8), (15, 16)] {
        assert_eq!(seen(sprite(1, width, height)), None);
    }
}

/// The tiles of an artist's, laid out in many ways.
#[test]
fn nine_of_ten_sheets_of_real_tiles_are_seen_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/tiles/crawl-tiles-nov2015.zip");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let source = crate::source::open(path.to_str().unwrap(), None, 0).unwrap();
    let mut kinds: BTreeMap<String, Vec<RgbaImage>> = BTreeMap::new();
    for (index, name) in source.listing().names.iter().enumerate() {
        let Ok(Record::File(bytes)) = source.record(index, None) else { continue };
        let tile = image::load_from_memory(&bytes).unwrap().into_rgba8();
        if tile.dimensions() == (32, 32) {
            let kind = name.rsplit_once('/').map_or("", |(kind, _)| kind);
            kinds.entry(kind.to_owned()).or_default().push(tile);
        }
    }
    kinds.retain(|_, tiles| tiles.len() >= 24);
    let kinds: Vec<Vec<RgbaImage>> = kinds.into_values().collect();
    let mut next = noise(7);
    let mut pick = |count: usize| (next() * count as f64) as usize;
    let (mut right, mut wrong, mut all) = (0, 0, 0);
    while all < 200 {
        let tiles = &kinds[pick(kinds.len())];
        let columns = [4, 6, 8, 10, 12, 16][pick(6)];
        let count = tiles.len().min(columns * (2 + pick(11)));
        let (side, back) = ([32, 32, 24, 16][pick(4)], [CLEAR, Rgba([255, 0, 255, 255])][pick(2)]);
        let [spacing, margin] = [[0, 0], [0, 0], [1, 0], [1, 1], [2, 0], [2, 1]][pick(6)];
        let scale = [1, 1, 1, 2, 4][pick(5)];
        if count < 16 {
            continue;
        }
        let cut = |tile: &RgbaImage| {
            let at = (32 - side) / 2;
            image::imageops::crop_imm(tile, at, at, side, side).to_image()
        };
        let tiles: Vec<RgbaImage> = tiles[..count].iter().map(cut).collect();
        let sheet = laid_out(&tiles, columns as u32, [spacing, margin, scale], back);
        let grid = Grid::new([side, side, spacing, margin].map(|pixels| pixels * scale));
        all += 1;
        match guess::grid(&sheet) {
            Some(seen) if seen == grid => right += 1,
            Some(seen) => {
                wrong += 1;
                println!("{grid} was taken for {seen}, {count} tiles in {columns} columns");
            }
            None => {}
        }
    }
    println!("{right} of {all} were seen as they are, {wrong} as others");
    assert!(right >= 170 && wrong <= 8, "{right} {wrong}");
}
