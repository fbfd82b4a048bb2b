//! Where a run begins that does not begin with new networks: at those of an earlier one.

use crate::failure::usage;
use crate::trained::{self, Which};
use anyhow::Context;
use softreg_image::Collection;
use softreg_net::Shape;
use softreg_run::{Checkpoint, RunFolder, checkpoint};
use softreg_train::RunConfig;
use softreg_train::checkpoint::Start;
use softreg_train::config::{Checked, Network};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The networks of an earlier run: a checkpoint, and the run that it is of.
pub(crate) struct Origin {
    folder: RunFolder,
    config: RunConfig,
    path: PathBuf,
    file: Checkpoint,
}

impl Origin {
    /// A run, whose newest checkpoint it is, or a checkpoint of one.
    pub(crate) fn named(text: &str) -> anyhow::Result<Self> {
        let path = dunce::canonicalize(text).with_context(|| {
            format!(
                "no networks to start from at {text}: name a run folder, or one of its checkpoints"
            )
        })?;
        let step = path.file_name().and_then(|name| checkpoint::step_of(name.to_str()?));
        let (root, which) = match (step, path.ancestors().nth(2)) {
            (Some(step), Some(run)) if path.is_file() => (run.to_owned(), Which::Step(step)),
            _ => (path, Which::Latest),
        };
        let folder = RunFolder::open(root)?;
        let config = trained::configuration(&folder)?;
        let (_, path, file) = trained::find(&folder, which, &mut Vec::new())?;
        softreg_train::checkpoint::check_split(&file, &config)
            .with_context(|| folder.root().display().to_string())?;
        Ok(Self { folder, config, path, file })
    }

    /// What a configuration begins with, where that is no new networks.
    pub(crate) fn of(config: &RunConfig) -> anyhow::Result<Option<Self>> {
        config.network.from.as_deref().map(Self::named).transpose()
    }

    /// The checkpoint: where the run is trained on this stays the same one, or is no longer there.
    pub(crate) fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether its generator is self-modulated.
    pub(crate) fn self_modulation(&self) -> bool {
        self.config.network.self_modulation()
    }

    /// Gives a configuration the networks' shape.
    pub(crate) fn shape_of(&self, config: &mut RunConfig) {
        config.data.size.clone_from(&self.config.data.size);
        config.data.channels = self.config.data.channels;
        config.network = Network {
            average_half_life: config.network.average_half_life,
            from: config.network.from.take(),
            self_modulation: Some(self.self_modulation()),
            ..self.config.network.clone()
        };
    }

    /// Refuses to begin a run on `pictures` with these networks where they are of another shape, or have seen what it holds out.
    pub(crate) fn check(&self, checked: &Checked, pictures: &Collection) -> anyhow::Result<()> {
        self.fits(checked.shape())?;
        self.check_seen(checked.config(), pictures)
    }

    /// The networks themselves.
    pub(crate) fn start(self) -> Start {
        Start { path: self.path, file: self.file, config: self.config }
    }

    fn fits(&self, ours: &Shape) -> anyhow::Result<()> {
        let classes = match self.config.network.conditional {
            true => trained::labels(&self.folder)?.len(),
            false => 0,
        };
        let theirs = trained::shape(&self.config, classes)?;
        if theirs == *ours {
            return Ok(());
        }
        Err(usage(format!(
            "the networks of {} are {}, but this run needs {}: with --from RUN, leave out size and network so that they are taken from it",
            self.folder.root().display(),
            said(&theirs),
            said(ours),
        )))
    }

    /// Whether they have learned from these very pictures.
    pub(crate) fn has_learned(&self, pictures: &Collection) -> anyhow::Result<bool> {
        Ok(self.file.text("pictures")? == pictures.fingerprint)
    }

    /// Refuses networks that have learned from the same pictures what a configuration holds out of them.
    pub(crate) fn check_seen(
        &self,
        config: &RunConfig,
        pictures: &Collection,
    ) -> anyhow::Result<()> {
        match self.has_learned(pictures)? {
            true => self.has_not_seen(config, pictures),
            false => Ok(()),
        }
    }

    /// Refuses networks that have learned what a run on the same pictures holds out, or what a twin is to differ in.
    fn has_not_seen(&self, config: &RunConfig, pictures: &Collection) -> anyhow::Result<()> {
        let seen: BTreeSet<usize> = self.config.parts(pictures).0.into_iter().collect();
        let (training, held_out) = pictures.split(config.data.validation, config.seed);
        let earlier = self.folder.root().display();
        let known = held_out.iter().filter(|index| seen.contains(index)).count();
        if known > 0 {
            let all = held_out.len();
            let way_out = match self.config.data.validation {
                0.0 => "it held out none: set data.validation=0, or start from other networks"
                    .to_owned(),
                share => format!(
                    "hold out the same pictures with --seed {} --set data.validation={share}",
                    self.config.seed
                ),
            };
            return Err(usage(format!(
                "{earlier} was trained on {known} of the {all} pictures held out here, so measuring on them would prove nothing: {way_out}"
            )));
        }
        let replaced = config.data.replaced.and_then(|number| training.get(number));
        match replaced.filter(|index| seen.contains(index)) {
            Some(_) => Err(usage(format!(
                "{earlier} was trained on the picture that data.replaced removes, so its networks have already seen it: start from other networks"
            ))),
            None => Ok(()),
        }
    }
}

/// A shape in words.
fn said(shape: &Shape) -> String {
    let (network, geometry) = (shape.architecture.name(), shape.geometry);
    let labels = match shape.classes {
        Some(classes) => format!("{classes} labels"),
        None => "no labels".to_owned(),
    };
    let modulation = if shape.self_modulation { "" } else { "out" };
    format!(
        "{network} of width {} with{modulation} self-modulation, {} latent values, {labels}, {}x{} pictures with {} channels",
        shape.width,
        shape.latent,
        geometry.width(),
        geometry.height(),
        shape.channels,
    )
}
