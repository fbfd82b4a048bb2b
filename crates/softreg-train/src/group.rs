//! Processes that train one network together.
//!
//! Each holds all weights, draws the same batch and computes with its own part of it; gradients and
//! means are summed over all, so that every process takes the same step. Rank 0 alone reads and writes
//! the run folder and decides what is done next; the others follow its orders. What a step needs of the
//! engine beneath is a [`Group`]; this crate knows none but [`Alone`].

use softreg_kernel::pairwise;

/// The processes that train together, seen from one of them. Every function is called by all of them, in
/// the same order; one that was lost ends the others, by whatever means the engine has.
pub trait Group {
    /// Which one this is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// Block `i` of what a process gives goes to process `i`: `received[r]` is the block for this one of
    /// process `r`. Both are `size` blocks of equal length.
    fn all_to_all(&mut self, given: &[f32], received: &mut [f32]);

    /// What every process gives, by rank: `received` is `size` times as long as `given`.
    fn all_gather(&mut self, given: &[f32], received: &mut [f32]);

    /// As [`Group::all_gather`], for numbers.
    fn all_gather_numbers(&mut self, given: &[f64], received: &mut [f64]);

    /// Hands the bytes of rank 0 to all.
    fn broadcast(&mut self, bytes: &mut Vec<u8>, wait: Wait);
}

/// How long an engine that gives up those that are silent may wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Longer than a step, a sheet or a checkpoint takes on a slow host.
    Usual,
    /// For as long as it takes: rank 0 reads pictures or waits for a measure.
    Endless,
}

/// One process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Group for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn all_to_all(&mut self, given: &[f32], received: &mut [f32]) {
        received.copy_from_slice(given);
    }

    fn all_gather(&mut self, given: &[f32], received: &mut [f32]) {
        received.copy_from_slice(given);
    }

    fn all_gather_numbers(&mut self, given: &[f64], received: &mut [f64]) {
        received.copy_from_slice(given);
    }

    fn broadcast(&mut self, _bytes: &mut Vec<u8>, _wait: Wait) {}
}

/// What rank 0 tells the others to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// Take a step.
    Step,
    /// Take over the state that follows, that of the checkpoint just written or read.
    Take,
    /// Wait for the next order however long it takes.
    Pause,
    /// The run is over.
    End,
}

impl Order {
    const ALL: [Self; 4] = [Self::Step, Self::Take, Self::Pause, Self::End];

    /// Gives the order; rank 0 only.
    pub(crate) fn give(self, group: &mut dyn Group) {
        if group.size() > 1 {
            let code = Self::ALL.iter().position(|order| *order == self);
            group.broadcast(&mut code.map(|code| code as u8).into_iter().collect(), Wait::Usual);
        }
    }

    /// Waits for an order; all but rank 0.
    pub(crate) fn wait(group: &mut dyn Group, wait: Wait) -> Self {
        let mut code = Vec::new();
        group.broadcast(&mut code, wait);
        let order = code.first().and_then(|code| Self::ALL.get(usize::from(*code)));
        order.copied().unwrap_or(Self::End)
    }
}

/// `values ← Σᵣ valuesᵣ`, added [`pairwise`] by rank: the same bits on every process, whatever the engine.
/// They are those of one process with all workers, where each has 1, 2, 4, 8 … of them.
///
/// Each process sums one block of all, and gathers the sums of the others. With `n` processes each sends
/// `2·(n − 1)/n` times the length of `values`, as a ring does, in `2·(n − 1)` messages.
pub(crate) fn sum(group: &mut dyn Group, values: &mut [f32]) {
    let size = group.size();
    if size == 1 || values.is_empty() {
        return;
    }
    let block = values.len().div_ceil(size);
    let mut padded = values.to_vec();
    padded.resize(block * size, 0.0);
    let mut parts = vec![0.0; block * size];
    group.all_to_all(&padded, &mut parts);
    let own = pairwise(parts.chunks_exact_mut(block).collect(), |left: &mut [f32], right| {
        left.iter_mut().zip(right).for_each(|(left, right)| *left += *right);
        left
    });
    group.all_gather(own.unwrap_or_default(), &mut padded);
    values.copy_from_slice(&padded[..values.len()]);
}

/// The sum of the numbers of every worker of every process, added [`pairwise`].
pub(crate) fn sum_numbers(group: &mut dyn Group, of_workers: Vec<Vec<f64>>) -> Vec<f64> {
    let add = |mut left: Vec<f64>, right: Vec<f64>| {
        left.iter_mut().zip(right).for_each(|(left, right)| *left += right);
        left
    };
    let own = pairwise(of_workers, add).unwrap_or_default();
    let size = group.size();
    if size == 1 {
        return own;
    }
    let mut all = vec![0.0; own.len() * size];
    group.all_gather_numbers(&own, &mut all);
    let all = all.chunks_exact(own.len()).map(<[f64]>::to_vec).collect();
    pairwise(all, add).unwrap_or_default()
}
