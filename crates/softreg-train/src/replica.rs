//! The batch split over workers: each has a whole replica of the networks and a thread pool of its
//! own, and gradients are summed in a fixed order.
//!
//! For small networks this beats sharing one pool: a layer is too little work to split well, a
//! whole pass is not. The number of workers is part of what makes a run repeatable, because partners
//! are drawn and gradients rounded per worker; the draws of pictures and latents are not.

use crate::error::Error;
use rayon::{ThreadPool, ThreadPoolBuilder, Yield};
use softreg_kernel::{Crew, Part, alone};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A worker gets at least this many samples, so that partners can be drawn and passes pay.
const MIN_SHARD: usize = 8;

/// How long a thread waits for others before it sleeps.
const AWAKE: Duration = Duration::from_millis(3);

/// How many workers each of so many processes has.
fn workers(threads: usize, batch: usize, processes: usize) -> usize {
    threads.min(batch / MIN_SHARD / processes).max(1)
}

/// Checks that each of so many devices of one process has a worker.
pub(crate) fn check_devices(devices: usize, threads: usize, batch: usize) -> Result<(), Error> {
    let workers = workers(threads, batch, 1);
    match workers < devices {
        true => {
            Err(Error::IdleDevices { devices, workers, batch, threads, least: devices * MIN_SHARD })
        }
        false => Ok(()),
    }
}

/// The workers of a run that this process has.
#[derive(Debug)]
pub(crate) struct Workers {
    /// One for each worker; none for the first one where a worker has one thread: it works on the thread
    /// that waits for the others.
    pools: Vec<Option<ThreadPool>>,
    /// The number of the first one, among those of all processes.
    first: usize,
    /// Workers of all processes.
    all: usize,
}

/// Whether a batch has rows for so many processes.
pub(crate) fn check_processes(processes: usize, batch: usize) -> Result<(), Error> {
    match processes > 1 && batch / MIN_SHARD < processes {
        true => Err(Error::TooManyProcesses { processes, batch, least: processes * MIN_SHARD }),
        false => Ok(()),
    }
}

impl Workers {
    /// As many workers as `threads` and `batch` allow; what threads are left over is shared out. Each of
    /// the `processes` has equally many, and this is process number `rank`.
    pub(crate) fn new(
        threads: usize,
        batch: usize,
        rank: usize,
        processes: usize,
    ) -> Result<Self, Error> {
        check_processes(processes, batch)?;
        let workers = workers(threads, batch, processes);
        let pools = (0..workers)
            .map(|worker| {
                let share = threads * (worker + 1) / workers - threads * worker / workers;
                let own = worker > 0 || share > 1;
                own.then(|| ThreadPoolBuilder::new().num_threads(share).build()).transpose()
            })
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
        Ok(Self { pools, first: rank * workers, all: processes * workers })
    }

    /// The place of worker number `worker` of all processes among those of this one.
    pub(crate) fn place(&self, worker: usize) -> usize {
        worker - self.first
    }

    /// The rows of a batch that each worker of this process gets, as many workers as have some; an even
    /// number each where the batch is even, so that neighbours which share a label stay together.
    pub(crate) fn rows(&self, batch: usize) -> Vec<Range<usize>> {
        let workers = self.all;
        let cut = |i: usize| if i == workers { batch } else { batch * i / workers / 2 * 2 };
        let all = (0..workers).map(|i| cut(i)..cut(i + 1)).filter(|rows| !rows.is_empty());
        all.skip(self.first).take(self.pools.len()).collect()
    }

    /// `f` on every item, item `i` on worker `i` of this process, all at once, with the worker's number
    /// among those of all processes; the results in order.
    pub(crate) fn map<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        f: impl Fn(usize, T) -> R + Sync,
    ) -> Vec<R> {
        let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
        let works = items.into_iter().zip(&mut results).enumerate();
        let works: Vec<_> =
            works.map(|(i, (item, result))| (self.first + i, item, result)).collect();
        let left = AtomicUsize::new(works.len());
        let f = |worker, item| {
            let result = f(worker, item);
            left.fetch_sub(1, Ordering::Release);
            result
        };
        at_once(&self.pools[..works.len()], works, &f, &left);
        results.into_iter().flatten().collect()
    }
}

impl Crew for Workers {
    fn size(&self) -> usize {
        self.pools.len()
    }

    fn work(&self, parts: Vec<Part<'_>>) {
        self.map(parts, |_, part| part());
    }
}

