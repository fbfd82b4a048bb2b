//! The validation measures of a run: how far generated pictures are from held-out ones.

use crate::command::protocol;
use crate::failure::usage;
use anyhow::Context;
use burn::tensor::Device;
use softreg_feature::Extractor;
use softreg_image::Collection;
use softreg_metric::protocol::{Better, METRICS, MetricEntry, Sets, result_name};
use softreg_metric::{Copies, Features, Pictures, SlicedWasserstein};
use softreg_train::config::RunConfig;
use softreg_train::sample::PictureSet;
use softreg_train::{Measured, Validation};
use std::sync::{Arc, OnceLock};

/// More pictures hardly change the value, and take longer to generate.
const MOST_PICTURES: usize = 512;
/// Training pictures whose features are computed at once.
const AT_ONCE: usize = 1024;

/// Measures against the held-out pictures.
pub(crate) struct HeldOut {
    /// The first one decides.
    measures: Vec<Chosen>,
    /// Of the pixels; what is needed of the held-out pictures is computed once.
    of_pixels: Option<Box<SlicedWasserstein>>,
    of_features: Option<OfFeatures>,
    pictures: usize,
    seed: u64,
}

/// One value of a measure.
#[derive(Clone, Copy)]
struct Chosen {
    metric: &'static MetricEntry,
    /// Which of its values.
    index: usize,
}

/// What measures of features need.
struct OfFeatures {
    extractor: Extractor,
    reference: Features,
    /// The held-out pictures themselves: channels, height, width and bytes.
    shape: [usize; 3],
    pixels: Vec<u8>,
    training: Training,
}

/// The pictures that are trained on, in which copies are looked for.
struct Training {
    collection: Arc<Collection>,
    indices: Vec<usize>,
    /// Whether they are also shown mirrored.
    mirrored: bool,
    /// In every view in which they are shown; computed when copies are first looked for, which is beside the training.
    features: OnceLock<Result<Vec<Features>, String>>,
}

impl HeldOut {
    /// Measures against the held-out pictures of a collection (`parts`: those to train on and those
    /// held out, as indices); `None` where there are too few.
    pub(crate) fn new(
        collection: &Arc<Collection>,
        (training, held_out): (&[usize], &[usize]),
        config: &RunConfig,
        device: &Device,
    ) -> anyhow::Result<Option<Self>> {
        let (wanted, seed) = (&config.validation, config.seed);
        let measures = chosen(&wanted.measure)?;
        if held_out.len() < 2 {
            return Ok(None);
        }
        let pixels = collection.pictures(held_out);
        let shape = [
            collection.channels,
            collection.size.height() as usize,
            collection.size.width() as usize,
        ];
        let unmeasured = "cannot measure the held-out pictures";
        let of_pixels = match measures.iter().any(|measure| measure.is_of_pixels()) {
            true => {
                let measure = SlicedWasserstein::new(pictures(shape, &pixels), seed);
                Some(Box::new(measure.context(unmeasured)?))
            }
            false => None,
        };
        let of_features = match measures.iter().all(|measure| measure.is_of_pixels()) {
            true => None,
            false => {
                let device = device.clone().without_autodiff();
                let extractor = protocol::extractor(&wanted.features, None, &device)
                    .context("validation.features")?;
                let reference =
                    extractor.features(&pictures(shape, &pixels)).context(unmeasured)?;
                let training = Training {
                    collection: Arc::clone(collection),
                    indices: training.to_vec(),
                    mirrored: config.data.flip,
                    features: OnceLock::new(),
                };
                Some(OfFeatures { extractor, reference, shape, pixels, training })
            }
        };
        let pictures = held_out.len().clamp(2, MOST_PICTURES);
        let held_out = Self { measures, of_pixels, of_features, pictures, seed };
        held_out.check()?;
        Ok(Some(held_out))
    }

    /// Tells what these pictures are too few for before anything is trained.
    fn check(&self) -> anyhow::Result<()> {
        let Some(of) = &self.of_features else { return Ok(()) };
        let area: usize = of.shape.iter().product();
        let first = pictures(of.shape, &of.pixels[..area * self.pictures]);
        let first_features = of.reference.first(self.pictures);
        let apt = |measure: &&Chosen| !measure.is_of_pixels() && !measure.is_of_copies();
        self.measures.iter().filter(apt).try_for_each(|measure| {
            let sets = of.sets((first, &first_features), None, self.seed);
            measure.take(&sets).map(|_| ()).map_err(|reason| {
                usage(format!(
                    "validation.measure {}: {reason}",
                    measure.metric.quantities[measure.index].name
                ))
            })
        })
    }
}

impl Chosen {
    fn is_of_pixels(&self) -> bool {
        !self.metric.of_features
    }

    fn is_of_copies(&self) -> bool {
        self.metric.name == "copies"
    }

    /// Whether more is better; `None` where neither is, so that it cannot decide.
    fn higher(&self) -> Option<bool> {
        match self.metric.quantities[self.index].better {
            Better::Higher => Some(true),
            Better::Lower => Some(false),
            Better::Near(_) | Better::UpTo(_) => None,
        }
    }

    fn take(&self, sets: &Sets<'_>) -> Result<f64, String> {
        let values = (self.metric.measure)(sets).map_err(|error| error.to_string())?;
        let value = values.get(self.index).ok_or("no value was measured")?;
        Ok(value.mean)
    }

