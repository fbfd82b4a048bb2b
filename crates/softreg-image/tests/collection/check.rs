//! What `data check` finds.

use super::*;

#[test]
fn the_doctor_finds_what_is_wrong() {
    let mut files = untidy();
    // One pixel of 1,024 differs from owl/2.png.
    let mut touched = image::load_from_memory(&png(32, 32, 2)).unwrap().into_rgb8();
    touched.put_pixel(5, 5, image::Rgb([255, 0, 0]));
    let encode = |image: image::DynamicImage| {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    files.push(("art/owl/touched.png", encode(touched.into())));
    for (name, alpha) in [("art/owl/ghost.png", 90), ("art/owl/spectre.png", 30)] {
        let ghost = RgbaImage::from_pixel(16, 16, image::Rgba([255, 255, 255, alpha]));
        files.push((name, encode(ghost.into())));
    }
    let folder = folder_of(&files);
    let report = doctor::check(&spec(folder.path()), &LoadOptions::default(), |size| size).unwrap();
    assert_eq!((report.pictures, report.unreadable.len()), (7, 4));
    assert_eq!((report.transparent, report.grey, report.flat), (2, 2, 2));
    assert_eq!((report.ignored["txt"], report.ignored["psd"], report.hidden), (1, 1, 2));
    assert_eq!(report.duplicates, [["art/fox/a.png", "art/fox/copy of a.png"]]);
    assert_eq!(
        report.near_duplicates.as_ref().unwrap()[..],
        [["art/owl/2.png", "art/owl/touched.png"]]
    );
    assert_eq!(report.smallest_class.as_ref().unwrap().name, "fox");
    assert_eq!((report.sizes.distinct, report.sizes.largest), (3, (48, 32)));
    let text = report.to_string();
    for part in [
        "huge.png: declares 100000 x 100000",
        "1 picture of another shape",
        "single colour on #ffffff",
        "4 pictures are left out",
    ] {
        assert!(text.contains(part), "'{part}' is missing in\n{text}");
    }
    assert!(text.lines().all(|line| line.trim_end() == line && !line.contains('\x1b')));
    assert!(serde_json::to_value(&report).unwrap()["plan"].is_array());
}

/// A file with a disc of one colour on a transparent ground whose hidden colour is another.
fn disc(radius: u32, shown: [u8; 3], hidden: [u8; 3]) -> Vec<u8> {
    let image = RgbaImage::from_fn(32, 32, |x, y| {
        let inside = x.abs_diff(16).pow(2) + y.abs_diff(12).pow(2) < radius.pow(2);
        let ([red, green, blue], alpha) = if inside { (shown, 255) } else { (hidden, 0) };
        image::Rgba([red, green, blue, alpha])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn the_doctor_sees_shapes_in_transparency_where_it_is_kept() {
    let white = [255; 3];
    let mut files: Vec<(String, Vec<u8>)> =
        [5, 7, 9, 11].map(|radius| (format!("{radius}.png"), disc(radius, white, white))).into();
    files.push(("nothing.png".to_owned(), disc(0, white, white)));
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
    let folder = folder_of(&files);
    let check = |channels| {
        let options = LoadOptions { channels, ..LoadOptions::default() };
        doctor::check(&spec(folder.path()), &options, |size| size).unwrap()
    };
    let kept = check(Channels::Rgba);
    assert_eq!(kept.flat, 1, "{kept}");
    assert!(kept.plan.iter().any(|line| line.contains("single colour: remove")), "{kept}");
    assert_eq!(kept.near_duplicates.as_ref().unwrap().len(), 0, "{kept}");
    let filled = check(Channels::Auto);
    assert_eq!(filled.flat, 5, "{filled}");
    assert!(filled.plan.iter().any(|line| line.contains("single colour on #ffffff")), "{filled}");
    assert_eq!(filled.near_duplicates.as_ref().unwrap().len(), 0, "{filled}");
}

#[test]
fn the_doctor_calls_grey_what_training_does() {
    // A colour that nobody sees, and one that shows through.
    let (black, red) = ([0; 3], [255, 0, 0]);
    let hidden = folder_of(&[("a.png", disc(5, black, red)), ("b.png", disc(9, black, red))]);
    for (background, channels) in [("#ffffff", 1), ("#00ff00", 3)] {
        let options =
            LoadOptions { background: background.parse().unwrap(), ..LoadOptions::default() };
        assert_eq!(opened(hidden.path(), &options).channels, channels);
        let report = doctor::check(&spec(hidden.path()), &options, |size| size).unwrap();
        assert_eq!(report.grey, if channels == 1 { 2 } else { 0 }, "{report}");
        let text = report.plan.join("\n");
        assert_eq!(text.contains("one channel is trained"), channels == 1, "{report}");
    }
    let kept = LoadOptions { channels: Channels::Rgba, ..LoadOptions::default() };
    assert_eq!(doctor::check(&spec(hidden.path()), &kept, |size| size).unwrap().grey, 2);
}
