//! Results that are written once and never cleared before.

use std::mem::{ManuallyDrop, MaybeUninit};

/// `length` values that nobody has written yet.
pub(crate) fn fresh(length: usize) -> Vec<MaybeUninit<f32>> {
    let mut values = Vec::with_capacity(length);
    // SAFETY: within the capacity, and nothing is promised of the values.
    #[allow(unsafe_code)]
    unsafe {
        values.set_len(length);
    }
    // Where debugging, what is forgotten shows.
    if cfg!(debug_assertions) {
        values.fill(MaybeUninit::new(f32::NAN));
    }
    values
}

/// The values, now that they are written.
///
/// # Safety
/// Every one has been written.
#[allow(unsafe_code)]
pub(crate) unsafe fn written(values: Vec<MaybeUninit<f32>>) -> Vec<f32> {
    let mut values = ManuallyDrop::new(values);
    let (start, length, capacity) = (values.as_mut_ptr(), values.len(), values.capacity());
    // SAFETY: the parts of a vector of the same layout, which lets go of them, and written as the caller promises.
    unsafe { Vec::from_raw_parts(start.cast::<f32>(), length, capacity) }
}

/// [`written`] for a part.
///
/// # Safety
/// Every one has been written.
#[allow(unsafe_code)]
pub(crate) unsafe fn written_part(values: &mut [MaybeUninit<f32>]) -> &mut [f32] {
    // SAFETY: the same layout, and written as the caller promises.
    unsafe { &mut *(std::ptr::from_mut(values) as *mut [f32]) }
}
