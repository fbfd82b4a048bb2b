//! What becomes of memory that nobody uses.
//!
//! The buffers of a step are freed and wanted again a moment later. An allocator that hands them back in between pays for
//! fresh pages, which the system clears, and for telling every other thread's processor that the old ones are gone.

use libmimalloc_sys::{mi_option_get, mi_option_set_default};
use std::ffi::c_long;

/// `mi_option_purge_delay`: how many milliseconds memory has been free before the system gets it back, the next time that
/// somebody allocates. The bindings name stable options only.
const PURGE_DELAY: i32 = 15;

/// What mimalloc 3 has there unless told otherwise: shorter than a few dozen steps.
const DEFAULT: c_long = 1_000;

/// Longer than any step.
const KEPT: c_long = 10_000;

/// Has mimalloc keep what is freed for ten seconds instead of one, unless `MIMALLOC_PURGE_DELAY` says how long. For a
/// program whose allocator it is, once, when it starts.
pub fn keep_freed_memory() {
    // SAFETY: reads and sets a number; who allocates meanwhile on another thread sees the old one or the new one. An
    // option that is not the one that is meant has another value.
    #[allow(unsafe_code)]
    unsafe {
        if mi_option_get(PURGE_DELAY) == DEFAULT {
            mi_option_set_default(PURGE_DELAY, KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        if std::env::var_os("MIMALLOC_PURGE_DELAY").is_some() {
            return;
        }
        #[allow(unsafe_code)]
        // SAFETY: as above.
        let value = || unsafe { mi_option_get(PURGE_DELAY) };
        // Its neighbours are 1 and 0.
        assert_eq!(value(), DEFAULT);
        keep_freed_memory();
        assert_eq!(value(), KEPT);
    }
}
