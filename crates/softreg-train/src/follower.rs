//! A process beside the one that keeps the run folder: it computes its part of every step.

use crate::checkpoint;
use crate::config::Checked;
use crate::error::Error;
use crate::group::{Group, Order, Wait};
use crate::players::Players;
use crate::step::Trainer;
use crate::stop::Progress;
use burn::tensor::Device;
use softreg_image::Collection;
use softreg_run::checkpoint as container;
use std::path::Path;

/// Everything that a process of a group needs, all but rank 0, which has a [`crate::Run`]. All of it must
/// be what rank 0 has.
pub struct Follower<'a> {
    /// What was asked for.
    pub checked: &'a Checked,
    /// The pictures, those held out included.
    pub pictures: &'a Collection,
    /// The pictures to train on, as indices.
    pub training: Vec<usize>,
    /// The pictures held out, as indices.
    pub held_out: Vec<usize>,
    /// Where it computes.
    pub device: Device,
    /// More devices: the workers of a step are dealt out over all.
    pub beside: Vec<Device>,
    /// The processes that train together.
    pub group: &'a mut dyn Group,
}

impl Follower<'_> {
    /// Does what rank 0 says until the run ends, and returns the steps done.
    ///
    /// # Errors
    /// [`Error::Diverged`] on all processes in the same step; any other error on this one alone, which
    /// must then end the group.
    pub fn follow(self) -> Result<u64, Error> {
        let Self { checked, pictures, training, held_out, device, beside, group } = self;
        let devices = [device.clone()].into_iter().chain(beside).collect();
        let trainer = Trainer::new(checked, pictures, &training, &held_out, devices, group)?;
        let mut players = Players::new(checked, &device);
        let mut progress = Progress::default();
        let mut wait = Wait::Usual;
        loop {
            let order = Order::wait(group, wait);
            wait = if order == Order::Pause { Wait::Endless } else { Wait::Usual };
            match order {
                Order::Step => {
                    players = trainer.step(players, progress.step, group)?.0;
                    progress.step += 1;
                }
                Order::Take => {
                    let mut bytes = Vec::new();
                    group.broadcast(&mut bytes, Wait::Usual);
                    let path = Path::new("the checkpoint of rank 0");
                    let file = container::parse(path, &bytes)?;
                    let fingerprint = &pictures.fingerprint;
                    (players, progress) =
                        checkpoint::restore(path, file, checked, fingerprint, &device)?;
                }
                Order::Pause => {}
                Order::End => return Ok(progress.step),
            }
        }
    }
}
