use super::*;
use softreg_run::RunFolder;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A shelf, and a program that does what `script` says.
fn shelf(script: &str) -> (tempfile::TempDir, Shelf, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(&place.path().join("runs")).unwrap();
    let program = place.path().join("program");
    atomic::write(&program, format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (place, shelf, program)
}

fn open(shelf: &Shelf, program: &Path) -> Queue {
    Queue::open(shelf.clone(), program.to_owned(), "cpu".to_owned()).unwrap()
}

#[test]
fn what_cannot_be_saved_is_taken_back() {
    let (place, shelf, program) = shelf("exit 0");
    let queue = open(&shelf, &program);
    let first = queue.add("a".to_owned(), Vec::new()).unwrap();
    let folder = shelf.root().join(".studio/queue");
    fs::rename(&folder, place.path().join("away")).unwrap();
    atomic::write(&folder, b"in the way").unwrap();
    assert!(queue.add("b".to_owned(), Vec::new()).is_err());
    assert!(queue.remove(first.id).is_err());
    assert_eq!(queue.jobs(), [first]);
}

#[test]
fn a_job_that_cannot_begin_leaves_no_folder() {
    let (_place, shelf, program) = shelf("exit 0");
    fs::remove_file(&program).unwrap();
    let queue = open(&shelf, &program);
    queue.add("owls".to_owned(), Vec::new()).unwrap();
    queue.tend();
    let job = &queue.jobs()[0];
    assert_eq!((job.state, &job.run), (JobState::Failed, &None));
    assert!(!shelf.root().join("owls-001").exists());
}

#[test]
fn what_goes_on_is_begun_once() {
    let (_place, shelf, program) = shelf("sleep 60");
    RunFolder::create(shelf.root().join("one")).unwrap();
    let queue = open(&shelf, &program);
    queue.resume("one", None).unwrap();
    queue.tend();
    // Its process has no lock yet.
    assert_eq!(queue.jobs()[0].state, JobState::Running);
    assert!(queue.resume("one", None).is_err() && queue.resume("one", Some(1.0)).is_err());
    assert_eq!(queue.jobs().len(), 1);
    end(queue);
}

#[test]
fn a_run_that_reads_its_pictures_outlives_the_studio() {
    let (_place, shelf, program) = shelf("sleep 60");
    let queue = open(&shelf, &program);
    queue.add("owls".to_owned(), Vec::new()).unwrap();
    queue.tend();
    let mut child = queue.lock().child.take().unwrap();
    drop(queue);
    let queue = open(&shelf, &program);
    // The shell has taken the place of this program by then.
    std::thread::sleep(Duration::from_millis(100));
    queue.tend();
    assert_eq!(queue.jobs()[0].state, JobState::Running);
    child.kill().unwrap();
    child.wait().unwrap();
    queue.tend();
    assert_eq!(queue.jobs()[0].state, JobState::Failed);
}

/// Ends what a queue has begun.
fn end(queue: Queue) {
    let mut child = queue.lock().child.take().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn measuring_outlives_the_studio() {
    // It measures until it is told to end, by a file.
    for (writes, expected) in
        [("touch $2/evaluation.json", JobState::Finished), ("true", JobState::Failed)]
    {
        let script = format!("while [ ! -e $2/end ]; do sleep 0.02; done; {writes}");
        let (_place, shelf, program) = shelf(&script);
        let run = RunFolder::create(shelf.root().join("one")).unwrap();
        atomic::write(run.checkpoint(1), b"").unwrap();
        let queue = open(&shelf, &program);
        queue.measure("one").unwrap();
        queue.tend();
        drop(queue);
        let queue = open(&shelf, &program);
        // The shell has taken the place of this program by then.
        std::thread::sleep(Duration::from_millis(100));
        queue.tend();
        assert_eq!(queue.jobs()[0].state, JobState::Running);
        atomic::write(run.root().join("end"), b"").unwrap();
        let start = Instant::now();
        while queue.jobs()[0].state == JobState::Running {
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(20));
            queue.tend();
        }
        assert_eq!(queue.jobs()[0].state, expected);
    }
}
