//! `softreg evaluate`: how good, how diverse and how original generated pictures are.

mod copies_sheet;
mod report;
mod subject;

use super::protocol::{self, Protocol};
use super::target;
use crate::backend;
use crate::command::listed;
use crate::failure::usage;
use crate::feature_cache::FeatureCache;
use crate::terminal::{line_to_stderr, line_to_stdout};
use crate::trained::Which;
use anyhow::Context;
use clap::Args;
use report::Measured;
use softreg_feature::Definition;
use softreg_metric::protocol::{METRICS, MetricEntry, Sets, result_name};
use softreg_metric::{Copies, Error, Features, Pictures};
use softreg_run::atomic;
use std::path::{Path, PathBuf};
use std::time::Instant;
use subject::{Set, Subject};

/// Measure a generator, or pictures, against real pictures.
///
/// A run is compared with the pictures it held out (data.validation), or with others named by
/// --reference. Values come with 95 % intervals, and their names encode the protocol: fd5k_randconv
/// is a Fréchet distance of 5,000 generated pictures on the features `randconv`.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:
  softreg evaluate runs/motif-001                         against the held-out pictures
  softreg evaluate runs/art-001 --reference more-art/
  softreg evaluate my-generated/ --reference my-pictures/ --json
  softreg evaluate runs/a-001 --features resnet56.safetensors --metric fd,coverage
  softreg evaluate runs/a-001 --reference data_batch_1.bin --reference-skip 5000"
)]
pub(crate) struct Evaluate {
    /// Run folder, or pictures: a folder, zip or data file
    #[arg(value_name = "RUN|PICTURES")]
    what: String,
    #[command(flatten)]
    protocol: Protocol,
    /// Training pictures, to look for copies of [default: those of the run]
    #[arg(long, value_name = "PICTURES")]
    training: Option<String>,
    #[arg(long, value_name = "LIST", default_value = "all",
        help = format!("Measures, comma-separated: {}; or a single value such as coverage",
            listed(METRICS.iter().map(|metric| metric.name))))]
    metric: String,
    /// Checkpoint to use: latest, best (by the validation measure) or a step
    #[arg(long, value_name = "WHICH", default_value = "latest")]
    checkpoint: Which,
    /// Seed for the generated pictures and all random draws of the measures
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Write the generated pictures most similar to a training picture, side by side with it (.png)
    /// [default: RUN/copies.png if copies are looked for]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    sheet: Option<PathBuf>,
    /// Write the results, with everything needed to reproduce them (.json) [default:
    /// RUN/evaluation.json if everything is measured]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace existing files of --sheet and --out
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print the results as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Device to compute on
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Machine")]
    device: String,
}

/// Pictures below which those that are compared with say little by their neighbourhoods.
const FEW: usize = 200;

