//! The only place that chooses where tensors are computed.

use crate::failure::usage;
use anyhow::Context;
use burn::tensor::Device;
#[cfg(feature = "gpu")]
use burn::tensor::DeviceType;
use std::sync::{Mutex, PoisonError};

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

impl Backend {
    /// What there is of it in this machine, whether it computes or not.
    fn listed(&'static self) -> impl Iterator<Item = Found> {
        // Workers, measures and the page's painters are threads of their own.
        #[cfg(feature = "gpu")]
        softreg_kernel::use_cards_in_one_order();
        let devices = quietly(self.devices).unwrap_or_default().into_iter().enumerate();
        devices.map(move |(i, device)| {
            let name = match self.graphics {
                true => format!("{}:{i}", self.name),
                false => self.name.to_owned(),
            };
            Found { name, backend: self, device }
        })
    }
}

impl Found {
    /// The device, where it computes: it is asked for one sum, so that a missing driver is told as such.
    fn probed(self) -> anyhow::Result<Self> {
        anyhow::ensure!(computes(&self.device), does_not_compute(&self.name));
        Ok(self)
    }
}

fn does_not_compute(name: &str) -> String {
    let toolkit = match name.split(':').next() {
        Some("cuda") => {
            ", or the CUDA toolkit needed to compile for it is (looked for in CUDA_PATH and /usr/local/cuda)"
        }
        _ => "",
    };
    format!(
        "the device `{name}` is not usable: it is not in this machine, or its driver is missing{toolkit}; `softreg devices` lists usable devices, and --device cpu always works"
    )
}

/// Everything in this machine that computes; the first is what `auto` means.
pub(crate) fn found() -> impl Iterator<Item = Found> {
    BACKENDS.iter().flat_map(Backend::listed).filter(|found| computes(&found.device))
}

/// The device called `name`: a backend, or BACKEND:INDEX where there are several of it, or `auto`.
pub(crate) fn device(name: &str) -> anyhow::Result<Found> {
    match listed(name)? {
        mut one if one.len() == 1 => one.remove(0).probed(),
        _ => Err(usage(format!("`{name}` names several devices, but only one can be used here"))),
    }
}

/// What `name` means, not asked yet whether it computes; one at least. BACKEND:all may mean several.
fn listed(name: &str) -> anyhow::Result<Vec<Found>> {
    if name == "auto" {
        let first =
            found().next().context("no device in this machine can be used by this build")?;
        return Ok(vec![first]);
    }
    let (of, which) = name.split_once(':').unwrap_or((name, "0"));
    let Some(backend) = BACKENDS.iter().find(|backend| backend.name == of) else {
        return Err(unknown(name));
    };
    let wanted: Vec<Found> = match which {
        "all" => backend.listed().collect(),
        index => {
            let index = index.parse().map_err(|_| unknown(name))?;
            backend.listed().skip(index).take(1).collect()
        }
    };
    anyhow::ensure!(!wanted.is_empty(), does_not_compute(name));
    Ok(wanted)
}

fn unknown(name: &str) -> anyhow::Error {
    usage(format!(
        "there is no device `{name}` in this build: choose from auto, {}{}",
        names().join(", "),
        if cfg!(feature = "gpu") { ", or one listed by `softreg devices`" } else { "" }
    ))
}

/// Devices that share a work: one at least.
pub(crate) struct Devices {
    pub(crate) first: Found,
    pub(crate) beside: Vec<Found>,
}

impl Devices {
    /// The devices of `list`: names as [`device`] takes them, separated by commas; BACKEND:all is every one of it.
    pub(crate) fn named(list: &str) -> anyhow::Result<Self> {
        let mut all = several(list)?.into_iter().map(Found::probed);
        match all.next() {
            Some(first) => Ok(Self { first: first?, beside: all.collect::<anyhow::Result<_>>()? }),
            None => Err(unknown(list)),
        }
    }

    /// The one of them that process number `place` of those on this host has. The others are left to the others: a card
    /// may be one process's alone.
    #[cfg(feature = "mpi")]
    pub(crate) fn of_process(list: &str, place: usize) -> anyhow::Result<Self> {
        let mut all = several(list)?;
        let own = place % all.len();
        Ok(Self { first: all.swap_remove(own).probed()?, beside: Vec::new() })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Found> {
        [&self.first].into_iter().chain(&self.beside)
    }

    pub(crate) fn count(&self) -> usize {
        1 + self.beside.len()
    }

    /// The name of the device of work number `i`, where works are dealt out.
    pub(crate) fn name(&self, i: usize) -> &str {
        let found = match i % self.count() {
            0 => &self.first,
            i => &self.beside[i - 1],
        };
        &found.name
    }

    /// The names of all.
    pub(crate) fn names(&self) -> String {
        self.iter().map(|found| found.name.as_str()).collect::<Vec<_>>().join(",")
    }
}

/// What a list means, one at least and none twice.
fn several(list: &str) -> anyhow::Result<Vec<Found>> {
    let mut all: Vec<Found> = Vec::new();
    for name in list.split(',').map(str::trim) {
        for found in listed(name)? {
            if all.iter().any(|other| other.device == found.device) {
                return Err(usage(format!("--device {list} names {} twice", found.name)));
            }
            all.push(found);
        }
    }
    Ok(all)
}

/// The names of the backends in this build.
pub(crate) fn names() -> Vec<&'static str> {
    BACKENDS.iter().map(|backend| backend.name).collect()
}

/// Whether it can add, and knows a function that its compiler has from elsewhere.
fn computes(device: &Device) -> bool {
    let device = device.clone();
    let add = || burn::tensor::Tensor::<1>::ones([2], &device).tanh().sum().into_scalar::<f32>();
    quietly(add).is_some_and(|sum| (sum - 2.0 * 1f32.tanh()).abs() < 1e-3)
}

/// The result of `f`, or nothing where a driver is missing: without the noise of that failure.
pub(crate) fn quietly<T>(f: impl FnOnce() -> T) -> Option<T> {
    // The hook is the whole process's: of two who took it at once, one would put back the other's silence.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
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
        .with_context(|| format!("cannot start {threads} threads: lower --threads"))
}
