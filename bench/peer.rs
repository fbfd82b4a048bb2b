//! What chance decided in a run, for `peer.py` to do the same steps in PyTorch: pictures, latents, where pictures were
//! moved, and who was whose partner. Drawn anew from the run's seed, as training draws it on one thread.

use anyhow::Context;
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, tensor::TensorView};
use softreg::pairing::{Pairing, Partners, Samples};
use softreg::{Purpose, Seed};
use softreg_image::{Collection, Sampler};
use softreg_net::latent;
use softreg_train::config::{Checked, parse};
use std::collections::BTreeMap;
use std::path::Path;

/// The generator's draws come from a stream of their own.
const OF_GENERATOR: u64 = 1 << 32;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, out] = arguments.as_slice() else { anyhow::bail!("usage: peer RUN OUT") };
    let path = Path::new(run).join("config.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let config = parse::parse(&text, run)?;
    let pictures = softreg_image::open(&config.data.source, &config.load_options()?)?;
    let (training, _) = config.parts(&pictures);
    let draws = Draws { checked: &config.check(&pictures)?, pictures: &pictures };
    let mut file: BTreeMap<&str, (Vec<usize>, Vec<f32>)> = BTreeMap::new();
    let config = draws.checked.config();
    let (batch, seed) = (config.training.batch, config.seed);
    let mut sampler = Sampler::new(training, batch, seed, config.data.flip)?;
    let steps = config.stop.steps.context("a run without a number of steps")?;
    for step in 0..steps {
        for (name, shape, values) in draws.of_step(step, &sampler.indices_of(step))? {
            let (whole, all) = file.entry(name).or_default();
            *whole = [&[steps as usize], shape.as_slice()].concat();
            all.extend(values);
        }
    }
    let bytes = |values: Vec<f32>| values.into_iter().flat_map(f32::to_le_bytes).collect();
    let bytes: Vec<(&str, Vec<usize>, Vec<u8>)> =
        file.into_iter().map(|(name, (shape, values))| (name, shape, bytes(values))).collect();
    let views = bytes.iter().map(|(name, shape, bytes)| {
        Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?))
    });
    safetensors::serialize_to_file(views.collect::<anyhow::Result<Vec<_>>>()?, None, out.as_ref())?;
    Ok(())
}

struct Draws<'a> {
    checked: &'a Checked,
    pictures: &'a Collection,
}

type Named = (&'static str, Vec<usize>, Vec<f32>);

impl Draws<'_> {
    fn of_step(&self, step: u64, chosen: &[(usize, bool)]) -> anyhow::Result<Vec<Named>> {
        let (shape, config) = (self.checked.shape(), self.checked.config());
        let (seed, n) = (Seed(config.seed), chosen.len());
        let (h, w) = (shape.geometry.height(), shape.geometry.width());
        let mut real = vec![0.0; n * shape.channels * h * w];
        for (picture, (index, flip)) in real.chunks_exact_mut(shape.channels * h * w).zip(chosen) {
            self.pictures.write_unit(*index, *flip, picture);
        }
        let rng = &mut seed.rng(Purpose::Latents, step);
        let latents = latent::draw(n, shape.latent, None, rng);
        let mut found: Vec<Named> = vec![
            ("real", vec![n, shape.channels, h, w], real),
            ("latents", vec![n, shape.latent], latents.clone()),
        ];
        // Pictures whose every pixel says which one it is: moved, they say where from. 0 is what comes in at the border.
        let device = Device::flex();
        let numbers = (0..n * h * w).map(|i| (i % (h * w) + 1) as f32).collect();
        let numbered = Tensor::<4>::from_data(TensorData::new(numbers, [n, 1, h, w]), &device);
        let values = |moved: Tensor<4>| -> Vec<f32> { moved.into_data().iter::<f32>().collect() };
        let policy = self.checked.policy();
        for (name, stream, kind) in [
            ("real-from", 0, "real"),
            ("made-from", 0, "fake"),
            ("judged-from", OF_GENERATOR, "fake"),
        ] {
            let rng = &mut seed.named_rng(Purpose::Augmentation, step, stream, kind);
            let moved = policy.apply(numbered.clone(), config.training.augment_probability, rng);
            found.push((name, vec![n, h, w], values(moved)));
        }
        for term in self.checked.terms() {
            let composition = term.body.composition().context("a regularizer without partners")?;
            let (pairing, input) = (&*composition.pairing, composition.site.input());
            let name = format!("{input:?}/{}", pairing.identity());
            let rng = &mut seed.named_rng(Purpose::Partner, step, 0, &name);
            let mut draw = |pairing: &dyn Pairing, rows: Tensor<2>, shape: &[usize]| {
                pairing.draw(&Samples { rows, shape, groups: None, fresh: None }, rng)
            };
            let drawn = match pairing.pictures_only() {
                true => draw(pairing, numbered.clone().reshape([n, h * w]), &[n, 1, h, w])?,
                false => {
                    let rows = latent::tensor(latents.clone(), shape.latent, &device);
                    draw(pairing, rows, &[n, shape.latent])?
                }
            };
            found.push(match drawn {
                Partners::Inputs(moved) => {
                    ("copy-from", vec![n, h, w], values(moved.reshape([n, 1, h, w])))
                }
                Partners::InBatch { samples, partners } => {
                    let mut order = vec![f32::NAN; n];
                    samples.into_iter().zip(partners).for_each(|(s, p)| order[s] = p as f32);
                    ("partners", vec![n], order)
                }
                Partners::Mixed { .. } => {
                    anyhow::bail!("`{}`: PyTorch does not follow it", term.name)
                }
                #[allow(unreachable_patterns, reason = "as many as there are today")]
                _ => anyhow::bail!("`{}`: PyTorch does not follow it", term.name),
            });
        }
        Ok(found)
    }
}
