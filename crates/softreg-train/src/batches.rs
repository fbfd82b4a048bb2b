//! What updates start with, drawn by a thread of its own while the update before is computed.

use crate::config::Checked;
use crate::draw::Draws;
use crate::error::Error;
use rayon::{ThreadPool, ThreadPoolBuilder};
use softreg::{Purpose, Seed};
use softreg_image::{Collection, Sampler};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was drawn for an update, for all workers of all processes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawn {
    pub number: u64,
    pub batch: Draws,
    /// Partners from outside the batch, where a regularizer wants them.
    pub fresh: Option<Draws>,
}

/// Every update's draws: they depend on its number alone, so that it does not matter who drew them, or when.
pub(crate) struct Batches<'a> {
    checked: &'a Checked,
    pictures: &'a Collection,
    state: Mutex<State>,
    thread: ThreadPool,
}

struct State {
    sampler: Sampler,
    /// Draws beside the batch, for partners from outside it.
    beside: Sampler,
    ahead: Option<Drawn>,
}

impl<'a> Batches<'a> {
    /// From the pictures `training`.
    pub(crate) fn new(
        checked: &'a Checked,
        pictures: &'a Collection,
        training: &[usize],
    ) -> Result<Self, Error> {
        let config = checked.config();
        let batch = config.training.batch;
        let sampler = |seed| Sampler::new(training.to_vec(), batch, seed, config.data.flip);
        // Any other seed: its order of pictures must not be the batches' own.
        let (sampler, beside) = (sampler(config.seed)?, sampler(!config.seed)?);
        let thread = ThreadPoolBuilder::new().num_threads(1).build();
        let thread =
            thread.map_err(|error| Error::Threads { threads: 1, reason: error.to_string() })?;
        let state = Mutex::new(State { sampler, beside, ahead: None });
        Ok(Self { checked, pictures, state, thread })
    }

    /// What update `number` starts with, with partners from outside the batch where they are `wanted`.
    pub(crate) fn take(&self, number: u64, wanted: bool) -> Drawn {
        let mut state = self.state();
        let ahead = state.ahead.take();
        match ahead.filter(|drawn| drawn.number == number && drawn.fresh.is_some() == wanted) {
            Some(drawn) => drawn,
            None => self.draw(&mut state, number, wanted),
        }
    }

    /// `meanwhile`, while another thread draws for update `number`.
    pub(crate) fn ahead<R>(&self, number: u64, wanted: bool, meanwhile: impl FnOnce() -> R) -> R {
        self.thread.in_place_scope(|scope| {
            scope.spawn(|_| {
                let mut state = self.state();
                state.ahead = Some(self.draw(&mut state, number, wanted));
            });
            meanwhile()
        })
    }

    fn draw(&self, state: &mut State, number: u64, wanted: bool) -> Drawn {
        let seed = Seed(self.checked.config().seed);
        let draws = |purpose, sampler| {
            Draws::new(seed, purpose, number, self.checked.shape(), self.pictures, sampler)
        };
        let batch = draws(Purpose::Latents, &mut state.sampler);
        let fresh = wanted.then(|| draws(Purpose::Fresh, &mut state.beside));
        Drawn { number, batch, fresh }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RunConfig, parse};

    #[test]
    fn what_is_drawn_ahead_is_what_would_be_drawn_then() {
        let settings = ["data.source=motif:12", "data.size=16", "training.batch=8"];
        let set = |config, line: &&str| parse::set(&config, line).unwrap();
        let mut config = settings.iter().fold(RunConfig::default(), set);
        config.stop.steps = Some(1);
        let options = config.load_options().unwrap();
        let pictures = softreg_image::open(&config.data.source, &options).unwrap();
        config.settle(&pictures, 1);
        let checked = config.check(&pictures).unwrap();
        let batches = || Batches::new(&checked, &pictures, &[0, 1, 2, 3, 5, 8, 11]).unwrap();
        let then = |number, wanted| batches().take(number, wanted);
        let ahead = batches();
        for (number, wanted, next, foreseen) in [
            (0, false, 1, false),
            (1, false, 2, true),
            (2, true, 3, false),
            // Wanted all of a sudden, no longer wanted, and after a leap.
            (3, true, 4, true),
            (4, false, 5, true),
            (70, true, 71, true),
        ] {
            assert_eq!(ahead.take(number, wanted), then(number, wanted), "{number}");
            let here = std::thread::current().id();
            assert_eq!(ahead.ahead(next, foreseen, || std::thread::current().id()), here);
            let drawn = ahead.state().ahead.clone().expect("drawn meanwhile");
            assert_eq!(drawn, then(next, foreseen), "{next}");
        }
        let drawn = then(71, true);
        assert!(drawn.fresh.is_some_and(|fresh| fresh != drawn.batch));
        // It is not drawn again.
        ahead.state().ahead.as_mut().expect("for 71").batch = then(3, false).batch;
        assert_eq!(ahead.take(71, true).batch, then(3, false).batch);
        assert_eq!(ahead.take(71, true).batch, drawn.batch);
    }
}
