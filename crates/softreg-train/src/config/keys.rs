//! Every key of a configuration with its meaning, and the configuration printed with comments.

use super::RunConfig;
use softreg::registry::REGULARIZERS;
use std::fmt::Write as _;

/// A documented key.
#[derive(Debug)]
pub struct Key {
    /// Section and name, for example `network.width`.
    pub path: &'static str,
    /// What it means, in one line.
    pub summary: &'static str,
    /// What an unset key could be set to.
    pub example: &'static str,
}

const fn key(path: &'static str, summary: &'static str, example: &'static str) -> Key {
    Key { path, summary, example }
}

/// All keys, in the order in which they are printed.
pub const KEYS: &[Key] = &[
    key("seed", "random seed: same seed, same run", "0"),
    key(
        "data.source",
        "motif, or a folder, zip, CIFAR-10 .bin or IDX file; see: softreg list sources",
        "\"motif\"",
    ),
    key("data.size", "auto, or width x height, each 16 to 256: \"32\", \"48x64\"", "\"auto\""),
    key("data.channels", "auto, grey, rgb, or rgba to keep transparency", "\"auto\""),
    key("data.fit", "how to fit other shapes: crop, pad or stretch", "\"crop\""),
    key("data.background", "colour behind transparent pixels", "\"#ffffff\""),
    key("data.limit", "use only the first N pictures", "1000"),
    key("data.flip", "mirror half of the pictures left to right (not for letters)", "true"),
    key("data.validation", "fraction of the pictures to hold out for validation, 0 to 0.5", "0.1"),
    key(
        "data.replaced",
        "number of the training picture to replace by its neighbour (see: softreg analyze --twin)",
        "0",
    ),
    key("network.architecture", "dcgan (fast) or residual (slower, sharper)", "\"dcgan\""),
    key(
        "network.width",
        "feature maps in the layers nearest the picture, 4 to 512; cost grows with its square; unless set, 24 at 32x32 and fewer for larger pictures",
        "32",
    ),
    key("network.latent", "size of the latent vector, 2 to 1024", "64"),
    key("network.conditional", "generate by label; the pictures need class folders", "true"),
    key(
        "network.self-modulation",
        "scale and shift the generator's layers by the latent: more variety, a few percent slower; true unless set",
        "true",
    ),
    key(
        "network.average-half-life",
        "half-life of the generator's moving average, in images",
        "10000",
    ),
    key(
        "network.from",
        "start from the networks of an earlier run instead of new ones, of the same shape: a run, or one of its checkpoints",
        "\"runs/motif-001\"",
    ),
    key("training.loss", "see: softreg list losses", "\"logistic\""),
    key("training.batch", "pictures per step, 2 to 65536", "32"),
    key(
        "training.critic-steps",
        "updates of the critic per update of the generator, 1 to 100",
        "1",
    ),
    key("training.augment", "differentiable augmentation: colour, translation, cutout", "[]"),
    key(
        "training.augment-probability",
        "probability of each augmentation, 0 to 1; the initial value if adaptive",
        "1.0",
    ),
    key(
        "training.augment-target",
        "adaptive probability (ADA): overfitting r_t to aim for, 0.6 in the paper",
        "0.6",
    ),
    key(
        "training.augment-speed",
        "pictures over which the adaptive probability can go from 0 to 1",
        "500000",
    ),
    key(
        "training.precision",
        "number format for convolutions: f32, or bf16 on devices with bfloat16 arithmetic (see: softreg devices); slope and gradient penalties stay in f32",
        "\"f32\"",
    ),
    key(
        "training.threads",
        "worker threads, 0 for one per core, or per graphics processor, or per process if there are several; results depend on it",
        "0",
    ),
    key("optimizer.name", "see: softreg list optimizers", "\"adam\""),
    key("optimizer.generator-rate", "learning rate of the generator", "0.01"),
    key("optimizer.critic-rate", "learning rate of the critic", "0.02"),
    key(
        "optimizer.beta-1",
        "decay of the gradient average, 0 to below 1 (momentum for sgd)",
        "0.5",
    ),
    key("optimizer.beta-2", "decay of the squared gradient average, 0 to below 1", "0.99"),
    key(
        "validation.measure",
        "measured on held-out pictures during training (see data.validation), comma-separated, the first one decides: swd, fd, kd, coverage, near_copies, …",
        "\"swd\"",
    ),
    key(
        "validation.features",
        "features for these measures: a name (see: softreg list features) or a file",
        "\"randconv\"",
    ),
    key("stop.steps", "stop after this many steps", "10000"),
    key("stop.images", "stop after this many real pictures, counting repeats", "1000000"),
    key("stop.minutes", "stop after this many minutes of training", "30"),
    key("stop.patience", "stop after this many validation checks without improvement", "10"),
    key("stop.check-every", "steps between validation checks", "250"),
    key(
        "output.log-every",
        "steps between lines of metrics; unless set, 10 at first and more in long runs",
        "10",
    ),
    key(
        "output.sheet-every",
        "steps between sample sheets; unless set, 250 at first and more in long runs",
        "250",
    ),
    key("output.sheet-count", "pictures on a sheet, 1 to 1024", "64"),
    key("output.checkpoint-every", "steps between checkpoints; five minutes at most", "250"),
    key("output.keep", "number of checkpoints to keep, 1 or more", "2"),
];

