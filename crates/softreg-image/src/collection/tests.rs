use super::*;
use proptest::prelude::*;

fn collection(count: usize, value: impl Fn(usize) -> u8) -> Collection {
    let size = Size::new(16, 17).unwrap();
    let pixels = (0..count).flat_map(|i| vec![value(i); size.area()]).collect();
    Collection {
        size,
        channels: 1,
        pixels,
        labels: None,
        classes: Vec::new(),
        names: (0..count).map(|i| i.to_string()).collect(),
        skipped: Vec::new(),
        fingerprint: String::new(),
    }
}

#[test]
fn bytes_map_to_the_unit_range_and_flip_by_row() {
    let mut one = collection(1, |_| 0);
    one.pixels[..4].copy_from_slice(&[0, 255, 51, 204]);
    let mut out = vec![9.0; 16 * 17];
    one.write_unit(0, false, &mut out);
    assert_eq!(out[..4], [-1.0, 1.0, 51.0 / 127.5 - 1.0, 204.0 / 127.5 - 1.0]);
    one.write_unit(0, true, &mut out);
    assert_eq!((out[15], out[14], out[0]), (-1.0, 1.0, -1.0));
}

#[test]
fn grey_pictures_are_widened_when_a_coloured_one_comes() {
    let mut planes = Planes::new(None, 2);
    planes.push(&[1, 2]);
    assert_eq!(planes.channels, 1);
    planes.push(&[3, 4, 5, 6, 7, 8]);
    planes.push(&[9, 9]);
    assert_eq!(planes.channels, 3);
    assert_eq!(planes.pixels, [1, 2, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9]);
}

#[test]
fn the_fingerprint_sees_every_part() {
    let size = Size::new(16, 32).unwrap();
    let turned = Size::new(32, 16).unwrap();
    let prints = [
        fingerprint(size, 1, &[1, 2], None),
        fingerprint(turned, 1, &[1, 2], None),
        fingerprint(size, 3, &[1, 2], None),
        fingerprint(size, 1, &[1, 3], None),
        fingerprint(size, 1, &[1, 2], Some(&[])),
        fingerprint(size, 1, &[1, 2], Some(&[1])),
    ];
    for (index, print) in prints.iter().enumerate() {
        assert_eq!(print.len(), 64);
        assert!(!prints[..index].contains(print), "{index}");
    }
}

proptest! {
    #[test]
    fn a_split_is_a_partition_with_copies_together(
        count in 1usize..60, kinds in 1usize..60, fraction in -0.5f64..1.5, seed: u64,
    ) {
        let pictures = collection(count, |i| (i % kinds) as u8);
        let (training, held_out) = pictures.split(fraction, seed);
        let mut all: Vec<usize> = training.iter().chain(&held_out).copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
        prop_assert!(!training.is_empty());
        for &a in &training {
            for &b in &held_out {
                prop_assert_ne!(pictures.picture(a), pictures.picture(b));
            }
        }
        prop_assert_eq!(pictures.split(fraction, seed), (training, held_out.clone()));
        if kinds >= count {
            let wanted = (count as f64 * fraction.clamp(0.0, 0.9)).round() as usize;
            prop_assert_eq!(held_out.len(), wanted.min(count - 1));
        }
    }
}

#[test]
fn pictures_are_not_looked_at_where_none_is_held_out() {
    let mut pictures = collection(3, |i| i as u8);
    pictures.pixels.clear();
    for fraction in [0.0, 0.1, f64::NAN] {
        assert_eq!(pictures.split(fraction, 0), (vec![0, 1, 2], vec![]));
    }
}

#[test]
fn another_seed_holds_out_others() {
    let pictures = collection(100, |i| i as u8);
    assert_ne!(pictures.split(0.2, 1), pictures.split(0.2, 2));
}

#[test]
fn a_sample_is_from_all_over_and_the_rest_is_not_decoded() {
    let place = tempfile::tempdir().unwrap();
    for i in 0..10u8 {
        let path = place.path().join(format!("{i}.png"));
        // Of the others there is nothing to read.
        match i {
            0 | 2 | 5 | 7 => {
                image::GrayImage::from_pixel(16, 16, image::Luma([i])).save(path).unwrap()
            }
            _ => drop(std::fs::File::create(path).unwrap()),
        }
    }
    let spec = place.path().display().to_string();
    let options = LoadOptions { size: Some(Size::new(16, 16).unwrap()), ..LoadOptions::default() };
    let shown = sample(&spec, &options, 4).unwrap();
    assert_eq!(shown.names, ["0.png", "2.png", "5.png", "7.png"]);
    assert_eq!([0, 1, 2, 3].map(|i| shown.picture(i)[0]), [0, 2, 5, 7]);
    assert!(shown.skipped.is_empty(), "{:?}", shown.skipped);
    // Few are all shown.
    let all = sample(&spec, &options, 100).unwrap();
    assert_eq!((all.len(), all.skipped.len()), (4, 6));
    assert_eq!(all.fingerprint, open(&spec, &options).unwrap().fingerprint);
    let beyond = LoadOptions { skip: 10, ..options };
    assert!(sample(&spec, &beyond, 4).is_err());
}
