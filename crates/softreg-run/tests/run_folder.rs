//! The promises of the run folder, tried against kills, damage, crowds and full disks.

// A test says that something is wrong by a panic.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use softreg_run::checkpoint::{self, Checkpoint, Data, Tensor};
use softreg_run::metrics::{self, Row, Writer};
use softreg_run::{Error, RunFolder, State, Status, atomic};

fn put(path: &Path, bytes: &[u8]) {
    File::create(path).unwrap().write_all(bytes).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

// --- folder ---

#[test]
fn a_new_run_is_made_found_and_not_made_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/motif");
    let run = RunFolder::create(&path).unwrap();
    assert_eq!(RunFolder::open(&path).unwrap(), run);
    assert_eq!(run.name(), "motif");
    assert_eq!(run.checkpoint(1000), path.join("checkpoints/step-00001000.safetensors"));
    assert_eq!(run.sample(1000), path.join("samples/step-00001000.png"));
    assert_eq!(run.read_status().unwrap(), Status::default());
    let error = RunFolder::create(&path).unwrap_err();
    assert!(matches!(error, Error::NotEmpty { .. }), "{error}");

    let status = Status {
        state: State::Stopped,
        reason: Some("the disk is full".to_string()),
        step: 7,
        seconds: 1.5,
        versions: [("softreg".to_string(), "0.1.0".to_string())].into(),
        ..Status::default()
    };
    run.write_status(&status).unwrap();
    assert_eq!(run.read_status().unwrap(), status);
}

#[test]
fn what_is_no_run_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let why = |path: &Path| RunFolder::open(path).unwrap_err().to_string();
    assert!(why(&dir.path().join("gone")).contains("no such folder"));
    assert!(why(dir.path()).contains("no run.json"));
    let file = dir.path().join("run.json");
    put(&file, b"{}");
    assert!(why(&file).contains("it is a file"));
    assert!(why(dir.path()).contains("not written by softreg"));
    put(&file, b"{\"format\": \"softreg-run/9\", \"state\": \"dreaming\"}");
    assert!(why(dir.path()).contains("update softreg"));
    put(&file, b"{\"format\": \"softreg-run/1\", \"st");
    assert!(why(dir.path()).contains("cannot parse"));
}

#[test]
fn crowds_get_different_numbers() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("motif-041")).unwrap();
    fs::create_dir(dir.path().join("motif-x-900")).unwrap();
    File::create(dir.path().join("motif-notes.txt")).unwrap();
    let mut made: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let next = |_| RunFolder::next_free(dir.path(), "motif").unwrap().name();
                    (0..10).map(next).collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
    });
    made.sort();
    let expected: Vec<_> = (42..122).map(|n| format!("motif-{n:03}")).collect();
    assert_eq!(made, expected);
    for stem in ["", "../up", "a/b", ".hidden", "-x"] {
        assert!(matches!(RunFolder::next_free(dir.path(), stem), Err(Error::RunName { .. })));
    }
}

#[test]
fn of_two_that_want_one_empty_folder_one_gets_it() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let won = std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| RunFolder::create(dir.path()).is_ok())).collect();
            workers.into_iter().map(|w| w.join().unwrap()).filter(|ok| *ok).count()
        });
        assert_eq!(won, 1);
    }
}

#[test]
fn one_writer_at_a_time_and_leftovers_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunFolder::create(dir.path().join("a")).unwrap();
    for folder in [run.root(), &run.samples(), &run.checkpoints()] {
        put(&folder.join(format!(".x.Ab1{}", atomic::TEMPORARY_SUFFIX)), b"half");
    }
    assert!(!run.is_locked().unwrap());
    let lock = run.lock().unwrap();
    assert_eq!(lock.swept(), 3);
    assert_eq!(names(run.root()), ["checkpoints", "lock", "run.json", "samples"]);
    assert!(run.is_locked().unwrap());
    let error = run.lock().unwrap_err();
    assert!(error.to_string().contains("another process is writing"), "{error}");
    drop(lock);
    assert!(!run.is_locked().unwrap());
    run.lock().unwrap();
}

