//! Training over several processes, started by a real `mpirun`. Built with `--features mpi` only.

#![allow(clippy::print_stderr, reason = "a skipped test says so")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "files that a test makes need not survive a kill")]

mod hosts;

use hosts::Hosts;
use rustix::process::{Pid, Signal, kill_process};
use softreg_run::RunFolder;
use softreg_run::checkpoint::{self, Checkpoint};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_softreg");

const SMALL: [&str; 12] = [
    "motif:60",
    "--size",
    "16",
    "--batch",
    "32",
    "--width",
    "6",
    "--seed",
    "5",
    "--quiet",
    "--set",
    "output.checkpoint-every=10",
];

/// `mpirun` with `size` processes, in a folder.
fn mpirun(dir: &Path, size: usize) -> Command {
    let mut command = Command::new("mpirun");
    // Tests run as root on machines with fewer cores than processes.
    command.args(["--allow-run-as-root", "--oversubscribe", "-n", &size.to_string()]);
    command.current_dir(dir);
    command
}

fn train(dir: &Path, size: usize, arguments: &[&str]) -> Output {
    let mut command = mpirun(dir, size);
    command.arg(PROGRAM).arg("train").args(arguments);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn newest(folder: &Path) -> Checkpoint {
    let folder = RunFolder::open(folder).unwrap();
    checkpoint::latest_valid(folder.checkpoints()).unwrap().checkpoint
}

#[test]
fn one_two_and_four_processes_come_to_the_same_weights() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for (size, threads) in [(1, "4"), (2, "2"), (4, "1"), (4, "0")] {
        let out = format!("{size}x{threads}");
        let more = ["--out", &out, "--threads", threads, "--steps", "50"];
        let output = train(dir.path(), size, &[SMALL.as_slice(), &more].concat());
        assert!(output.status.success(), "{}", said(&output));
        // One process speaks.
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{out}/sheet.png\n"));
        all.push((out.clone(), newest(&dir.path().join(out))));
    }
    for (name, checkpoint) in &all[1..] {
        assert!(checkpoint.tensors == all[0].1.tensors, "{name} has other weights");
    }
    // What they begin with, the first alone reads.
    let later = |size: usize, threads: &str| {
        let out = format!("later{size}");
        let more = ["--from", "1x4", "--out", &out, "--threads", threads, "--steps", "5"];
        let output = train(dir.path(), size, &[SMALL.as_slice(), &more].concat());
        assert!(output.status.success(), "{}", said(&output));
        newest(&dir.path().join(out)).tensors
    };
    assert!(later(1, "4") == later(4, "1"));
}

#[test]
fn two_hosts_on_a_slow_line_that_loses_packets_come_to_the_same_weights() {
    let dir = tempfile::tempdir().unwrap();
    let Some(hosts) = Hosts::new(dir.path()) else { return };
    let more = ["--steps", "50", "--out"];
    let one = [SMALL.as_slice(), &["--threads", "2"], &more, &["one"]].concat();
    assert!(train(dir.path(), 1, &one).status.success());
    let mut command = hosts.mpirun(dir.path());
    command.arg(PROGRAM).arg("train").args(SMALL).args(more).arg("two");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = wait(child, Duration::from_secs(120));
    assert!(output.status.success(), "{}", said(&output));
    let (sent, dropped) = hosts.sent_and_dropped();
    eprintln!("{sent} bytes sent, {dropped} packets dropped");
    assert!(sent > 1_000_000 && dropped > 0, "{sent} {dropped}");
    assert!(newest(&dir.path().join("one")).tensors == newest(&dir.path().join("two")).tensors);
}

/// The processes under `parent`, with the rank that each has.
fn ranks(parent: u32) -> Vec<(usize, i32)> {
    let read = |pid: &str, file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    let one = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().into_string().ok()?;
        let stat = read(&pid, "stat")?;
        let under: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        let environment = read(&pid, "environ")?;
        let rank = environment.split('\0').find_map(|v| v.strip_prefix("OMPI_COMM_WORLD_RANK="))?;
        (under == parent).then_some((rank.parse().ok()?, pid.parse().ok()?))
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(one).collect()
}

