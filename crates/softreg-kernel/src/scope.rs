//! Settings of a thread that hold while something is done.

use std::cell::Cell;
use std::thread::LocalKey;

/// `f`, with `setting` at `value`; afterwards, and where `f` panics, at what it was.
pub(crate) fn with<T: Copy + 'static, R>(
    setting: &'static LocalKey<Cell<T>>,
    value: T,
    f: impl FnOnce() -> R,
) -> R {
    struct Before<T: Copy + 'static>(&'static LocalKey<Cell<T>>, T);
    impl<T: Copy> Drop for Before<T> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    let _before = Before(setting, setting.replace(value));
    f()
}
