//! `softreg evaluate`: how good, how diverse and how original generated pictures are.

use crate::failure::usage;
use crate::feature_cache::FeatureCache;
use crate::terminal::{Row, Table, line_to_stderr, line_to_stdout};
use crate::trained::{self, Trained, Which};
use crate::{backend, command::listed};
use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};
use softreg::{Purpose, Seed};
use softreg_feature::{DEFINITIONS, Definition, Extractor};
use softreg_image::{Background, Channels, Collection, Fit, LoadOptions, Size};
use softreg_metric::protocol::{self, Better, METRICS, MetricEntry, Sets};
use softreg_metric::{Copies, Error, Interval, Pictures};
use softreg_net::latent;
use softreg_run::sheet::{Layout, contact_sheet_with};
use softreg_run::{Picture, RunFolder, atomic, encode_png};
use softreg_train::sample;
use std::path::PathBuf;
use std::time::Instant;

/// Measure a generator, or pictures, against real pictures.
///
/// A run is compared with the pictures that it held out (data.validation), or with others that
/// --reference names. Values come with 95 % intervals; their names say how they were taken:
/// fd5k_randconv is a Fréchet distance of 5,000 generated pictures on the features `randconv`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  softreg evaluate runs/motif-001                         against the pictures held out
  softreg evaluate runs/art-001 --reference more-art/
  softreg evaluate my-generated/ --reference my-pictures/ --json
  softreg evaluate runs/a-001 --features resnet56.safetensors --metric fd,coverage
  softreg evaluate runs/a-001 --reference data_batch_1.bin --reference-skip 5000")]
pub(crate) struct Evaluate {
    /// A run folder, or pictures: a folder, zip or data file
    #[arg(value_name = "RUN|PICTURES")]
    what: String,
    /// Real pictures to compare with [default: what the run held out]
    #[arg(long, value_name = "PICTURES")]
    reference: Option<String>,
    /// Leave out the first reference pictures
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    reference_skip: usize,
    /// Use only so many reference pictures
    #[arg(long, value_name = "COUNT")]
    reference_limit: Option<usize>,
    /// Pictures that were trained on, to look for copies [default: those of the run]
    #[arg(long, value_name = "PICTURES")]
    training: Option<String>,
    #[arg(long, value_name = "LIST", default_value = "all",
        help = format!("What to measure, several with commas: {}; or a single value such as coverage",
            listed(METRICS.iter().map(|metric| metric.name))))]
    metric: String,
    #[arg(long, value_name = "NAME|FILE", default_value = "randconv",
        help = format!("Features: {}; a definition (.toml) or weights (.safetensors)",
            listed(DEFINITIONS.iter().map(|(name, _)| *name))))]
    features: String,
    /// The weights of the feature network (.safetensors)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Pictures to generate, or to use of a folder [default: 5000, or all of a folder]
    #[arg(long, value_name = "COUNT")]
    count: Option<usize>,
    /// Which checkpoint: latest, best (by the validation measure) or a step
    #[arg(long, value_name = "WHICH", default_value = "latest")]
    checkpoint: Which,
    /// Fixes the generated pictures and all draws of the measures
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Write the pictures most like a training picture, side by side with it (.png) [default:
    /// RUN/copies.png]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    sheet: Option<PathBuf>,
    /// Write the results, and all that is needed to repeat them (.json) [default:
    /// RUN/evaluation.json]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Where to compute
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Machine")]
    device: String,
}

/// Generated pictures where no number is named.
const COUNT: usize = 5000;
/// Most generated pictures: they are held in memory.
const MOST: usize = 100_000;
/// Pairs on the sheet of copies.
const PAIRS: usize = 32;
/// Columns of that sheet: four pairs.
const COLUMNS: usize = 8;

/// Pictures of one size in memory, with what a result says of them.
struct Set {
    channels: usize,
    size: Size,
    pixels: Vec<u8>,
    labels: Option<Vec<usize>>,
    about: Value,
}

impl Set {
    fn of(
        pictures: &Collection,
        indices: impl Iterator<Item = usize>,
        source: &str,
        part: &str,
    ) -> Self {
        let indices: Vec<usize> = indices.collect();
        let labels = pictures
            .labels
            .as_ref()
            .map(|labels| indices.iter().map(|i| labels[*i] as usize).collect());
        Self {
            channels: pictures.channels,
            size: pictures.size,
            pixels: indices.iter().flat_map(|i| pictures.picture(*i)).copied().collect(),
            labels,
            about: json!({
                "source": source, "part": part, "count": indices.len(),
                "size": pictures.size.to_string(), "channels": pictures.channels,
                "fingerprint": pictures.fingerprint,
            }),
        }
    }

