//! One output with its schedule, step by step: what a thread does at real pace and a simulation at any. On the output's thread.
//!
//! Nothing that an output does ends the run: an error closes it and it is opened again after a pause that doubles up to ten
//! seconds; a panic of ours switches it off. Beats go on being counted meanwhile, so that bars are right when it is back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::dial::{Handle, OffsetDial};
use crate::event::Event;
use crate::look::Look;
use crate::output::{Output, OutputError, Tuning, TuningError};
use crate::schedule::Schedule;
use crate::status::{Lateness, Phase, StatusCell};

/// First pause after an error, nanoseconds; doubled with each further one.
const FIRST_PAUSE_NS: u64 = 250_000_000;
/// ... up to this.
const LONGEST_PAUSE_NS: u64 = 10_000_000_000;
/// So long without an error, and the next pause is the first one again, nanoseconds.
const HEALED_NS: u64 = 10_000_000_000;
/// An output is asked to look after its receiver at least this often, nanoseconds.
pub const POLL_NS: u64 = 10_000_000;
/// Between two updates of percentiles, which sort, nanoseconds.
const STATISTICS_NS: u64 = 500_000_000;

enum Door {
    Open,
    /// Tried again at this moment, monotonic nanoseconds.
    Waiting {
        until_ns: u64,
    },
    Off,
}

/// One output as it is driven.
pub struct Drive {
    output: Box<dyn Output>,
    schedule: Schedule,
    status: Arc<StatusCell>,
    offset: Arc<OffsetDial>,
    /// What the schedule has, ms.
    offset_ms: f64,
    lead_ns: u64,
    door: Door,
    pause_ns: u64,
    failed_ns: u64,
    frame_due_ns: Option<u64>,
    statistics_due_ns: u64,
    late: Lateness,
    events: Vec<Event>,
}

impl Drive {
    /// An output that is opened at the first step.
    ///
    /// # Errors
    /// A tuning that cannot be used.
    pub fn new(output: Box<dyn Output>, tuning: &Tuning) -> Result<Self, TuningError> {
        tuning.validate()?;
        let status = Arc::new(StatusCell::default());
        let offset = Arc::new(OffsetDial::new(tuning.offset_ms));
        status.update(|status| (status.name, status.offset_ms) = (output.name(), offset.ms()));
        let lead_ns = output.lead().as_nanos() as u64;
        Ok(Self {
            schedule: Schedule::new(tuning, lead_ns),
            output,
            status,
            offset_ms: tuning.offset_ms,
            offset,
            lead_ns,
            door: Door::Waiting { until_ns: 0 },
            pause_ns: FIRST_PAUSE_NS,
            failed_ns: 0,
            frame_due_ns: None,
            statistics_due_ns: 0,
            late: Lateness::default(),
            events: Vec::new(),
        })
    }

    /// Name of its settings and protocol, by which it is asked for.
    #[must_use]
    pub fn identified(self, id: &str, kind: &str) -> Self {
        self.status.update(|status| (status.id, status.kind) = (id.to_owned(), kind.to_owned()));
        self
    }

    /// What others see of it.
    pub fn handle(&self) -> Handle {
        Handle { status: Arc::clone(&self.status), offset: Arc::clone(&self.offset) }
    }

    /// Where its status hangs.
    pub fn status(&self) -> Arc<StatusCell> {
        Arc::clone(&self.status)
    }

    /// The longest that a step may block.
    pub fn patience(&self) -> std::time::Duration {
        self.output.patience()
    }

    /// Does what is due by `look.taken`; returns when to come again, monotonic nanoseconds.
    pub fn step(&mut self, look: &Look) -> u64 {
        let now_ns = look.taken.mono_ns;
        let mut events = std::mem::take(&mut self.events);
        self.take_offset(now_ns);
        self.schedule.take(look, &mut events);
        if let Door::Waiting { until_ns } = self.door
            && until_ns <= now_ns
        {
            self.open(now_ns);
        }
        if matches!(self.door, Door::Open) {
            self.say(&events, look);
        }
        events.clear();
        self.events = events;
        self.tell(now_ns);
        self.next_step_ns(look)
    }

    /// Says goodbye, where it is open.
    pub fn close(&mut self) {
        if matches!(std::mem::replace(&mut self.door, Door::Off), Door::Open) {
            let output = &mut self.output;
            // It ends in any case; a panic here has nothing left to spoil.
            let _ = catch_unwind(AssertUnwindSafe(|| output.close()));
        }
    }

