//! The MIDI clock on a port of the operating system, as the user switches it. INFERENCE THREAD.
//!
//! Off by default. Which port is remembered per machine (`anacrusis port`), never in the project: a project that is opened
//! elsewhere must not send to somebody else's device. One instance of a process drives a port; another one that wants it
//! tries again until it is free.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use midi_port::{
    CLIENT_NAME, ClockConfig, ClockInput, ClockThread, DEFAULT_PORT_NAME, MonotonicClock, PortChoice, PortState, PortTarget, StreamMap,
    SystemClock,
};
use runtime_core::bus::shm::FeedClock;
use runtime_core::bus::state_cell::StateReader;
use runtime_core::load::Load;

use crate::params::AnacrusisParams;

/// Pause after a port could not be had.
const RETRY: Duration = Duration::from_secs(1);

/// How the port does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum PortStatus {
    /// Switched off.
    #[default]
    Off = 0,
    /// Being opened.
    Opening = 1,
    /// Takes messages.
    Open = 2,
    /// Not there or lost; tried again every second.
    Lost = 3,
    /// None was chosen, or another instance has it; tried again every second.
    None = 4,
}

/// How the port does, for other threads; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct PortShown(Arc<AtomicU8>);

impl PortShown {
    /// Any thread.
    pub fn get(&self) -> PortStatus {
        const ALL: [PortStatus; 5] = [PortStatus::Off, PortStatus::Opening, PortStatus::Open, PortStatus::Lost, PortStatus::None];
        ALL.get(usize::from(self.0.load(Ordering::Relaxed))).copied().unwrap_or_default()
    }

    fn set(&self, status: PortStatus) {
        self.0.store(status as u8, Ordering::Relaxed);
    }
}

/// Switches one instance's port clock on and off.
pub struct PortSwitch {
    params: Arc<AnacrusisParams>,
    state: StateReader,
    shown: PortShown,
    clock: Option<ClockThread>,
    retry_at: Option<Instant>,
}

impl PortSwitch {
    /// Off, until the parameter says otherwise.
    pub fn new(params: Arc<AnacrusisParams>, state: StateReader, shown: PortShown) -> Self {
        Self { params, state, shown, clock: None, retry_at: None }
    }

    /// Does what the parameters say by now, and reports the jitter.
    pub fn poll(&mut self, load: &mut Load) {
        if !self.params.port_clock.value() {
            self.clock = None;
            self.shown.set(PortStatus::Off);
            (load.midi_jitter_p50_us, load.midi_jitter_p99_us) = (0.0, 0.0);
            return;
        }
        let Some(clock) = &self.clock else {
            let now = Instant::now();
            if self.retry_at.is_none_or(|at| now >= at) {
                self.retry_at = Some(now + RETRY);
                self.clock = start(&self.params, &self.state);
                self.shown.set(if self.clock.is_some() { PortStatus::Opening } else { PortStatus::None });
            }
            return;
        };
        clock.set_policy(self.params.clock_policy());
        // The parameter's range is the clock's.
        let _ = clock.set_offset_ms(f64::from(self.params.offset_ms.value()));
        let status = clock.status();
        self.shown.set(match status.port_state {
            PortState::Opening => PortStatus::Opening,
            PortState::Open => PortStatus::Open,
            PortState::Retrying | PortState::Ended => PortStatus::Lost,
        });
        let jitter = status.jitter;
        (load.midi_jitter_p50_us, load.midi_jitter_p99_us) = (jitter.p50_us as f32, jitter.p99_us as f32);
    }
}

/// The clock on the port of this machine's choice; `None` where that cannot be read or the port is taken.
fn start(params: &AnacrusisParams, state: &StateReader) -> Option<ClockThread> {
    let choice = PortChoice::load(&PortChoice::default_path().ok()?).ok()?;
    let target = match choice {
        Some(PortChoice::Port(target)) => target,
        Some(PortChoice::Off) => return None,
        None => PortTarget::Virtual { name: DEFAULT_PORT_NAME.to_owned() },
    };
    let config = ClockConfig { offset_ms: f64::from(params.offset_ms.value()), policy: params.clock_policy(), ask_priority: true };
    let state = state.clone();
    let source = move || read(&state);
    let name = target.name().to_owned();
    ClockThread::start(&name, target.opener(CLIENT_NAME), Box::new(source), config).ok()
}

/// The newest state with its place on the monotonic clock; `None` before the first sample.
fn read(state: &StateReader) -> Option<ClockInput> {
    let state = state.try_read()?;
    if state.wall_ns == 0 {
        return None;
    }
    let now = FeedClock::now();
    let age_ns = now.wall_ns.wrapping_sub(state.wall_ns) as i64;
    let monotonic_ns = SystemClock.now_ns().wrapping_add_signed(age_ns.wrapping_neg());
    Some(ClockInput { state, map: StreamMap { stream_sec: state.beat.t_sec, monotonic_ns } })
}
