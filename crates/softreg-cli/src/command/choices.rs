//! What a run can be told on the command line, for every command that needs to know a whole run.

use crate::command::listed;
use crate::failure::usage;
use crate::origin::Origin;
use crate::{backend, cache, recipe};
use clap::Args;
use softreg::adversarial::LOSSES;
use softreg::augment::AUGMENTATIONS;
use softreg::registry::REGULARIZERS;
use softreg::spec;
use softreg_image::fetch::DATA_SETS;
use softreg_image::{Collection, LoadOptions, Size};
use softreg_net::Geometry;
use softreg_net::architecture::ARCHITECTURES;
use softreg_net::geometry::GeometryError;
use softreg_run::claim;
use softreg_train::RunConfig;
use softreg_train::config::{Checked, ConfigError, parse};
use std::collections::BTreeSet;
use std::path::Path;

/// The configuration of a run: a recipe, and what differs from it.
#[derive(Debug, Args)]
pub(super) struct Choices {
    /// A folder or zip of pictures, a sprite sheet (sheet:16x16:FILE), CIFAR-10 .bin or IDX files, or `motif`
    #[arg(value_name = "PATH")]
    source: Option<String>,
    /// A recipe by name (see: softreg list recipes) or a configuration file
    #[arg(long, value_name = "NAME|FILE", default_value = "default")]
    recipe: String,
    /// Picture size: auto, 32 or 48x64 (width x height)
    #[arg(long, value_name = "SIZE", help_heading = "Pictures")]
    size: Option<String>,
    /// Channels: auto, grey, rgb, or rgba to keep transparency
    #[arg(long, value_name = "CHANNELS", help_heading = "Pictures")]
    channels: Option<String>,
    /// Pictures of another shape: crop, pad or stretch
    #[arg(long, value_name = "FIT", help_heading = "Pictures")]
    fit: Option<String>,
    /// Use only the first pictures
    #[arg(long, value_name = "COUNT", help_heading = "Pictures")]
    limit: Option<usize>,
    /// Mirror half of the pictures left to right
    #[arg(long, help_heading = "Pictures")]
    flip: bool,
    /// Learn the labels too (class folders), and generate by label
    #[arg(long, help_heading = "Networks")]
    conditional: bool,
    /// Begin with the networks of an earlier run in place of new ones; size, channels and network are that run's
    #[arg(long, value_name = "RUN", help_heading = "Networks")]
    from: Option<String>,
    #[arg(long, value_name = "NAME", help_heading = "Networks",
        help = format!("Generator and critic: {}", listed(ARCHITECTURES.iter().map(|a| a.name))))]
    network: Option<String>,
    /// Feature maps next to the picture; cost grows with its square
    #[arg(long, value_name = "MAPS", help_heading = "Networks")]
    width: Option<usize>,
    #[arg(long, value_name = "NAME", help_heading = "Training",
        help = format!("Adversarial loss: {}", listed(LOSSES.iter().map(|l| l.name()))))]
    loss: Option<String>,
    #[arg(long = "reg", value_name = "NAME=WEIGHT", help_heading = "Training",
        help = format!("Regularizer, NAME or NAME=WEIGHT[,SETTING=VALUE]: {}; or a composition, 'noise(0.05) l2 slope real weight=0.1'; may be repeated; weight 0 takes one out, none takes all out", listed(REGULARIZERS.iter().map(|r| r.name))))]
    regularizers: Vec<String>,
    #[arg(long, value_name = "LIST", help_heading = "Training",
        help = format!("Differentiable augmentation, several with commas: {}; or none", listed(AUGMENTATIONS.iter().map(|a| a.name()))))]
    augment: Option<String>,
    /// Pictures per step
    #[arg(long, value_name = "COUNT", help_heading = "Training")]
    batch: Option<usize>,
    /// Fixes every random draw
    #[arg(long, value_name = "NUMBER", help_heading = "Training")]
    seed: Option<u64>,
    /// Stop after so many steps
    #[arg(long, value_name = "COUNT", help_heading = "Stop (the first that holds)")]
    steps: Option<u64>,
    /// Stop after so many pictures, repeats counted
    #[arg(long, value_name = "COUNT", help_heading = "Stop (the first that holds)")]
    images: Option<u64>,
    /// Stop after so many minutes of training
    #[arg(long, value_name = "MINUTES", help_heading = "Stop (the first that holds)")]
    minutes: Option<f64>,
    /// Any key of the configuration, SECTION.KEY=VALUE; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,
    /// Worker threads [default: one per core; one per graphics processor; one for each of several processes or of
    /// trials side by side]
    #[arg(long, value_name = "COUNT", help_heading = "Machine")]
    threads: Option<usize>,
}

