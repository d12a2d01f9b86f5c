//! An output that notes what it is asked, and fails or hangs on command. For tests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::event::{Event, Moment};
use crate::output::{Output, OutputError};
use crate::view::View;

/// What a [`Probe`] was asked, and how it is to answer.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) opened: usize,
    pub(crate) beats: Vec<u64>,
    pub(crate) frames: usize,
    pub(crate) closed: usize,
    pub(crate) refuse_to_open: bool,
    pub(crate) fail: bool,
    pub(crate) never_again: bool,
    pub(crate) panic: bool,
    pub(crate) offset_ms: f64,
}

/// The output.
#[derive(Clone, Default)]
pub(crate) struct Probe {
    pub(crate) notes: Arc<Mutex<Notes>>,
    pub(crate) frame_interval: Option<Duration>,
    /// While set, every event hangs.
    pub(crate) hangs: Arc<AtomicBool>,
}

impl Probe {
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Notes) -> T) -> T {
        f(&mut self.notes.lock().unwrap())
    }
}

impl Output for Probe {
    fn name(&self) -> String {
        "probe".to_owned()
    }

    fn open(&mut self) -> Result<(), OutputError> {
        self.with(|notes| {
            notes.opened += 1;
            if notes.refuse_to_open { Err(OutputError::Protocol(format!("refused {}", notes.opened))) } else { Ok(()) }
        })
    }

    fn frame_interval(&self) -> Option<Duration> {
        self.frame_interval
    }

    fn event(&mut self, event: &Event, _now: Moment) -> Result<(), OutputError> {
        while self.hangs.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let panics = self.with(|notes| notes.panic);
        assert!(!panics, "on command");
        self.with(|notes| {
            if notes.never_again {
                return Err(OutputError::Unusable("never".to_owned()));
            }
            if notes.fail {
                return Err(OutputError::Protocol("lost".to_owned()));
            }
            if let Event::Beat(beat) = event {
                notes.beats.push(beat.number);
            }
            Ok(())
        })
    }

    fn frame(&mut self, _view: &View) -> Result<(), OutputError> {
        self.with(|notes| notes.frames += 1);
        Ok(())
    }

    fn set_offset_ms(&mut self, offset_ms: f64) {
        self.with(|notes| notes.offset_ms = offset_ms);
    }

    fn close(&mut self) {
        self.with(|notes| notes.closed += 1);
    }
}
