//! The only place that chooses where tensors are computed.

use anyhow::Context;
use burn::tensor::Device;

/// The backends that this binary was built with.
pub(crate) const BACKENDS: &[&str] = &[
    #[cfg(feature = "cpu")]
    "cpu",
    #[cfg(feature = "cuda")]
    "cuda",
    #[cfg(feature = "vulkan")]
    "vulkan",
];

/// The device called `name`; `auto` is the first of [`BACKENDS`].
///
/// A graphics processor is asked for one sum first, so that a missing one or its driver is told as such.
pub(crate) fn device(name: &str) -> anyhow::Result<Device> {
    let device = named(name)?;
    #[cfg(any(feature = "cuda", feature = "vulkan"))]
    if !matches!(name, "cpu") {
        probe(name, &device)?;
    }
    Ok(device)
}

/// Computes something, without the noise of the driver's own failure.
#[cfg(any(feature = "cuda", feature = "vulkan"))]
fn probe(name: &str, device: &Device) -> anyhow::Result<()> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let device = device.clone();
    let sum = std::panic::catch_unwind(|| {
        burn::tensor::Tensor::<1>::ones([2], &device).sum().into_scalar::<f32>()
    });
    std::panic::set_hook(hook);
    anyhow::ensure!(
        sum.is_ok_and(|sum| sum == 2.0),
        "the device `{name}` does not compute: there is no such graphics processor, or its driver is missing; install the driver, or use --device cpu"
    );
    Ok(())
}

fn named(name: &str) -> anyhow::Result<Device> {
    let name = if name == "auto" { BACKENDS.first().copied().unwrap_or("none") } else { name };
    match name {
        #[cfg(feature = "cpu")]
        "cpu" => Ok(Device::flex()),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(0)),
        #[cfg(feature = "vulkan")]
        "vulkan" => Ok(Device::vulkan(burn::tensor::DeviceKind::default())),
        other => Err(crate::failure::usage(format!(
            "there is no device `{other}` in this build: choose from auto, {}",
            BACKENDS.join(", ")
        ))),
    }
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
