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
    place.refuses(2, "data check motif --sheet sheet.png", &["sheet.png is there already"]);
}

#[test]
fn a_check_of_nothing_fails() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::create_dir(place.path("bad")).unwrap();
    std::fs::write(place.path("bad/a.png"), "no picture").unwrap();
    place.refuses(1, "data check nowhere", &["nowhere", "Give a folder"]);
    place.refuses(1, "data check empty", &["empty"]);
    let said = place.refuses(1, "data check bad", &["bad holds no picture"]);
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
