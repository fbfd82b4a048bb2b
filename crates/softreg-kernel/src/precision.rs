//! In which numbers layers multiply.

use crate::scope;
use burn::tensor::Device;
use std::cell::Cell;

/// In which numbers the convolutions called in a scope multiply. Everything else is in single precision: inputs and
/// results, sums, weights and their gradients, and what the optimiser does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Single precision.
    #[default]
    Single,
    /// Factors are rounded to bfloat16 (8 bits of digits instead of 24, the same range) and their products summed in single
    /// precision, where the device has instructions for it and a layer the shape for it; elsewhere as
    /// [`Precision::Single`].
    Bfloat16,
}

thread_local! {
    static PRECISION: Cell<Precision> = const { Cell::new(Precision::Single) };
}

/// `f`, with convolutions that this thread calls in it, and their gradients whenever they are taken, in `precision`: what
/// PyTorch calls autocast.
pub fn in_precision<R>(precision: Precision, f: impl FnOnce() -> R) -> R {
    scope::with(&PRECISION, precision, f)
}

/// That of the scope.
#[cfg(any(feature = "flex", feature = "cube"))]
pub(crate) fn precision() -> Precision {
    PRECISION.get()
}

/// Whether layers on `device` can multiply in bfloat16: where the kernels are those of a processor that has AVX-512 with BF16
/// (AMD since Zen 4, Intel servers since Cooper Lake) or NEON with BF16 (ARM since 8.6, Apple since M2), or of a card that
/// multiplies matrices of such numbers with sums in single precision, by what CubeCL knows of it (NVIDIA's since Ampere).
pub fn bfloat16_is_on(device: &Device) -> bool {
    #[cfg(any(feature = "flex", feature = "cube"))]
    return crate::kernels::multiply_in_bfloat16(device);
    #[cfg(not(any(feature = "flex", feature = "cube")))]
    {
        let _ = device;
        false
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_scope_ends_where_it_ends_and_is_of_its_thread() {
        let less = || {
            assert_eq!(precision(), Precision::Bfloat16);
            assert_eq!(in_precision(Precision::Single, precision), Precision::Single);
            assert_eq!(std::thread::spawn(precision).join().unwrap(), Precision::Single);
            precision()
        };
        assert_eq!(in_precision(Precision::Bfloat16, less), Precision::Bfloat16);
        assert_eq!(precision(), Precision::Single);
        let broken = || in_precision(Precision::Bfloat16, || panic!("as a layer may"));
        assert!(std::panic::catch_unwind(broken).is_err());
        assert_eq!(precision(), Precision::Single);
    }
}