    fn whole(pictures: &Collection, source: &str) -> Self {
        Self::of(pictures, 0..pictures.len(), source, "all")
    }

    fn pictures(&self) -> Pictures<'_> {
        let (height, width) = (self.size.height() as usize, self.size.width() as usize);
        Pictures { channels: self.channels, height, width, pixels: &self.pixels }
    }
}

/// What is compared.
struct Subject {
    generated: Set,
    reference: Set,
    training: Option<Set>,
    held_out: bool,
    run: Option<RunFolder>,
}

impl Evaluate {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let chosen = self.chosen()?;
        if let Some(count) = self.count.filter(|count| !(2..=MOST).contains(count)) {
            return Err(usage(format!("--count is {count}: it must be from 2 to {MOST}")));
        }
        let device = backend::device(&self.device)?;
        let start = Instant::now();
        let mut definition = Definition::find(&self.features).map_err(|e| usage(e.to_string()))?;
        if self.weights.is_some() {
            definition.weights.clone_from(&self.weights);
        }
        let logits = definition.layer == "logits";
        let extractor = Extractor::new(definition, &device)?;
        let subject = match RunFolder::open(&self.what) {
            Ok(folder) => self.of_run(folder, &device)?,
            // A folder of pictures is no run; anything else wrong with a run is to be said.
            Err(softreg_run::Error::NotARun { .. } | softreg_run::Error::Io { .. }) => {
                self.of_pictures()?
            }
            Err(error) => return Err(error.into()),
        };
        let cache = FeatureCache::of_user();
        let of = |set: &Set| cache.features(&extractor, &set.pictures());
        let reference = of(&subject.reference).context("the reference pictures")?;
        let training =
            subject.training.as_ref().map(of).transpose().context("the training pictures")?;
        // Generated pictures are new ones nearly always: nothing to gain from keeping their features.
        let generated =
            extractor.features(&subject.generated.pictures()).context("the generated pictures")?;
        let sets = Sets {
            generated: (subject.generated.pictures(), &generated),
            reference: (subject.reference.pictures(), &reference),
            labels: subject.reference.labels.as_deref(),
            training: training.as_ref(),
            held_out: subject.held_out,
            logits,
            seed: self.seed,
        };
        let mut results = Vec::new();
        for (metric, wanted) in chosen {
            self.measure(metric, &wanted, &sets, extractor.definition(), &mut results)?;
        }
        let sheet = self.copies_sheet(&subject, &sets)?;
        let report = self.report(&results, &extractor, &subject, start.elapsed().as_secs_f64());
        let own = |name: &str| subject.run.as_ref().map(|run| run.root().join(name));
        let out = self.out.clone().or_else(|| own("evaluation.json"));
        if let Some(path) = &out {
            atomic::write_json(path, &report)?;
        }
        if self.json {
            return Ok(line_to_stdout(&serde_json::to_string_pretty(&report)?)?);
        }
        line_to_stdout(table(&results).to_string().trim_end())?;
        for (what, path) in [("Most like training pictures", &sheet), ("Results", &out)] {
            if let Some(path) = path {
                line_to_stdout(&format!("{what}: {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// The measures that were asked for, each with the quantities to show; all where none are named.
    fn chosen(&self) -> anyhow::Result<Vec<(&'static MetricEntry, Vec<&'static str>)>> {
        let all = |metric: &'static MetricEntry| -> Vec<&'static str> {
            metric.quantities.iter().map(|quantity| quantity.name).collect()
        };
        if self.metric == "all" {
            return Ok(METRICS.iter().map(|metric| (metric, all(metric))).collect());
        }
        let mut chosen: Vec<(&'static MetricEntry, Vec<&'static str>)> = Vec::new();
        for name in self.metric.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let whole = METRICS.iter().find(|metric| metric.name == name);
            let found = whole.map(|metric| (metric, all(metric))).or_else(|| {
                let holds = |metric: &&MetricEntry| all_names(metric).any(|n| n == name);
                let metric = METRICS.iter().find(holds)?;
                Some((metric, all_names(metric).filter(|n| *n == name).collect()))
            });
            let (metric, wanted) = found.ok_or_else(|| {
                let names =
                    || METRICS.iter().flat_map(|m| std::iter::once(m.name).chain(all_names(m)));
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
            return Err(usage("--metric names nothing: write all, or names with commas"));
        }
        Ok(chosen)
    }

    fn measure(
        &self,
        metric: &'static MetricEntry,
        wanted: &[&str],
        sets: &Sets<'_>,
        definition: &Definition,
        results: &mut Vec<Measured>,
    ) -> anyhow::Result<()> {
        let explicit = self.metric != "all";
        let left_out = |reason: String| match explicit {
            true => Err(anyhow::anyhow!("{} cannot be measured: {reason}", metric.title)),
            false => {
                line_to_stderr(&format!("note: no {}: {reason}", metric.title));
                Ok(())
            }
        };
        if let Some(reason) = (metric.lacks)(sets) {
            return left_out(reason.to_owned());
        }
        let values = match (metric.measure)(sets) {
            Ok(values) => values,
            Err(error @ (Error::TooFew { .. } | Error::TooSmall { .. })) => {
                return left_out(error.to_string());
            }
            Err(error) => return Err(error.into()),
        };
        let features = metric.of_features.then_some(definition.name.as_str());
        for (value, quantity) in values.into_iter().zip(metric.quantities) {
            if wanted.contains(&quantity.name) {
                let name = protocol::result_name(quantity.name, sets.generated.1.len(), features);
                results.push(Measured { name, value, quantity });
            }
        }
        Ok(())
    }

    fn of_run(&self, folder: RunFolder, device: &burn::tensor::Device) -> anyhow::Result<Subject> {
        let trained = Trained::open(&folder, self.checkpoint, device)?;
        for note in &trained.notes {
            line_to_stderr(&format!("note: {note}"));
        }
        let config = trained::configuration(&folder)?;
        let options = config.load_options()?;
        let source = &config.data.source;
        let own = softreg_image::open(source, &options)
            .context("the pictures of the run are needed to look for copies")?;
        let (training, held_out) = own.split(config.data.validation, config.seed);
        let (reference, is_held_out) = match &self.reference {
            Some(spec) => {
                // As large and of the same channels as the pictures of the run.
                let options = LoadOptions {
                    skip: self.reference_skip,
                    limit: self.reference_limit,
                    ..options
                };
                (Set::whole(&softreg_image::open(spec, &options)?, spec), true)
            }
            None if !held_out.is_empty() => {
                (Set::of(&own, held_out.into_iter(), source, "held out"), true)
            }
            None => {
                line_to_stderr(
                    "note: compared with the pictures that were trained on, where copies look good: hold some out with --set data.validation=0.2 when training, or name others with --reference",
                );
                (Set::of(&own, training.iter().copied(), source, "training"), false)
            }
        };
        let training = match &self.training {
            None => Set::of(&own, training.into_iter(), source, "training"),
            Some(spec) => Set::whole(
                &softreg_image::open(spec, &LoadOptions { limit: None, ..config.load_options()? })?,
                spec,
            ),
        };
        let count = self.count.unwrap_or(COUNT);
        let latents: Vec<f32> = (0..count)
            .flat_map(|i| {
                let mut rng = Seed(self.seed).rng(Purpose::Generate, i as u64);
                latent::draw(1, trained.latent(), None, &mut rng)
            })
            .collect();
        let classes = Some(trained.labels.len()).filter(|classes| *classes > 0);
        let labels = sample::labels_in_turn(count, classes);
        let made = trained.pictures(&latents, labels.as_deref());
        let generated = Set {
            channels: made.channels,
            size: own.size,
            labels: None,
            about: json!({
                "run": folder.root(), "step": trained.step, "seed": self.seed, "count": count,
            }),
            pixels: made.pixels,
        };
        Ok(Subject {
            generated,
            reference,
            training: Some(training),
            held_out: is_held_out,
            run: Some(folder),
        })
    }

    fn of_pictures(&self) -> anyhow::Result<Subject> {
        let Some(spec) = &self.reference else {
            // What is no run and no pictures either should be told so first.
            softreg_image::native_size(&self.what, &LoadOptions::default())?;
            return Err(usage(format!(
                "{} is no run folder, so that nothing is known to compare it with: name real pictures with --reference",
                self.what
            )));
        };
        let generated = LoadOptions { limit: self.count, ..LoadOptions::default() };
        let made = softreg_image::open(&self.what, &generated)?;
        let like_made = LoadOptions {
            size: Some(made.size),
            channels: match made.channels {
                1 => Channels::Grey,
                4 => Channels::Rgba,
                _ => Channels::Rgb,
            },
            fit: Fit::Crop,
            background: Background::default(),
            ..LoadOptions::default()
        };
        let options = LoadOptions {
            skip: self.reference_skip,
            limit: self.reference_limit,
            ..like_made.clone()
        };
        let reference = Set::whole(&softreg_image::open(spec, &options)?, spec);
        let training = self.training.as_ref().map(|spec| -> anyhow::Result<Set> {
            Ok(Set::whole(&softreg_image::open(spec, &like_made)?, spec))
        });
        let training = training.transpose()?;
        // Named beside the training pictures, the reference is another set.
        let held_out = training.is_some();
        Ok(Subject {
            generated: Set::whole(&made, &self.what),
            reference,
            training,
            held_out,
            run: None,
        })
    }

    /// Draws the worst pairs: generated left, training right.
    fn copies_sheet(&self, subject: &Subject, sets: &Sets<'_>) -> anyhow::Result<Option<PathBuf>> {
        let own = || subject.run.as_ref().map(|run| run.root().join("copies.png"));
        let Some(path) = self.sheet.clone().or_else(own) else { return Ok(None) };
        let copies: Option<Copies> = match protocol::copies(sets) {
            Err(Error::TooFew { .. }) => None,
            other => other?,
        };
        let (Some(copies), Some(training)) = (copies, &subject.training) else {
            return match self.sheet {
                Some(_) => Err(usage(
                    "--sheet shows pictures beside those trained on, and these are unknown or too few: name them with --training",
                )),
                None => Ok(None),
            };
        };
        let batch = |set: &Set, i: usize| -> anyhow::Result<Vec<u8>> {
            let area = set.channels * set.size.area();
            Ok(set.pixels[i * area..(i + 1) * area].to_vec())
        };
        let mut planes = Vec::new();
        for pair in copies.pairs.iter().take(PAIRS) {
            planes.push(batch(&subject.generated, pair.generated)?);
            planes.push(batch(training, pair.training)?);
        }
        let (height, width) = (training.size.height() as usize, training.size.width() as usize);
        let pictures: Vec<Picture<'_>> = planes
            .iter()
            .map(|planes| Picture::new(training.channels, height, width, planes))
            .collect::<Result<_, _>>()?;
        let layout = Layout { columns: Some(COLUMNS), ..Layout::default() };
        atomic::write(&path, &encode_png(&contact_sheet_with(&pictures, layout)?)?)?;
        Ok(Some(path))
    }

    /// Everything that is needed to repeat the measurement.
    fn report(
        &self,
        results: &[Measured],
        extractor: &Extractor,
        subject: &Subject,
        seconds: f64,
    ) -> Value {
        let definition = extractor.definition();
        let metrics: Map<String, Value> = results
            .iter()
            .map(|m| (m.name.clone(), json!({ "value": m.value.mean, "half": m.value.half })))
            .collect();
        json!({
            "softreg": env!("CARGO_PKG_VERSION"),
            "metrics": metrics,
            "interval": "value ± half is a 95 % interval; null where none is known",
            "features": { "definition": definition, "identity": extractor.identity() },
            "neighbours": softreg_metric::NEIGHBOURS,
            "generated": subject.generated.about,
            "reference": subject.reference.about,
            "training": subject.training.as_ref().map(|set| &set.about),
            "seed": self.seed,
            "seconds": seconds,
        })
    }
}

fn all_names(metric: &MetricEntry) -> impl Iterator<Item = &'static str> + use<> {
    metric.quantities.iter().map(|quantity| quantity.name)
}

/// One result.
struct Measured {
    name: String,
    value: Interval,
    quantity: &'static protocol::Quantity,
}

fn table(results: &[Measured]) -> Table {
    let row = |m: &Measured| {
        let better = match m.quantity.better {
            Better::Higher => "higher".to_owned(),
            Better::Lower => "lower".to_owned(),
            Better::Near(value) => format!("near {value}"),
            Better::UpTo(value) => format!("up to {value}"),
        };
        let half = m.value.half.map_or_else(String::new, |half| format!(" ± {}", digits(half)));
        Row {
            cells: vec![
                m.name.clone(),
                digits(m.value.mean),
                half,
                better,
                m.quantity.meaning.to_owned(),
            ],
            below: Vec::new(),
        }
    };
    Table {
        heads: ["MEASURE", "VALUE (95 %)", "BETTER", "MEANING"].map(str::to_owned).to_vec(),
        rows: results.iter().map(row).collect(),
    }
}

/// Four significant digits.
fn digits(value: f64) -> String {
    let size = value.abs().log10().floor();
    match value {
        0.0 => "0".to_owned(),
        _ if !(-4.0..6.0).contains(&size) => format!("{value:.3e}"),
        _ => format!("{value:.*}", (3.0 - size).max(0.0) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn numbers_have_four_digits() {
        let written = [0.0, 1234.56, 12.3456, -0.05, 0.000_012_34, 3e9].map(digits);
        assert_eq!(written, ["0", "1235", "12.35", "-0.05000", "1.234e-5", "3.000e9"]);
    }
}