// --- atomic ---

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("sealed");
    fs::create_dir(&folder).unwrap();
    atomic::write(folder.join("a"), b"old").unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    if File::create(folder.join("probe")).is_ok() {
        // The superuser may write anywhere, but not into the kernel's tables.
        let error = atomic::write("/proc/softreg", b"x").unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path == Path::new("/proc/softreg")));
        println!("skipped in part: this user may write into folders that are read-only");
    } else {
        let error = atomic::write(folder.join("a"), b"new").unwrap_err();
        assert!(error.to_string().contains("change the permissions"), "{error}");
    }
    assert_eq!(fs::read(folder.join("a")).unwrap(), b"old");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A file system of a few pages, given back when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"])
            .arg(dir.path())
            .output()
            .is_ok_and(|o| o.status.success());
        mounted.then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_costs_the_new_file_only() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: a small disk cannot be mounted here");
        return;
    };
    let run = RunFolder::create(disk.0.path().join("run")).unwrap();
    let mut writer = Writer::create(run.metrics()).unwrap();
    let row = |step| Row { step, images_per_second: 0.1, ..Row::default() };
    writer.append(&row(1)).unwrap();
    let small = Checkpoint {
        tensors: [("w".to_string(), Tensor::f32(vec![0.5; 1000]))].into(),
        ..Checkpoint::default()
    };
    let large = Checkpoint {
        tensors: [("w".to_string(), Tensor::f32(vec![0.5; 100_000]))].into(),
        ..Checkpoint::default()
    };
    checkpoint::write(run.checkpoint(1), &small).unwrap();
    for step in [1, 2] {
        let error = checkpoint::write(run.checkpoint(step), &large).unwrap_err().to_string();
        assert!(error.contains("the disk is full: free space, then resume"), "{error}");
    }
    assert_eq!(names(&run.checkpoints()), ["step-00000001.safetensors"]);
    assert_eq!(checkpoint::read(run.checkpoint(1)).unwrap(), small);

    // Rows until nothing fits: what stands is whole, and after room is made it goes on.
    put(&disk.0.path().join("ballast"), &[0; 60_000]);
    let mut step = 1;
    let error = loop {
        match writer.append(&row(step + 1)) {
            Ok(()) => step += 1,
            Err(error) => break error,
        }
        assert!(step < 100_000);
    };
    assert!(error.to_string().contains("free space"), "{error}");
    assert!(fs::read(run.metrics()).unwrap().ends_with(b"}\n"));
    fs::remove_file(disk.0.path().join("ballast")).unwrap();
    writer.append(&row(step + 1)).unwrap();
    let steps: Vec<_> = metrics::read(run.metrics()).unwrap().iter().map(|r| r.step).collect();
    assert_eq!(steps, (1..=step + 1).collect::<Vec<_>>());
}

// --- metrics ---

fn any_row() -> impl Strategy<Value = Row> {
    let key = "(loss|reg|[a-z]{1,5})/[a-zA-Z\"\\\\ é-]{1,8}";
    let values = prop::collection::btree_map(key, any::<f64>(), 0..5);
    (any::<u64>(), any::<u64>(), any::<f64>(), any::<f64>(), values).prop_map(
        |(step, images, seconds, images_per_second, values)| Row {
            step,
            images,
            seconds,
            images_per_second,
            values,
        },
    )
}

