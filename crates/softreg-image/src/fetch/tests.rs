//! Against a small HTTP server on the loopback interface.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use md5::{Digest, Md5};

use super::*;

/// How the server answers, one entry per request; the last for all that follow.
#[derive(Clone, Copy)]
enum Manner {
    Whole,
    CutAfter(usize),
    NoRange,
    Missing,
    Garbage,
}

struct Server {
    base: String,
    /// The first byte asked for in each request, 0 without a Range header.
    ranges: Arc<Mutex<Vec<usize>>>,
}

fn serve(content: Vec<u8>, manners: Vec<Manner>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/sets/", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&ranges);
    std::thread::spawn(move || {
        let mut manners = manners.into_iter();
        let mut manner = manners.next().unwrap();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut first = 0;
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap().to_lowercase();
                if let Some(range) = line.strip_prefix("range: bytes=") {
                    first = range.trim_end_matches('-').parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            seen.lock().unwrap().push(first);
            let len = content.len();
            let (head, body): (String, Vec<u8>) = match manner {
                Manner::Missing => ("404 Not Found\r\nContent-Length: 0".into(), Vec::new()),
                Manner::Garbage => (format!("200 OK\r\nContent-Length: {len}"), vec![7; len]),
                Manner::Whole | Manner::CutAfter(_) if first >= len && len > 0 => {
                    ("416 Range Not Satisfiable\r\nContent-Length: 0".into(), Vec::new())
                }
                Manner::Whole | Manner::CutAfter(_) if first > 0 => {
                    let rest = len - first;
                    let range = format!("Content-Range: bytes {first}-{}/{len}", len - 1);
                    let head = format!("206 Partial Content\r\n{range}\r\nContent-Length: {rest}");
                    (head, content[first..].to_vec())
                }
                _ => (format!("200 OK\r\nContent-Length: {len}"), content.clone()),
            };
            let body = match manner {
                Manner::CutAfter(bytes) => &body[..bytes.min(body.len())],
                _ => &body[..],
            };
            let _ = stream
                .write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes());
            let _ = stream.write_all(body);
            drop(stream);
            manner = manners.next().unwrap_or(manner);
        }
    });
    Server { base, ranges }
}

fn md5_hex(bytes: &[u8]) -> &'static str {
    let hex: String = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    hex.leak()
}

fn data_set(content: &[u8], members: &'static [Member]) -> DataSet {
    let file = RemoteFile { name: "set.bin", checksum: Checksum::Md5(md5_hex(content)), members };
    DataSet {
        name: "set",
        summary: "",
        base: "http://127.0.0.1:1",
        files: vec![file].leak(),
        weights_of: None,
    }
}

