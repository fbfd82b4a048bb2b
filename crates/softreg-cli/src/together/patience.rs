//! How long a process waits for the others while they train.
//!
//! A process that ends takes the others with it, by the launcher. One that is stopped, or whose host is gone without a word, does not:
//! all would wait for it for as long as the cluster lets them.

use crate::failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// In seconds, unless the environment says otherwise: longer than a step on a slow host takes.
const PATIENCE: u64 = 600;
/// Seconds, in the environment; 0 for ever.
const VARIABLE: &str = "SOFTREG_PATIENCE";
const TICK: Duration = Duration::from_secs(1);

/// Ends this process where the others are waited for too long.
pub(super) struct Patience {
    /// Number of the wait that it is in, and 0 when it is in none.
    now: Arc<AtomicU64>,
    waits: u64,
}

impl Patience {
    /// For the process of that name.
    pub(super) fn of(name: String) -> anyhow::Result<Self> {
        let patience = match std::env::var(VARIABLE) {
            Ok(text) => text.parse().map_err(|_| {
                failure::usage(format!(
                    "{VARIABLE}={text} is not a number of seconds; 0 waits forever"
                ))
            })?,
            Err(_) => PATIENCE,
        };
        let now = Arc::new(AtomicU64::new(0));
        if patience > 0 {
            let now = now.clone();
            std::thread::spawn(move || watch(&now, patience, &name));
        }
        Ok(Self { now, waits: 0 })
    }

    /// Waits for the others in `f`.
    pub(super) fn during<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.waits += 1;
        self.now.store(self.waits, Ordering::Relaxed);
        let result = f();
        self.now.store(0, Ordering::Relaxed);
        result
    }
}

/// Ticks are counted and not the time: whoever stops all processes for the night stops the counting too.
fn watch(now: &AtomicU64, patience: u64, name: &str) {
    let (mut before, mut ticks) = (0, 0);
    loop {
        std::thread::sleep(TICK);
        let wait = now.load(Ordering::Relaxed);
        ticks = if wait != 0 && wait == before { ticks + 1 } else { 0 };
        before = wait;
        if ticks >= patience {
            let error = anyhow::anyhow!(
                "{name} has waited {patience} seconds for the others: a host is gone, or a process has stopped; resume from the last checkpoint with --resume, or wait longer with {VARIABLE}=SECONDS"
            );
            // The launcher ends the others.
            std::process::exit(failure::report(&error).into());
        }
    }
}
