//! How many threads a kernel may use.

use crate::scope;
use std::cell::Cell;

thread_local! {
    /// Whether kernels that this thread calls stay on it.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// `f`, with every kernel that it calls on the calling thread alone, whatever rayon pool that is in: what a pool
/// of one thread does, without handing the work over to it.
pub fn alone<R>(f: impl FnOnce() -> R) -> R {
    scope::with(&ALONE, true, f)
}

/// Threads that a kernel called here would use.
pub fn threads() -> usize {
    if ALONE.get() { 1 } else { rayon::current_num_threads() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_is_one_thread_until_its_end() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        pool.install(|| {
            assert_eq!(threads(), 3);
            assert_eq!(alone(|| alone(threads) + threads()), 2);
            assert_eq!(threads(), 3);
            assert!(std::panic::catch_unwind(|| alone(|| panic!("as a kernel may"))).is_err());
            assert_eq!(threads(), 3);
        });
    }
}
