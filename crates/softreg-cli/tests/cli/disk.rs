//! Disks that are full or cannot be written.

use crate::program::{TINY, Workplace, assert_same_run, has_leftovers, numbers, tree};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A small disk, taken away when dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None` where this user may not make disks.
    fn new(path: PathBuf, options: &str) -> Option<Self> {
        std::fs::create_dir(&path).unwrap();
        let made = cfg!(target_os = "linux")
            && mount(&["-t", "tmpfs", "-o", options, "softreg-test"], &path);
        if !made {
            println!("skipped: mounting a small disk is not permitted here");
        }
        made.then_some(Self(path))
    }

    fn change(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], &self.0));
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_at_the_start_leaves_nothing_or_a_run_that_goes_on() {
    let place = Workplace::new();
    let Some(disk) = Disk::new(place.path("disk"), "size=4k") else { return };
    let line = format!("train {TINY} --steps 12 --set output.log-every=1");
    place.ok(&format!("{line} --out a"));
    let mut begun = 0;
    for kib in [4, 8, 12, 16, 20, 24, 32, 64, 96, 128, 160, 192] {
        disk.change(&format!("size={kib}k"));
        let said = place.run(&format!("{line} --out disk/r"));
        said.is_one_error(1, &line, &["disk/r", "the disk is full: free space"]);
        assert!(!has_leftovers(&place.path("disk")), "{kib} KiB");
        if place.path("disk/r").exists() {
            begun += 1;
            // Still full: the same error. With space: the same run.
            place.fails(1, "train --resume disk/r", &["disk/r", "free space"]);
            disk.change("size=20m");
            place.ok("train --resume disk/r");
            assert_same_run(&place.path("a"), &place.path("disk/r"));
            std::fs::remove_dir_all(place.path("disk/r")).unwrap();
        } else {
            assert!(tree(&place.path("disk")).is_empty(), "{kib} KiB");
        }
    }
    assert!((1..12).contains(&begun), "{begun}");
}

#[test]
fn a_disk_that_fills_up_in_mid_run_loses_nothing() {
    let place = Workplace::new();
    let Some(disk) = Disk::new(place.path("disk"), "size=1500k") else { return };
    let line = format!(
        "train {TINY} --steps 60 --set output.log-every=1 --set output.sheet-every=2 --set output.checkpoint-every=3"
    );
    place.ok(&format!("{line} --out a"));
    let said = place.run(&format!("{line} --out disk/r"));
    said.is_one_error(1, &line, &["disk/r", "the disk is full: free space, then resume"]);
    assert!(!has_leftovers(&place.path("disk")));
    let before = numbers(&place.path("disk/r")).len();
    assert!((3..60).contains(&before), "{before}");
    // A few blocks more each time: full again somewhere else.
    for kib in [1504, 1508, 1540, 1600, 1660, 1750] {
        disk.change(&format!("size={kib}k"));
        place.fails(1, "train --resume disk/r", &["disk/r", "free space"]);
    }
    place.ok("generate disk/r --count 2 --sheet free.png");
    place.fails(1, "generate disk/r --count 500 --out disk/f", &["disk/f/", "the disk is full"]);
    assert!(!has_leftovers(&place.path("disk")));
    std::fs::remove_dir_all(place.path("disk/f")).unwrap();
    disk.change("size=30m");
    place.ok("train --resume disk/r");
    assert_same_run(&place.path("a"), &place.path("disk/r"));
}

#[test]
fn a_disk_that_cannot_be_written_is_refused() {
    let place = Workplace::new();
    let Some(disk) = Disk::new(place.path("disk"), "size=8m") else { return };
    place.ok(&format!("train {TINY} --steps 2 --out disk/r"));
    disk.change("ro");
    let words = ["disk/", "read-only"];
    place.refuses(1, &format!("train {TINY} --steps 2 --out disk/new"), &words);
    place.refuses(1, "train --resume disk/r --steps 3", &words);
    place.refuses(1, "generate disk/r", &words);
    place.ok("generate disk/r --sheet elsewhere.png");
}