/// Work `i` on pool `i`, all at once: with the number of its worker, and where its result goes. The pools'
/// threads are there already, so that nothing has to be started; the first work stays on this thread where it can, so
/// that fewer are woken: the system may put two that are woken together on one core. `left` counts what is not done.
fn at_once<T: Send, R: Send>(
    pools: &[Option<ThreadPool>],
    mut works: Vec<(usize, T, &mut Option<R>)>,
    f: &(impl Fn(usize, T) -> R + Sync),
    left: &AtomicUsize,
) {
    let (Some((worker, item, result)), Some((pool, pools))) = (works.pop(), pools.split_last())
    else {
        return stay_awake(|| left.load(Ordering::Acquire) == 0);
    };
    let Some(pool) = pool else {
        *result = Some(alone(|| f(worker, item)));
        return at_once(pools, works, f, left);
    };
    pool.in_place_scope(|scope| {
        scope.spawn(move |_| {
            *result = Some(f(worker, item));
            // Runs when the scope is done with this thread, until it has work for it again.
            rayon::spawn(|| stay_awake(|| rayon::yield_now() == Some(Yield::Executed)));
        });
        at_once(pools, works, f, left);
    });
}

/// Waits until `done`, for a moment. A thread that sleeps takes long to wake, and its processor may be given
/// to others meanwhile; from one part of a step to the next it is not long enough to be worth it.
fn stay_awake(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() && start.elapsed() < AWAKE {
        for _ in 0..32 {
            std::hint::spin_loop();
        }
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_cover_the_batch_once_and_pairs_stay_together() {
        for (threads, batch) in [(1, 2), (2, 64), (3, 64), (16, 65), (5, 41), (64, 64)] {
            let workers = Workers::new(threads, batch, 0, 1).unwrap();
            let rows = workers.rows(batch);
            assert_eq!(rows.first().map(|r| r.start), Some(0));
            assert_eq!(rows.last().map(|r| r.end), Some(batch));
            assert!(rows.windows(2).all(|w| w[0].end == w[1].start && w[1].start % 2 == 0));
            assert!(rows.iter().all(|r| r.len() >= 2), "{rows:?}");
        }
    }

    #[test]
    fn processes_divide_what_one_process_has() {
        let one = Workers::new(6, 64, 0, 1).unwrap();
        for processes in [1, 2, 3, 6] {
            let mut rows = Vec::new();
            for rank in 0..processes {
                let own = Workers::new(6 / processes, 64, rank, processes).unwrap();
                let numbers = own.map(vec![(); 6 / processes], |number, ()| number);
                assert_eq!(numbers.first(), Some(&rows.len()));
                rows.extend(own.rows(64));
            }
            assert_eq!(rows, one.rows(64));
        }
        assert!(check_devices(2, 2, 16).is_ok());
        for (devices, threads, batch) in [(2, 2, 15), (3, 2, 64)] {
            let refused = check_devices(devices, threads, batch).unwrap_err().to_string();
            assert!(refused.contains(&format!("training.threads of {devices}")), "{refused}");
            assert!(refused.contains(&format!("training.batch of {}", 8 * devices)), "{refused}");
        }
        // Threads that the batch has no rows for are shared out; processes are not.
        assert_eq!(Workers::new(16, 64, 1, 4).unwrap().rows(64).len(), 2);
        let refused = Workers::new(1, 64, 0, 9).unwrap_err().to_string();
        assert!(refused.contains("at least 72"), "{refused}");
    }

    #[test]
    fn results_come_back_in_order() {
        for (threads, batch) in [(4, 64), (4, 32), (9, 32)] {
            let workers = Workers::new(threads, batch, 0, 1).unwrap();
            // Again and again, so that threads are met both awake and asleep.
            for round in 0..40 {
                std::thread::sleep(AWAKE * (round % 2));
                assert_eq!(workers.map(vec![1, 2, 3, 4], |i, x| i * 10 + x), [1, 12, 23, 34]);
            }
        }
    }

    #[test]
    fn each_worker_has_its_share_of_the_threads() {
        let counts = |threads, batch| {
            let workers = Workers::new(threads, batch, 0, 1).unwrap();
            workers.map(workers.rows(batch), |_, _| softreg_kernel::threads())
        };
        assert_eq!(counts(1, 32), [1]);
        assert_eq!(counts(4, 32), [1; 4]);
        assert_eq!(counts(9, 32), [2, 2, 2, 3]);
    }

    #[test]
    fn a_panic_of_a_worker_reaches_the_caller() {
        let workers = Workers::new(3, 64, 0, 1).unwrap();
        for broken in 0..3 {
            let work = |i, ()| assert_ne!(i, broken, "this one");
            let map = std::panic::AssertUnwindSafe(|| workers.map(vec![(); 3], work));
            assert!(std::panic::catch_unwind(map).is_err());
            assert_eq!(workers.map(vec![(); 3], |i, ()| i), [0, 1, 2]);
        }
    }
}
