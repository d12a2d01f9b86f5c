//! The clocks of this machine, passed in so that tests and simulations bring their own. Any thread.

use std::time::Duration;

use crate::event::Moment;

/// Tells the moment, and waits for one.
pub trait Clock: Send + Sync {
    /// The present moment on both clocks.
    fn now(&self) -> Moment;

    /// Waits until a moment of the monotonic clock; returns at once where it is past. May return early.
    fn sleep_until(&self, mono_ns: u64) {
        let now_ns = self.now().mono_ns;
        if mono_ns > now_ns {
            std::thread::sleep(Duration::from_nanos(mono_ns - now_ns));
        }
    }
}
