//! Sprite sheets as collections, for everything that takes one.

use crate::pictures;
use crate::program::{Workplace, setting, whole};
use image::{RgbaImage, imageops};
use serde_json::Value;
use std::path::Path;

const TINY: &str = "--width 4 --batch 4 --threads 1";
const CELLS: &str = "sheet:16x16,spacing=1,margin=2";

/// A sheet of so many columns, with one pixel between its cells and so many around them, and so many less below.
fn lay_out(
    path: &Path,
    columns: u32,
    margin: u32,
    below: u32,
    cells: impl Iterator<Item = u32> + Clone,
) {
    let rows = cells.clone().max().unwrap() / columns + 1;
    let side = |count: u32| 2 * margin + 17 * count - 1;
    let mut sheet = RgbaImage::new(side(columns), side(rows) - below);
    for i in cells {
        let at = |at: u32| i64::from(margin + 17 * at);
        let cell = pictures::blob(i, 16, 16, true);
        imageops::replace(&mut sheet, &cell, at(i % columns), at(i / columns));
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, pictures::png(&sheet)).unwrap();
}

/// A sheet of four columns and three rows, whose last cell is empty, and a fourth row that is cut through.
fn sheet(path: &Path) {
    lay_out(path, 4, 2, 10, (0..15).filter(|i| *i != 11));
}

/// A sheet of eight columns and three rows, one pixel around it.
pub(crate) fn full_sheet(path: &Path) {
    lay_out(path, 8, 1, 0, 0..24);
}

#[test]
fn a_check_says_what_is_on_a_sheet() {
    let place = Workplace::new();
    sheet(&place.path("my art/tiles.png"));
    let said = place.ok(&format!("data check '{CELLS}:my art/tiles.png' --sheet cells.png"));
    for words in [
        "tiles.png (sheet)",
        "11 (11 PNG)",
        "16x16 (11)",
        "Left out of sheets (2)",
        "1 of 12 cells of tiles.png: is empty",
        "3 cells of tiles.png: are cut off",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    let drawn = image::open(place.path("cells.png")).unwrap();
    assert!(drawn.width() * drawn.height() >= 11 * 16 * 16);
    let all: Value = serde_json::from_str(
        &place.ok(&format!("data check '{CELLS}:my art' --json --channels rgba")).out,
    )
    .unwrap();
    assert_eq!(
        (&all["pictures"], &all["cells"][0]["name"]),
        (&11.into(), &"1 of 12 cells of tiles.png".into())
    );
    assert!(place.ok("list sources").out.contains("sheet:16x16:PATH"));
}

#[test]
fn a_run_on_a_sheet_is_named_after_it_and_goes_on_from_any_folder() {
    let place = Workplace::new();
    sheet(&place.path("art/tiles.png"));
    let held_out = "--set data.validation=0.4 --set validation.measure=kd";
    let said = place.ok(&format!("train {CELLS}:art/tiles.png {TINY} --steps 2 {held_out}"));
    let note = "note: skipped 1 of 12 cells of tiles.png: is empty";
    assert!(said.err.contains("11 pictures") && said.err.contains(note), "{said:?}");
    let spec = format!("{CELLS}:{}", whole(place.path("art/tiles.png")));
    assert_eq!(setting(place.path("runs/tiles-001/config.toml"), "data", "source"), spec);

    std::fs::create_dir(place.path("away")).unwrap();
    let away = |line: &str| {
        let output = place.command(line).current_dir(place.path("away")).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        // A comparison tells of trials that failed, and ends well.
        assert!(output.status.success() && !err.contains("failed"), "softreg {line}: {err}");
        err
    };
    assert!(away("train --resume ../runs/tiles-001 --steps 4").contains("11 pictures"));
    away("evaluate ../runs/tiles-001 --count 20 --metric kd");
    // The same pictures, so that what was held out is known.
    let more = format!("--from ../runs/tiles-001 --batch 4 --threads 1 --steps 2 {held_out}");
    away(&format!("train {CELLS}:../art/tiles.png {more} --out more"));
    away(&format!("evaluate {CELLS}:../art/tiles.png --reference {spec} --metric kd"));

    let source = format!("{CELLS}:art/tiles.png");
    place.ok(&format!(
        "compare {source} {TINY} --steps 2 --arm none --seeds 1 --count 16 --reference {source}"
    ));
    assert!(place.path("comparisons/tiles-001").is_dir());
    away("compare --resume ../comparisons/tiles-001 --seeds 2");
    // Another picture in its place is another collection.
    std::fs::write(place.path("art/tiles.png"), pictures::png(&pictures::blob(1, 40, 40, false)))
        .unwrap();
    place.fails(1, "train --resume runs/tiles-001 --steps 6", &["tiles.png"]);
}

#[test]
fn what_looks_like_a_sheet_is_said_with_what_cuts_it() {
    let place = Workplace::new();
    full_sheet(&place.path("art/tiles.png"));
    let spec = "sheet:16x16,spacing=1,margin=1:art";
    place.fails(
        1,
        "train art/tiles.png",
        &["looks like a sprite sheet; to use its 24 cells", &format!("'{spec}/tiles.png'")],
    );
    let said = place.ok("data check art");
    assert!(said.out.contains("Looks like") && said.out.contains(spec), "{}", said.out);
    let report: Value = serde_json::from_str(&place.ok("data check art --json").out).unwrap();
    assert_eq!((&report["sheets"]["cells"], &report["sheets"]["spec"]), (&24.into(), &spec.into()));
    let cut: Value =
        serde_json::from_str(&place.ok(&format!("data check {spec} --json")).out).unwrap();
    assert_eq!((&cut["pictures"], &cut["sheets"]), (&24.into(), &Value::Null));
    // Pictures that are none.
    pictures::folder(&place.path("owls"), 5, 64, 64, false);
    let report: Value = serde_json::from_str(&place.ok("data check owls --json").out).unwrap();
    assert_eq!(report["sheets"], Value::Null);
}