    /// Every one that can be measured while training: neither labels nor the generator are known here.
    fn all() -> impl Iterator<Item = Self> {
        let apt = |metric: &&'static MetricEntry| !["modes", "cs", "ppl"].contains(&metric.name);
        METRICS.iter().filter(apt).flat_map(|metric| {
            (0..metric.quantities.len()).map(move |index| Self { metric, index })
        })
    }

    fn name(&self) -> &'static str {
        self.metric.quantities[self.index].name
    }
}

/// The measures that a list with commas names.
fn chosen(list: &str) -> anyhow::Result<Vec<Chosen>> {
    let mut measures: Vec<Chosen> = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let decides = measures.is_empty();
        let fit = || Chosen::all().filter(move |one| !decides || one.higher().is_some());
        let found = fit().find(|one| one.name() == name).ok_or_else(|| {
            let names: Vec<&str> = fit().map(|one| one.name()).collect();
            if Chosen::all().any(|one| one.name() == name) {
                return usage(format!(
                    "validation.measure is `{list}`, but `{name}` cannot be the first, which decides, since neither more nor less of it is better: put one of {} before it",
                    names.join(", ")
                ));
            }
            let place = if decides { "" } else { " after the first" };
            usage(format!(
                "validation.measure is `{list}`, but there is no `{name}`{}: choose from {}{place}",
                softreg::spec::did_you_mean(name, names.iter().copied()),
                names.join(", ")
            ))
        })?;
        if measures.iter().all(|there| there.name() != name) {
            measures.push(found);
        }
    }
    match measures.is_empty() {
        true => Err(usage("validation.measure is empty: write for example swd")),
        false => Ok(measures),
    }
}

impl OfFeatures {
    fn sets<'a>(
        &'a self,
        generated: (Pictures<'a>, &'a Features),
        copies: Option<&'a Result<Copies, softreg_metric::Error>>,
        seed: u64,
    ) -> Sets<'a> {
        Sets {
            generated,
            reference: (pictures(self.shape, &self.pixels), &self.reference),
            labels: None,
            stacked: None,
            path: None,
            copies,
            logits: false,
            seed,
        }
    }

    /// The features of the pictures that are trained on, as they are, and mirrored where they are shown so.
    fn of_training(&self) -> Result<Vec<&Features>, String> {
        let training = &self.training;
        let computed = training.features.get_or_init(|| {
            let views = if training.mirrored { &[false, true][..] } else { &[false] };
            views.iter().map(|mirrored| self.of_view(*mirrored)).collect()
        });
        computed.as_ref().map(|views| views.iter().collect()).map_err(Clone::clone)
    }

    fn of_view(&self, mirrored: bool) -> Result<Features, String> {
        let mut values = Vec::new();
        for part in self.training.indices.chunks(AT_ONCE) {
            let mut pixels = self.training.collection.pictures(part);
            if mirrored {
                pixels = pictures(self.shape, &pixels).mirrored();
            }
            let features = self.extractor.features(&pictures(self.shape, &pixels));
            values.extend_from_slice(features.map_err(|error| error.to_string())?.values());
        }
        Features::new(self.reference.width(), values).map_err(|error| error.to_string())
    }
}

fn pictures([channels, height, width]: [usize; 3], pixels: &[u8]) -> Pictures<'_> {
    Pictures { channels, height, width, pixels }
}

impl Validation for HeldOut {
    fn name(&self) -> String {
        self.name_of(&self.measures[0])
    }

    fn measure(&self, generated: &PictureSet) -> Result<Measured, String> {
        let shape = [generated.channels, generated.height, generated.width];
        let made = pictures(shape, &generated.pixels);
        let features = match &self.of_features {
            Some(of) => Some(of.extractor.features(&made).map_err(|error| error.to_string())?),
            None => None,
        };
        let copies = match (&self.of_features, &features) {
            (Some(of), Some(features)) if self.measures.iter().any(Chosen::is_of_copies) => {
                let found = of
                    .of_training()
                    .map(|views| Copies::detect(&views, Some(&of.reference), features));
                Some(found)
            }
            _ => None,
        };
        let take = |measure: &Chosen| -> Result<f64, String> {
            if measure.is_of_pixels() {
                let of = self.of_pixels.as_ref().ok_or("the pixel statistics are missing")?;
                return of.distance(made).map_err(|error| error.to_string());
            }
            let (Some(of), Some(features)) = (&self.of_features, &features) else {
                return Err("the features are missing".to_owned());
            };
            let copies = match (&copies, measure.is_of_copies()) {
                (Some(found), true) => Some(found.as_ref().map_err(Clone::clone)?),
                _ => None,
            };
            measure.take(&of.sets((made, features), copies, self.seed))
        };
        let (first, others) = self.measures.split_first().ok_or("no features were measured")?;
        let beside = others.iter().map(|one| (self.name_of(one), take(one))).collect();
        Ok(Measured { value: take(first)?, beside })
    }

    fn pictures(&self) -> usize {
        self.pictures
    }

    fn higher_is_better(&self) -> bool {
        self.measures.first().and_then(Chosen::higher).unwrap_or(false)
    }
}

impl HeldOut {
    /// With the protocol.
    fn name_of(&self, measure: &Chosen) -> String {
        let features = self.of_features.as_ref().filter(|_| !measure.is_of_pixels());
        let features = features.map(|of| of.extractor.definition().name.as_str());
        result_name(measure.name(), self.pictures, features)
    }
}
