//! What can be measured, by name, and the names of results.
//!
//! A result is called after its protocol, `fd5k_resnet56`: the measure, of how many pictures, and the features. Distances
//! with another number of pictures or other features are other numbers; so are Fréchet distances from another number of
//! reference pictures, which a report names beside.

use crate::interval::Interval;
use crate::{
    Copies, Error, Features, Manifold, Modes, NEIGHBOURS, Pictures, SlicedWasserstein, class_score,
    diversity, frechet, kernel, modes, path_length,
};

/// Everything that measures may be taken from.
pub struct Sets<'a> {
    /// Generated pictures, and their features.
    pub generated: (Pictures<'a>, &'a Features),
    /// Pictures to compare with, and their features.
    pub reference: (Pictures<'a>, &'a Features),
    /// The kinds of the reference pictures, where they are known.
    pub labels: Option<&'a [usize]>,
    /// Kinds in a channel, where pictures are stacks of three grey ones.
    pub stacked: Option<usize>,
    /// What the copy detector found, where the pictures that were trained on are known.
    pub copies: Option<&'a Result<Copies, Error>>,
    /// Features of pictures of neighbouring latents, where the generator is at hand: see
    /// [`crate::path_length`].
    pub path: Option<[&'a Features; 2]>,
    /// Whether the features are the logits of a classifier.
    pub logits: bool,
    /// Of resamplings and projections.
    pub seed: u64,
}

/// Which way a value is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Coverage.
    Higher,
    /// Distances.
    Lower,
    /// As near to this as may be; neither more nor less is better by itself.
    Near(&'static str),
    /// No matter, up to this.
    UpTo(&'static str),
}

/// What the number in a value's name counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Generated pictures.
    Generated,
    /// Reference pictures: the value is of these alone.
    Reference,
    /// Steps along the latents.
    Steps,
}

/// Over the draw of which pictures a value's interval is: those of the other side count as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Generated ones.
    Generated,
    /// Reference ones.
    Reference,
    /// Both.
    Both,
    /// Steps along the latents.
    Steps,
    /// No interval is known.
    Unknown,
}

impl Over {
    /// In results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Reference => "reference",
            Self::Both => "generated and reference",
            Self::Steps => "steps",
            Self::Unknown => "none",
        }
    }
}

/// One value of a measure.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    /// Name in results.
    pub name: &'static str,
    /// What the number in its name counts.
    pub counts: Counts,
    /// Over what its interval is.
    pub over: Over,
    /// Which way it is better.
    pub better: Better,
    /// One line for a person.
    pub meaning: &'static str,
}

