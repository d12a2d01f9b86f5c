//! Where the time of a hop goes. INFERENCE THREAD. Off by default: then it costs one branch a stage.
//!
//! The clock is passed in, so that the analysis itself reads none.

/// Stages that are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Host rate to 22 050 Hz.
    Resample,
    /// Transform, filterbank, difference.
    Features,
    /// Networks.
    Activation,
    /// Exact or particle filter.
    Decoder,
    /// Posterior to timeline and events.
    Tracker,
    /// Pooled frames and beats to sections and boundaries.
    Structure,
}

impl Stage {
    /// All stages in pipe order.
    pub const ALL: [Self; 6] = [Self::Resample, Self::Features, Self::Activation, Self::Decoder, Self::Tracker, Self::Structure];

    /// Name for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resample => "resample",
            Self::Features => "features",
            Self::Activation => "activation",
            Self::Decoder => "decoder",
            Self::Tracker => "tracker",
            Self::Structure => "structure",
        }
    }
}

/// Accumulated time per stage.
#[derive(Debug, Clone, Copy, Default)]
pub struct Profile {
    clock_ns: Option<fn() -> u64>,
    running: Option<(Stage, u64)>,
    spent_ns: [u64; Stage::ALL.len()],
}

impl Profile {
    /// Switches timing on; `clock_ns` returns nanoseconds of a monotonic clock.
    pub fn switch_on(&mut self, clock_ns: fn() -> u64) {
        self.clock_ns = Some(clock_ns);
    }

    /// Ends the running stage, if any, and starts `stage`.
    pub fn enter(&mut self, stage: Stage) {
        if let Some(clock_ns) = self.clock_ns {
            let now = clock_ns();
            self.end_at(now);
            self.running = Some((stage, now));
        }
    }

    /// Ends the running stage.
    pub fn leave(&mut self) {
        if let Some(clock_ns) = self.clock_ns {
            self.end_at(clock_ns());
        }
    }

    /// Returns nanoseconds spent per stage since the last call, in the order of [`Stage::ALL`], and starts from 0.
    pub fn take_spent_ns(&mut self) -> [u64; Stage::ALL.len()] {
        std::mem::take(&mut self.spent_ns)
    }

    fn end_at(&mut self, now: u64) {
        if let Some((stage, since)) = self.running.take() {
            self.spent_ns[stage as usize] += now.saturating_sub(since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local!(static NOW: Cell<u64> = const { Cell::new(0) });

    fn tick() -> u64 {
        NOW.with(|now| {
            now.set(now.get() + 10);
            now.get()
        })
    }

    #[test]
    fn each_stage_gets_its_own_time() {
        let mut profile = Profile::default();
        profile.enter(Stage::Resample);
        assert_eq!(profile.take_spent_ns(), [0; 6], "off by default");
        profile.switch_on(tick);
        profile.enter(Stage::Resample);
        profile.enter(Stage::Features);
        profile.enter(Stage::Resample);
        profile.leave();
        assert_eq!(profile.take_spent_ns(), [20, 10, 0, 0, 0, 0]);
        assert_eq!(profile.take_spent_ns(), [0; 6]);
    }
}
