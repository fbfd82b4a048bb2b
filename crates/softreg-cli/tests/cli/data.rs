//! Looking at collections, and downloading them.

use crate::pictures;
use crate::program::Workplace;
use serde_json::Value;

#[test]
fn a_check_says_what_is_there() {
    let place = Workplace::new();
    pictures::folder(&place.path("art"), 6, 16, 16, false);
    std::fs::copy(place.path("art/000.png"), place.path("art/copy.png")).unwrap();
    std::fs::write(place.path("art/notes.txt"), "x").unwrap();
    std::fs::write(place.path("art/zero.png"), "").unwrap();
    let said = place.ok("data check art");
    for words in ["7 (7 PNG)", "16x16", "1 .txt", "zero.png", "copy.png", "What training will do"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(said.out.lines().all(|line| line.chars().count() <= 100));
    let found: Value =
        serde_json::from_str(&place.ok("data check art --json --size 32x16").out).unwrap();
    assert_eq!(
        (&found["pictures"], &found["unreadable"][0]["name"]),
        (&7.into(), &"zero.png".into())
    );
    assert!(found["plan"].to_string().contains("32x16"), "{found}");
}

#[test]
fn a_check_draws_the_pictures_as_training_sees_them() {
    let place = Workplace::new();
    place.ok("data check motif:300 --size 16x32 --sheet sheet.png");
    let sheet = image::open(place.path("sheet.png")).unwrap();
    // 128 pictures of 16x32 and the gaps between them.
    assert!(sheet.width() * sheet.height() > 128 * 16 * 32, "{}x{}", sheet.width(), sheet.height());
    place.refuses(2, "data check motif --sheet sheet.png", &["sheet.png already exists"]);
}

#[test]
fn a_check_tells_the_size_at_which_training_learns() {
    let place = Workplace::new();
    pictures::folder(&place.path("art"), 4, 50, 50, false);
    let said = place.ok("data check art");
    for words in ["52x52", "nearest size to 50x50"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    place.refuses(2, "data check art --size 17", &["17", "must be"]);
}

#[test]
fn pixels_that_were_drawn_large_are_seen() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("art")).unwrap();
    for i in 0..4 {
        let (drawn, filter) =
            (pictures::blob(i, 16, 24, true), image::imageops::FilterType::Nearest);
        let large = image::imageops::resize(&drawn, 48, 72, filter);
        std::fs::write(place.path(&format!("art/{i}.png")), pictures::png(&large)).unwrap();
    }
    let said = place.ok("data check art").out;
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "drawn 3 times as large as needed: --size 16x24 trains on 384 pixels instead of 3456, and generate --scale 3";
    assert!(words.contains(told), "{said}");
    let found: Value = serde_json::from_str(&place.ok("data check art --json").out).unwrap();
    assert_eq!(found["enlargement"], 3);
    assert!(!place.ok("data check art --size 16x24").out.contains("drawn 3 times"));
    // One picture among them that is not.
    std::fs::write(place.path("art/x.png"), pictures::png(&pictures::blob(9, 48, 72, true)))
        .unwrap();
    let found: Value = serde_json::from_str(&place.ok("data check art --json").out).unwrap();
    assert_eq!(found["enlargement"], 1);
}

#[test]
fn what_the_program_wrote_is_not_learned_from() {
    let place = Workplace::new();
    pictures::folder(&place.path("art"), 12, 16, 16, false);
    let tiny = "--width 4 --batch 4 --threads 1 --steps 2";
    place.ok(&format!("train art {tiny} --out art/runs/one"));
    let said = place.ok(&format!("train art {tiny} --out art/runs/two"));
    assert!(said.err.contains("12 pictures") && said.err.contains("runs/one"), "{said:?}");
    place.ok("train --resume art/runs/one --steps 4");
    place.ok(&format!("compare art {tiny} --arm none --seeds 2 --count 20 --out art/c"));
    for trial in ["none-s0", "none-s1"] {
        let about =
            std::fs::read_to_string(place.path("art/c/trials").join(trial).join("data.json"));
        let about: Value = serde_json::from_str(&about.unwrap()).unwrap();
        assert_eq!(about["pictures"], 12);
    }
    place.ok(&format!("tune art {tiny} --vary l2=0.1,0.2 --method grid --count 20 --out art/s"));
    let found: Value = serde_json::from_str(&place.ok("data check art --json").out).unwrap();
    assert_eq!(found["pictures"], 12, "{found}");
    assert_eq!(
        (&found["written"], &found["unreadable"]),
        (&4.into(), &Value::Array(vec![])),
        "{found}"
    );
}

