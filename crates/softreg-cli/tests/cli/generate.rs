//! Pictures from a run, in every form.

use crate::pictures;
use crate::program::{TINY, Workplace, copy, has_leftovers, interrupt, until, wait};
use image::{AnimationDecoder, GenericImageView, RgbaImage};
use softreg_run::checkpoint;
use std::io::Cursor;
use std::path::Path;

fn picture(path: impl AsRef<Path>) -> RgbaImage {
    image::open(path.as_ref()).unwrap().to_rgba8()
}

#[test]
fn the_same_seed_gives_the_same_pictures_in_every_form() {
    let place = Workplace::new();
    place.ok(&format!("train {TINY} --steps 12 --out r --set output.checkpoint-every=5"));

    // Nothing asked for: a sheet in the run folder.
    let said = place.ok("generate r --seed 7");
    assert_eq!(said.out, "Picture sheet after 12 steps: r/generated-seed7.png\n");
    place.ok("generate r --seed 7 --sheet seven.PNG --quiet");
    assert_eq!(picture(place.path("seven.PNG")), picture(place.path("r/generated-seed7.png")));
    place.ok("generate r --sheet eight.png --seed 8");
    assert_ne!(picture(place.path("seven.PNG")), picture(place.path("eight.png")));

    // Single files: picture i does not depend on how many there are.
    assert_eq!(place.ok("generate r --out few --count 3").out, "3 pictures after 12 steps: few\n");
    place.ok("generate r --out many/deep --count 40");
    assert_eq!(std::fs::read_dir(place.path("many/deep")).unwrap().count(), 40);
    for i in 0..3 {
        let few = std::fs::read(place.path(&format!("few/0000{i}.png"))).unwrap();
        assert_eq!(few, std::fs::read(place.path(&format!("many/deep/0000{i}.png"))).unwrap());
    }
    assert_ne!(picture(place.path("few/00000.png")), picture(place.path("few/00001.png")));

    // Nothing is replaced unless that is asked for.
    place.refuses(2, "generate r --out few --count 9", &["few/00000.png", "--force"]);
    place.refuses(2, "generate r --sheet seven.PNG", &["seven.PNG", "--force"]);
    place.ok("generate r --out few --count 2 --seed 1 --scale 3 --force");
    let large = picture(place.path("few/00000.png"));
    assert_eq!(large.dimensions(), (48, 48));
    assert!((0..48).all(|x| large.get_pixel(x, 7) == large.get_pixel(x / 3 * 3, 6)));

    // A sheet enlarged by a whole number.
    place.ok("generate r --count 4 --scale 2 --sheet twice.png");
    assert_eq!(picture(place.path("twice.png")).dimensions(), (2 * 32 + 12, 2 * 32 + 12));

    // Other checkpoints, other pictures.
    place.ok("generate r --out early --count 1 --checkpoint 10");
    assert_ne!(picture(place.path("early/00000.png")), picture(place.path("many/deep/00000.png")));
    place.refuses(2, "generate r --checkpoint 11", &["step 11", "10, 12"]);
    place.refuses(2, "generate r --checkpoint best", &["validation"]);
    place.ok("generate r --out calm --count 1 --truncation 0.3");
    assert_ne!(picture(place.path("calm/00000.png")), picture(place.path("many/deep/00000.png")));
    assert!(!has_leftovers(&place.path("")));
}

