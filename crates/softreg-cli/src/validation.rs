//! The validation measure of a run: how far generated pictures are from held-out ones.

use crate::failure::usage;
use anyhow::Context;
use burn::tensor::Device;
use softreg_feature::{Definition, Extractor};
use softreg_image::Collection;
use softreg_metric::protocol::{Better, METRICS, MetricEntry, Sets, result_name};
use softreg_metric::{Features, Pictures, SlicedWasserstein};
use softreg_train::config::Measure;
use softreg_train::sample::PictureSet;
use softreg_train::validation::Validation;

/// More pictures hardly change the value, and take longer to generate.
const MOST_PICTURES: usize = 512;

/// A measure against the held-out pictures.
pub(crate) struct HeldOut {
    measure: Taken,
    pictures: usize,
    higher: bool,
}

/// How it is taken.
enum Taken {
    /// Of the pixels; what is needed of the held-out pictures is computed once.
    Pixels(Box<SlicedWasserstein>),
    /// Of features.
    Features {
        extractor: Box<Extractor>,
        reference: Features,
        /// The held-out pictures themselves: channels, height, width and bytes.
        shape: [usize; 3],
        pixels: Vec<u8>,
        metric: &'static MetricEntry,
        /// Which of the metric's values.
        index: usize,
        seed: u64,
    },
}

impl HeldOut {
    /// A measure against the pictures `indices` of a collection; `None` where there are too few.
    pub(crate) fn new(
        collection: &Collection,
        indices: &[usize],
        wanted: &Measure,
        seed: u64,
        device: &Device,
    ) -> anyhow::Result<Option<Self>> {
        let (metric, index, higher) = metric(&wanted.measure)?;
        if indices.len() < 2 {
            return Ok(None);
        }
        let pixels = collection.pictures(indices);
        let shape = [
            collection.channels,
            collection.size.height() as usize,
            collection.size.width() as usize,
        ];
        let unmeasured = "the held-out pictures cannot be measured";
        let measure = match metric.name {
            SlicedWasserstein::NAME => {
                let measure = SlicedWasserstein::new(pictures(shape, &pixels), seed);
                Taken::Pixels(Box::new(measure.context(unmeasured)?))
            }
            _ => {
                let definition = Definition::find(&wanted.features)
                    .map_err(|error| usage(format!("validation.features: {error}")))?;
                let extractor = Extractor::new(definition, &device.clone().without_autodiff())?;
                let reference =
                    extractor.features(&pictures(shape, &pixels)).context(unmeasured)?;
                let extractor = Box::new(extractor);
                Taken::Features { extractor, reference, shape, pixels, metric, index, seed }
            }
        };
        let held_out = Self { measure, pictures: indices.len().clamp(2, MOST_PICTURES), higher };
        // What these pictures are too few for is told before anything is trained.
        if let Taken::Features { reference, pixels, .. } = &held_out.measure {
            let first = &pixels[..pixels.len() / indices.len() * held_out.pictures];
            held_out.of_features(pictures(shape, first), reference).map_err(|reason| {
                usage(format!("validation.measure {}: {reason}", wanted.measure))
            })?;
        }
        Ok(Some(held_out))
    }

    fn of_features(&self, generated: Pictures<'_>, features: &Features) -> Result<f64, String> {
        let Taken::Features { reference, shape, pixels, metric, index, seed, .. } = &self.measure
        else {
            return Err("it is taken of pixels".to_owned());
        };
        let sets = Sets {
            generated: (generated, features),
            reference: (pictures(*shape, pixels), reference),
            labels: None,
            stacked: None,
            path: None,
            copies: None,
            logits: false,
            seed: *seed,
        };
        let values = (metric.measure)(&sets).map_err(|error| error.to_string())?;
        Ok(values[*index].mean)
    }
}

/// The measure of that name, which of its values, and whether more is better.
fn metric(name: &str) -> anyhow::Result<(&'static MetricEntry, usize, bool)> {
    let fit = || {
        METRICS.iter().flat_map(|metric| {
            let values = metric.quantities.iter().enumerate();
            // Labels, training pictures and the generator are not known here.
            let apt = !["copies", "modes", "cs", "ppl"].contains(&metric.name);
            values.filter(move |_| apt).filter_map(move |(index, quantity)| match quantity.better {
                Better::Higher => Some((metric, index, true)),
                Better::Lower => Some((metric, index, false)),
                Better::Near(_) | Better::UpTo(_) => None,
            })
        })
    };
    let name_of =
        |&(metric, index, _): &(&'static MetricEntry, usize, bool)| metric.quantities[index].name;
    fit().find(|found| name_of(found) == name).ok_or_else(|| {
        let names: Vec<&str> = fit().map(|found| name_of(&found)).collect();
        usage(format!(
            "validation.measure is `{name}`{}: choose from {}",
            softreg::spec::did_you_mean(name, names.iter().copied()),
            names.join(", ")
        ))
    })
}

fn pictures([channels, height, width]: [usize; 3], pixels: &[u8]) -> Pictures<'_> {
    Pictures { channels, height, width, pixels }
}

impl Validation for HeldOut {
    fn name(&self) -> String {
        match &self.measure {
            Taken::Pixels(_) => SlicedWasserstein::NAME.to_owned(),
            Taken::Features { extractor, metric, index, .. } => result_name(
                metric.quantities[*index].name,
                self.pictures,
                Some(&extractor.definition().name),
            ),
        }
    }

    fn measure(&self, generated: &PictureSet) -> Result<f64, String> {
        let shape = [generated.channels, generated.height, generated.width];
        let made = pictures(shape, &generated.pixels);
        match &self.measure {
            Taken::Pixels(measure) => measure.distance(made).map_err(|error| error.to_string()),
            Taken::Features { extractor, .. } => {
                let features = extractor.features(&made).map_err(|error| error.to_string())?;
                self.of_features(made, &features)
            }
        }
    }

    fn pictures(&self) -> usize {
        self.pictures
    }

    fn higher_is_better(&self) -> bool {
        self.higher
    }
}
