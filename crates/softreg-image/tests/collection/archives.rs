//! Zips that are damaged, locked or odd.

use super::*;

/// Writes a number at an offset from every occurrence of a zip signature.
fn patch(bytes: &mut [u8], signature: &[u8; 4], offset: usize, value: &[u8]) {
    let places: Vec<usize> =
        (0..bytes.len() - 4).filter(|&at| bytes[at..at + 4] == *signature).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + offset..at + offset + value.len()].copy_from_slice(value);
    }
}

#[test]
fn archives_that_are_damaged_locked_or_bombs() {
    let folder = tempfile::tempdir().unwrap();
    let two = zip_of(&[("a.png", png(16, 16, 1)), ("b.png", png(16, 16, 2))]);
    let case = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        write(&path, bytes);
        refused(&path)
    };
    assert!(case("cut.zip", &two[..two.len() / 2]).contains("damaged"));
    assert!(case("empty.zip", b"").contains("damaged"));
    assert!(case("none.zip", &zip_of(&[])).contains("it is empty"));
    assert!(case("text.zip", &zip_of(&[("a.txt", vec![1])])).contains("1 .txt"));
    let mut locked = two.clone();
    patch(&mut locked, b"PK\x03\x04", 6, &[1]);
    patch(&mut locked, b"PK\x01\x02", 8, &[1]);
    assert!(case("locked.zip", &locked).contains("encrypted (2 pictures"));
    let mut bomb = two.clone();
    patch(&mut bomb, b"PK\x01\x02", 24, &200_000_000u32.to_le_bytes());
    assert!(case("bomb.zip", &bomb).contains("rejected: one file declares 200000000 bytes"));
    let mut shared = two.clone();
    patch(&mut shared, b"PK\x01\x02", 42, &0u32.to_le_bytes());
    assert!(case("shared.zip", &shared).contains("share the same packed bytes"));
}

#[test]
fn an_entry_longer_than_declared_is_not_unpacked_without_end() {
    // Declares 100 bytes and unpacks to far more; whatever the reason given, it is not a picture.
    let folder = tempfile::tempdir().unwrap();
    let mut archive = zip_of(&[("a.png", png(16, 16, 1)), ("zeros.png", vec![0; 50_000_000])]);
    let at = archive.len() - 4;
    let directory = (0..at).rfind(|&at| archive[at..at + 4] == *b"PK\x01\x02").unwrap();
    archive[directory + 24..directory + 28].copy_from_slice(&100u32.to_le_bytes());
    let path = folder.path().join("lies.zip");
    write(&path, &archive);
    let pictures = opened(&path, &LoadOptions::default());
    assert_eq!(pictures.names, ["a.png"]);
    assert_eq!(pictures.skipped.len(), 1);
}

#[test]
fn names_in_an_archive_may_begin_with_a_dot_and_a_slash() {
    let entries = ["./owl/1.png", "./fox//2.png", ".//owl/./3.png", "./.hidden/4.png"];
    let files: Vec<_> = (1..).zip(entries).map(|(i, name)| (name, png(16, 16, i))).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    write(&path, &zip_of(&files));
    let pictures = opened(&path, &LoadOptions::default());
    assert_eq!(pictures.names, ["fox/2.png", "owl/1.png", "owl/3.png"]);
    assert_eq!(
        (pictures.classes, pictures.labels),
        (vec!["fox".into(), "owl".into()], Some(vec![0, 1, 1]))
    );
}

#[test]
fn an_archive_is_one_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let archive = zip_of(&[("a.png", png(16, 16, 1)), ("b.png", png(16, 16, 2))]);
    for name in ["sidx.zip", "ubyte-tiles"] {
        let path = folder.path().join(name);
        write(&path, &archive);
        assert_eq!(opened(&path, &LoadOptions::default()).len(), 2, "{name}");
    }
}

#[test]
fn classes_in_a_forgotten_encoding_stay_apart() {
    let files: Vec<(String, Vec<u8>)> = ["QQQ", "RRR", "cat"]
        .iter()
        .flat_map(|class| (0..2u8).map(move |i| (format!("{class}/{i}.png"), png(16, 16, i))))
        .collect();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
    let mut archive = zip_of(&files);
    // Two words of Cyrillic letters as code page 866 has them.
    for (plain, encoded) in [(b"QQQ/", b"\xaa\xae\xe2/"), (b"RRR/", b"\xaf\xf1\xe1/")] {
        let places: Vec<usize> =
            archive.windows(4).enumerate().filter(|(_, w)| *w == plain).map(|(i, _)| i).collect();
        assert_eq!(places.len(), 4, "in front of each file and in the list");
        places.into_iter().for_each(|at| archive[at..at + 4].copy_from_slice(encoded));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    write(&path, &archive);
    let pictures = opened(&path, &LoadOptions::default());
    assert_eq!(pictures.classes.len(), 3, "{:?}", pictures.classes);
    let labels = pictures.labels.unwrap();
    assert!((0..3).all(|label| labels.iter().filter(|l| **l == label).count() == 2), "{labels:?}");
}