impl Choices {
    /// Every option: what goes on with something that was begun takes none of them.
    pub(super) const OPTIONS: [&'static str; 21] = [
        "source",
        "recipe",
        "size",
        "channels",
        "fit",
        "limit",
        "flip",
        "conditional",
        "from",
        "network",
        "width",
        "loss",
        "regularizers",
        "augment",
        "batch",
        "seed",
        "steps",
        "images",
        "minutes",
        "assignments",
        "threads",
    ];

    /// The recipe that was asked for, for the networks that were asked for.
    pub(super) fn recipe(&self) -> anyhow::Result<RunConfig> {
        let mut config = recipe::read(&self.recipe)?;
        if let Some(earlier) = &self.from {
            let networks = Origin::named(earlier)?;
            networks.shape_of(&mut config);
            config.network.from = Some(networks.path());
        }
        Ok(config)
    }

    /// Any key, as it was set.
    pub(super) fn assignments(&self) -> &[String] {
        &self.assignments
    }

    /// A recipe with everything from the command line on top.
    pub(super) fn over(&self, mut config: RunConfig) -> anyhow::Result<RunConfig> {
        let set = |target: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                target.clone_from(value);
            }
        };
        set(&mut config.data.source, &self.source);
        set(&mut config.data.size, &self.size);
        set(&mut config.training.loss, &self.loss);
        config.data.limit = self.limit.or(config.data.limit);
        config.data.flip |= self.flip;
        config.network.conditional |= self.conditional;
        config.network.width = self.width.unwrap_or(config.network.width);
        config.training.batch = self.batch.unwrap_or(config.training.batch);
        config.training.threads = self.threads.unwrap_or(config.training.threads);
        config.seed = self.seed.unwrap_or(config.seed);
        for (key, value) in [
            ("network.architecture", &self.network),
            ("data.channels", &self.channels),
            ("data.fit", &self.fit),
        ] {
            if let Some(value) = value {
                config = parse::set(&config, &format!("{key}={value}"))?;
            }
        }
        if let Some(list) = &self.augment {
            let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
            let names: Vec<String> = names.map(str::to_owned).collect();
            config.training.augment = match names.iter().any(|name| name == "none") {
                true if names.len() > 1 => {
                    return Err(usage(format!(
                        "--augment {list}: none stands alone, or is left out"
                    )));
                }
                true => Vec::new(),
                false => names,
            };
        }
        let mut given = BTreeSet::new();
        for text in &self.regularizers {
            if text == "none" {
                given.clear();
                config.regularizers.clear();
                continue;
            }
            add_regularizer(&mut config, &mut given, text)?;
        }
        let mut config = self.stop(config);
        for assignment in &self.assignments {
            config = parse::set(&config, assignment)?;
        }
        Ok(config)
    }

    /// Says that the recipe needs pictures, where none are named and it has none of its own.
    pub(super) fn check_source(&self, config: &RunConfig) -> anyhow::Result<()> {
        let named = &config.data.source;
        let own = recipe::RECIPES.iter().find(|recipe| recipe.name == self.recipe);
        let own =
            own.filter(|recipe| recipe::read(recipe.name).is_ok_and(|of| of.data.source == *named));
        let there = softreg_image::is_built_in(named) || Path::new(named).exists();
        let (None, Some(recipe), false) = (&self.source, own, there) else { return Ok(()) };
        let fetched = match DATA_SETS.iter().find(|set| set.name == recipe.name) {
            Some(set) => format!(", or bring those of the recipe: softreg data fetch {}", set.name),
            None => String::new(),
        };
        Err(usage(format!(
            "the recipe {0} leaves the pictures to you: name a folder or zip, as in softreg train my-pictures/ --recipe {0}{fetched}",
            recipe.name
        )))
    }

    /// A stop condition on the command line replaces those of the recipe.
    pub(super) fn stop(&self, mut config: RunConfig) -> RunConfig {
        let stop = &mut config.stop;
        if self.steps.is_some() || self.images.is_some() || self.minutes.is_some() {
            (stop.steps, stop.images, stop.minutes) = (self.steps, self.images, self.minutes);
        }
        config
    }
}

