//! What is compared: generated pictures, real ones, and those that were trained on.

use super::Evaluate;
use crate::cache;
use crate::failure::usage;
use crate::terminal::line_to_stderr;
use crate::trained::{self, Trained, Which};
use anyhow::Context;
use burn::tensor::Device;
use serde_json::{Value, json};
use softreg::{Purpose, Seed};
use softreg_feature::Extractor;
use softreg_image::{Channels, Collection, LoadOptions, Size};
use softreg_metric::{Features, Pictures, path_length};
use softreg_run::RunFolder;
use softreg_train::sample;

/// Generated pictures where no number is named.
const COUNT: usize = 5000;
/// Steps along the latents of a path length.
const STEPS: usize = 500;

/// Pictures of one size in memory, with what a result says of them.
pub(super) struct Set {
    pub(super) channels: usize,
    pub(super) size: Size,
    pub(super) pixels: Vec<u8>,
    pub(super) labels: Option<Vec<usize>>,
    /// Kinds in a channel, where they are stacks of grey pictures.
    pub(super) stacked: Option<usize>,
    pub(super) about: Value,
}

impl Set {
    /// Some pictures of a collection.
    fn of(pictures: &Collection, indices: &[usize], source: &str, part: &str) -> Self {
        let label = |labels: &Vec<u32>| indices.iter().map(|i| labels[*i] as usize).collect();
        Self {
            channels: pictures.channels,
            size: pictures.size,
            pixels: pictures.pictures(indices),
            labels: pictures.labels.as_ref().map(label),
            stacked: softreg_image::stacked_kinds(source, pictures.classes.len()),
            about: json!({
                "source": source, "part": part, "count": indices.len(),
                "size": pictures.size.to_string(), "channels": pictures.channels,
                "fingerprint": pictures.fingerprint,
            }),
        }
    }

    /// All pictures of a source.
    fn open(source: &str, options: &LoadOptions) -> anyhow::Result<Self> {
        let pictures = cache::pictures(source, options)?;
        let all: Vec<usize> = (0..pictures.len()).collect();
        let mut set = Self::of(&pictures, &all, source, "all");
        if options.skip > 0 {
            set.about["skip"] = json!(options.skip);
        }
        Ok(set)
    }

    pub(super) fn pictures(&self) -> Pictures<'_> {
        let (height, width) = (self.size.height() as usize, self.size.width() as usize);
        Pictures { channels: self.channels, height, width, pixels: &self.pixels }
    }

    /// The bytes of one picture.
    pub(super) fn picture(&self, index: usize) -> &[u8] {
        let area = self.channels * self.size.area();
        &self.pixels[index * area..(index + 1) * area]
    }
}

/// What is compared.
pub(super) struct Subject {
    pub(super) generated: Set,
    pub(super) reference: Set,
    /// The pictures that were trained on, where they are known.
    pub(super) training: Option<Set>,
    /// Whether these were also shown mirrored.
    pub(super) mirrored: bool,
    /// Whether the reference was not trained on.
    pub(super) held_out: bool,
    /// The kinds of the pictures that a conditional run was trained on: as often each is generated.
    shown: Vec<u64>,
    /// The run, where there is one, and its generator.
    pub(super) run: Option<RunFolder>,
    pub(super) generator: Option<Trained>,
}

impl Subject {
    /// The features of pictures of neighbouring latents, of a generator.
    pub(super) fn path(
        &self,
        extractor: &Extractor,
        seed: u64,
    ) -> anyhow::Result<Option<[Features; 2]>> {
        let Some(trained) = &self.generator else { return Ok(None) };
        let mut rng = Seed(seed).rng(Purpose::Validation, 0);
        let classes = Some(trained.labels.len()).filter(|classes| *classes > 0);
        // Both ends of a step show the same kind.
        let mut draws = Seed(seed).named_rng(Purpose::Validation, 0, 0, "label");
        let labels = classes.map(|_| sample::labels_at_random(STEPS, &self.shown, &mut draws));
        let mut ends = [Vec::new(), Vec::new()];
        for _ in 0..STEPS {
            let step = path_length::neighbours(trained.latent(), &mut rng);
            ends.iter_mut().zip(step).for_each(|(end, latent)| end.extend(latent));
        }
        let size = [self.generated.size.height() as usize, self.generated.size.width() as usize];
        let [here, there] = ends.map(|latents| {
            let values = trained.values(&latents, labels.as_deref());
            extractor.features_of_floats(self.generated.channels, size, &values)
        });
        Ok(Some([here?, there?]))
    }

