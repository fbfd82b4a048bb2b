//! Training over several processes comes to what one process comes to. Here the processes are threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use burn::tensor::Device;
use softreg_run::checkpoint::{self, Checkpoint};
use softreg_run::{RunFolder, atomic};
use softreg_train::config::{RunConfig, keys, parse};
use softreg_train::sample::PictureSet;
use softreg_train::{Alone, Error, Follower, Group, Measured, Run, Validation, Wait};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

/// What all see, and where they wait for each other.
struct Room {
    given: Mutex<Vec<Vec<u8>>>,
    barrier: Barrier,
    /// Times that one waited without an end.
    endless: AtomicUsize,
}

struct Seat {
    room: Arc<Room>,
    rank: usize,
    size: usize,
}

impl Seat {
    /// Everybody's bytes, by rank.
    fn exchange(&self, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        self.room.given.lock().unwrap()[self.rank] = bytes;
        self.room.barrier.wait();
        let all = self.room.given.lock().unwrap().clone();
        self.room.barrier.wait();
        all
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()))
}

impl Group for Seat {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_to_all(&mut self, given: &[f32], received: &mut [f32]) {
        let block = 4 * given.len() / self.size;
        let all = self.exchange(bytes(given));
        let own = all.iter().flat_map(|all| floats(&all[block * self.rank..][..block]));
        received.iter_mut().zip(own).for_each(|(r, v)| *r = v);
    }

    fn all_gather(&mut self, given: &[f32], received: &mut [f32]) {
        let all = self.exchange(bytes(given)).concat();
        received.iter_mut().zip(floats(&all)).for_each(|(r, v)| *r = v);
    }

    fn all_gather_numbers(&mut self, given: &[f64], received: &mut [f64]) {
        let all = self.exchange(given.iter().flat_map(|v| v.to_le_bytes()).collect()).concat();
        let all = all.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()));
        received.iter_mut().zip(all).for_each(|(r, v)| *r = v);
    }

    fn broadcast(&mut self, bytes: &mut Vec<u8>, wait: Wait) {
        if wait == Wait::Endless {
            self.room.endless.fetch_add(1, Ordering::Relaxed);
        }
        *bytes = self.exchange(std::mem::take(bytes)).swap_remove(0);
    }
}

/// A run with something of everything that processes must agree on.
fn config(threads: usize, steps: u64) -> RunConfig {
    let settings = [
        "data.source=motif:60",
        "data.size=16",
        "data.validation=0.2",
        "network.width=4",
        "network.latent=8",
        "network.conditional=true",
        "training.batch=33",
        "training.critic-steps=2",
        "training.augment=[\"colour\",\"translation\"]",
        "training.augment-target=0.6",
        "regularizers.consistency=1",
        "regularizers.mode-seeking=0.1",
        "regularizers.lecam=0.1",
        "regularizers.l2=0.00001",
        "regularizers.spectral=1",
        "output.log-every=1",
        "output.sheet-count=4",
        "output.checkpoint-every=20",
    ];
    let own = [format!("training.threads={threads}"), format!("stop.steps={steps}")];
    let all = settings.into_iter().chain(own.iter().map(String::as_str));
    all.fold(RunConfig::default(), |config, line| parse::set(&config, line).unwrap())
}

/// A measure that finds all pictures alike.
struct Constant;

impl Validation for Constant {
    fn name(&self) -> String {
        "constant".to_owned()
    }

    fn measure(&self, _: &PictureSet) -> Result<Measured, String> {
        Ok(Measured { value: 1.0, ..Measured::default() })
    }

    fn pictures(&self) -> usize {
        4
    }
}

/// Trains as one of a group, up to its end.
fn process(
    folder: &Path,
    mut config: RunConfig,
    group: &mut dyn Group,
    resume: bool,
) -> Result<(), Error> {
    let pictures =
        softreg_image::open(&config.data.source, &config.load_options().unwrap()).unwrap();
    config.settle(&pictures, 1);
    let checked = config.check(&pictures).unwrap();
    let (training, held_out) = checked.config().parts(&pictures);
    let (checked, pictures, device) = (&checked, &pictures, Device::flex());
    if group.rank() > 0 {
        return Follower { checked, pictures, training, held_out, device, beside: vec![], group }
            .follow()
            .map(|_| ());
    }
    let folder = if resume { RunFolder::open(folder) } else { RunFolder::create(folder) }.unwrap();
    atomic::write(folder.config(), keys::with_comments(checked.config()).as_bytes()).unwrap();
    let run = Run {
        folder: &folder,
        checked,
        pictures,
        training,
        held_out,
        device,
        beside: vec![],
        start: None,
        validation: checked.config().stop.check_every.map(|_| Arc::new(Constant) as _),
        observer: &mut (),
        interrupt: &AtomicBool::new(false),
        versions: Default::default(),
        group,
    };
    run.train(resume).map(|_| ())
}

