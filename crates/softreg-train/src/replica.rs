//! The batch split over workers: each has a whole replica of the networks and a thread pool of its
//! own, and gradients are summed in a fixed order.
//!
//! For small networks this beats sharing one pool: a layer is too little work to split well, a
//! whole pass is not. The number of workers is part of what makes a run repeatable, because partners
//! are drawn and gradients rounded per worker; the draws of pictures and latents are not.

use crate::error::Error;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ops::Range;

/// A worker gets at least this many samples, so that partners can be drawn and passes pay.
const MIN_SHARD: usize = 8;

/// The workers of a run.
#[derive(Debug)]
pub(crate) struct Workers {
    pools: Vec<ThreadPool>,
}

impl Workers {
    /// As many workers as `threads` and `batch` allow; what threads are left over is shared out.
    pub(crate) fn new(threads: usize, batch: usize) -> Result<Self, Error> {
        let workers = threads.min(batch / MIN_SHARD).max(1);
        let pools = (0..workers)
            .map(|worker| {
                let share = threads * (worker + 1) / workers - threads * worker / workers;
                ThreadPoolBuilder::new().num_threads(share).build()
            })
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
        Ok(Self { pools })
    }

    /// The rows of a batch that each worker gets, as many workers as have some; an even number each where
    /// the batch is even, so that neighbours which share a label stay together.
    pub(crate) fn rows(&self, batch: usize) -> Vec<Range<usize>> {
        let workers = self.pools.len();
        let cut = |i: usize| if i == workers { batch } else { batch * i / workers / 2 * 2 };
        (0..workers).map(|i| cut(i)..cut(i + 1)).filter(|rows| !rows.is_empty()).collect()
    }

    /// `f` on every item, item `i` on worker `i`, all at once; the results in order.
    pub(crate) fn map<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        f: impl Fn(usize, T) -> R + Sync,
    ) -> Vec<R> {
        let f = &f;
        std::thread::scope(|scope| {
            let handles: Vec<_> = self
                .pools
                .iter()
                .zip(items)
                .enumerate()
                .map(|(i, (pool, item))| scope.spawn(move || pool.install(|| f(i, item))))
                .collect();
            let join = |handle: std::thread::ScopedJoinHandle<'_, R>| match handle.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            handles.into_iter().map(join).collect()
        })
    }
}

/// `Σᵢ shareᵢ·gradientsᵢ`, in the order given.
pub(crate) fn combine<M: Module>(
    module: &M,
    mut parts: Vec<(f64, GradientsParams)>,
) -> GradientsParams {
    if parts.len() == 1 {
        return parts.remove(0).1;
    }
    struct Combine {
        parts: Vec<(f64, GradientsParams)>,
        sum: GradientsParams,
    }
    impl ModuleVisitor for Combine {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let mut total: Option<Tensor<D>> = None;
            for (share, gradients) in &mut self.parts {
                if let Some(gradient) = gradients.remove::<D>(param.id) {
                    let gradient = gradient.mul_scalar(*share);
                    total = Some(match total {
                        Some(total) => total + gradient,
                        None => gradient,
                    });
                }
            }
            if let Some(total) = total {
                self.sum.register(param.id, total);
            }
        }
    }
    let mut combine = Combine { parts, sum: GradientsParams::new() };
    module.visit(&mut combine);
    combine.sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_cover_the_batch_once_and_pairs_stay_together() {
        for (threads, batch) in [(1, 2), (2, 64), (3, 64), (16, 65), (5, 41), (64, 64)] {
            let workers = Workers::new(threads, batch).unwrap();
            let rows = workers.rows(batch);
            assert_eq!(rows.first().map(|r| r.start), Some(0));
            assert_eq!(rows.last().map(|r| r.end), Some(batch));
            assert!(rows.windows(2).all(|w| w[0].end == w[1].start && w[1].start % 2 == 0));
            assert!(rows.iter().all(|r| r.len() >= 2), "{rows:?}");
        }
    }

    #[test]
    fn results_come_back_in_order() {
        let workers = Workers::new(4, 64).unwrap();
        assert_eq!(workers.map(vec![1, 2, 3, 4], |i, x| i * 10 + x), [1, 12, 23, 34]);
    }
}
