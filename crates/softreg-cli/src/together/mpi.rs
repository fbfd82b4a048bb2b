//! A group over MPI.

use super::patience::Patience;
use crate::failure::usage;
use anyhow::Context;
use mpi::Threading;
use mpi::environment::{Universe, processor_name};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};
use softreg_train::{Group, Wait};

/// Bytes that one broadcast carries: MPI counts in 32 bits.
const LOAD: usize = 1 << 30;

/// All processes that were started together.
pub(crate) struct Mpi {
    // Before the universe: dropped in this order.
    world: SimpleCommunicator,
    /// Number among the processes on this host.
    place: usize,
    patience: Patience,
    _universe: Universe,
}

impl Mpi {
    /// Initializes MPI, once in a process, as one of so many that the launcher started.
    pub(super) fn join(launched: usize) -> anyhow::Result<Self> {
        // Only the thread that trains talks to the others.
        let (universe, _) = mpi::initialize_with_threading(Threading::Funneled)
            .context("MPI cannot be initialized in this process")?;
        let world = universe.world();
        if world.size() as usize != launched {
            return Err(usage(format!(
                "{launched} processes were started together, but MPI knows of {}, so each would train on its own: start them with the launcher of the MPI library that this softreg was built with (in Slurm, srun --mpi=pmix or another of srun --mpi=list)",
                world.size()
            )));
        }
        let place = world.split_shared(world.rank()).rank() as usize;
        let (rank, size) = (world.rank(), world.size());
        let host = processor_name().unwrap_or_else(|_| "an unknown host".to_owned());
        let patience = Patience::of(format!("process {rank} of {size} on {host}"))?;
        Ok(Self { world, place, patience, _universe: universe })
    }

    /// Waits for all processes, however long they take: one may read more pictures than another, or from a slower disk.
    pub(super) fn meet(&self) {
        self.world.barrier();
    }

    /// The number of this process among those on its host, from 0.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// The name of this host.
    pub(super) fn host(&self) -> String {
        processor_name().unwrap_or_else(|_| "an unknown host".to_owned())
    }

    /// Ends all processes.
    pub(super) fn abort(&self, code: u8) -> ! {
        self.world.abort(code.into())
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // The others would wait for this one for ever.
        if std::thread::panicking() {
            self.abort(1);
        }
    }
}

impl Group for Mpi {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn size(&self) -> usize {
        self.world.size() as usize
    }

    fn all_to_all(&mut self, given: &[f32], received: &mut [f32]) {
        self.patience.during(|| self.world.all_to_all_into(given, received));
    }

    fn all_gather(&mut self, given: &[f32], received: &mut [f32]) {
        self.patience.during(|| self.world.all_gather_into(given, received));
    }

    fn all_gather_numbers(&mut self, given: &[f64], received: &mut [f64]) {
        self.patience.during(|| self.world.all_gather_into(given, received));
    }

    fn broadcast(&mut self, bytes: &mut Vec<u8>, wait: Wait) {
        let root = self.world.process_at_rank(0);
        let mut length = [bytes.len() as u64];
        match wait {
            Wait::Usual => self.patience.during(|| root.broadcast_into(&mut length)),
            Wait::Endless => root.broadcast_into(&mut length),
        }
        bytes.resize(length[0] as usize, 0);
        for load in bytes.chunks_mut(LOAD) {
            self.patience.during(|| root.broadcast_into(load));
        }
    }
}
