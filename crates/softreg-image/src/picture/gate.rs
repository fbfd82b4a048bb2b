//! Bounds the memory of all pictures being decoded at the same moment.
//!
//! Small pictures pass freely. Large ones wait until those before them are done, because sixteen
//! threads with a 64-megapixel picture each would need many gibibytes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that may be in use at once; a larger picture than this is decoded alone.
const BUDGET_BYTES: u64 = 1 << 30;

static IN_USE_BYTES: Mutex<u64> = Mutex::new(0);
static RELEASED: Condvar = Condvar::new();

/// A share of the budget, given back when dropped.
pub(super) struct Turn {
    bytes: u64,
}

fn lock() -> MutexGuard<'static, u64> {
    // The guarded number is whole even if a thread died holding it.
    IN_USE_BYTES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `bytes` fit into the budget, or nothing else is in use.
pub(super) fn enter(bytes: u64) -> Turn {
    let mut in_use = RELEASED
        .wait_while(lock(), |in_use| *in_use > 0 && in_use.saturating_add(bytes) > BUDGET_BYTES)
        .unwrap_or_else(PoisonError::into_inner);
    *in_use = in_use.saturating_add(bytes);
    Turn { bytes }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut in_use = lock();
        *in_use = in_use.saturating_sub(self.bytes);
        drop(in_use);
        RELEASED.notify_all();
    }
}
