//! How pictures are measured, for every command that measures: against what, by which features, how many.

use crate::command::listed;
use crate::failure::usage;
use anyhow::Context;
use burn::tensor::Device;
use clap::Args;
use serde::{Deserialize, Serialize};
use softreg_feature::{DEFINITIONS, Definition, Extractor};
use softreg_image::LoadOptions;
use softreg_image::fetch::DATA_SETS;
use softreg_metric::protocol::{METRICS, MetricEntry, Quantity};
use std::path::PathBuf;

/// The protocol of a measurement.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
pub(crate) struct Protocol {
    /// Real pictures to compare with [default: those the run held out]
    #[arg(long, value_name = "PICTURES", help_heading = "Measures")]
    pub(super) reference: Option<String>,
    /// Skip the first COUNT reference pictures
    #[arg(
        long,
        value_name = "COUNT",
        help_heading = "Measures",
        default_value_t = 0,
        requires = "reference"
    )]
    pub(super) reference_skip: usize,
    /// Use at most this many reference pictures
    #[arg(long, value_name = "COUNT", help_heading = "Measures", requires = "reference",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) reference_limit: Option<u64>,
    #[arg(long, value_name = "NAME|FILE", help_heading = "Measures", default_value = "randconv",
        help = format!("Features: {}; or a definition (.toml) or weights (.safetensors, .pth)",
            listed(DEFINITIONS.iter().map(|(name, _)| *name))))]
    pub(super) features: String,
    /// Weights of the feature network (.safetensors, .pth)
    #[arg(long, value_name = "FILE", help_heading = "Measures")]
    pub(super) weights: Option<PathBuf>,
    /// Number of pictures to generate, or to use from a folder [default: 5000, or the whole folder]
    #[arg(long, value_name = "COUNT", help_heading = "Measures")]
    pub(super) count: Option<usize>,
}

/// What `--metric` says for every measure.
pub(crate) const ALL: &str = "all";
/// Most generated pictures: they are held in memory.
const MOST: usize = 100_000;

impl Protocol {
    /// Every option: what goes on with something that was begun takes none of them.
    pub(super) const OPTIONS: [&'static str; 6] =
        ["reference", "reference_skip", "reference_limit", "features", "weights", "count"];

    /// Refuses numbers out of range.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match self.count.filter(|count| !(2..=MOST).contains(count)) {
            None => Ok(()),
            Some(count) => Err(usage(format!("--count is {count}: it must be from 2 to {MOST}"))),
        }
    }

    /// Refuses a reference that is not there.
    pub(super) fn check_reference(&self) -> anyhow::Result<()> {
        let size = |spec: &String| softreg_image::native_size(spec, &LoadOptions::default());
        self.reference.as_ref().map(size).transpose().context("--reference")?;
        Ok(())
    }

    /// Which of the pictures to compare with, where not all.
    pub(super) fn part_of_reference(&self) -> String {
        match (self.reference_skip, self.reference_limit) {
            (0, None) => String::new(),
            (0, Some(limit)) => format!(", the first {limit}"),
            (skip, None) => format!(", without the first {skip}"),
            (skip, Some(limit)) => format!(", {limit} after the first {skip}"),
        }
    }

    /// The pictures to compare with; where there are none, those that a run held out.
    pub(super) fn reference_name(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Whether nothing is said about the pictures to compare with.
    pub(super) fn leaves_reference_to_the_run(&self) -> bool {
        self.reference.is_none() && self.reference_skip == 0 && self.reference_limit.is_none()
    }

    /// The features.
    pub(super) fn features_name(&self) -> &str {
        &self.features
    }

    /// The features, with the weights that were named.
    pub(super) fn extractor(&self, device: &Device) -> anyhow::Result<Extractor> {
        extractor(&self.features, self.weights.as_ref(), device)
    }

    /// How the reference pictures are to be read.
    pub(super) fn reference_of(&self, options: LoadOptions) -> LoadOptions {
        let limit = self.reference_limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        LoadOptions { skip: self.reference_skip, limit, ..options }
    }

    /// Paths that hold from any folder.
    pub(super) fn absolute(mut self) -> Self {
        self.reference = self.reference.map(|spec| softreg_image::absolute(&spec));
        self.features = absolute_features(&self.features);
        self.weights = self.weights.map(|path| dunce::canonicalize(&path).unwrap_or(path));
        self
    }

    /// The same on a command line.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let of = |name: &str, value: Option<String>| value.map(|v| [format!("--{name}"), v]);
        let number = |number: usize| Some(number.to_string());
        [
            of("reference", self.reference.clone()),
            of("reference-skip", number(self.reference_skip).filter(|_| self.reference_skip > 0)),
            of("reference-limit", self.reference_limit.map(|limit| limit.to_string())),
            of("features", Some(self.features.clone())),
            of("weights", self.weights.as_ref().map(|path| path.display().to_string())),
            of("count", self.count.and_then(number)),
        ]
        .into_iter()
        .flatten()
        .flatten()
        .collect()
    }
}