/// Sends a signal to the process of a rank.
fn send(child: &Child, to: usize, signal: Signal) {
    let (_, pid) = *ranks(child.id()).iter().find(|(rank, _)| *rank == to).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn wait(mut child: Child, most: Duration) -> Output {
    ended(&mut child, most);
    child.wait_with_output().unwrap()
}

/// Waits until the launcher has ended; what it started may not have.
fn ended(child: &mut Child, most: Duration) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > most {
            // With it the launcher's processes go, which would compute for ever.
            child.kill().unwrap();
            panic!("the other processes hang");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts four processes that train for a long time, and waits until a checkpoint is there.
fn begun(dir: &Path) -> Child {
    begun_by(mpirun(dir, 4), dir, &[])
}

/// The same by another launcher.
fn begun_by(mut command: Command, dir: &Path, more: &[&str]) -> Child {
    command.arg(PROGRAM).arg("train").args(SMALL).args(more);
    command.args(["--out", "run", "--steps", "1000000"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while checkpoint::list(dir.join("run/checkpoints")).unwrap().last().is_none_or(|s| *s < 20) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// Goes on for twenty steps as `size` processes.
fn goes_on(dir: &Path, size: usize) {
    let step: u64 = newest(&dir.join("run")).text("step").unwrap().parse().unwrap();
    let steps = (step + 20).to_string();
    let output = train(dir, size, &["--resume", "run", "--quiet", "--steps", &steps]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(newest(&dir.join("run")).text("step").unwrap(), steps);
}

#[test]
fn a_killed_process_ends_all_and_fewer_go_on() {
    for killed in [0, 2] {
        let dir = tempfile::tempdir().unwrap();
        let child = begun(dir.path());
        send(&child, killed, Signal::KILL);
        let output = wait(child, Duration::from_secs(20));
        assert!(!output.status.success());
        let said = said(&output);
        assert!(
            said.contains(&format!("process rank {killed}")) && said.contains("signal 9"),
            "{said}"
        );
        goes_on(dir.path(), 2);
    }
}

#[test]
fn a_process_that_is_stopped_is_not_waited_for_for_ever() {
    // Rank 0 between two steps, while the others wait for its order, and another one wherever it is.
    let between = ["--set", "output.sheet-every=1", "--set", "output.sheet-count=1024"];
    for (stopped, more) in [(0, between.as_slice()), (2, &[])] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = mpirun(dir.path(), 4);
        command.env("SOFTREG_PATIENCE", "5");
        let child = begun_by(command, dir.path(), more);
        send(&child, stopped, Signal::STOP);
        let output = wait(child, Duration::from_secs(45));
        assert!(!output.status.success());
        let said = said(&output);
        assert!(said.contains("of 4 on") && said.contains("waited 5 seconds"), "{said}");
        assert!(said.contains("--resume"), "{said}");
        assert!(!said.contains(&format!("process {stopped} of 4")), "{said}");
        goes_on(dir.path(), 2);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = mpirun(dir.path(), 2);
    command.env("SOFTREG_PATIENCE", "soon").arg(PROGRAM).arg("train");
    let output = command.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("SOFTREG_PATIENCE=soon"));
}

#[test]
fn who_reads_pictures_for_long_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = mpirun(dir.path(), 2);
    // The other process begins to draw these when the first one has.
    command.env("SOFTREG_PATIENCE", "5").arg(PROGRAM).arg("train").arg("motif:5000");
    command.args(["--size", "64", "--width", "4", "--batch", "16", "--steps", "1", "--quiet"]);
    let output = wait(
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(),
        Duration::from_secs(120),
    );
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_host_that_is_gone_ends_all_in_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let Some(hosts) = Hosts::new(dir.path()) else { return };
    let mut command = hosts.mpirun(dir.path());
    // The launcher asks its part on the other host whether it is there: by default after five minutes. It has to notice
    // before a process loses patience and ends: its word about that would wait for the other host, for a quarter of an hour.
    for (key, value) in [("time", "2"), ("intvl", "1"), ("probes", "3")] {
        command.args(["--mca", &format!("oob_tcp_keepalive_{key}"), value]);
    }
    let mut child = begun_by(command, dir.path(), &[]);
    hosts.cut();
    ended(&mut child, Duration::from_secs(30));
    let other = hosts.other();
    // What is left on the other host would keep the pipes open.
    drop(hosts);
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.contains("lost communication") && said.contains(other), "{said}");
    goes_on(dir.path(), 1);
}

#[test]
fn an_interruption_is_saved_by_the_first_process() {
    let dir = tempfile::tempdir().unwrap();
    let child = begun(dir.path());
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    wait(child, Duration::from_secs(30));
    // The step that it was in, and not only the last checkpoint that was due.
    let status = RunFolder::open(dir.path().join("run")).unwrap().read_status().unwrap();
    assert_eq!(status.state, softreg_run::State::Stopped);
    assert!(status.reason.unwrap().contains("interrupted after"));
    assert_eq!(newest(&dir.path().join("run")).text("step").unwrap(), status.step.to_string());
    goes_on(dir.path(), 4);
}

#[test]
fn other_pictures_on_another_host_are_refused_before_a_run_begins() {
    let dir = tempfile::tempdir().unwrap();
    let picture = |folder: &str, shade: u8| {
        let folder = dir.path().join(folder).join("pictures");
        std::fs::create_dir_all(&folder).unwrap();
        for i in 0..12u8 {
            let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([shade, 20 * i, 7]));
            picture.save(folder.join(format!("{i}.png"))).unwrap();
        }
    };
    picture("a", 10);
    picture("b", 11);
    // A host of its own: one that sees other pictures under the same name.
    let mount = "mount --bind b a && exec \"$@\"";
    let elsewhere = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh"];
    let mut tried = Command::new(elsewhere[0]);
    tried.args(&elsewhere[1..]).arg("true");
    if !tried.current_dir(dir.path()).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: no mounts of its own for a process here");
        return;
    }
    let mut command = mpirun(dir.path(), 1);
    let train = ["train", "a/pictures", "--size", "16", "--out", "run", "--steps", "9"];
    let train: Vec<_> = train.into_iter().chain(["--batch", "16", "--quiet"]).collect();
    command.arg(PROGRAM).args(&train).args([":", "-n", "1"]);
    command.args(elsewhere).arg(PROGRAM).args(&train);
    let output = command.output().unwrap();
    let said = said(&output);
    assert!(!output.status.success());
    assert!(
        said.contains("process 1 of 2") && said.contains("differ from those of process 0"),
        "{said}"
    );
    assert!(!dir.path().join("run").exists());
}

#[test]
fn another_build_of_the_same_version_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    // What follows the end of an executable is not run.
    let other = dir.path().join("softreg");
    std::fs::copy(PROGRAM, &other).unwrap();
    let mut file = std::fs::File::options().append(true).open(&other).unwrap();
    std::io::Write::write_all(&mut file, b"x").unwrap();
    drop(file);
    for (second, notes) in [(PROGRAM.as_ref(), 0), (other.as_path(), 1)] {
        let train = |folder: &str| {
            let begin = ["train"].into_iter().chain(SMALL.iter().copied());
            begin.chain(["--out", folder, "--steps", "2"]).map(str::to_owned).collect::<Vec<_>>()
        };
        let folder = format!("run-{notes}");
        let mut command = mpirun(dir.path(), 1);
        command.arg(PROGRAM).args(train(&folder)).args([":", "-n", "1"]);
        command.arg(second).args(train(&folder));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = said(&output);
        assert_eq!(
            said.matches("process 1 of 2 runs a different build of softreg than process 0").count(),
            notes,
            "{said}"
        );
    }
}