/// Trains as `size` processes of `threads` threads.
fn train(
    folder: &Path,
    size: usize,
    threads: usize,
    steps: u64,
    resume: bool,
) -> Vec<Option<Error>> {
    together(folder, size, &config(threads, steps), resume).0
}

/// Trains as `size` processes: how each ended, and how often one waited without an end.
fn together(
    folder: &Path,
    size: usize,
    config: &RunConfig,
    resume: bool,
) -> (Vec<Option<Error>>, usize) {
    let room = Arc::new(Room {
        given: Mutex::new(vec![Vec::new(); size]),
        barrier: Barrier::new(size),
        endless: AtomicUsize::new(0),
    });
    let ended = std::thread::scope(|scope| {
        let all: Vec<_> = (0..size)
            .map(|rank| {
                let mut seat = Seat { room: room.clone(), rank, size };
                let config = config.clone();
                scope.spawn(move || process(folder, config, &mut seat, resume).err())
            })
            .collect();
        all.into_iter().map(|process| process.join().unwrap()).collect()
    });
    (ended, room.endless.load(Ordering::Relaxed))
}

fn newest(folder: &Path) -> Checkpoint {
    let folder = RunFolder::open(folder).unwrap();
    checkpoint::latest_valid(folder.checkpoints()).unwrap().checkpoint
}

#[test]
fn as_many_workers_come_to_the_same_bits_in_one_process_and_in_several() {
    let dir = tempfile::tempdir().unwrap();
    let one = dir.path().join("one");
    process(&one, config(4, 30), &mut Alone, false).unwrap();
    let four = dir.path().join("four");
    assert!(train(&four, 4, 1, 30, false).iter().all(Option::is_none));
    assert!(newest(&one).tensors == newest(&four).tensors);

    // What is measured is that of the whole batch.
    let rows = |folder: &Path| {
        let folder = RunFolder::open(folder).unwrap();
        let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
        rows.into_iter().map(|row| row.values).collect::<Vec<_>>()
    };
    assert_eq!(rows(&one), rows(&four));
    assert!(rows(&one).last().unwrap().contains_key("overfitting/r_v"), "held-out pictures count");
}

#[test]
fn so_do_two_workers_in_each_of_two_processes() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    process(&one, config(4, 20), &mut Alone, false).unwrap();
    assert!(train(&two, 2, 2, 20, false).iter().all(Option::is_none));
    assert!(newest(&one).tensors == newest(&two).tensors);
}

#[test]
fn a_run_goes_on_with_another_number_of_processes() {
    let dir = tempfile::tempdir().unwrap();
    let (straight, parted) = (dir.path().join("straight"), dir.path().join("parted"));
    train(&straight, 4, 1, 30, false);
    train(&parted, 4, 1, 10, false);
    train(&parted, 4, 1, 20, true);
    // The same number of workers, in one process.
    process(&parted, config(4, 30), &mut Alone, true).unwrap();
    assert!(newest(&straight).tensors == newest(&parted).tensors);
    train(&parted, 2, 1, 40, true);
    assert_eq!(newest(&parted).text("step").unwrap(), "40");
}

#[test]
fn a_measure_is_waited_for_without_an_end_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let config = parse::set(&config(1, 20), "stop.check-every=5").unwrap();
    let (ended, endless) = together(&dir.path().join("run"), 3, &config, false);
    assert!(ended.iter().all(Option::is_none));
    // By two processes, for the measures begun after 5, 10, 15 and 20 steps.
    assert_eq!(endless, 2 * 4);
}

#[test]
fn more_processes_than_the_batch_has_rows_for_are_refused_by_all() {
    let dir = tempfile::tempdir().unwrap();
    let errors = train(&dir.path().join("run"), 5, 1, 1, false);
    assert!(errors.iter().all(|e| matches!(e, Some(Error::TooManyProcesses { least: 40, .. }))));
}
