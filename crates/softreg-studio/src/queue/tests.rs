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

/// Looks after the queue until its first job has ended.
fn until_ended(queue: &Queue) -> Job {
    let start = Instant::now();
    loop {
        queue.tend();
        let job = queue.jobs()[0].clone();
        if job.state != JobState::Running {
            return job;
        }
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn measuring_is_stopped_by_its_studio_and_by_the_next() {
    for next in [false, true] {
        let (_place, shelf, program) = shelf("while true; do sleep 0.02; done");
        let run = RunFolder::create(shelf.root().join("one")).unwrap();
        atomic::write(run.checkpoint(1), b"").unwrap();
        let mut queue = open(&shelf, &program);
        let job = queue.measure("one").unwrap();
        assert_eq!(status_of(queue.stop(job.id)), 409);
        assert_eq!(status_of(queue.stop(job.id + 1)), 404);
        queue.tend();
        let mut child = None;
        if next {
            child = queue.lock().child.take();
            drop(queue);
            queue = open(&shelf, &program);
            // The shell has taken the place of this program by then.
            std::thread::sleep(Duration::from_millis(100));
        }
        queue.stop(job.id).unwrap();
        // Whoever started it hears of its end.
        child.map(|mut child| child.wait().unwrap());
        let job = until_ended(&queue);
        assert_eq!((job.state, job.reason), (JobState::Stopped, None));
        assert_eq!(status_of(queue.stop(job.id)), 409);
    }
}

#[test]
fn a_run_that_reads_its_pictures_is_stopped() {
    // As the program ends where it is asked to before the first step.
    let (_place, shelf, program) = shelf(
        "for last; do true; done; while [ ! -e $last ]; do sleep 0.02; done; echo 'error: stopped before the first step' >&2; exit 1",
    );
    let queue = open(&shelf, &program);
    let job = queue.add("owls".to_owned(), Vec::new()).unwrap();
    queue.tend();
    queue.stop(job.id).unwrap();
    let job = until_ended(&queue);
    assert_eq!((job.state, job.reason, job.run), (JobState::Stopped, None, None));
    assert!(!shelf.root().join("owls-001").exists());
}

#[test]
fn a_save_that_failed_is_told() {
    // Asked to end, it says at which step it did, with the checkpoint of that or without.
    for (saves, expected) in [
        ("touch $4/checkpoints/step-00000007.safetensors", JobState::Paused),
        ("true", JobState::Failed),
    ] {
        let script = format!(
            "for last; do true; done; while [ ! -e $last ]; do sleep 0.02; done; {saves}; cp $4.json $4/run.json; echo 'error: the disk is full' >&2; exit 1"
        );
        let (_place, shelf, program) = shelf(&script);
        let run = RunFolder::create(shelf.root().join("one")).unwrap();
        let status = softreg_run::Status {
            state: State::Stopped,
            reason: Some("the disk is full".to_owned()),
            step: 7,
            ..run.read_status().unwrap()
        };
        atomic::write_json(shelf.root().join("one.json"), &status).unwrap();
        let queue = open(&shelf, &program);
        queue.resume("one", None).unwrap();
        queue.tend();
        queue.end("one", JobState::Paused).unwrap();
        let job = until_ended(&queue);
        let reason = (expected == JobState::Failed).then(|| "the disk is full".to_owned());
        assert_eq!((job.state, job.reason), (expected, reason));
    }
}

#[test]
fn two_pages_measure_once() {
    let (_place, shelf, program) = shelf("exit 0");
    let run = RunFolder::create(shelf.root().join("one")).unwrap();
    atomic::write(run.checkpoint(1), b"").unwrap();
    let queue = open(&shelf, &program);
    let moment = Duration::from_millis(2);
    for _ in 0..100 {
        let held = queue.lock();
        let measured = std::thread::scope(|threads| {
            let one = || usize::from(queue.measure("one").is_ok());
            let two = [threads.spawn(one), threads.spawn(one)];
            std::thread::sleep(moment);
            drop(held);
            // Whoever comes first is kept, if that is possible, between the look at the queue and what it puts there.
            while queue.inner.try_lock().is_ok() && !two[0].is_finished() {}
            let held = loop {
                if let Ok(held) = queue.inner.try_lock() {
                    break held;
                }
            };
            std::thread::sleep(moment);
            drop(held);
            two.map(|one| one.join().unwrap()).iter().sum::<usize>()
        });
        let jobs = queue.jobs();
        assert_eq!((measured, jobs.len()), (1, 1));
        queue.remove(jobs[0].id).unwrap();
    }
}

fn status_of(answer: Answer<()>) -> u16 {
    use axum::response::IntoResponse;
    answer.map_or_else(|problem| problem.into_response().status().as_u16(), |()| 200)
}