/// Adds a regularizer to a configuration, or puts it in the place of one of its name; `given` are the compositions that were
/// added before, of which none may be lost.
pub(super) fn add_regularizer(
    config: &mut RunConfig,
    given: &mut BTreeSet<String>,
    text: &str,
) -> anyhow::Result<()> {
    let (name, spec) = spec::parse(text).map_err(ConfigError::from)?;
    if spec.settings.contains_key("pairing") && !given.insert(name.clone()) {
        return Err(usage(format!(
            "`{text}` would take the place of another composition that is called `{name}` too: give it a name of its own, name=…"
        )));
    }
    config.regularizers.insert(name, spec);
    Ok(())
}

/// A configuration checked for its pictures, and those. `note` tells what a person should know.
pub(super) fn with_pictures(
    mut config: RunConfig,
    note: &mut dyn FnMut(&str),
) -> anyhow::Result<(Checked, Collection)> {
    let source = &config.data.source;
    if softreg_image::is_built_in(source) && Path::new(source).is_dir() {
        note(&format!(
            "note: `{source}` is the built-in collection; the folder of that name is ./{source}"
        ));
    }
    let mut options = config.load_options()?;
    if options.size.is_none() {
        options.size = size_for(&config.data.source, &options, note)?;
    }
    let pictures = cache::pictures(&config.data.source, &options)?;
    // A run may be resumed from another folder.
    config.data.source = softreg_image::absolute(&config.data.source);
    if let Some(origin) = Origin::of(&config)? {
        config.network.from = Some(origin.path());
    }
    config.validation.features = super::protocol::absolute_features(&config.validation.features);
    config.settle(&pictures, backend::cores());
    let checked = config.check(&pictures)?;
    // Networks that do not fit are refused before anything is written.
    if let Some(origin) = Origin::of(checked.config())? {
        origin.check(&checked, &pictures)?;
        if checked.config().data.validation > 0.0 && !origin.has_learned(&pictures)? {
            note(
                "note: the earlier run learned from another collection: whether pictures that are held out here are in it is not known",
            );
        }
    }
    Ok((checked, pictures))
}

/// The size of the pictures where a network can make it, else the nearest one that it can.
fn size_for(
    source: &str,
    options: &LoadOptions,
    note: &mut dyn FnMut(&str),
) -> anyhow::Result<Option<Size>> {
    let native = softreg_image::native_size(source, options)?;
    let nearest = nearest_size(native);
    if nearest != native {
        note(&format!(
            "note: no network makes {native}, training at the nearest size {nearest}; choose another with --size"
        ));
    }
    Ok(Some(nearest))
}

/// A size itself where a network can make it, else the nearest one that it can.
pub(super) fn nearest_size(native: Size) -> Size {
    match Geometry::new(native.width() as usize, native.height() as usize) {
        Err(GeometryError::Indivisible { near_width, near_height, .. }) => {
            Size::new(near_width as u32, near_height as u32).unwrap_or(native)
        }
        _ => native,
    }
}

/// The name of a folder after its pictures: `pictures/cats.zip` → `cats`.
pub(super) fn stem(source: &str) -> String {
    let name = Path::new(source).file_stem().and_then(|s| s.to_str()).unwrap_or("run");
    claim::stem(name.split(':').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::protocol::Protocol;

    #[test]
    fn every_option_is_known_as_one() {
        use clap::Command;
        fn names<A: Args>() -> Vec<String> {
            let command = A::augment_args(Command::new("x"));
            command.get_arguments().map(|option| option.get_id().to_string()).collect()
        }
        assert_eq!(names::<Choices>(), Choices::OPTIONS);
        assert_eq!(names::<Protocol>(), Protocol::OPTIONS);
    }
}