#[test]
fn what_all_processes_know_is_said_once() {
    let dir = tempfile::tempdir().unwrap();
    let few = [SMALL.as_slice(), &["--out", "few", "--steps", "9"]].concat();
    let output = train(dir.path(), 5, &few);
    assert!(!output.status.success());
    assert!(
        !dir.path().join("few").exists(),
        "the same command with fewer processes may have the folder"
    );
    assert_eq!(
        said(&output).matches("cannot be split over 5 processes").count(),
        1,
        "{}",
        said(&output)
    );

    let rates = [
        "--loss",
        "wasserstein",
        "--set",
        "optimizer.name=sgd",
        "--set",
        "optimizer.critic-rate=10",
    ];
    let wild = [SMALL.as_slice(), &["--out", "wild", "--steps", "999"], &rates].concat();
    let output = train(dir.path(), 4, &wild);
    assert!(!output.status.success());
    assert_eq!(said(&output).matches("training diverged").count(), 1, "{}", said(&output));

    // A launcher that MPI knows nothing of.
    let mut command = Command::new(PROGRAM);
    command.arg("train").args(SMALL).args(["--out", "each", "--steps", "1"]);
    let output = command.current_dir(dir.path()).env("SLURM_STEP_NUM_TASKS", "4").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("MPI knows of 1"), "{}", said(&output));
    assert!(!dir.path().join("each").exists());

    let wrong = train(dir.path(), 2, &["motif", "--reg", "nonsense=1"]);
    assert_eq!(said(&wrong).matches("error: process 0 of 2").count(), 1, "{}", said(&wrong));
}
