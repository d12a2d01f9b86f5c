//! What an instance shows to a window: posted when it starts, taken down when it ends. Between MAIN THREAD and GUI THREAD.
//!
//! The audio thread knows nothing of it. A window that is open while the host restarts the plugin finds the new instance here.

use std::sync::{Arc, Mutex, PoisonError};

use runtime_core::bus::scope::ScopeReader;
use runtime_core::bus::state_cell::StateReader;

use crate::port::PortShown;

/// What one instance shows.
pub struct Shared {
    /// The state cell.
    pub state: StateReader,
    /// The last seconds.
    pub scope: ScopeReader,
    /// The port of the system.
    pub port: PortShown,
    /// The state is in shared memory, too.
    pub has_feed: bool,
    /// The host renders.
    pub is_offline: bool,
}

/// Where the instance that runs is posted; clones are the same board.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Option<Arc<Shared>>>>);

impl Board {
    /// Posts an instance, or takes it down.
    pub fn post(&self, shared: Option<Arc<Shared>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shared;
    }

    /// The instance that runs, if one does.
    pub fn read(&self) -> Option<Arc<Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::bus::scope::scope;
    use runtime_core::bus::state_cell::state_cell;

    #[test]
    fn the_newest_instance_is_read_until_it_is_taken_down() {
        let board = Board::default();
        let reader = board.clone();
        assert!(reader.read().is_none());
        for is_offline in [false, true] {
            let (state, scope) = (state_cell().1, scope().1);
            board.post(Some(Arc::new(Shared { state, scope, port: PortShown::default(), has_feed: false, is_offline })));
            assert_eq!(reader.read().map(|shared| shared.is_offline), Some(is_offline));
        }
        board.post(None);
        assert!(reader.read().is_none());
    }
}
