//! Everything that the next step depends on, to and from a file.
//!
//! Random numbers are a function of seed, purpose and step ([`softreg::Seed`]), so the random state
//! of a run is its seed and how many steps it has taken.

use crate::config::settings::{between, settings};
use crate::config::{Checked, RunConfig};
use crate::error::Error;
use crate::players::{Players, effective};
use crate::step::settle_probability;
use crate::stop::Progress;
use burn::module::Module;
use burn::tensor::Device;
use softreg::hard::SpectralNorm;
use softreg::memory::Memory;
use softreg::site::Player;
use softreg_net::{Generator, Shape, parameters};
use softreg_run::Checkpoint;
use softreg_run::checkpoint::{self as container, Data, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const GENERATOR: &str = "generator";
const CRITIC: &str = "critic";
const AVERAGE: &str = "average";
const GENERATOR_OPTIMIZER: &str = "optimizer.generator";
const CRITIC_OPTIMIZER: &str = "optimizer.critic";
const TEACHER: &str = "teacher";
const SPECTRAL: &str = "spectral";
const MEMORY: &str = "memory";

/// Where a run begins that does not begin with new networks.
#[derive(Clone, Debug)]
pub struct Start {
    /// The checkpoint, for messages.
    pub path: PathBuf,
    /// What it holds.
    pub file: Checkpoint,
    /// The configuration of its run.
    pub config: RunConfig,
}

/// Writes players and progress; weights that are not numbers are refused, because a checkpoint with
/// them would push out the last one from which the run can go on.
pub(crate) fn write(
    path: &Path,
    checked: &Checked,
    fingerprint: &str,
    players: &Players,
    progress: &Progress,
    device: &Device,
) -> Result<(), Error> {
    let mut tensors = BTreeMap::new();
    let step = progress.step;
    weights(&mut tensors, CRITIC, &players.critic, Player::Critic, step)?;
    weights(&mut tensors, GENERATOR, &players.generator, Player::Generator, step)?;
    let painter = players.painter(checked, device);
    weights(&mut tensors, AVERAGE, &painter, Player::Generator, step)?;
    for (group, optimizer) in [
        (GENERATOR_OPTIMIZER, &players.generator_optimizer),
        (CRITIC_OPTIMIZER, &players.critic_optimizer),
    ] {
        for (name, tensor) in optimizer.export()? {
            tensors.insert(format!("{group}/{name}"), tensor);
        }
    }
    if let Some(teacher) = &players.teacher {
        weights(&mut tensors, TEACHER, teacher, Player::Critic, step)?;
    }
    for (id, [u, v]) in players.spectral.iter().flat_map(|norm| norm.vectors()) {
        for (name, values) in [("u", u), ("v", v)] {
            let tensor = Tensor::new(vec![values.len()], Data::F32(values.clone()))?;
            tensors.insert(format!("{SPECTRAL}/{id}/{name}"), tensor);
        }
    }
    for (name, numbers) in players.memory.numbers() {
        let bits = numbers.iter().map(|number| number.to_bits()).collect();
        let tensor = Tensor::new(vec![numbers.len()], Data::U64(bits))?;
        tensors.insert(format!("{MEMORY}/{name}"), tensor);
    }
    let settings = serde_json::to_string(&settings(checked.config())).unwrap_or_default();
    let number = |bits: Option<f64>| bits.map(|v| v.to_string()).unwrap_or_default();
    let metadata = [
        ("seed", checked.config().seed.to_string()),
        ("step", progress.step.to_string()),
        ("images", progress.images.to_string()),
        ("seconds", progress.seconds.to_string()),
        ("measure", progress.measure.clone().unwrap_or_default()),
        ("best", number(progress.best)),
        ("best_step", progress.best_step.to_string()),
        ("checks_without_improvement", progress.checks_without_improvement.to_string()),
        ("pending", progress.pending.map(|step| step.to_string()).unwrap_or_default()),
        ("pictures", fingerprint.to_owned()),
        ("settings", settings),
        ("softreg", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let metadata = metadata.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    Ok(container::write(path, &Checkpoint { tensors, metadata })?)
}

/// The networks of an earlier run, to begin another one with: generator, critic and moving average, and nothing
/// else of what it has learned. Transfer learning as in arXiv 1805.01677, with both networks.
///
/// # Errors
/// [`Error::Weights`] where they are of another shape than those of the run that begins.
pub(crate) fn begin(start: Start, checked: &Checked, device: &Device) -> Result<Players, Error> {
    let Start { path, mut file, config } = start;
    let fresh = Players::new(checked, device);
    let average = fill(&path, &mut file, AVERAGE, fresh.average)?;
    let generator = fill(&path, &mut file, GENERATOR, fresh.generator)?;
    let critic = fill(&path, &mut file, CRITIC, fresh.critic)?;
    let Some(bound) = config.spectral_bound() else {
        return Ok(Players::of(checked, average, generator, critic, None));
    };
    let mut unused = softreg::Seed(0).rng(softreg::Purpose::PowerIteration, 0);
    let like = SpectralNorm::new(&critic, &mut unused);
    let norm = spectral(&like, take(&mut file, SPECTRAL))?;
    if checked.plan().spectral_norm().is_some() {
        return Ok(Players::of(checked, average, generator, critic, Some(norm)));
    }
    // The critic that was trained is the normalised one.
    let weights = parameters::collect(&effective(&critic, Some((&norm, bound)))).into_iter();
    let weights = weights.map(|p| (p.name, (p.shape, p.values))).collect();
    let critic = parameters::load(critic, weights).map_err(|source| Error::Weights {
        path,
        player: CRITIC,
        source,
    })?;
    Ok(Players::of(checked, average, generator, critic, None))
}

/// Restores players and progress.
pub(crate) fn restore(
    path: &Path,
    mut file: Checkpoint,
    checked: &Checked,
    fingerprint: &str,
    device: &Device,
) -> Result<(Players, Progress), Error> {
    // Built-in pictures depend on it.
    let (began, found) = (file.text("seed")?, checked.config().seed);
    if began != found.to_string() {
        return Err(Error::OtherSeed { began: began.to_owned(), found });
    }
    if file.text("pictures")? != fingerprint {
        let source_name = checked.config().data.source.clone();
        return Err(Error::OtherPictures { source_name });
    }
    check_split(&file, checked.config())?;
    let progress = Progress {
        step: entry(path, &file, "step")?,
        images: entry(path, &file, "images")?,
        seconds: entry(path, &file, "seconds")?,
        // Not in checkpoints of earlier versions, or of runs that measure nothing.
        measure: file.text("measure").ok().filter(|name| !name.is_empty()).map(str::to_owned),
        best: match file.text("best")? {
            "" => None,
            _ => Some(entry(path, &file, "best")?),
        },
        best_step: entry(path, &file, "best_step")?,
        checks_without_improvement: entry(path, &file, "checks_without_improvement")?,
        // Checkpoints of earlier versions measured at once.
        pending: match file.text("pending") {
            Err(_) | Ok("") => None,
            Ok(_) => Some(entry(path, &file, "pending")?),
        },
    };
    let fresh = Players::new(checked, device);
    let generator = fill(path, &mut file, GENERATOR, fresh.generator)?;
    let critic = fill(path, &mut file, CRITIC, fresh.critic)?;
    let average = fill(path, &mut file, AVERAGE, fresh.average)?;
    let (mut generator_optimizer, mut critic_optimizer) =
        (fresh.generator_optimizer, fresh.critic_optimizer);
    generator_optimizer.import(&generator, take(&mut file, GENERATOR_OPTIMIZER), device)?;
    critic_optimizer.import(&critic, take(&mut file, CRITIC_OPTIMIZER), device)?;
    let teacher = fresh.teacher.map(|teacher| fill(path, &mut file, TEACHER, teacher));
    let spectral = fresh.spectral.map(|norm| spectral(&norm, take(&mut file, SPECTRAL)));
    let mut players = Players {
        generator,
        critic,
        average,
        generator_optimizer,
        critic_optimizer,
        teacher: teacher.transpose()?,
        spectral: spectral.transpose()?,
        memory: memory(take(&mut file, MEMORY))?,
    };
    settle_probability(&mut players.memory, checked);
    Ok((players, progress))
}

/// Refuses a configuration that holds out other pictures than the run did up to this checkpoint: some of them were trained on.
///
/// # Errors
/// [`Error::OtherSplit`].
pub fn check_split(file: &Checkpoint, config: &RunConfig) -> Result<(), Error> {
    let Some(before) = settings_of(file) else { return Ok(()) };
    let now = settings(config);
    match ["data.validation", "data.replaced"]
        .into_iter()
        .find(|key| before.get(*key) != now.get(*key))
    {
        None => Ok(()),
        Some(key) => {
            let value = |of: &BTreeMap<String, String>| {
                of.get(key).map_or_else(|| "not set".to_owned(), String::clone)
            };
            Err(Error::OtherSplit { key, began: value(&before), found: value(&now) })
        }
    }
}

/// The settings that a checkpoint was written with; none in those of earlier versions.
fn settings_of(file: &Checkpoint) -> Option<BTreeMap<String, String>> {
    let mut settings: BTreeMap<String, String> =
        serde_json::from_str(file.text("settings").ok()?).ok()?;
    // Networks from before there was a choice.
    settings.entry("network.self-modulation".to_owned()).or_insert_with(|| "false".to_owned());
    Some(settings)
}

/// What of the configuration is not as it was when the checkpoint was written; nothing where that is not known.
pub(crate) fn changes_since(file: &Checkpoint, checked: &Checked) -> Vec<String> {
    settings_of(file).map_or_else(Vec::new, |before| between(&before, &settings(checked.config())))
}

/// The vectors of `like`, from a checkpoint.
fn spectral(
    like: &SpectralNorm,
    mut tensors: BTreeMap<String, Tensor>,
) -> Result<SpectralNorm, Error> {
    let mut vector = |id: &u64, name: &str, length: usize| {
        let name = format!("{id}/{name}");
        match tensors.remove(&name).map(Tensor::into_parts) {
            Some((_, Data::F32(values))) if values.len() == length => Ok(values),
            _ => Err(Error::Memory { name: format!("{SPECTRAL}/{name}") }),
        }
    };
    let restored = like
        .vectors()
        .iter()
        .map(|(id, [u, v])| Ok((*id, [vector(id, "u", u.len())?, vector(id, "v", v.len())?])));
    Ok(SpectralNorm::from_vectors(restored.collect::<Result<_, Error>>()?))
}

fn memory(tensors: BTreeMap<String, Tensor>) -> Result<Memory, Error> {
    let numbers = tensors.into_iter().map(|(name, tensor)| match tensor.into_parts() {
        (_, Data::U64(bits)) => Ok((name, bits.into_iter().map(f64::from_bits).collect())),
        _ => Err(Error::Memory { name: format!("{MEMORY}/{name}") }),
    });
    Ok(Memory::from_numbers(numbers.collect::<Result<_, Error>>()?))
}

/// The averaged generator alone, to make pictures with.
///
/// # Errors
/// [`Error::Weights`] where the file belongs to a network of another shape.
pub fn averaged_generator(
    path: &Path,
    mut file: Checkpoint,
    shape: &Shape,
    device: &Device,
) -> Result<Generator, Error> {
    let mut rng = softreg::Seed(0).rng(softreg::Purpose::Weights, 0);
    let generator = Generator::new(shape, &mut rng, &device.clone().without_autodiff());
    fill(path, &mut file, AVERAGE, generator)
}

fn weights<M: Module>(
    tensors: &mut BTreeMap<String, Tensor>,
    group: &str,
    module: &M,
    player: Player,
    step: u64,
) -> Result<(), Error> {
    for parameter in parameters::collect(module) {
        if let Some(value) = parameter.values.iter().find(|value| !value.is_finite()) {
            return Err(Error::Diverged {
                player,
                quantity: format!("weight `{}`", parameter.name),
                value: f64::from(*value),
                step,
                last: String::new(),
                everywhere: false,
            });
        }
        let tensor = Tensor::new(parameter.shape, Data::F32(parameter.values))?;
        tensors.insert(format!("{group}/{}", parameter.name), tensor);
    }
    Ok(())
}

fn fill<M: Module>(
    path: &Path,
    file: &mut Checkpoint,
    group: &'static str,
    module: M,
) -> Result<M, Error> {
    let weights = take(file, group)
        .into_iter()
        .map(|(name, tensor)| match tensor.into_parts() {
            (shape, Data::F32(values)) => Ok((name, (shape, values))),
            _ => Err(Error::ForeignState { name }),
        })
        .collect::<Result<_, _>>()?;
    parameters::load(module, weights).map_err(|source| Error::Weights {
        path: path.to_owned(),
        player: group,
        source,
    })
}

/// The tensors whose name starts with `group/`, without that start.
fn take(file: &mut Checkpoint, group: &str) -> BTreeMap<String, Tensor> {
    let prefix = format!("{group}/");
    let names: Vec<String> =
        file.tensors.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
    names
        .into_iter()
        .filter_map(|name| {
            let tensor = file.tensors.remove(&name)?;
            Some((name[prefix.len()..].to_owned(), tensor))
        })
        .collect()
}

fn entry<T: std::str::FromStr>(
    path: &Path,
    file: &Checkpoint,
    name: &'static str,
) -> Result<T, Error> {
    let value = file.text(name)?;
    value.parse().map_err(|_| Error::Entry {
        path: path.to_owned(),
        entry: name,
        value: value.to_owned(),
    })
}