/// What a row is after it went through a file: values that are not finite are NaN.
fn bits(row: &Row) -> (u64, u64, Vec<(String, u64)>) {
    let number = |v: f64| if v.is_finite() { v.to_bits() } else { f64::NAN.to_bits() };
    let own = [("seconds", row.seconds), ("images_per_second", row.images_per_second)];
    let own = own.map(|(k, v)| (k.to_string(), number(v)));
    let values = row.values.iter().map(|(k, v)| (k.clone(), number(*v)));
    (row.step, row.images, own.into_iter().chain(values).collect())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn rows_come_back(rows in prop::collection::vec(any_row(), 0..8)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut writer = Writer::create(&path).unwrap();
        for row in &rows {
            writer.append(row).unwrap();
        }
        writer.sync().unwrap();
        let back = metrics::read(&path).unwrap();
        prop_assert_eq!(
            back.iter().map(bits).collect::<Vec<_>>(),
            rows.iter().map(bits).collect::<Vec<_>>()
        );
    }

    #[test]
    fn after_a_kill_at_any_byte_a_run_goes_on_with_whole_rows(
        mut rows in prop::collection::vec(any_row(), 1..6),
        cut in any::<prop::sample::Index>(),
        keep in 0u64..7,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut writer = Writer::create(&path).unwrap();
        for (step, row) in (1..).zip(&mut rows) {
            row.step = step;
            writer.append(row).unwrap();
        }
        drop(writer);
        let bytes = fs::read(&path).unwrap();
        let torn = &bytes[..cut.index(bytes.len() + 1)];
        put(&path, torn);

        let whole = torn.iter().filter(|b| **b == b'\n').count();
        prop_assert_eq!(metrics::read(&path).unwrap().len(), whole);

        let mut writer = Writer::resume(&path, |row| row.step <= keep).unwrap();
        let kept = whole.min(keep as usize);
        let end = bytes.split_inclusive(|b| *b == b'\n').take(kept).map(<[u8]>::len).sum::<usize>();
        prop_assert_eq!(&fs::read(&path).unwrap(), &bytes[..end]);
        let next = Row { step: kept as u64 + 1, ..Row::default() };
        writer.append(&next).unwrap();
        let back = metrics::read(&path).unwrap();
        prop_assert_eq!(back.len(), kept + 1);
        prop_assert_eq!(back.last(), Some(&next));
        prop_assert_eq!(names(dir.path()).len(), 1);
    }
}

#[test]
fn a_bad_line_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.jsonl");
    let good = r#"{"step":1,"images":64,"seconds":1,"images_per_second":null,"loss/critic":0.5}"#;
    for (bad, reason) in [
        ("{\"step\":2", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("{\"step\":2.5,\"images\":1}", "\"step\" is not a whole number"),
        ("{\"images\":1,\"seconds\":1,\"images_per_second\":1}", "\"step\" is missing"),
        (&good.replace("0.5", "\"low\""), "is \"low\", not a number or null"),
    ] {
        let text = format!("{good}\n{bad}\n{good}\n");
        put(&path, text.as_bytes());
        let error = metrics::read(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl, line 2: ") && error.contains(reason), "{error}");
        assert!(matches!(Writer::resume(&path, |_| true), Err(Error::Row { line: 2, .. })));
        assert_eq!(fs::read(&path).unwrap(), text.as_bytes());
    }
    assert!(matches!(Writer::create(&path), Err(Error::Io { .. })));
    put(&path, format!("{good}\n").as_bytes());
    let mut writer = Writer::resume(&path, |row| row.step <= 1).unwrap();
    let reserved = Row { values: [("step".to_string(), 1.0)].into(), ..Row::default() };
    assert!(matches!(writer.append(&reserved), Err(Error::ReservedName { .. })));
    let rows = metrics::read(&path).unwrap();
    assert!(rows[0].images_per_second.is_nan());
    assert_eq!(rows[0].get("loss/critic"), Some(0.5));
}

#[test]
fn a_value_that_is_not_finite_is_null() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.jsonl");
    let values = [("loss/critic".to_string(), f64::INFINITY), ("loss/a".to_string(), 0.1)].into();
    let row = Row { step: 1, images: 2, seconds: 0.25, images_per_second: 8.0, values };
    Writer::create(&path).unwrap().append(&row).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\"step\":1,\"images\":2,\"seconds\":0.25,\"images_per_second\":8.0,\"loss/a\":0.1,\
         \"loss/critic\":null}\n"
    );
}

// --- checkpoint ---

