use super::*;
use std::collections::BTreeSet;

/// FNV-1a, enough to notice a changed byte.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ b as u64).wrapping_mul(0x100_0000_01b3))
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a.iter().zip(b).map(|(&x, &y)| x.abs_diff(y) as u64).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn every_kind_has_its_own_name() {
    let names: BTreeSet<_> = (0..KINDS).filter_map(kind_name).collect();
    assert_eq!((KINDS, names.len()), (128, 128));
    assert_eq!(kind_name(0).as_deref(), Some("rosette-5-cobalt"));
    assert_eq!(kind_name(KINDS - 1).as_deref(), Some("medallion-wheel-indigo"));
    assert_eq!(kind_name(KINDS), None);
}

/// The bytes of all kinds, the same on every machine. A change here changes every collection that
/// users trained on: change the pictures on purpose only.
#[test]
fn pictures_are_the_same_bytes_everywhere() {
    let all: Vec<u8> = (0..KINDS).flat_map(|k| render(k, 1, 16, 16).unwrap()).collect();
    let some: Vec<u64> =
        [0, 27, 77, 127].map(|k| hash(&render(k, 123_456_789, 32, 32).unwrap())).into();
    assert_eq!((hash(&all), some), (GOLDEN_ALL, GOLDEN_SOME.to_vec()));
}

const GOLDEN_ALL: u64 = 17_874_952_412_506_646_888;
const GOLDEN_SOME: [u64; 4] = [
    17_369_330_689_217_690_481,
    2_631_193_560_521_834_665,
    8_302_760_271_621_813_638,
    6_415_183_075_780_001_120,
];

#[test]
fn pictures_of_a_kind_differ_and_resemble_each_other() {
    for kind in 0..KINDS {
        let name = kind_name(kind).unwrap();
        let pictures: Vec<_> = (0..6).map(|seed| render(kind, seed, 32, 32).unwrap()).collect();
        for (i, a) in pictures.iter().enumerate() {
            for b in &pictures[..i] {
                let difference = mean_difference(a, b);
                assert!(difference > 4.0, "{name}: two pictures are nearly one: {difference}");
            }
        }
        let deviation = {
            let mean = pictures[0].iter().map(|&v| v as f64).sum::<f64>() / 3072.0;
            pictures[0].iter().map(|&v| (v as f64 - mean).abs()).sum::<f64>() / 3072.0
        };
        assert!(deviation > 25.0, "{name}: too little contrast: {deviation}");
    }
}

#[test]
fn every_size_in_range_is_drawn() {
    for kind in 0..KINDS {
        for (width, height) in [(8, 8), (9, 31), (40, 16), (8, 64)] {
            let bytes = render(kind, 5, width, height).unwrap();
            assert_eq!(bytes.len(), (width * height * 3) as usize);
        }
    }
    for (width, height) in [(1024, 8), (8, 1024), (600, 600)] {
        assert_eq!(render(3, 5, width, height).unwrap().len(), (width * height * 3) as usize);
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    assert_eq!(render(KINDS, 0, 32, 32), Err(MotifError::Kind { kind: KINDS }));
    for (width, height) in [(7, 32), (32, 0), (1025, 32)] {
        assert_eq!(render(0, 0, width, height), Err(MotifError::Size { width, height }));
    }
}

/// A wide picture shows the square one in its middle, unstretched.
#[test]
fn a_longer_side_extends_the_picture() {
    for kind in 0..KINDS {
        let square = render(kind, 11, 32, 32).unwrap();
        let wide = render(kind, 11, 64, 32).unwrap();
        let middle: Vec<u8> =
            wide.chunks_exact(64 * 3).flat_map(|row| row[16 * 3..48 * 3].to_vec()).collect();
        assert!(mean_difference(&square, &middle) < 0.5, "{}", kind_name(kind).unwrap());
    }
}

/// The same picture at two sizes is the same picture: coverage, not chance, decides each pixel.
#[test]
fn sizes_agree() {
    for kind in 0..KINDS {
        let small = render(kind, 2, 32, 32).unwrap();
        let large = render(kind, 2, 128, 128).unwrap();
        let shrunk: Vec<u8> = (0..32 * 32 * 3)
            .map(|i| {
                let (row, column, c) = (i / 96, i / 3 % 32, i % 3);
                let light: f64 = (0..16)
                    .map(|k| (row * 4 + k / 4) * 384 + (column * 4 + k % 4) * 3 + c)
                    .map(|at| (large[at] as f64).powi(2))
                    .sum();
                (light / 16.0).sqrt().round() as u8
            })
            .collect();
        let difference = mean_difference(&small, &shrunk);
        assert!(difference < 5.0, "{}: {difference}", kind_name(kind).unwrap());
    }
}

#[test]
fn a_collection_is_balanced_and_has_no_doubles() {
    let motif = Motif { pictures: 3 * KINDS, seed: 9 };
    let mut counts = [0; KINDS];
    (0..motif.pictures).for_each(|i| counts[motif.kind_of(i)] += 1);
    assert_eq!(counts, [3; KINDS]);
    let pictures: BTreeSet<_> =
        (0..motif.pictures).map(|i| motif.picture(i, 8, 8).unwrap()).collect();
    assert_eq!(pictures.len(), motif.pictures);
    for i in 1..KINDS {
        let family = |k: usize| motif.kind_of(k) / COLUMNS;
        assert_ne!(family(i), family(i - 1), "neighbours come from different families");
    }
    let other = Motif { seed: 10, ..motif };
    assert_ne!(motif.picture(0, 8, 8), other.picture(0, 8, 8));
}

/// 8 x 8 mean colours, and how much of the picture each of 64 coarse colours covers.
fn features(kind: usize, seed: u64) -> Vec<f32> {
    let bytes = render(kind, seed, 32, 32).unwrap();
    let mut blocks = vec![0.0f32; 192];
    let mut histogram = vec![0.0f32; 64];
    for (i, pixel) in bytes.chunks_exact(3).enumerate() {
        for c in 0..3 {
            blocks[((i / 128) * 8 + i % 32 / 4) * 3 + c] += pixel[c] as f32 / (255.0 * 16.0);
        }
        let bin = pixel.iter().fold(0, |bin, &v| bin * 4 + (v / 64) as usize);
        histogram[bin] += 1.0 / 1024.0;
    }
    // Square roots: a Hellinger distance; the weight brings both parts to one scale.
    blocks.extend(histogram.into_iter().map(|share| share.sqrt() * 4.0));
    blocks
}

/// A nearest-neighbour search over a few pictures of each kind names the kind of fresh ones.
#[test]
fn kinds_can_be_told_apart() {
    let known: Vec<_> =
        (0..KINDS * 10).map(|i| (i % KINDS, features(i % KINDS, (i / KINDS) as u64))).collect();
    let (mut right, mut total, mut confusion) = (0, 0, String::new());
    for kind in 0..KINDS {
        for seed in 1000..1003 {
            let query = features(kind, seed);
            let distance = |other: &[f32]| -> f32 {
                query.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
            };
            let nearest = known.iter().min_by(|a, b| distance(&a.1).total_cmp(&distance(&b.1)));
            let found = nearest.unwrap().0;
            total += 1;
            right += (found == kind) as usize;
            if found != kind {
                let (is, taken) = (kind_name(kind).unwrap(), kind_name(found).unwrap());
                confusion += &format!("\n{is} taken for {taken}");
            }
        }
    }
    let share = right as f64 / total as f64;
    assert!(share >= 0.9, "{:.1} % right over all kinds:{confusion}", share * 100.0);
    println!("{:.1} % right:{confusion}", share * 100.0);
}
