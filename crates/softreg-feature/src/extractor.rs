//! Pictures to feature vectors, batch by batch.

use crate::definition::Definition;
use crate::network::{Build, Network};
use crate::weights::Weights;
use crate::{Error, resize};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use softreg_metric::{Features, Pictures};

/// A definition with its weights, on a device.
pub struct Extractor {
    definition: Definition,
    network: Box<dyn Network>,
    batch: usize,
    smallest: usize,
    identity: String,
    device: Device,
    /// Whether a batch is shared out over the threads of the pool.
    shared: bool,
}

impl Extractor {
    /// Loads the weights, where there are any.
    ///
    /// # Errors
    /// [`Error::NoWeights`], [`Error::Read`], and [`Error::Weights`] where a single one is missing.
    pub fn new(definition: Definition, device: &Device) -> Result<Self, Error> {
        let unknown = || Error::Definition {
            origin: definition.name.clone(),
            reason: format!("there is no network `{}`", definition.network),
        };
        let entry = definition.entry().ok_or_else(unknown)?;
        let (network, weights) = match (&entry.build, &definition.weights) {
            (Build::Fixed(build), _) => (build(device), String::new()),
            (Build::Trained(_) | Build::File(_), None) => {
                return Err(Error::NoWeights { name: definition.name.clone() });
            }
            (Build::Trained(build), Some(path)) => {
                let (weights, hash) = Weights::read(path, entry.name, device)?;
                (build(&weights)?, hash)
            }
            (Build::File(open), Some(path)) => {
                let network = open(path, &definition.layer, device)?;
                let bytes = std::fs::read(path).map_err(|error| Error::Read {
                    path: path.clone(),
                    reason: error.to_string(),
                })?;
                (network, blake3::hash(&bytes).to_hex().to_string())
            }
        };
        let mut hash = blake3::Hasher::new();
        let Definition { name: _, network: kind, layer, weights: _, input } = &definition;
        let treatment = toml::to_string(input).map_err(|error| Error::Definition {
            origin: definition.name.clone(),
            reason: error.to_string(),
        })?;
        hash.update(
            format!("softreg features 1\n{kind}\n{layer}\n{treatment}\n{weights}").as_bytes(),
        );
        let identity = hash.finalize().to_hex().to_string();
        let (batch, smallest) = (entry.batch, entry.smallest);
        // A network of a file has threads of its own, and may take no other number of pictures.
        let shared =
            softreg_kernel::kernels_are_on(device) && !matches!(entry.build, Build::File(_));
        let device = device.clone();
        Ok(Self { definition, network, batch, smallest, identity, device, shared })
    }

    /// The definition.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// BLAKE3 over treatment, network, layer and weights, in hexadecimal: what makes features
    /// comparable.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The features of pictures; memory is bounded by a batch beside the result.
    ///
    /// # Errors
    /// [`Error::Pictures`] where the network cannot take them, [`Error::Features`] where it makes NaN
    /// of them.
    pub fn features(&self, pictures: &Pictures<'_>) -> Result<Features, Error> {
        let area = pictures.channels * pictures.height * pictures.width;
        let batches = pictures
            .pixels
            .chunks(self.batch * area.max(1))
            .map(|pixels| pixels.iter().map(|byte| f32::from(*byte)).collect::<Vec<f32>>());
        self.stream(pictures.channels, [pictures.height, pictures.width], batches)
    }

    /// The features of pictures whose values are `[-1, 1]` for 0 to 255, planar, not rounded to bytes:
    /// for small differences between pictures.
    ///
    /// # Errors
    /// As [`Extractor::features`].
    pub fn features_of_floats(
        &self,
        channels: usize,
        size: [usize; 2],
        values: &[f32],
    ) -> Result<Features, Error> {
        let area = channels * size[0] * size[1];
        let batches = values
            .chunks(self.batch * area.max(1))
            .map(|part| part.iter().map(|x| (x + 1.0) * 127.5).collect::<Vec<f32>>());
        self.stream(channels, size, batches)
    }

    fn stream(
        &self,
        channels: usize,
        [height, width]: [usize; 2],
        batches: impl Iterator<Item = Vec<f32>>,
    ) -> Result<Features, Error> {
        let seen = self.definition.input.size.unwrap_or([height, width]);
        if !matches!(channels, 1 | 3 | 4)
            || seen.iter().any(|side| *side < self.smallest)
            || height * width == 0
        {
            return Err(Error::Pictures {
                channels,
                height,
                width,
                network: self.definition.network.clone(),
                needed: self.smallest,
            });
        }
        let area = channels * height * width;
        let share = |pictures: &[f32]| -> Result<(usize, Vec<f32>), Error> {
            let n = pictures.len() / area;
            let values: Vec<f32> = pictures
                .par_chunks(area)
                .flat_map_iter(|picture| self.treat(picture, channels, [height, width], seen))
                .collect();
            let data = TensorData::new(values, [n, 3, seen[0], seen[1]]);
            let pictures = Tensor::from_data(data, &self.device);
            let made = self.network.features(pictures, &self.definition.layer)?;
            Ok((made.dims()[1], made.into_data().iter::<f32>().collect()))
        };
        let (mut all, mut features) = (Vec::new(), 1);
        for batch in batches {
            let n = batch.len() / area;
            // Between the kernels, Burn's operations use one thread. A card has memory for each thread that asks it.
            let made: Vec<_> = match self.shared {
                true => {
                    let threads = rayon::current_num_threads();
                    let shares = batch.par_chunks(n.div_ceil(threads) * area).map(share);
                    shares.collect::<Result<_, _>>()?
                }
                false => vec![share(&batch)?],
            };
            for (count, values) in made {
                features = count;
                all.extend(values);
            }
        }
        Ok(Features::new(features, all)?)
    }

    /// One picture as the network sees it.
    fn treat(
        &self,
        picture: &[f32],
        channels: usize,
        size: [usize; 2],
        seen: [usize; 2],
    ) -> Vec<f32> {
        let input = &self.definition.input;
        let planes: Vec<&[f32]> = picture.chunks_exact(size[0] * size[1]).collect();
        let colour = |c: usize| match (channels, planes[c % channels]) {
            // Alpha is multiplied in already.
            (4, plane) => {
                let over = |(v, alpha): (&f32, &f32)| v + 0.5 * (255.0 - alpha);
                plane.iter().zip(planes[3]).map(over).collect()
            }
            (1, _) => planes[0].to_vec(),
            (_, plane) => plane.to_vec(),
        };
        (0..3)
            .flat_map(|c| {
                let plane = resize::plane(&colour(c), size, seen, input.resize);
                let (subtract, divide) = (input.subtract[c], input.divide[c]);
                plane.into_iter().map(move |v| (v - subtract) / divide)
            })
            .collect()
    }
}
