//! Wrong pictures, wrong options, wrong numbers: one sentence that helps, and nothing lost.

use crate::pictures;
use crate::program::{TINY, Workplace};
use softreg_run::checkpoint::{self, Data};

#[test]
fn pictures_that_cannot_be_used_are_refused() {
    let place = Workplace::new();
    let write = |name: &str, bytes: &[u8]| {
        let path = place.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let good = pictures::png(&pictures::blob(1, 16, 16, false));
    std::fs::create_dir(place.path("empty")).unwrap();
    write("texts/a.txt", b"hello");
    write("texts/b.md", b"hello");
    write("cut/a.png", &good[..good.len() / 2]);
    write("bomb/a.png", &pictures::png_that_declares(100_000));
    write("one/a.png", &good);
    write("alone.png", &good);
    write("zero/train-images-idx3-ubyte", b"");
    write("magic/train-images-idx3-ubyte", &[9, 9, 9, 9, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28]);
    write("short/train-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 28, 0, 0, 0, 28, 1]);
    write("broken.zip", b"PK\x03\x04 and nothing more");
    write("odd.bin", &[7; 5000]);
    for (source, words) in [
        ("nowhere", &["'nowhere'", "Give a folder"][..]),
        ("motiv", &["Did you mean 'motif'?"]),
        ("empty", &["empty contains no usable picture", "PNG"]),
        ("texts", &["texts contains no usable picture", "1 .txt", "PNG"]),
        ("cut", &["cut contains no usable picture", "a.png", "PNG"]),
        ("bomb", &["bomb contains no usable picture", "a.png", "100000"]),
        (
            "alone.png",
            &["alone.png", "a single picture", "'sheet:16x16:alone.png'", "Give a folder"],
        ),
        ("sheet:16x16", &["'16x16'", "no file name follows it", "sheet:16x16:FILE"]),
        ("sheet:alone.png", &["'alone.png'", "sheet:16x16:FILE"]),
        ("sheet:64x64:alone.png", &["alone.png has 16 x 16 pixels", "64x64"]),
        ("zero", &["train-images-idx3-ubyte", "damaged"]),
        ("zero/train-images-idx3-ubyte", &["train-images-idx3-ubyte"]),
        ("magic", &["train-images-idx3-ubyte", "damaged"]),
        ("short", &["train-images-idx3-ubyte", "damaged"]),
        ("broken.zip", &["broken.zip", "damaged"]),
        ("odd.bin", &["odd.bin"]),
        ("motif:0", &["'0'", "from 1"]),
    ] {
        place.refuses(1, &format!("train {source} {TINY} --steps 1 --out r"), words);
    }
    place.refuses(2, &format!("train one {TINY} --steps 1"), &["1 picture", "at least 2"]);
    place.refuses(
        2,
        &format!("train cut/../one {TINY} --conditional --steps 1"),
        &["labels", "folder"],
    );
}

#[test]
fn bad_pictures_among_good_ones_are_skipped_and_listed() {
    let place = Workplace::new();
    pictures::folder(&place.path("art"), 6, 16, 16, false);
    let good = std::fs::read(place.path("art/000.png")).unwrap();
    std::fs::write(place.path("art/cut.png"), &good[..60]).unwrap();
    std::fs::write(place.path("art/bomb.png"), pictures::png_that_declares(100_000)).unwrap();
    std::fs::write(place.path("art/zero.png"), b"").unwrap();
    let said = place.ok("train art --width 4 --batch 4 --threads 1 --steps 2 --out r");
    for name in ["cut.png", "bomb.png", "zero.png"] {
        assert!(said.err.contains(&format!("note: skipped {name}: ")), "{said:?}");
        assert!(std::fs::read_to_string(place.path("r/data.json")).unwrap().contains(name));
    }
    assert!(said.err.contains("6 pictures from"), "{said:?}");
}

#[test]
fn classes_without_pictures_are_told_with_the_cause() {
    let place = Workplace::new();
    for class in ["a", "b", "c"] {
        pictures::folder(&place.path(&format!("art/{class}")), 3, 16, 16, false);
    }
    let tiny = "--conditional --size 16 --width 4 --batch 4 --threads 1 --steps 1";
    let said = place.ok(&format!("train art {tiny} --limit 6 --out limited"));
    let limited = "note: no picture of c is among the first 6";
    assert!(said.err.contains(limited) && said.err.contains("--limit"), "{said:?}");
    assert!(!said.err.contains("held out"), "{said:?}");
    for i in 0..3 {
        std::fs::write(place.path(&format!("art/c/{i:03}.png")), "").unwrap();
    }
    let said = place.ok(&format!("train art {tiny} --out broken"));
    assert!(said.err.contains("note: no picture of c can be read"), "{said:?}");
    // Each class has one picture, and half of them are held out.
    let _ = std::fs::remove_dir_all(place.path("art"));
    for class in ["a", "b", "c", "d"] {
        pictures::folder(&place.path(&format!("art/{class}")), 1, 16, 16, false);
        let i = usize::from(class.as_bytes()[0]) as u32;
        let drawn = pictures::png(&pictures::blob(i, 16, 16, false));
        std::fs::write(place.path(&format!("art/{class}/000.png")), drawn).unwrap();
    }
    let said = place.ok(&format!("train art {tiny} --set data.validation=0.5 --out held"));
    assert!(
        said.err.contains("note: all pictures of ") && said.err.contains("held out"),
        "{said:?}"
    );
}

#[test]
fn wrong_options_are_refused() {
    let place = Workplace::new();
    place.refuses(2, "train --recipe tiles", &["the recipe tiles", "name a folder or zip"]);
    place.refuses(1, "train pictures", &["'pictures'"]);
    place.refuses(2, "train --recipe cifar10", &["softreg data fetch cifar10"]);
    place.refuses(2, "train motif --channels rgbx", &["rgbx", "rgba"]);
    place.refuses(2, "train motif --fit squash", &["squash", "stretch"]);
    for (options, words) in [
        ("--reg consistncy", &["consistncy", "did you mean `consistency`"][..]),
        ("--reg consistency=-1", &["consistency", "-1", "0 or greater"]),
        ("--reg consistency=nan", &["consistency", "NaN", "0 or greater"]),
        ("--reg consistency=inf", &["consistency", "inf", "0 or greater"]),
        ("--reg consistency=lots", &["consistency=lots", "NAME=WEIGHT"]),
        ("--reg consistency=1,shft=0", &["shft", "did you mean `shift`"]),
        ("--reg consistency=1,shift=9", &["shift", "0 to 0.5"]),
        ("--reg consistency=1,weight=2", &["consistency=1,weight=2"]),
        ("--reg =3", &["=3", "NAME=WEIGHT"]),
        ("--reg 'noise l2 slpe real'", &["`slpe`", "did you mean `slope`"]),
        ("--reg 'noise l2 slope'", &["has no site", "noise(0.05) l2 slope real"]),
        ("--reg 'noise(0.05) kl attract real'", &["class distributions", "real-score"]),
        ("--reg 'again(0.1) l2 slope real'", &["distance between the inputs", "always 0"]),
        ("--reg 'augment l2 attract image'", &["function of latents"]),
        ("--reg 'noise(-1) l2 attract real'", &["sigma", "0.0001 to 10"]),
        ("--reg balanced,every=4", &["both halves", "every"]),
        ("--reg slope-real=1,gamma=1", &["gamma sets the weight"]),
        ("--reg consistency,schedule=sometimes", &["sometimes", "linear"]),
        ("--reg consistency,ramp=10", &["ramp", "shift"]),
        ("--reg consistency,every=0", &["every", "1 to 1000"]),
        ("--reg consistency,share=2", &["share", "0.001 to 1"]),
        ("--reg consistency,schedule=adaptive", &["held-out", "data.validation"]),
        ("--reg dropout --loss hinge", &["log odds", "logistic"]),
        ("--size 50", &["50x50", "52x52"]),
        ("--size 17x100", &["17x100", "16x100"]),
        ("--size 8", &["8", "16 to 256"]),
        ("--size 999", &["999", "16 to 256"]),
        ("--size wide", &["wide", "WIDTHxHEIGHT"]),
        ("--size -4", &["-4", "WIDTHxHEIGHT"]),
        ("--batch 1", &["training.batch is 1", "2 to 65536"]),
        ("--batch 0", &["training.batch is 0"]),
        ("--width 1", &["network.width is 1", "4 to 512"]),
        ("--width 99999", &["network.width is 99999"]),
        ("--limit 1", &["data.limit is 1"]),
        ("--loss wasserstien", &["training.loss", "did you mean `wasserstein`"]),
        ("--network dcgn", &["dcgn", "`dcgan`"]),
        ("--augment color", &["color", "did you mean `colour`"]),
        ("--minutes -3", &["stop.minutes is -3"]),
        ("--minutes nan", &["stop.minutes is NaN"]),
        ("--steps 0", &["stop.steps is 0"]),
        ("--steps many", &["many", "--steps"]),
        ("--device tpu", &["tpu", "cpu"]),
        ("--recipe nonesuch", &["nonesuch", "default"]),
        ("--recipe defualt", &["did you mean `default`"]),
        ("--set network.widht=8", &["network.widht", "did you mean `network.width`"]),
        ("--set network.width", &["network.width", "SECTION.KEY=VALUE"]),
        ("--set network.width=big", &["network.width=big", "whole number"]),
        ("--set optimizer.name=adm", &["optimizer.name", "did you mean `adam`"]),
        ("--set optimizer.critic-rate=nan", &["optimizer.critic-rate is NaN"]),
        ("--set data.fit=squeeze", &["data.fit=squeeze", "crop"]),
        ("--set data.background=red", &["data.background=red", "#rrggbb"]),
        ("--set stop.patience=3", &["stop.patience", "data.validation"]),
        ("--set data.validation=0.9", &["data.validation is 0.9"]),
        ("--threads 9999", &["training.threads is 9999"]),
        ("--seed 9223372036854775808", &["seed is 9223372036854775808"]),
        ("--augment none,colour", &["none cannot be combined"]),
        (
            "--reg 'noise(0.05) l2 slope real' --reg 'noise(0.1) l2 slope real weight=3'",
            &["noise-squared-l2-slope-real-score", "name=…"],
        ),
        ("--quiet --json", &["--quiet", "--json"]),
    ] {
        place.refuses(2, &format!("train motif {options}"), words);
        if !options.contains("json") && !options.contains("device") {
            place.refuses(2, &format!("train motif {options} --print-config"), words);
        }
    }
    // What is neither good nor bad decides nothing.
    for (measure, words) in [
        ("near_copies", &["near_copies", "cannot be the first", "coverage"][..]),
        ("coverage,near_copys", &["did you mean `near_copies`"]),
        (",", &["is empty"]),
    ] {
        place.refuses(2, &format!("train motif --set validation.measure={measure}"), words);
    }
    // Equal pictures stay together, so that none is held out of two.
    crate::pictures::folder(&place.path("two"), 2, 16, 16, false);
    for i in 0..20 {
        for j in 0..2 {
            let copy = place.path(&format!("two/{i}-{j}.png"));
            std::fs::copy(place.path(&format!("two/00{j}.png")), copy).unwrap();
        }
    }
    let waits = "--set stop.patience=2 --set data.validation=0.1";
    place.refuses(2, &format!("train two --size 16 {waits}"), &["identical ones stay together"]);
    place.ok(&format!("train {TINY} --steps 1 --out r"));
    place.refuses(1, &format!("train {TINY} --steps 1 --out r"), &["r is not empty", "resume"]);
}

#[test]
fn errors_in_a_recipe_file_name_the_line() {
    let place = Workplace::new();
    for (text, words) in [
        (
            "seed = 1\n[network]\nwidht = 8\n",
            &["my.toml:3", "network.widht", "`network.width`"][..],
        ),
        ("[netwrok]\n", &["my.toml:1", "netwrok", "`network`"]),
        ("[network]\n\nwidth = \"x\"\n", &["my.toml:3", "whole number"]),
        ("[network\n", &["my.toml:1"]),
        ("[training]\nloss = \"nope\"\n[stop]\nsteps = 1\n", &["training.loss", "hinge"]),
        ("[stop]\nsteps = -1\n", &["my.toml:2", "whole number"]),
        ("[regularizers]\nconsistency = \"x\"\n[stop]\nsteps = 1\n", &["my.toml:2", "as a weight"]),
        ("[regularizers]\nnothing = 1\n[stop]\nsteps = 1\n", &["nothing", "consistency"]),
        ("seed = 3\n", &["stop.steps", "stop.minutes"]),
    ] {
        std::fs::write(place.path("my.toml"), text).unwrap();
        place.refuses(2, "train --recipe my.toml", words);
    }
    std::fs::write(place.path("my.toml"), [0xFF, 0xFE, 0x00]).unwrap();
    place.refuses(1, "train --recipe my.toml", &["my.toml"]);
    place.refuses(1, "train --recipe .", &["cannot read ."]);
}

#[test]
fn a_run_that_diverges_says_where_and_keeps_numbers_only() {
    let place = Workplace::new();
    for loss in ["wasserstein", "least-squares", "hinge", "logistic"] {
        let _ = std::fs::remove_dir_all(place.path("r"));
        let said = place.run(&format!(
            "train {TINY} --steps 300 --loss {loss} --reg l2=1000 --set optimizer.name=sgd --set optimizer.critic-rate=10 --set optimizer.generator-rate=10 --set output.checkpoint-every=1 --out r"
        ));
        said.is_one_error(1, loss, &["at step ", "diverged", "The checkpoint of step ", "-rate"]);
        let status = std::fs::read_to_string(place.path("r/run.json")).unwrap();
        assert!(status.contains("\"stopped\"") && status.contains("diverged"), "{status}");
        for step in checkpoint::list(place.path("r/checkpoints")).unwrap() {
            let file = place.path(&format!("r/checkpoints/step-{step:08}.safetensors"));
            for (name, tensor) in checkpoint::read(file).unwrap().tensors {
                if let Data::F32(values) = tensor.data()
                    && !name.starts_with("optimizer")
                {
                    assert!(values.iter().all(|v| v.is_finite()), "{loss}: {name}, step {step}");
                }
            }
        }
        place.ok("generate r --count 2");
    }
}

#[test]
fn folders_that_cannot_be_written_are_refused() {
    let place = Workplace::new();
    std::fs::write(place.path("file"), "x").unwrap();
    std::fs::create_dir_all(place.path("full/sub")).unwrap();
    for (out, words) in [("file/run", "file/run"), ("file", "file"), ("full", "full is not empty")]
    {
        let said = place.refuses(1, &format!("train {TINY} --steps 1 --out {out}"), &[words]);
        assert!(!said.err.contains("reading"), "the pictures were read for nothing: {said:?}");
    }
}