/// Features by name or file, with the weights that were named.
pub(crate) fn extractor(
    features: &str,
    weights: Option<&PathBuf>,
    device: &Device,
) -> anyhow::Result<Extractor> {
    let definition = Definition::find(features).map_err(|error| match error {
        softreg_feature::Error::Unknown { .. } => usage(error.to_string()),
        other => other.into(),
    })?;
    let definition = match weights {
        None => definition,
        Some(path) => definition
            .with_weights(path.clone())
            .map_err(|error| usage(format!("--weights: {error}")))?,
    };
    let set = DATA_SETS.iter().find(|set| set.weights_of == Some(definition.name.as_str()));
    Extractor::new(definition, device).map_err(|error| match (&error, set) {
        (softreg_feature::Error::NoWeights { .. }, Some(set)) => {
            usage(format!("{error}; to download them: softreg data fetch {}", set.name))
        }
        (softreg_feature::Error::NoWeights { .. }, None) => usage(error.to_string()),
        _ => error.into(),
    })
}

/// Features whose file is found from any folder; the name of ready-made ones stays.
pub(super) fn absolute_features(features: &str) -> String {
    let path = match DEFINITIONS.iter().any(|(name, _)| *name == features) {
        true => None,
        false => dunce::canonicalize(features).ok(),
    };
    path.map_or_else(|| features.to_owned(), |path| path.display().to_string())
}

/// The measures that a list with commas names, each with the quantities to show.
pub(super) fn chosen(list: &str) -> anyhow::Result<Vec<(&'static MetricEntry, Vec<&'static str>)>> {
    let all = |metric: &'static MetricEntry| -> Vec<&'static str> {
        metric.quantities.iter().map(|quantity| quantity.name).collect()
    };
    if list == ALL {
        return Ok(METRICS.iter().map(|metric| (metric, all(metric))).collect());
    }
    let mut chosen: Vec<(&'static MetricEntry, Vec<&'static str>)> = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let whole = METRICS.iter().find(|metric| metric.name == name);
        let found = whole.map(|metric| (metric, all(metric))).or_else(|| {
            let holds = |metric: &&MetricEntry| all_names(metric).any(|n| n == name);
            let metric = METRICS.iter().find(holds)?;
            Some((metric, all_names(metric).filter(|n| *n == name).collect()))
        });
        let (metric, wanted) = found.ok_or_else(|| {
            let names = || METRICS.iter().flat_map(|m| std::iter::once(m.name).chain(all_names(m)));
            let nearest = softreg::spec::did_you_mean(name, names());
            let groups = listed(METRICS.iter().map(|metric| metric.name));
            usage(format!("there is no measure `{name}`{nearest}: choose from all, {groups}"))
        })?;
        match chosen.iter_mut().find(|(there, _)| there.name == metric.name) {
            Some((_, there)) => there.extend(wanted),
            None => chosen.push((metric, wanted)),
        }
    }
    if chosen.is_empty() {
        return Err(usage("--metric is empty: write all, or comma-separated names"));
    }
    Ok(chosen)
}

/// The quantities that a list with commas names: each by itself, or all of a measure.
pub(super) fn quantities(list: &str) -> anyhow::Result<Vec<&'static Quantity>> {
    let all = || METRICS.iter().flat_map(|metric| metric.quantities);
    let mut found: Vec<&'static Quantity> = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let one: Vec<&'static Quantity> = match all().find(|quantity| quantity.name == name) {
            Some(quantity) => vec![quantity],
            None => {
                let wanted: Vec<&str> = chosen(name)?.into_iter().flat_map(|(_, q)| q).collect();
                all().filter(|quantity| wanted.contains(&quantity.name)).collect()
            }
        };
        for quantity in one {
            if found.iter().all(|there| there.name != quantity.name) {
                found.push(quantity);
            }
        }
    }
    match found.is_empty() {
        true => Err(usage("--metric is empty: write all, or comma-separated names")),
        false => Ok(found),
    }
}

fn all_names(metric: &MetricEntry) -> impl Iterator<Item = &'static str> + use<> {
    metric.quantities.iter().map(|quantity| quantity.name)
}