impl Evaluate {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let chosen = protocol::chosen(&self.metric)?;
        self.protocol.check()?;
        for (name, path, ending) in [("--sheet", &self.sheet, "png"), ("--out", &self.out, "json")]
        {
            if let Some(path) = path {
                target::check(name, path, &[ending], self.force)?;
            }
        }
        let device = backend::device(&self.device)?.device;
        let start = Instant::now();
        let extractor = self.protocol.extractor(&device)?;
        let subject = Subject::open(&self, &device)?;
        let count = |set: &Set| set.pictures().len();
        let (few, many) = (count(&subject.reference), count(&subject.generated));
        let near = |(metric, _): &(&MetricEntry, _)| {
            metric.quantities.iter().any(|q| q.name == "coverage")
        };
        if few < FEW && few < many && chosen.iter().any(near) {
            line_to_stderr(&format!(
                "note: with only {few} reference pictures, {many} pictures cover nearly everything, whatever they are: compare equal numbers with --count {few}, hold out more, or look at fd and kd"
            ));
        }
        let cache = FeatureCache::of_user();
        let of = |set: &Set| cache.features(&extractor, &set.pictures());
        let reference =
            of(&subject.reference).context("cannot extract features of the reference pictures")?;
        // Generated pictures are new ones nearly always: nothing to gain from keeping their features.
        let generated = extractor
            .features(&subject.generated.pictures())
            .context("cannot extract features of the generated pictures")?;
        let looks_for_copies =
            self.sheet.is_some() || chosen.iter().any(|(metric, _)| metric.name == "copies");
        let copies = match subject.training.as_ref().filter(|_| looks_for_copies) {
            None => None,
            Some(training) => {
                let mut views =
                    vec![of(training).context("cannot extract features of the training pictures")?];
                if subject.mirrored {
                    let (pictures, pixels) = (training.pictures(), training.pictures().mirrored());
                    let turned = Pictures { pixels: &pixels, ..pictures };
                    let turned = cache.features(&extractor, &turned);
                    views
                        .push(turned.context(
                            "cannot extract features of the mirrored training pictures",
                        )?);
                }
                let views: Vec<&Features> = views.iter().collect();
                let held_out = subject.held_out.then_some(&reference);
                Some(Copies::detect(&views, held_out, &generated))
            }
        };
        let path = match chosen.iter().any(|(metric, _)| metric.name == "ppl") {
            true => subject.path(&extractor, self.seed)?,
            false => None,
        };
        let sets = Sets {
            generated: (subject.generated.pictures(), &generated),
            reference: (subject.reference.pictures(), &reference),
            labels: subject.reference.labels.as_deref(),
            stacked: subject.reference.stacked,
            path: path.as_ref().map(|ends| ends.each_ref()),
            copies: copies.as_ref(),
            logits: extractor.definition().layer.starts_with("logits"),
            seed: self.seed,
        };
        let mut results = Vec::new();
        for (metric, wanted) in chosen {
            self.measure(metric, &wanted, &sets, extractor.definition(), &mut results)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let report = report::json(&results, &extractor, &subject, sets.copies, self.seed, seconds);
        let own = |name: &str| subject.run.as_ref().map(|run| run.root().join(name));
        let sheet_path = self.sheet.clone().or_else(|| own("copies.png"));
        let sheet = match (&copies, &subject.training, sheet_path) {
            (Some(Ok(copies)), Some(training), Some(path)) => {
                Some((path, copies_sheet::draw(copies, &subject.generated, training)?))
            }
            _ if self.sheet.is_some() => {
                return Err(usage(
                    "--sheet shows pictures next to training pictures, but these are unknown or too few: name them with --training",
                ));
            }
            _ => None,
        };
        // What measures only a part does not replace what measured all.
        let own_report = || own("evaluation.json").filter(|_| self.measures_all());
        let out = self.out.clone().or_else(own_report);
        // First of all what was computed is told: perhaps nothing can be written there.
        match self.json {
            true => line_to_stdout(&serde_json::to_string_pretty(&report)?)?,
            false => {
                line_to_stdout(report::table(&results).to_string().trim_end())?;
                line_to_stdout(&report::sides(&subject))?;
            }
        }
        if let Some((path, drawn)) = &sheet {
            let written = atomic::write(path, drawn);
            let what = "Most similar to training pictures";
            self.tell(what, path, self.sheet.is_some(), written)?;
        }
        if let Some(path) = &out {
            self.tell("Results", path, self.out.is_some(), atomic::write_json(path, &report))?;
        }
        Ok(())
    }

    /// Says where something was written; where it could not be, that is an error only if the file was asked for.
    fn tell(
        &self,
        what: &str,
        path: &Path,
        asked: bool,
        written: softreg_run::Result<()>,
    ) -> anyhow::Result<()> {
        match written {
            Ok(()) if self.json => Ok(()),
            Ok(()) => Ok(line_to_stdout(&format!("{what}: {}", path.display()))?),
            Err(error) if asked => Err(error.into()),
            Err(error) => {
                line_to_stderr(&format!("note: {error}"));
                Ok(())
            }
        }
    }

    fn measures_all(&self) -> bool {
        self.metric == protocol::ALL
    }

    fn measure(
        &self,
        metric: &'static MetricEntry,
        wanted: &[&str],
        sets: &Sets<'_>,
        definition: &Definition,
        results: &mut Vec<Measured>,
    ) -> anyhow::Result<()> {
        let explicit = !self.measures_all();
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
                let name = result_name(quantity.name, sets.count(quantity.counts), features);
                results.push(Measured { name, value, quantity });
            }
        }
        Ok(())
    }
}
