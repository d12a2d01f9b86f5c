//! What the clock follows: the newest state, and where its stream time lies on the monotonic clock. MIDI PORT CLOCK THREAD.

use runtime_core::rt::midi_clock::BarInfo;
use runtime_core::state::SlowState;
use runtime_core::timeline::Timeline;

/// One moment on both axes.
///
/// It may be taken anew at every block and jitter by milliseconds, as the arrival of audio blocks does: the clock corrects
/// each time over one beat, so at 120 BPM and 100 readings a second a fiftieth of a jump reaches the outputs at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StreamMap {
    /// Seconds of stream.
    pub stream_sec: f64,
    /// The same moment on [`crate::SystemClock`], nanoseconds: when it is heard, if the source knows the output's latency.
    pub monotonic_ns: u64,
}

/// What a source gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockInput {
    /// The newest state.
    pub state: SlowState,
    /// Where its time axis lies.
    pub map: StreamMap,
}

impl ClockInput {
    /// The timeline in seconds since `base_ns`, later by `offset_sec`, and the bar.
    pub(crate) fn on_axis(&self, base_ns: u64, offset_sec: f64) -> (Timeline, BarInfo) {
        let Self { state, map } = self;
        let map_sec = (i128::from(map.monotonic_ns) - i128::from(base_ns)) as f64 * 1e-9;
        let timeline = Timeline { t_origin_sec: map_sec + (state.timeline.t_origin_sec - map.stream_sec) + offset_sec, ..state.timeline };
        let beat = &state.beat;
        let bar =
            BarInfo { beat: beat.beat_count, beat_in_bar: beat.beat_in_bar, beats_per_bar: beat.beats_per_bar, locked: beat.locked != 0 };
        (timeline, bar)
    }
}

/// Reads the newest state, on the clock thread, 100 times a second: must not block.
pub trait TimelineSource: Send {
    /// The newest state; `None` while there is none, which leaves the clock as it is.
    fn read(&mut self) -> Option<ClockInput>;
}

impl<F: FnMut() -> Option<ClockInput> + Send> TimelineSource for F {
    fn read(&mut self) -> Option<ClockInput> {
        self()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::units::StreamSec;

    #[test]
    fn a_beat_falls_where_the_map_says_plus_the_offset() {
        let mut state = SlowState { timeline: Timeline { t_origin_sec: 10.0, beat_origin: 4.0, spb: 0.5 }, ..SlowState::default() };
        (state.beat.beat_count, state.beat.beat_in_bar, state.beat.beats_per_bar, state.beat.locked) = (4, 1, 3, 1);
        // Stream second 9 is half a second after the base, so beat 4 (second 10) is 1.5 s after it.
        let input = ClockInput { state, map: StreamMap { stream_sec: 9.0, monotonic_ns: 7_500_000_000 } };
        let (timeline, bar) = input.on_axis(7_000_000_000, 0.0);
        assert_eq!(timeline.time_of(4.0), StreamSec(1.5));
        assert_eq!(bar, BarInfo { beat: 4, beat_in_bar: 1, beats_per_bar: 3, locked: true });
        assert_eq!(input.on_axis(7_000_000_000, -0.25).0.time_of(4.0), StreamSec(1.25));
        // A map before the base does not wrap.
        assert_eq!(input.on_axis(8_000_000_000, 0.0).0.time_of(4.0), StreamSec(0.5));
    }
}