/// `config` as TOML with a comment for every key, unset keys and unused regularizers included as
/// comments. Reading it back gives `config` again.
pub fn with_comments(config: &RunConfig) -> String {
    let values = toml::Table::try_from(config).unwrap_or_default();
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        let (part, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if part == "validation" && section != "validation" {
            regularizers(config, &mut text);
        }
        if part != section {
            section = part;
            let _ = writeln!(text, "\n[{section}]");
        }
        let value = match part {
            "" => values.get(name),
            _ => values.get(part).and_then(|table| table.get(name)),
        };
        let line = match value {
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name} = {}", key.example),
        };
        let _ = writeln!(text, "{line:<36} # {}", key.summary);
    }
    text
}

fn regularizers(config: &RunConfig, text: &mut String) {
    let _ = writeln!(
        text,
        "\n[regularizers]  # NAME = WEIGHT, or NAME = {{ weight = …, SETTING = … }}"
    );
    let named = |name: &str| REGULARIZERS.iter().any(|entry| entry.name == name);
    for (name, spec) in config.regularizers.iter().filter(|(name, _)| !named(name)) {
        if let Ok(value) = toml::Value::try_from(spec) {
            let _ = writeln!(text, "{name} = {value}");
        }
    }
    for entry in REGULARIZERS {
        let line = match config.regularizers.get(entry.name).map(toml::Value::try_from) {
            Some(Ok(value)) => format!("{} = {value}", entry.name),
            _ => format!("# {} = {}", entry.name, entry.weight),
        };
        let _ = writeln!(text, "{line:<36} # {}", entry.summary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Stop, parse};

    #[test]
    fn every_field_is_documented_and_every_documented_key_exists() {
        let mut config = RunConfig::default();
        config.data.limit = Some(1);
        config.data.replaced = Some(1);
        config.network.self_modulation = Some(true);
        config.network.width = Some(4);
        config.network.from = Some(String::new());
        let some = Some(1);
        config.training.augment_target = Some(0.6);
        (config.output.log_every, config.output.sheet_every) = (some, some);
        config.stop = Stop {
            steps: some,
            images: some,
            minutes: Some(1.0),
            patience: some,
            check_every: some,
        };
        let table = toml::Table::try_from(&config).unwrap();
        let mut fields: Vec<String> = Vec::new();
        for (name, value) in &table {
            match value {
                toml::Value::Table(_) if name == "regularizers" => {}
                toml::Value::Table(inner) => {
                    fields.extend(inner.keys().map(|k| format!("{name}.{k}")))
                }
                _ => fields.push(name.clone()),
            }
        }
        let mut documented: Vec<String> = KEYS.iter().map(|k| k.path.to_owned()).collect();
        fields.sort();
        documented.sort();
        assert_eq!(fields, documented);
    }

    #[test]
    fn the_printed_configuration_reads_back_as_itself() {
        let mut config = RunConfig::default();
        config.stop.minutes = Some(3.0);
        let (name, spec) = softreg::spec::parse("consistency=10,shift=0.25").unwrap();
        config.regularizers.insert(name, spec);
        let own = "noise(sigma=0.05) l1 slope real every=4 name=smooth";
        let (name, spec) = softreg::spec::parse(own).unwrap();
        config.regularizers.insert(name, spec);
        let text = with_comments(&config);
        assert_eq!(parse::parse(&text, "printed").unwrap(), config, "{text}");
    }

    #[test]
    fn every_example_is_accepted() {
        for key in KEYS {
            let (section, name) = key.path.split_once('.').unwrap_or(("", key.path));
            let header = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
            let text = format!("{header}{name} = {}\n", key.example);
            assert!(parse::parse(&text, "example").is_ok(), "{text}");
        }
    }
}