fn any_tensor() -> impl Strategy<Value = Tensor> {
    let shape = prop::collection::vec(0usize..4, 0..4);
    (shape, 0..4, any::<u64>()).prop_map(|(shape, kind, seed)| {
        let count = shape.iter().product::<usize>() as u64;
        let numbers = (0..count).map(|i| (seed ^ i).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let data = match kind {
            0 => Data::F32(numbers.map(|n| f32::from_bits((n >> 32) as u32)).collect()),
            1 => Data::U64(numbers.collect()),
            2 => Data::I64(numbers.map(|n| n as i64).collect()),
            _ => Data::U8(numbers.map(|n| n as u8).collect()),
        };
        Tensor::new(shape, data).unwrap()
    })
}

fn any_checkpoint() -> impl Strategy<Value = Checkpoint> {
    let tensors = prop::collection::btree_map("[a-z/.\"é]{0,6}", any_tensor(), 0..5);
    let metadata = prop::collection::btree_map("[a-z_é]{1,6}", "[ -~é\n]{0,8}", 0..5);
    (tensors, metadata).prop_map(|(tensors, metadata)| Checkpoint { tensors, metadata })
}

/// Comparable although NaN is not itself.
fn exactly(checkpoint: &Checkpoint) -> String {
    let numbers = |data: &Data| match data {
        Data::F32(v) => format!("f32 {:?}", v.iter().map(|v| v.to_bits()).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    };
    let tensors: BTreeMap<_, _> =
        checkpoint.tensors.iter().map(|(n, t)| (n, (t.shape(), numbers(t.data())))).collect();
    format!("{tensors:?} {:?}", checkpoint.metadata)
}

fn damaged(error: &Error) -> bool {
    use Error::{Corrupt, Foreign, NewerVersion, Truncated};
    matches!(error, Truncated { .. } | Corrupt { .. } | Foreign { .. } | NewerVersion { .. })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn checkpoints_come_back_and_no_damage_passes(
        given in any_checkpoint(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 12),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 24),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("step-00000001.safetensors");
        checkpoint::write(&path, &given).unwrap();
        let bytes = fs::read(&path).unwrap();
        let back = checkpoint::read(&path).unwrap();
        prop_assert_eq!(exactly(&back), exactly(&given));
        checkpoint::write(&path, &back).unwrap();
        prop_assert_eq!(&fs::read(&path).unwrap(), &bytes);
        // Any other program can open it.
        prop_assert_eq!(
            safetensors::SafeTensors::deserialize(&bytes).unwrap().len(),
            given.tensors.len()
        );

        for cut in cuts {
            put(&path, &bytes[..cut.index(bytes.len())]);
            let error = checkpoint::read(&path).unwrap_err();
            prop_assert!(matches!(error, Error::Truncated { .. }), "{}", error);
        }
        for (place, change) in flips {
            let mut bytes = bytes.clone();
            let place = place.index(bytes.len());
            bytes[place] ^= change;
            put(&path, &bytes);
            let read = checkpoint::read(&path);
            prop_assert!(matches!(&read, Err(error) if damaged(error)), "{:?}", read);
        }
        put(&path, &[&bytes[..], b"x"].concat());
        let longer = matches!(checkpoint::read(&path), Err(Error::Corrupt { .. }));
        prop_assert!(longer);
    }
}

fn sample() -> Checkpoint {
    let weights = Tensor::new([2, 2], Data::F32(vec![1.0, -2.0, 0.5, f32::NAN])).unwrap();
    Checkpoint {
        tensors: BTreeMap::from([
            ("generator/weight".to_string(), weights),
            ("rng".to_string(), Tensor::u64(vec![u64::MAX, 7])),
            ("labels".to_string(), Tensor::u8(vec![1, 2, 3])),
            ("offset".to_string(), Tensor::new([], Data::I64(vec![-4])).unwrap()),
        ]),
        metadata: [("step".to_string(), "1".to_string()), ("net".to_string(), "dcgan".to_string())]
            .into(),
    }
}

/// One flip of every bit of a file: none may pass.
#[test]
fn every_bit_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.safetensors");
    checkpoint::write(&path, &sample()).unwrap();
    let bytes = fs::read(&path).unwrap();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1 << bit;
            put(&path, &bytes);
            let read = checkpoint::read(&path);
            assert!(matches!(&read, Err(error) if damaged(error)), "byte {place} bit {bit}");
        }
        put(&path, &bytes[..place]);
        assert!(matches!(checkpoint::read(&path), Err(Error::Truncated { .. })), "cut {place}");
    }
}

