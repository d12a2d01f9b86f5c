//! One clock per port and process: a list of the names that are taken. Any thread, but never the audio thread.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

static TAKEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The right to drive a port, given back on drop.
#[derive(Debug)]
pub(crate) struct PortClaim {
    name: String,
}

impl PortClaim {
    /// `None` while somebody else in this process has the name.
    pub(crate) fn take(name: &str) -> Option<Self> {
        taken().insert(name.to_owned()).then(|| Self { name: name.to_owned() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for PortClaim {
    fn drop(&mut self) {
        taken().remove(&self.name);
    }
}

fn taken() -> MutexGuard<'static, BTreeSet<String>> {
    // A set of names is whole after a panic as well.
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once_and_free_again_after_the_drop() {
        let first = PortClaim::take("owner test port").unwrap();
        assert_eq!(first.name(), "owner test port");
        assert!(PortClaim::take("owner test port").is_none());
        assert!(PortClaim::take("another owner test port").is_some());
        drop(first);
        assert!(PortClaim::take("owner test port").is_some());
    }
}