#[test]
fn a_walk_goes_from_picture_to_picture_and_back() {
    let place = Workplace::new();
    place.ok(&format!("train {TINY} --steps 3 --out r"));
    place.ok("generate r --out stills --count 3 --seed 5");
    place.ok(
        "generate r --seed 5 --interpolate 3 --frames 4 --scale 1 --animation a.png --strip s.png",
    );
    let bytes = std::fs::read(place.path("a.png")).unwrap();
    let decoder = image::codecs::png::PngDecoder::new(Cursor::new(bytes)).unwrap();
    let frames: Vec<RgbaImage> =
        decoder.apng().unwrap().into_frames().map(|frame| frame.unwrap().into_buffer()).collect();
    assert_eq!(frames.len(), 3 * 5);
    let strip = picture(place.path("s.png"));
    assert_eq!(strip.dimensions(), (11 * 18 - 2, 16));
    for key in 0..3u32 {
        let still = picture(place.path(&format!("stills/0000{key}.png")));
        assert_eq!(frames[key as usize * 5], still);
        assert_eq!(strip.view(key * 5 * 18, 0, 16, 16).to_image(), still);
    }
    // In between, steps are small: no jump is as large as the way between two keys.
    let apart = |a: &RgbaImage, b: &RgbaImage| -> u32 {
        a.iter().zip(b.iter()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
    };
    let whole = apart(&frames[0], &frames[5]);
    assert!((10..15).all(|i| apart(&frames[i], &frames[(i + 1) % 15]) < whole));

    place.ok("generate r --interpolate 2 --frames 1");
    let gif = std::fs::read(place.path("r/generated-seed0.gif")).unwrap();
    let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(gif)).unwrap();
    assert_eq!(decoder.into_frames().count(), 4);
    place.ok("generate r --animation b.apng --frames 0 --sheet too.png -q");
    assert!(place.path("b.apng").is_file() && place.path("too.png").is_file());
}

#[test]
fn labels_choose_what_is_made() {
    let place = Workplace::new();
    pictures::zip(&place.path("zoo.zip"), 12);
    place.ok("train zoo.zip --conditional --width 4 --batch 8 --threads 1 --steps 4 --out r");
    place.ok("generate r --count 4 --out turn");
    place.ok("generate r --count 4 --out owl --label owl");
    place.ok("generate r --count 4 --out one --label 1");
    let same = |a: &str, b: &str, i| {
        picture(place.path(&format!("{a}/0000{i}.png")))
            == picture(place.path(&format!("{b}/0000{i}.png")))
    };
    assert!((0..4).all(|i| same("owl", "one", i)));
    assert!(same("turn", "owl", 1) && same("turn", "owl", 3) && !same("turn", "owl", 0));
    place.refuses(2, "generate r --label own", &["own", "owl", "cat"]);
    place.refuses(2, "generate r --label 2", &["--label 2", "cat, owl", "0 to 1"]);
    place.ok("generate r --interpolate 2 --animation w.webp --sheet s.pdf");
    for (name, first) in [("w.webp", &b"RIFF"[..]), ("s.pdf", b"%PDF")] {
        assert!(std::fs::read(place.path(name)).unwrap().starts_with(first), "{name}");
    }
    let said = place.ok("generate r --interpolate 2 --animation w.gif");
    assert!(said.err.contains("label cat"), "{said:?}");
    std::fs::remove_file(place.path("r/data.json")).unwrap();
    place.refuses(1, "generate r --count 1", &["data.json", "restore"]);
}

#[test]
fn transparency_is_kept_in_single_files() {
    let place = Workplace::new();
    pictures::folder(&place.path("glass"), 8, 16, 16, true);
    place.ok("train glass --set data.channels=rgba --width 4 --batch 8 --threads 1 --steps 60 --set optimizer.generator-rate=0.01 --out r");
    place.ok("generate r --count 4 --out f --scale 2");
    let made = image::open(place.path("f/00000.png")).unwrap();
    assert!(made.color().has_alpha());
    assert!(made.to_rgba8().pixels().any(|pixel| pixel.0[3] < 250));
    place.ok("generate r --sheet s.png");
    assert!(!image::open(place.path("s.png")).unwrap().color().has_alpha());
}

#[test]
fn walks_that_no_memory_holds_are_refused() {
    let place = Workplace::new();
    place.ok(&format!("train motif {TINY} --steps 1 --out r"));
    for line in [
        "--interpolate 6 --frames 1500 --scale 32 --animation a.gif",
        "--interpolate 10000 --frames 0 --scale 32 --strip s.png",
    ] {
        place.refuses(2, &format!("generate r {line}"), &["--scale 32", "GB", "or less"]);
    }
}

#[cfg(unix)]
#[test]
fn it_works_beside_a_run_that_is_training() {
    let place = Workplace::new();
    let child = place.start(&format!(
        "train {TINY} --steps 1000000 --out r --set output.checkpoint-every=1 --set output.keep=1"
    ));
    until("there is a checkpoint", || {
        checkpoint::list(place.path("r/checkpoints")).is_ok_and(|steps| steps.last() > Some(&5))
    });
    for i in 0..10 {
        place.ok(&format!("generate r --count 1 --out f{i}"));
    }
    interrupt(&child);
    assert_eq!(wait(child).code, Some(1));
}

