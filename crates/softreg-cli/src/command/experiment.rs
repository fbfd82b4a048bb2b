//! What commands share that train many runs.

use super::choices::{self, Choices};
use crate::backend::{self, Devices};
use crate::origin::Origin;
use crate::terminal::line_to_stderr;
use anyhow::Context;
use clap::Args;
use softreg_image::Collection;
use softreg_train::RunConfig;
use softreg_train::config::Checked;

/// Where trials run.
#[derive(Debug, Args)]
pub(super) struct Machine {
    /// Number of parallel trials [default: as many as the cores allow; on graphics processors, one
    /// each]
    #[arg(long, value_name = "COUNT", help_heading = "Machine",
        value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,
    /// Device to compute on; trials are distributed over several (cuda:0,cuda:1, or cuda:all)
    /// [default: auto; with --resume, the earlier choice]
    #[arg(long, value_name = "DEVICE", help_heading = "Machine")]
    device: Option<String>,
}

/// Sections that are the same for every trial of an experiment.
pub(super) const FIXED: &[&str] = &["seed", "data", "stop", "output"];

/// Pictures held out where the recipe holds none out and no others are named.
const HELD_OUT: f64 = 0.2;

impl Machine {
    /// Trials at once on these devices, each with so many threads.
    pub(super) fn at_once(&self, devices: &Devices, threads: usize) -> usize {
        let graphics = devices.iter().any(|found| found.backend.graphics);
        let room = if graphics { devices.count() } else { backend::cores() / threads.max(1) };
        self.jobs.map_or(room, |jobs| usize::try_from(jobs).unwrap_or(room)).max(1)
    }

    /// The device of a new experiment, as it is kept.
    pub(super) fn device(&self) -> &str {
        self.device.as_deref().unwrap_or("auto")
    }

    /// The devices of this host, where `before` was chosen for the experiment.
    pub(super) fn devices(&self, before: &str) -> anyhow::Result<Devices> {
        Devices::named(self.device.as_deref().unwrap_or(before))
    }
}

/// The recipe that all trials vary; one thread each where nothing is said, so that trials run side by
/// side.
pub(super) fn recipe(choices: &Choices, must_hold_out: bool) -> anyhow::Result<RunConfig> {
    let mut config = choices.over(choices.recipe()?)?;
    if must_hold_out && config.data.validation == 0.0 {
        config.data.validation = HELD_OUT;
        line_to_stderr(&format!(
            "note: holding out {:.0} % of the pictures to measure against; change with --set data.validation=…",
            100.0 * HELD_OUT
        ));
    }
    if config.training.threads == 0 {
        config.training.threads = 1;
    }
    config.check_without_pictures()?;
    choices.check_source(&config)?;
    Ok(config)
}

/// Refuses pictures that are others than those that an experiment was begun with.
pub(super) fn check_fingerprint(
    begun: Option<&String>,
    pictures: &Collection,
    source: &str,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        begun.is_none_or(|begun| *begun == pictures.fingerprint),
        "the pictures of {source} differ from those used at the start, so results cannot be compared: restore the original pictures (the same files on every host), or start over"
    );
    Ok(())
}

/// Refuses networks to begin with that have seen what a trial of some seed holds out. Pictures that the seed makes are others.
pub(super) fn refuse_seen(
    trials: impl Iterator<Item = RunConfig>,
    pictures: &Collection,
) -> anyhow::Result<()> {
    for config in trials.filter(|config| !softreg_image::depends_on_seed(&config.data.source)) {
        let Some(origin) = Origin::of(&config)? else { continue };
        origin.check_seen(&config, pictures).with_context(|| {
            format!(
                "seed {}: every seed holds out different pictures; name pictures that the earlier run has not seen with --reference, and hold out none (--set data.validation=0)",
                config.seed
            )
        })?;
    }
    Ok(())
}

/// The fingerprint that every trial must find, where the trial's seed does not decide which pictures there are.
pub(super) fn fixed_fingerprint(begun: Option<&String>, source: &str) -> Option<String> {
    begun.filter(|_| !softreg_image::depends_on_seed(source)).cloned()
}

/// The recipe settled for its pictures.
pub(super) fn with_pictures(config: RunConfig) -> anyhow::Result<(Checked, Collection)> {
    choices::with_pictures(config, &mut |text| line_to_stderr(text))
}