/// One measure.
pub struct MetricEntry {
    /// Name on the command line.
    pub name: &'static str,
    /// Title in lists.
    pub title: &'static str,
    /// Where it is from.
    pub source: &'static str,
    /// What it says, in the order of the values of `measure`.
    pub quantities: &'static [Quantity],
    /// Whether it depends on features.
    pub of_features: bool,
    /// Why it cannot be taken from these sets, where it does not apply.
    pub lacks: fn(&Sets<'_>) -> Option<&'static str>,
    /// Takes it.
    pub measure: fn(&Sets<'_>) -> Result<Vec<Interval>, Error>,
}

/// Every measure.
pub const METRICS: &[MetricEntry] = &[
    MetricEntry {
        name: "fd",
        title: "Fréchet distance",
        source: "arXiv 1706.08500",
        quantities: &[Quantity {
            name: "fd",
            counts: Counts::Generated,
            over: Over::Generated,
            better: Better::Lower,
            meaning: "distance between normal distributions fitted to both sets",
        }],
        of_features: true,
        lacks: |_| None,
        measure: |s| Ok(vec![frechet::measure(s.reference.1, s.generated.1, s.seed)?]),
    },
    MetricEntry {
        name: "kd",
        title: "kernel distance",
        source: "arXiv 1801.01401",
        quantities: &[Quantity {
            name: "kd",
            counts: Counts::Generated,
            over: Over::Generated,
            better: Better::Lower,
            meaning: "squared maximum mean discrepancy, unbiased; about 0 for equal distributions",
        }],
        of_features: true,
        lacks: |_| None,
        measure: |s| Ok(vec![kernel::measure(s.reference.1, s.generated.1)?]),
    },
    MetricEntry {
        name: "prdc",
        title: "precision, recall, density, coverage",
        source: "arXiv 1904.06991, 2002.09797",
        quantities: &[
            Quantity {
                name: "precision",
                counts: Counts::Generated,
                over: Over::Generated,
                better: Better::Higher,
                meaning: "share of generated pictures that lie among reference pictures",
            },
            Quantity {
                name: "recall",
                counts: Counts::Generated,
                over: Over::Reference,
                better: Better::Higher,
                meaning: "share of reference pictures that lie among generated pictures",
            },
            Quantity {
                name: "density",
                counts: Counts::Generated,
                over: Over::Generated,
                better: Better::Near("1"),
                meaning: "how densely generated pictures surround reference pictures",
            },
            Quantity {
                name: "coverage",
                counts: Counts::Generated,
                over: Over::Reference,
                better: Better::Higher,
                meaning: "share of reference pictures with a generated one nearby",
            },
        ],
        of_features: true,
        lacks: |_| None,
        measure: |s| {
            let m = Manifold::measure(s.reference.1, s.generated.1, NEIGHBOURS)?;
            Ok(vec![m.precision, m.recall, m.density, m.coverage])
        },
    },
    MetricEntry {
        name: "diversity",
        title: "pairwise diversity",
        source: "arXiv 1903.05628",
        quantities: &[
            Quantity {
                name: "diversity",
                counts: Counts::Generated,
                over: Over::Generated,
                better: Better::Near("real"),
                meaning: "mean distance between two generated pictures",
            },
            Quantity {
                name: "real_diversity",
                counts: Counts::Reference,
                over: Over::Reference,
                better: Better::Near("real"),
                meaning: "mean distance between two reference pictures",
            },
        ],
        of_features: true,
        lacks: |_| None,
        measure: |s| {
            Ok(vec![diversity::measure(s.generated.1)?, diversity::measure(s.reference.1)?])
        },
    },
    MetricEntry {
        name: "copies",
        title: "copy detector",
        source: "arXiv 2004.05675",
        quantities: &[
            Quantity {
                name: "near_copies",
                counts: Counts::Generated,
                over: Over::Both,
                better: Better::UpTo("0.05"),
                meaning: "share closer to a training picture than 19 in 20 honest ones are",
            },
            Quantity {
                name: "nearer",
                counts: Counts::Generated,
                over: Over::Both,
                better: Better::UpTo("0.5"),
                meaning: "how often closer to a training picture than an honest picture is",
            },
        ],
        of_features: true,
        lacks: |s| s.copies.is_none().then_some("the training pictures are unknown"),
        measure: |s| {
            let copies = s.copies.cloned().transpose()?;
            Ok(copies.map(|copies| vec![copies.share, copies.nearer]).unwrap_or_default())
        },
    },
    MetricEntry {
        name: "modes",
        title: "modes found",
        source: "arXiv 1611.02163",
        quantities: &[
            Quantity {
                name: "modes",
                counts: Counts::Generated,
                over: Over::Generated,
                better: Better::Higher,
                meaning: "classes of the reference with at least one generated picture",
            },
            Quantity {
                name: "mode_kl",
                counts: Counts::Generated,
                over: Over::Generated,
                better: Better::Lower,
                meaning: "divergence of the class frequencies, in nats",
            },
            Quantity {
                name: "mode_accuracy",
                counts: Counts::Reference,
                over: Over::Reference,
                better: Better::Higher,
                meaning: "how often the nearest neighbour predicts the class correctly",
            },
        ],
        of_features: true,
        lacks: |s| s.labels.is_none().then_some("the reference has no labels"),
        measure: |s| {
            let Some(labels) = s.labels else { return Ok(Vec::new()) };
            let (counted, accuracy) = match s.stacked {
                Some(kinds) => {
                    let found = modes::stacked(&s.generated.0, &s.reference.0, labels, kinds)?;
                    (Modes::against(&found.shares, &found.shown, s.seed)?, found.accuracy)
                }
                None => {
                    let shown = modes::labels(s.generated.1, s.reference.1, labels)?;
                    let accuracy = modes::accuracy(s.reference.1, labels)?;
                    (Modes::count(labels, &shown, s.seed)?, accuracy)
                }
            };
            Ok(vec![counted.found, counted.divergence, accuracy])
        },
    },
    MetricEntry {
        name: "ppl",
        title: "path length",
        source: "arXiv 1812.04948",
        quantities: &[Quantity {
            name: "ppl",
            counts: Counts::Steps,
            over: Over::Steps,
            better: Better::Lower,
            meaning: "how far pictures move with the latent; 0 if all are identical",
        }],
        of_features: true,
        lacks: |s| s.path.is_none().then_some("the generator is not available"),
        measure: |s| {
            let path = s.path.map(|[here, there]| path_length::measure(here, there));
            Ok(path.transpose()?.into_iter().collect())
        },
    },
    MetricEntry {
        name: "cs",
        title: "class score",
        source: "arXiv 1606.03498",
        quantities: &[Quantity {
            name: "cs",
            counts: Counts::Generated,
            over: Over::Generated,
            better: Better::Higher,
            meaning: "how confidently pictures are classified, and into how many classes",
        }],
        of_features: true,
        lacks: |s| (!s.logits).then_some("the features are not the logits of a classifier"),
        measure: |s| Ok(vec![class_score::measure(s.generated.1)?]),
    },
    MetricEntry {
        name: "swd",
        title: "sliced Wasserstein distance",
        source: "arXiv 1710.10196",
        quantities: &[Quantity {
            name: "swd",
            counts: Counts::Generated,
            over: Over::Unknown,
            better: Better::Lower,
            meaning: "distance between patches at several scales, without features",
        }],
        of_features: false,
        lacks: |_| None,
        measure: |s| {
            let mean = SlicedWasserstein::new(s.reference.0, s.seed)?.distance(s.generated.0)?;
            Ok(vec![Interval { mean, half: None }])
        },
    },
];

impl Sets<'_> {
    /// How many there are of what the name of a value counts.
    pub fn count(&self, counts: Counts) -> usize {
        match counts {
            Counts::Generated => self.generated.1.len(),
            Counts::Reference => self.reference.1.len(),
            Counts::Steps => self.path.map_or(0, |[here, _]| here.len()),
        }
    }
}

/// The name of a result: the quantity, how many pictures or steps it is of, the features where it depends on them.
pub fn result_name(quantity: &str, count: usize, features: Option<&str>) -> String {
    let count = match count {
        n if n > 0 && n.is_multiple_of(1000) => format!("{}k", n / 1000),
        n => n.to_string(),
    };
    match features {
        Some(features) => format!("{quantity}{count}_{features}"),
        None => format!("{quantity}{count}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_tell_the_protocol() {
        assert_eq!(result_name("fd", 5000, Some("resnet56")), "fd5k_resnet56");
        assert_eq!(result_name("swd", 512, None), "swd512");
        let names: Vec<_> = METRICS.iter().flat_map(|m| m.quantities).map(|q| q.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "names are unique");
    }

    /// Over the registry: as many values as are named; a set against itself is at the best value.
    #[test]
    fn every_measure_keeps_its_promises() {
        // Three kinds of 40 different pictures.
        let pixels: Vec<u8> = (0..120usize)
            .flat_map(|i| {
                (0..256).map(move |j| (80 * (i % 3) + (i * 31 + j * 17 + i * j) % 61) as u8)
            })
            .collect();
        let values = pixels.chunks(256).flat_map(|p| [0, 100, 200].map(|j| f32::from(p[j])));
        let features = Features::new(3, values.collect()).unwrap();
        let pictures = Pictures { channels: 1, height: 16, width: 16, pixels: &pixels };
        let labels: Vec<usize> = (0..120).map(|i| i % 3).collect();
        let copies = Copies::detect(&[&features], None, &features);
        let sets = Sets {
            generated: (pictures, &features),
            reference: (pictures, &features),
            labels: Some(&labels),
            stacked: None,
            path: Some([&features, &features]),
            copies: Some(&copies),
            logits: true,
            seed: 1,
        };
        let named = |name: &str| {
            let mut all = METRICS.iter().flat_map(|metric| metric.quantities);
            sets.count(all.find(|quantity| quantity.name == name).unwrap().counts)
        };
        let few = features.select(&[0, 1, 2]);
        assert_eq!((named("fd"), named("real_diversity"), named("ppl")), (120, 120, 120));
        let other = Sets { path: Some([&few, &few]), ..sets };
        assert_eq!((other.count(Counts::Steps), other.count(Counts::Generated)), (3, 120));
        let sets = Sets { path: Some([&features, &features]), ..other };
        for metric in METRICS {
            assert_eq!((metric.lacks)(&sets), None, "{}", metric.name);
            let values = (metric.measure)(&sets).unwrap();
            assert_eq!(values.len(), metric.quantities.len(), "{}", metric.name);
            for (value, quantity) in values.iter().zip(metric.quantities) {
                let best = match quantity.name {
                    "fd" | "swd" | "mode_kl" | "ppl" => Some(0.0),
                    "precision" | "recall" | "coverage" | "near_copies" | "nearer" => Some(1.0),
                    "modes" => Some(3.0),
                    _ => None,
                };
                let close = best.is_none_or(|best| (value.mean - best).abs() < 1e-6);
                assert!(close && value.mean.is_finite(), "{}: {value:?}", quantity.name);
            }
        }
        let bare = Sets { labels: None, path: None, copies: None, logits: false, ..sets };
        let lacking = METRICS.iter().filter(|metric| (metric.lacks)(&bare).is_some());
        assert_eq!(lacking.map(|m| m.name).collect::<Vec<_>>(), ["copies", "modes", "ppl", "cs"]);
    }
}