#[test]
fn each_kind_of_wrong_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.safetensors");
    let why = |bytes: &[u8]| {
        put(&path, bytes);
        checkpoint::read(&path).unwrap_err()
    };
    let foreign = safetensors::serialize(
        [(
            "w",
            safetensors::tensor::TensorView::new(safetensors::Dtype::U8, vec![2], &[1, 2]).unwrap(),
        )],
        None,
    )
    .unwrap();
    assert!(matches!(why(&foreign), Error::Foreign { .. }));
    assert!(matches!(why(b"\x89PNG\r\n\x1a\n 0123456789"), Error::Foreign { .. }));
    assert!(matches!(why(b"step,loss\n1,0.5\n2,0.25\n"), Error::Foreign { .. }));

    checkpoint::write(&path, &sample()).unwrap();
    let bytes = fs::read(&path).unwrap();
    let header = String::from_utf8_lossy(&bytes).into_owned();
    assert!(header.contains("\"format\":\"softreg-checkpoint/1\""));
    let place = header.find("softreg-checkpoint/1").unwrap() + "softreg-checkpoint/".len();
    let mut newer = bytes.clone();
    newer[place] = b'2';
    let error = why(&newer);
    assert!(matches!(error, Error::NewerVersion { .. }));
    assert!(error.to_string().contains("update softreg"));

    let stored = checkpoint::read({
        put(&path, &bytes);
        &path
    });
    let stored = stored.unwrap();
    assert_eq!(stored.u64("rng").unwrap(), (&[2][..], &[u64::MAX, 7][..]));
    assert_eq!(stored.i64("offset").unwrap(), (&[][..], &[-4][..]));
    assert_eq!(stored.u8("labels").unwrap().1, [1, 2, 3]);
    assert_eq!(stored.f32("generator/weight").unwrap().0, [2, 2]);
    assert_eq!(stored.text("net").unwrap(), "dcgan");
    assert!(stored.f32("rng").unwrap_err().to_string().contains("no f32 tensor named \"rng\""));
    assert!(matches!(stored.text("seed"), Err(Error::MissingEntry { .. })));
    for (tensor, entry) in [("__metadata__", "a"), ("a", "format"), ("a", "crc32c")] {
        let own = Checkpoint {
            tensors: [(tensor.to_string(), Tensor::u8(vec![1]))].into(),
            metadata: [(entry.to_string(), String::new())].into(),
        };
        let error = checkpoint::write(&path, &own).unwrap_err();
        assert!(matches!(error, Error::ReservedName { .. }), "{error}");
    }
    assert!(matches!(Tensor::new([2, 3], Data::U8(vec![0; 5])), Err(Error::Shape { .. })));
}

#[test]
fn a_damaged_newest_checkpoint_falls_back_and_old_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunFolder::create(dir.path().join("r")).unwrap();
    let folder = run.checkpoints();
    let none = checkpoint::latest_valid(&folder).unwrap_err();
    assert!(none.to_string().contains("start a new run"), "{none}");
    for step in [100, 20, 300_000_000, 40] {
        checkpoint::write(run.checkpoint(step), &sample()).unwrap();
    }
    put(&folder.join("step-7.safetensors"), b"");
    put(&folder.join("notes.txt"), b"");
    assert_eq!(checkpoint::list(&folder).unwrap(), [20, 40, 100, 300_000_000]);
    put(&run.checkpoint(300_000_000), b"{");
    let latest = checkpoint::latest_valid(&folder).unwrap();
    assert_eq!((latest.step, latest.path), (100, run.checkpoint(100)));
    assert!(matches!(&latest.skipped[..], [(300_000_000, Error::Truncated { .. })]));

    assert_eq!(checkpoint::prune(&folder, 1, &[20]).unwrap(), [40, 100]);
    assert_eq!(checkpoint::list(&folder).unwrap(), [20, 300_000_000]);
    assert_eq!(checkpoint::prune(&folder, 0, &[]).unwrap(), [20]);
    let none = checkpoint::latest_valid(&folder).unwrap_err();
    assert!(none.to_string().contains("step 300000000: the checkpoint"), "{none}");
    assert_eq!(checkpoint::list(folder.join("gone")).unwrap(), [0u64; 0]);
}