#[test]
fn wrong_requests_are_refused() {
    let place = Workplace::new();
    place.ok(&format!("train {TINY} --steps 2 --out r"));
    place.ok(&format!("train {TINY} --set network.width=8 --steps 2 --out wide"));
    for (options, word) in [
        ("--truncation 0", "--truncation is 0"),
        ("--truncation -1", "--truncation is -1"),
        ("--truncation nan", "--truncation is NaN"),
        ("--truncation inf", "--truncation is inf"),
        ("--truncation 1e-9", "0.01"),
        ("--truncation x", "--truncation"),
        ("--count 0", "--count is 0"),
        ("--count 99999999", "100000"),
        ("--count 5000", "--out FOLDER"),
        ("--scale 0", "--scale is 0"),
        ("--scale 1000", "32"),
        ("--interpolate 1", "--interpolate is 1"),
        ("--interpolate 1000 --frames 1000", "10000"),
        ("--frames 3", "--frames sets the number"),
        ("--sheet a.pdf --scale 3", "--scale has no effect"),
        ("--label owl", "no labels"),
        ("--sheet a.jpg", ".png"),
        ("--strip a", ".png"),
        ("--animation a.mp4", ".gif, .webp, .png, .apng"),
        ("--device tpu", "tpu"),
        ("--checkpoint newest", "latest, best"),
    ] {
        place.refuses(2, &format!("generate r {options}"), &[word]);
    }
    place.refuses(
        2,
        "generate r --sheet no/such/folder/a.png",
        &["no/such/folder/a.png", "there is no folder"],
    );
    // Other pictures do not take the place of those with the same seed.
    place.ok("generate r --count 4");
    place.ok("generate r --count 4 --truncation 0.5 --checkpoint 0");
    for name in ["generated-seed0.png", "generated-seed0-truncation0.5-step0.png"] {
        assert!(place.path("r").join(name).is_file(), "{name}");
    }
    std::fs::write(place.path("file"), "x").unwrap();
    place.refuses(1, "generate r --out file/f", &["file/f", "--out"]);

    // Weights of another network, a file of another program, and nothing at all.
    let newest = |run: &str| place.path(&format!("{run}/checkpoints/step-00000002.safetensors"));
    copy(&place.path("r"), &place.path("mixed"));
    std::fs::copy(newest("wide"), newest("mixed")).unwrap();
    place.refuses(1, "generate mixed", &["step-00000002", "another configuration"]);
    place.refuses(1, "train --resume mixed --steps 3", &["step-00000002", "another configuration"]);
    let mut foreign = 32u64.to_le_bytes().to_vec();
    foreign.extend(br#"{"__metadata__":{"format":"pt"}}"#);
    std::fs::write(newest("mixed"), &foreign).unwrap();
    let said = place.ok("generate mixed --count 1");
    assert!(
        said.err.contains("not a softreg checkpoint") && said.err.contains("step 0"),
        "{said:?}"
    );
    place.refuses(
        1,
        "generate mixed --checkpoint 2",
        &["not a softreg checkpoint", "give a step-"],
    );
    std::fs::remove_dir_all(place.path("mixed/checkpoints")).unwrap();
    place.refuses(1, "generate mixed", &["no usable checkpoint", "start a new run"]);
    std::fs::write(place.path("r/config.toml"), "[network]\nwidth = 1\n").unwrap();
    place.refuses(2, "generate r", &["config.toml", "network.width is 1"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_just_ends_it() {
    // A shell lets what it starts in the background ignore Ctrl-C, and so does what is started from there.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    if ignored.is_some_and(|mask| mask & 0b10 != 0) {
        println!("skipped: these tests were started where Ctrl-C is ignored");
        return;
    }
    let place = Workplace::new();
    place.ok(&format!("train {TINY} --steps 1 --out r"));
    let child = place.start("generate r --count 100000 --out f");
    until("there are some files", || place.path("f/00020.png").is_file());
    interrupt(&child);
    let said = wait(child);
    assert!(said.code != Some(0) && !said.err.contains("panicked"), "{said:?}");
    assert!(std::fs::read_dir(place.path("f")).unwrap().count() < 100_000);
}