fn content() -> Vec<u8> {
    (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Fetches with these manners; the result, the ranges asked for, and the folder.
fn run(
    manners: Vec<Manner>,
    part: Option<&[u8]>,
) -> (Result<(), FetchError>, Vec<usize>, tempfile::TempDir) {
    let content = content();
    let set = data_set(&content, &[]);
    let server = serve(content.clone(), manners);
    let folder = tempfile::tempdir().unwrap();
    if let Some(part) = part {
        let mut file = std::fs::File::create(folder.path().join("set.bin.part")).unwrap();
        file.write_all(part).unwrap();
    }
    let mut last = None;
    let result = fetch(&set, folder.path(), Some(&server.base), &mut |progress| {
        assert_eq!(progress.file, "set.bin");
        last = Some((progress.bytes, progress.total));
    });
    if result.is_ok() {
        assert_eq!(std::fs::read(folder.path().join("set.bin")).unwrap(), content);
        assert_eq!(names_in(folder.path()), ["set.bin"]);
        if let Some(last) = last {
            assert_eq!(last, (300_000, Some(300_000)));
        }
    }
    let ranges = server.ranges.lock().unwrap().clone();
    (result, ranges, folder)
}

#[test]
fn a_whole_file_arrives_and_is_not_fetched_again() {
    let (result, ranges, folder) = run(vec![Manner::Whole], None);
    result.unwrap();
    assert_eq!(ranges, [0]);
    let set = data_set(&content(), &[]);
    // Nothing listens at the set's own address, so only a file that is not asked for passes.
    fetch(&set, folder.path(), None, &mut |_| panic!("nothing to download")).unwrap();
}

#[test]
fn a_cut_connection_goes_on_where_it_stopped() {
    let (result, ranges, _) =
        run(vec![Manner::CutAfter(100_000), Manner::CutAfter(50_000), Manner::Whole], None);
    result.unwrap();
    assert_eq!(ranges, [0, 100_000, 150_000]);
}

#[test]
fn a_part_of_an_earlier_run_is_used() {
    let (result, ranges, _) = run(vec![Manner::Whole], Some(&content()[..299_999]));
    result.unwrap();
    assert_eq!(ranges, [299_999]);
    let (result, ranges, _) = run(vec![Manner::Whole], Some(&content()));
    result.unwrap();
    assert_eq!(ranges, [300_000]);
}

#[test]
fn a_part_of_another_file_is_replaced_once() {
    let (result, ranges, _) = run(vec![Manner::Whole], Some(&[1; 1000]));
    result.unwrap();
    assert_eq!(ranges, [1000, 0]);
}

#[test]
fn a_server_without_ranges_starts_over() {
    let (result, ranges, _) = run(vec![Manner::CutAfter(100_000), Manner::NoRange], None);
    result.unwrap();
    assert_eq!(ranges, [0, 100_000]);
}

#[test]
fn a_wrong_file_is_removed_and_named() {
    let (result, _, folder) = run(vec![Manner::Garbage], None);
    let message = result.unwrap_err().to_string();
    assert!(message.contains(md5_hex(&content())), "{message}");
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn a_missing_file_and_a_missing_server_are_told_apart() {
    let (result, _, _) = run(vec![Manner::Missing], None);
    let message = result.unwrap_err().to_string();
    assert!(message.contains("404"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{nobody}");
    let error = fetch(&data_set(b"x", &[]), folder.path(), Some(&base), &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }), "{error}");
    assert!(error.to_string().contains("Check the network"), "{error}");
}

fn tar_gz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), Default::default()));
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        // Written past the checks of the crate, as a forged archive would be.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn only_the_expected_members_leave_the_archive() {
    const MEMBERS: &[Member] = &[Member { name: "a.bin", bytes: 4 }];
    let packed = tar_gz(&[("folder/a.bin", b"four"), ("../escape.bin", b"x"), ("/b.bin", b"y")]);
    let set = data_set(&packed, MEMBERS);
    let server = serve(packed, vec![Manner::Whole]);
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("inner");
    fetch(&set, &folder, Some(&server.base), &mut |_| {}).unwrap();
    assert_eq!(names_in(&folder), ["a.bin"]);
    assert_eq!(names_in(outer.path()), ["inner"]);
    fetch(&set, &folder, None, &mut |_| panic!("nothing to download")).unwrap();
}

#[test]
fn an_archive_with_other_lengths_is_refused() {
    const MEMBERS: &[Member] = &[Member { name: "a.bin", bytes: 5 }];
    for packed in [tar_gz(&[("a.bin", b"four")]), tar_gz(&[("a.bin", b"sixsix")]), tar_gz(&[])] {
        let set = data_set(&packed, MEMBERS);
        let server = serve(packed, vec![Manner::Whole]);
        let folder = tempfile::tempdir().unwrap();
        let error = fetch(&set, folder.path(), Some(&server.base), &mut |_| {}).unwrap_err();
        assert!(matches!(error, FetchError::Archive { .. }), "{error}");
        assert!(!folder.path().join("a.bin").exists());
    }
}

#[test]
fn names_are_found_or_suggested() {
    for set in DATA_SETS {
        assert_eq!(find(set.name).unwrap().name, set.name);
        for file in set.files {
            match file.checksum {
                Checksum::Md5(digits) => assert_eq!(digits.len(), 32),
                Checksum::Sha256Start(digits) => assert!(file.name.contains(digits)),
            }
            assert!(!file.name.contains('/'));
        }
    }
    let message = find("cifar-10").unwrap_err().to_string();
    assert!(message.contains("Did you mean 'cifar10'?"), "{message}");
}
