//! The only place that chooses where tensors are computed.

use crate::failure::usage;
use anyhow::Context;
use burn::tensor::Device;
#[cfg(feature = "gpu")]
use burn::tensor::DeviceType;

/// A line of the registry.
pub(crate) struct Backend {
    /// Name in `--device`.
    pub(crate) name: &'static str,
    /// A graphics processor: one worker keeps it busy.
    pub(crate) graphics: bool,
    /// What there is of it in this machine.
    devices: fn() -> Vec<Device>,
}

/// The backends that this binary was built with. The processor is first: it needs no driver, and repeats a run bit for bit
/// (docs/devices.md).
pub(crate) const BACKENDS: &[Backend] = &[
    #[cfg(feature = "cpu")]
    Backend { name: "cpu", graphics: false, devices: || vec![Device::flex()] },
    #[cfg(feature = "cuda")]
    card("cuda", || Device::enumerate(DeviceType::Cuda).into_vec()),
    #[cfg(feature = "rocm")]
    card("rocm", || Device::enumerate(DeviceType::Rocm).into_vec()),
    #[cfg(feature = "metal")]
    card("metal", || Device::enumerate(DeviceType::Metal).into_vec()),
    #[cfg(feature = "vulkan")]
    card("vulkan", || Device::enumerate(DeviceType::Vulkan).into_vec()),
    #[cfg(feature = "wgpu")]
    card("wgpu", || Device::enumerate(DeviceType::Wgpu).into_vec()),
];

/// A graphics processor.
#[cfg(feature = "gpu")]
const fn card(name: &'static str, devices: fn() -> Vec<Device>) -> Backend {
    Backend { name, graphics: true, devices }
}

/// A device that computes.
pub(crate) struct Found {
    /// As `--device` takes it.
    pub(crate) name: String,
    pub(crate) backend: &'static Backend,
    pub(crate) device: Device,
}

/// Everything in this machine that computes; the first is what `auto` means.
pub(crate) fn found() -> impl Iterator<Item = Found> {
    BACKENDS.iter().flat_map(|backend| {
        let devices = quietly(backend.devices).unwrap_or_default().into_iter().enumerate();
        devices.filter(|(_, device)| computes(device)).map(move |(i, device)| {
            let name = match backend.graphics {
                true => format!("{}:{i}", backend.name),
                false => backend.name.to_owned(),
            };
            Found { name, backend, device }
        })
    })
}

/// The device called `name`: a backend, or BACKEND:INDEX where there are several of it, or `auto`.
///
/// It is asked for one sum first, so that a missing one or its driver is told as such.
pub(crate) fn device(name: &str) -> anyhow::Result<Found> {
    if name == "auto" {
        return found().next().context("this build computes on nothing that this machine has");
    }
    let (of, index) = match name.split_once(':') {
        Some((of, index)) => (of, index.parse().ok()),
        None => (name, Some(0)),
    };
    let Some((backend, index)) = BACKENDS.iter().find(|b| b.name == of).zip(index) else {
        return Err(usage(format!(
            "there is no device `{name}` in this build: choose from auto, {}{}",
            names().join(", "),
            if cfg!(feature = "gpu") { ", or one that `softreg devices` lists" } else { "" }
        )));
    };
    let devices = quietly(backend.devices).unwrap_or_default();
    let device = devices.into_iter().nth(index).filter(computes).with_context(|| {
        format!("the device `{name}` does not compute: it is not in this machine, or its driver is missing; `softreg devices` lists what computes, --device cpu always does")
    })?;
    Ok(Found { name: name.to_owned(), backend, device })
}

/// Devices that share a work: one at least.
pub(crate) struct Devices {
    pub(crate) first: Found,
    pub(crate) beside: Vec<Found>,
}

impl Devices {
    /// The devices of `list`: names as [`device`] takes them, separated by commas; BACKEND:all is every one of it.
    pub(crate) fn named(list: &str) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for name in list.split(',').map(str::trim) {
            let before = all.len();
            if let Some(of) = name.strip_suffix(":all") {
                all.extend(found().filter(|found| found.backend.name == of));
            }
            if all.len() == before {
                all.push(device(name.trim_end_matches(":all"))?);
            }
        }
        let twice = |i: &usize| all[..*i].iter().any(|other| other.device == all[*i].device);
        if let Some(again) = (0..all.len()).find(twice) {
            return Err(usage(format!("--device {list} names {} twice", all[again].name)));
        }
        let first = all.remove(0);
        Ok(Self { first, beside: all })
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Found> {
        // Known to be that many, unlike a chain.
        (0..1 + self.beside.len()).map(|i| self.at(i))
    }

    /// The device of work number `i`, where works are dealt out.
    pub(crate) fn at(&self, i: usize) -> &Found {
        match i % (1 + self.beside.len()) {
            0 => &self.first,
            i => &self.beside[i - 1],
        }
    }

    /// The only one of work number `i`.
    pub(crate) fn alone(mut self, i: usize) -> Self {
        let first = match i % (1 + self.beside.len()) {
            0 => self.first,
            i => self.beside.swap_remove(i - 1),
        };
        Self { first, beside: Vec::new() }
    }
}

/// The names of the backends in this build.
pub(crate) fn names() -> Vec<&'static str> {
    BACKENDS.iter().map(|backend| backend.name).collect()
}

/// Whether it can add.
fn computes(device: &Device) -> bool {
    let device = device.clone();
    let add = || burn::tensor::Tensor::<1>::ones([2], &device).sum().into_scalar::<f32>();
    quietly(add) == Some(2.0)
}

/// The result of `f`, or nothing where a driver is missing: without the noise of that failure.
fn quietly<T>(f: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    std::panic::set_hook(hook);
    result.ok()
}

/// Processor cores that may be used.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Everything beside the workers of the training step (reading pictures, sheets, validation) shares one
/// pool of `threads` threads; 0 is one per core.
pub(crate) fn use_threads(threads: usize) -> anyhow::Result<()> {
    let threads = if threads == 0 { cores() } else { threads };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .with_context(|| format!("cannot start {threads} threads: set --threads lower"))
}