#[test]
fn a_check_fills_transparency_as_training_is_told_to() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("art")).unwrap();
    for radius in [3, 4, 5, 6] {
        let white = |x: u32, y: u32| {
            let inside = x.abs_diff(8).max(y.abs_diff(8)) < radius;
            image::Rgba([255, 255, 255, if inside { 255 } else { 0 }])
        };
        let bytes = pictures::png(&image::RgbaImage::from_fn(16, 16, white));
        std::fs::write(place.path(&format!("art/{radius}.png")), bytes).unwrap();
    }
    let flat = |options: &str| {
        let said = place.ok(&format!("data check art --json {options}"));
        serde_json::from_str::<Value>(&said.out).unwrap()["flat"].clone()
    };
    assert_eq!(flat(""), 4);
    assert_eq!(flat("--background #000000"), 0);
    assert_eq!(flat("--channels rgba"), 0);
    let said = place.ok("data check art").out;
    assert!(said.contains("--set data.background="), "{said}");
    place.refuses(2, "data check art --background black", &["black", "#rrggbb"]);
}

#[test]
fn nothing_is_put_among_the_pictures() {
    let place = Workplace::new();
    pictures::folder(&place.path("art"), 12, 16, 16, false);
    place.ok("train art --width 4 --batch 4 --threads 1 --steps 2 --out art/r");
    for line in [
        "generate art/r --count 2 --out art/new",
        "generate art/r --count 2 --out art",
        "generate art/r --count 2 --sheet art/new.png",
        "generate art/r --interpolate 2 --animation art/new.gif",
        "generate art/r --interpolate 2 --strip art/new.png",
        "data check art --sheet art/sheet.png",
    ] {
        place.refuses(2, line, &["to train on in", "art", "choose a place outside"]);
    }
    place.ok("generate art/r --count 2 --out new --sheet art/new.pdf");
    place.ok("generate art/r --count 2 --out art/r/new");
    let found: Value = serde_json::from_str(&place.ok("data check art --json").out).unwrap();
    assert_eq!(found["pictures"], 12, "{found}");
}

#[test]
fn a_check_of_nothing_fails() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::create_dir(place.path("bad")).unwrap();
    std::fs::write(place.path("bad/a.png"), "no picture").unwrap();
    place.refuses(1, "data check nowhere", &["nowhere", "Give a folder"]);
    place.refuses(1, "data check empty", &["empty"]);
    let said = place.refuses(1, "data check bad", &["bad contains no usable picture"]);
    assert!(said.out.contains("a.png"), "{said:?}");
    place.refuses(2, "data check bad --size 3", &["'3x3'", "16 to 256"]);
    place.refuses(2, "data check bad --fit squeeze", &["squeeze", "crop"]);
    place.refuses(2, "data check bad --channels red", &["red", "rgba"]);
}

#[test]
fn a_download_that_fails_says_what_to_do() {
    let place = Workplace::new();
    place.refuses(2, "data fetch cifar", &["cifar", "Did you mean 'cifar10'?"]);
    // Nobody listens on port 1.
    let from = "--from http://127.0.0.1:1/mirror";
    place.fails(1, &format!("data fetch mnist --to m {from}"), &["127.0.0.1:1", "try again"]);
    std::fs::write(place.path("file"), "x").unwrap();
    place.fails(1, &format!("data fetch mnist --to file {from}"), &["file"]);
}