    /// Follows the dial.
    fn take_offset(&mut self, now_ns: u64) {
        let offset_ms = self.offset.ms();
        if offset_ms != self.offset_ms {
            self.offset_ms = offset_ms;
            self.schedule.set_offset_ms(offset_ms);
            self.guarded(now_ns, |output| {
                output.set_offset_ms(offset_ms);
                Ok(())
            });
        }
    }

    fn open(&mut self, now_ns: u64) {
        if self.guarded(now_ns, |output| output.open()).is_some() {
            self.door = Door::Open;
            self.frame_due_ns = None;
            let name = self.output.name();
            self.status.update(|status| {
                (status.phase, status.retry_sec, status.name) = (Phase::Open, 0.0, name);
                status.n_opened += 1;
            });
        }
    }

    fn say(&mut self, events: &[Event], look: &Look) {
        let now_ns = look.taken.mono_ns;
        let (mut n_events, mut n_beats, mut n_frames) = (0, 0, 0);
        for event in events {
            if self.guarded(now_ns, |output| output.event(event, look.taken)).is_none() {
                break;
            }
            n_events += 1;
            if let Event::Beat(beat) = event {
                n_beats += 1;
                self.late.add((now_ns + self.lead_ns).saturating_sub(beat.at.mono_ns) as f64 * 1e-3);
            }
        }
        if let Some(interval) = self.output.frame_interval()
            && matches!(self.door, Door::Open)
            && self.frame_due_ns.is_none_or(|due_ns| due_ns <= now_ns)
        {
            let interval_ns = interval.as_nanos() as u64;
            // Frames that were missed are not made up for.
            self.frame_due_ns =
                Some(self.frame_due_ns.map_or(now_ns, |due_ns| due_ns.max(now_ns.saturating_sub(interval_ns))) + interval_ns);
            let view = self.schedule.view(look);
            n_frames = u64::from(self.guarded(now_ns, |output| output.frame(&view)).is_some());
        }
        if matches!(self.door, Door::Open) {
            self.guarded(now_ns, |output| output.poll(look.taken));
        }
        let n_left_out = self.schedule.n_left_out();
        self.status.update(|status| {
            status.n_events += n_events;
            status.n_beats += n_beats;
            status.n_frames += n_frames;
            status.n_left_out = n_left_out;
        });
    }

    /// Calls the output; an error closes it until later, a panic for good. `None` where it failed.
    fn guarded<T>(&mut self, now_ns: u64, call: impl FnOnce(&mut dyn Output) -> Result<T, OutputError>) -> Option<T> {
        let output = self.output.as_mut();
        let error = match catch_unwind(AssertUnwindSafe(|| call(output))) {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => error,
            Err(_) => OutputError::Unusable("stopped by an error of ours; please report it".to_owned()),
        };
        self.fail(&error, now_ns);
        None
    }

    fn fail(&mut self, error: &OutputError, now_ns: u64) {
        if now_ns.saturating_sub(self.failed_ns) > HEALED_NS + self.pause_ns {
            self.pause_ns = FIRST_PAUSE_NS;
        }
        self.failed_ns = now_ns;
        let (phase, door) =
            if error.may_pass() { (Phase::Waiting, Door::Waiting { until_ns: now_ns + self.pause_ns }) } else { (Phase::Off, Door::Off) };
        self.door = door;
        self.pause_ns = (2 * self.pause_ns).min(LONGEST_PAUSE_NS);
        self.status.update(|status| {
            status.phase = phase;
            status.last_error = error.to_string();
            status.n_errors += 1;
        });
    }

    fn tell(&mut self, now_ns: u64) {
        if now_ns < self.statistics_due_ns {
            return;
        }
        self.statistics_due_ns = now_ns + STATISTICS_NS;
        let (p50, p99) = (self.late.percentile(0.5), self.late.percentile(0.99));
        let detail = self.output.detail();
        let retry_sec = match self.door {
            Door::Waiting { until_ns } => until_ns.saturating_sub(now_ns) as f64 * 1e-9,
            Door::Open | Door::Off => 0.0,
        };
        self.status.update(|status| {
            (status.late_p50_us, status.late_p99_us, status.detail, status.retry_sec) = (p50, p99, detail, retry_sec);
        });
    }

    fn next_step_ns(&self, look: &Look) -> u64 {
        let now_ns = look.taken.mono_ns;
        let next = [self.schedule.next_due_ns(look), self.frame_due_ns].into_iter().flatten().min().unwrap_or(u64::MAX);
        next.clamp(now_ns + 1, now_ns + POLL_NS)
    }
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