    /// Opens what was asked for.
    pub(super) fn open(request: &Evaluate, device: &Device) -> anyhow::Result<Self> {
        match RunFolder::open(&request.what) {
            Ok(folder) => Self::of_run(request, folder, device),
            // A folder of pictures is no run; anything else wrong with a run is to be said.
            Err(softreg_run::Error::NotARun { .. } | softreg_run::Error::Io { .. }) => {
                Self::of_pictures(request)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn of_run(request: &Evaluate, folder: RunFolder, device: &Device) -> anyhow::Result<Self> {
        let trained = Trained::open(&folder, request.checkpoint, device)?;
        for note in &trained.notes {
            line_to_stderr(&format!("note: {note}"));
        }
        let config = trained::configuration(&folder)?;
        let (options, source) = (config.load_options()?, config.data.source.as_str());
        // Others are brought to the size and the channels of the run.
        let others = LoadOptions { limit: None, ..options.clone() };
        let own = cache::pictures(source, &options).map_err(anyhow::Error::from).and_then(|own| {
            // Others would be held out now, and some of those were trained on.
            anyhow::ensure!(
                own.fingerprint == trained.pictures,
                "the pictures of {source} have changed since the run began"
            );
            if let Some(other) = &trained.other_split {
                anyhow::bail!("{other}");
            }
            Ok(own)
        });
        let (reference, training, held_out) = match own {
            Ok(own) => {
                let (training, held_out) = config.parts(&own);
                let part = |indices: &[usize], part: &str| Set::of(&own, indices, source, part);
                let reference = match &request.protocol.reference {
                    Some(spec) => Set::open(spec, &request.protocol.reference_of(others.clone()))?,
                    None if !held_out.is_empty() => {
                        if request.checkpoint == Which::Best {
                            line_to_stderr(
                                "note: the best checkpoint was chosen on these held-out pictures, so its values are optimistic: name others with --reference",
                            );
                        }
                        part(&held_out, "held out")
                    }
                    None => {
                        line_to_stderr(
                            "note: comparing with the training pictures, which makes copies look good: hold some out with --set data.validation=0.2 when training, or name others with --reference",
                        );
                        part(&training, "training")
                    }
                };
                let is_held_out = request.protocol.reference.is_some() || !held_out.is_empty();
                (reference, Some(part(&training, "training")), is_held_out)
            }
            Err(error) => match &request.protocol.reference {
                // The pictures of the run are wanted for the copies alone.
                Some(spec) => {
                    line_to_stderr(&format!("note: cannot use the run's own pictures: {error:#}"));
                    (Set::open(spec, &request.protocol.reference_of(others.clone()))?, None, true)
                }
                None => {
                    return Err(error).context(
                        "cannot use the run's own pictures: name others with --reference",
                    );
                }
            },
        };
        let labels = training.iter().filter_map(|set| set.labels.as_ref()).flatten();
        let shown = sample::count_labels(labels.copied(), trained.labels.len());
        if !shown.is_empty() && shown.iter().all(|count| *count == 0) {
            line_to_stderr(
                "note: it is not known how often each class was shown; generating all classes equally often",
            );
        }
        let training = match &request.training {
            Some(spec) => Some(Set::open(spec, &others)?),
            None => training,
        };
        let count = request.protocol.count.unwrap_or(COUNT);
        let classes = Some(trained.labels.len()).filter(|classes| *classes > 0);
        let mut draws = Seed(request.seed).named_rng(Purpose::Generate, 0, 0, "label");
        let labels = classes.map(|_| sample::labels_at_random(count, &shown, &mut draws));
        let latents = trained.latents(0..count, None, request.seed);
        let made = trained.pictures(&latents, labels.as_deref());
        let generated = Set {
            channels: made.channels,
            size: reference.size,
            labels: None,
            stacked: None,
            about: json!({
                "run": folder.root(), "step": trained.step, "seed": request.seed, "count": count,
            }),
            pixels: made.pixels,
        };
        Ok(Self {
            generated,
            reference,
            training,
            mirrored: config.data.flip,
            held_out,
            shown,
            run: Some(folder),
            generator: Some(trained),
        })
    }

    fn of_pictures(request: &Evaluate) -> anyhow::Result<Self> {
        let Some(spec) = &request.protocol.reference else {
            // What is no run and no pictures either should be told so first.
            softreg_image::native_size(&request.what, &LoadOptions::default())?;
            return Err(usage(format!(
                "{} is not a run folder, so there is nothing to compare it with: name real pictures with --reference",
                request.what
            )));
        };
        let limited = LoadOptions { limit: request.protocol.count, ..LoadOptions::default() };
        // They are finished: what training would make them smaller for costs nothing here.
        let own = softreg_image::suggestion(&request.what, &limited)?.own();
        let options = LoadOptions { size: Some(own), ..limited };
        let generated = Set::open(&request.what, &options)?;
        let like_generated = LoadOptions {
            size: Some(generated.size),
            channels: Channels::of(generated.channels),
            ..LoadOptions::default()
        };
        let reference = Set::open(spec, &request.protocol.reference_of(like_generated.clone()))?;
        let training = request.training.as_ref().map(|spec| Set::open(spec, &like_generated));
        let training = training.transpose()?;
        // Named beside the training pictures, the reference is another set.
        let held_out = training.is_some();
        Ok(Self {
            generated,
            reference,
            training,
            mirrored: false,
            held_out,
            shown: Vec::new(),
            run: None,
            generator: None,
        })
    }
}
