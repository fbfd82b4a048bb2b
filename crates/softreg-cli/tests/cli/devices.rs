//! What there is to compute on.

use crate::program::{TINY, Workplace, numbers};
use serde_json::Value;

#[test]
fn every_device_is_listed_with_its_speed_and_can_be_chosen() {
    let place = Workplace::new();
    let table = place.ok("devices").out;
    assert!(table.contains("GFLOP/s") && table.contains("uses the first"), "{table}");
    let listed: Vec<Value> = serde_json::from_str(&place.ok("devices --json").out).unwrap();
    assert!(!listed.is_empty());
    for entry in &listed {
        assert!(entry["product_gflops"].as_f64().unwrap() > 0.1, "{entry}");
        assert!(entry["critic_images_per_second"].as_f64().unwrap() > 1.0, "{entry}");
        let name = entry["device"].as_str().unwrap();
        place.ok(&format!(
            "train motif {} --steps 1 --quiet --device {name} --out run-on-{}",
            TINY,
            name.replace(':', "-")
        ));
    }
    let said = place.run("train --device cpu:7");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("cpu:7") && said.err.contains("--device"), "{said:?}");
    let said = place.run("train --device cpu:x");
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[test]
fn bf16_is_used_where_the_processor_has_it_and_said_where_it_has_not() {
    let place = Workplace::new();
    let has_it = softreg_kernel::bfloat16_is_on(&burn::tensor::Device::flex());
    let listed: Vec<Value> = serde_json::from_str(&place.ok("devices --json").out).unwrap();
    let cpu = listed.iter().find(|entry| entry["device"] == "cpu").unwrap();
    assert_eq!(cpu["critic_images_per_second_bf16"].is_number(), has_it, "{cpu}");
    let train = |out: &str, precision: &str| {
        place.ok(&format!(
            "train motif {TINY} --steps 2 --device cpu --out {out} --set training.precision={precision} --set output.log-every=1"
        ))
    };
    let (single, less) = (train("single", "f32"), train("less", "bf16"));
    assert!(!single.err.contains("note: training.precision"), "{}", single.err);
    assert_eq!(less.err.contains("note: training.precision"), !has_it, "{}", less.err);
    let [single, less] = ["single", "less"].map(|out| numbers(&place.path(out)));
    assert_eq!(single != less, has_it);
    let said = place.run("train motif --set training.precision=bf61");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("bf61") && said.err.contains("`bf16`"), "{said:?}");
}

#[test]
fn devices_share_a_batch() {
    let place = Workplace::new();
    let listed: Vec<Value> = serde_json::from_str(&place.ok("devices --json").out).unwrap();
    let all: Vec<&str> = listed.iter().map(|entry| entry["device"].as_str().unwrap()).collect();
    let first = all[0];
    let said = place.run(&format!("train motif {TINY} --device {first},{first}"));
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains(&format!("names {first} twice")), "{said:?}");
    let said = place.run("train --device nothing:all");
    assert_eq!(said.code, Some(2), "{said:?}");
    let [first, second, ..] = all.as_slice() else {
        return println!("skipped: one device in this build, so that no batch was split over two");
    };
    let small = "--limit 32 --size 16 --width 4 --threads 2 --quiet";
    let said =
        place.run(&format!("train motif {small} --batch 8 --device {first},{second} --out idle"));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("training.batch of 16 or more"), "{said:?}");
    assert!(!place.path("idle").exists());
    // Both ways round, with a teacher, normalised weights, exact slopes and pictures held out.
    let run = |device: &str, out: &str| {
        let reg =
            "--reg consistency --reg mode-seeking --reg interpolation --reg spectral --reg r1";
        place.ok(&format!(
            "train motif {small} --steps 3 --batch 16 {reg} --set output.log-every=1 --set data.validation=0.25 --device {device} --out {out}"
        ));
        numbers(&place.path(out)).pop().unwrap()
    };
    let alone = run(first, "alone");
    for (out, device) in
        [("one", format!("{first},{second}")), ("other", format!("{second},{first}"))]
    {
        let shared = run(&device, out);
        for (key, value) in alone.as_object().unwrap().iter().filter(|(key, _)| key.contains('/')) {
            let (a, b) = (value.as_f64().unwrap(), shared[key].as_f64().unwrap());
            assert!((a - b).abs() < 1e-4 * a.abs().max(1.0), "{key} on {device}: {b}, alone {a}");
        }
    }
}
