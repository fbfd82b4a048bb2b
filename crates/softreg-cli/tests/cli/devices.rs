//! What there is to compute on.

use crate::program::Workplace;
use serde_json::Value;

#[test]
fn every_device_is_listed_with_its_speed_and_can_be_chosen() {
    let place = Workplace::new();
    let table = place.ok("devices").out;
    assert!(table.contains("GFLOP/s") && table.contains("takes the first"), "{table}");
    let listed: Vec<Value> = serde_json::from_str(&place.ok("devices --json").out).unwrap();
    assert!(!listed.is_empty());
    for entry in &listed {
        assert!(entry["product_gflops"].as_f64().unwrap() > 0.1, "{entry}");
        assert!(entry["critic_images_per_second"].as_f64().unwrap() > 1.0, "{entry}");
        let name = entry["device"].as_str().unwrap();
        place.ok(&format!(
            "train motif {} --steps 1 --quiet --device {name} --out run-on-{}",
            crate::program::TINY,
            name.replace(':', "-")
        ));
    }
    let said = place.run("train --device cpu:7");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("cpu:7") && said.err.contains("--device"), "{said:?}");
    let said = place.run("train --device cpu:x");
    assert_eq!(said.code, Some(2), "{said:?}");
}
